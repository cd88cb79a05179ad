package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads a query.
func Parse(s string) *Tree {
	p := &parser{s: s}
	if len(s) > MaxLength {
		end := MaxLength
		for !utf8.RuneStart(s[end]) && end > MaxLength-utf8.UTFMax {
			end--
		}
		p.note(TooLong, end, len(s), "")
		p.s = s[:end]
	}
	root := p.all(Anywhere)
	return &Tree{Root: root, Notes: p.notes}
}

// parser reads a query from its beginning to its end, once.
type parser struct {
	s       string
	i       int
	depth   int // parentheses that are open
	skipped int // open ones that were too deep: their ends are passed over, too
	terms   int
	full    bool // TooMany was said
	notes   []Note
}

func (p *parser) note(kind NoteKind, pos, end int, text string) {
	p.notes = append(p.notes, Note{kind, pos, end, strings.ToValidUTF8(text, "\ufffd")})
}

func (p *parser) done() bool { return p.i >= len(p.s) }

// peek returns the character at offset i.
func (p *parser) peek(i int) (r rune, size int) { return utf8.DecodeRuneInString(p.s[i:]) }

// isSpace reports whether r separates words.
func isSpace(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// isQuote reports whether r begins a phrase.
func isQuote(r rune) bool { return r == '"' || r == '“' || r == '”' || r == '„' }

// endsWord reports whether r ends a word.
func endsWord(r rune) bool { return isSpace(r) || isQuote(r) || r == '(' || r == ')' }

// afterSpace returns the first offset from i on that is no space.
func (p *parser) afterSpace(i int) int {
	for i < len(p.s) {
		r, size := p.peek(i)
		if !isSpace(r) {
			break
		}
		i += size
	}
	return i
}

// wordEnd returns where the word at offset i ends.
func (p *parser) wordEnd(i int) int {
	for i < len(p.s) {
		r, size := p.peek(i)
		if endsWord(r) {
			break
		}
		i += size
	}
	return i
}

// word reports whether the next word is that one.
func (p *parser) word(w string) bool {
	if !strings.HasPrefix(p.s[p.i:], w) {
		return false
	}
	end := p.i + len(w)
	r, _ := p.peek(end)
	return end == len(p.s) || endsWord(r)
}

// all reads a query up to its end or the parenthesis that closes it. Its words are
// of the given operator.
func (p *parser) all(field Operator) *Node {
	var list []*Node
	for {
		p.i = p.afterSpace(p.i)
		switch {
		case p.done():
			return join(And, list)
		case p.s[p.i] != ')':
			list = append(list, p.either(field))
		case p.skipped > 0:
			p.skipped--
			p.i++
		case p.depth > 0:
			return join(And, list)
		default:
			p.note(ExtraClosing, p.i, p.i+1, ")")
			p.i++
		}
	}
}

// either reads terms with OR between them.
func (p *parser) either(field Operator) *Node {
	list := []*Node{p.term(field)}
	for {
		p.i = p.afterSpace(p.i)
		if !p.word("OR") {
			return join(Or, list)
		}
		at := p.i
		p.i = p.afterSpace(p.i + len("OR"))
		if p.done() || p.s[p.i] == ')' || len(list) == 1 && list[0] == nil {
			p.note(LoneOr, at, at+len("OR"), "OR")
			return join(Or, list)
		}
		list = append(list, p.term(field))
	}
}

// term reads one term, at least an octet of it. It is nil if it says nothing.
func (p *parser) term(field Operator) *Node {
	switch {
	case p.word("OR"):
		p.note(LoneOr, p.i, p.i+len("OR"), "OR")
		p.i += len("OR")
		return nil
	case p.word("AND"):
		p.i += len("AND")
		return nil
	case p.s[p.i] != '-':
		return p.positive(field)
	}
	if next := p.i + 1; next < len(p.s) {
		switch r, _ := p.peek(next); {
		case r == '-' || r == ')': // a word, such as --option
			return p.positive(field)
		case !isSpace(r):
			p.i++
			return negate(p.positive(field))
		}
	}
	p.i++ // a dash between words
	return nil
}

// positive reads a term behind its sign.
func (p *parser) positive(field Operator) *Node {
	start := p.i
	switch r, _ := p.peek(p.i); {
	case r == '(':
		return p.group(field)
	case isQuote(r):
		return p.make(field, p.phrase(), start)
	}
	end := p.wordEnd(p.i)
	colon := strings.IndexByte(p.s[p.i:min(end, p.i+maxOperator+1)], ':')
	if colon > 0 {
		name := p.s[p.i : p.i+colon]
		if n := row(name); n >= 0 {
			p.i += colon + 1
			return p.value(n, start)
		}
		if looksLikeOperator(name, p.s[p.i+colon+1:end]) {
			p.note(UnknownOperator, p.i, p.i+colon, name)
		}
	}
	p.i = end
	return p.make(field, p.s[start:end], start)
}

// looksLikeOperator reports whether somebody meant an operator: https://example.org,
// 12:30 and Re: are words.
func looksLikeOperator(name, value string) bool {
	if value == "" || strings.HasPrefix(value, "//") {
		return false
	}
	for _, c := range []byte(name) {
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// value reads what follows the colon of operator n, also after white space. The term
// begins at start.
func (p *parser) value(n, start int) *Node {
	op := operators[n].name
	at := p.afterSpace(p.i)
	if at < len(p.s) {
		r, _ := p.peek(at)
		switch {
		case isQuote(r):
			p.i = at
			return p.make(op, p.phrase(), start)
		case r == '(':
			p.i = at
			return p.group(op)
		case at == p.i && r != ')' || at > p.i && p.plain(at):
			p.i = p.wordEnd(at)
			return p.make(op, p.s[at:p.i], start)
		}
	}
	p.note(MissingValue, start, p.i, p.s[start:p.i])
	return p.make(Anywhere, p.s[start:p.i], start)
}

// plain reports whether there is a word at offset i that cannot be anything else.
func (p *parser) plain(i int) bool {
	w := p.s[i:p.wordEnd(i)]
	return w != "" && w[0] != '-' && w != "OR" && w != "AND" && !strings.Contains(w, ":")
}

// group reads a query in parentheses.
func (p *parser) group(field Operator) *Node {
	open := p.i
	p.i++
	if p.depth == MaxDepth {
		p.note(TooDeep, open, p.i, "(")
		p.skipped++
		return nil
	}
	p.depth++
	n := p.all(field)
	p.depth--
	if p.done() {
		p.note(OpenParenthesis, open, open+1, "(")
	} else {
		p.i++
	}
	return n
}

// phrase reads a phrase with its quotes.
func (p *parser) phrase() string {
	open := p.i
	quote, size := p.peek(p.i)
	p.i += size
	var b strings.Builder
	for !p.done() {
		r, size := p.peek(p.i)
		p.i += size
		switch {
		case r == '"' || quote != '"' && isQuote(r):
			return b.String()
		case r == '\\' && !p.done() && (p.s[p.i] == '"' || p.s[p.i] == '\\'):
			r = rune(p.s[p.i])
			p.i++
		}
		b.WriteRune(r)
	}
	p.note(OpenQuote, open, open+size, p.s[open:open+size])
	return b.String()
}

// make makes the term that began at start and ends here. A value that the operator
// does not have makes a word of it.
func (p *parser) make(op Operator, value string, start int) *Node {
	t := &Term{Operator: op, Value: tidy(value), Pos: start, End: p.i}
	if op != Anywhere {
		written := t.Value
		if n := row(string(op)); written == "" || !operators[n].parse(t) {
			kind := BadValue
			if written == "" {
				kind = MissingValue
			}
			p.note(kind, start, p.i, p.s[start:p.i])
			*t = Term{Value: string(op) + ":" + written, Pos: start, End: p.i}
		}
	}
	switch {
	case t.Value == "":
		return nil
	case p.terms == MaxTerms:
		if !p.full {
			p.full = true
			p.note(TooMany, start, len(p.s), "")
		}
		return nil
	}
	p.terms++
	return &Node{Term: t}
}

// tidy returns a value as valid UTF-8, with single spaces where there is white space.
func tidy(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\ufffd"), isSpace), " ")
}
