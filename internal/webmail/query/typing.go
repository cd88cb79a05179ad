package query

import "strings"

// Typing is what somebody is writing: for suggestions.
type Typing struct {
	Operator Operator // of the value that is being written; Anywhere: of a word, or an operator
	Prefix   string   // of the value, without quotes
	Pos, End int      // what a suggestion replaces, in octets
}

// At returns what is being written before the cursor, an offset in octets.
func At(s string, cursor int) Typing {
	cursor = max(0, min(cursor, len(s), MaxLength))
	p := &parser{s: s[:cursor]}
	last := Typing{Pos: cursor, End: cursor}
	for !p.done() {
		p.i = p.afterSpace(p.i)
		if p.done() {
			return Typing{Pos: cursor, End: cursor}
		}
		last = p.typing()
	}
	return last
}

// typing reads one piece and returns it as if the cursor were at its end.
func (p *parser) typing() Typing {
	if r, _ := p.peek(p.i); r == '(' || r == ')' || r == '-' {
		p.i++
		return Typing{Pos: p.i, End: p.i}
	}
	t := Typing{Pos: p.i}
	start := p.i
	if colon := strings.IndexByte(p.s[start:p.wordEnd(start)], ':'); colon > 0 {
		if n := row(p.s[start : start+colon]); n >= 0 {
			p.i += colon + 1
			t.Operator, t.Pos, start = operators[n].name, p.i, p.i
		}
	}
	if !p.done() {
		if r, _ := p.peek(p.i); isQuote(r) {
			t.Prefix = tidy(p.phrase())
			t.End = p.i
			return t
		}
	}
	p.i = p.wordEnd(p.i)
	t.Prefix, t.End = tidy(p.s[start:p.i]), p.i
	return t
}

// Suggest returns how the piece may go on by the language alone: values of the
// operator, or operators with their colon. Names of mailboxes, labels and people the
// caller knows.
func (t Typing) Suggest() []string {
	var list []string
	add := func(s string) {
		if strings.HasPrefix(s, strings.ToLower(t.Prefix)) {
			list = append(list, s)
		}
	}
	for _, o := range operators {
		switch t.Operator {
		case Anywhere:
			add(string(o.name) + ":")
		case o.name:
			for _, v := range o.values {
				add(v)
			}
		}
	}
	return list
}
