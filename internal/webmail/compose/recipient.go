package compose

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// What is wrong with a recipient, beside what is wrong with any Address.
var (
	ErrNoAt     = errors.New("no @ in it")
	ErrTrailing = errors.New("something follows the address")
)

// RecipientError says what is no address in what somebody has typed.
type RecipientError struct {
	Start, End int    // where it stands, in octets
	Text       string // what stands there
	Err        error
}

func (e *RecipientError) Error() string { return fmt.Sprintf("%q: %v", e.Text, e.Err) }

// Unwrap returns the reason.
func (e *RecipientError) Unwrap() error { return e.Err }

// maxRecipients is how much somebody can type or paste into one field, in octets.
const maxRecipients = 1 << 20

// ParseRecipients reads addresses as people type and paste them:
//
//	Ann Lee <ann@x.example>, bob@y.example; 'Doe, C.' <c@z.example>
//	team: a@b.example, c@d.example;
//	ann@x.example bob@y.example
//
// They are separated by commas, semicolons or line ends, and by spaces if nothing else
// is there. Names may be in quotes, of either kind, or missing, and come in brackets or
// in a comment behind the address. Of a group there are its members. What is no address
// is in bad, and does not keep the others from being read. The time is linear.
func ParseRecipients(s string) (good []Address, bad []*RecipientError) {
	if len(s) > maxRecipients {
		return nil, []*RecipientError{{End: len(s), Text: s[:40], Err: ErrTooMany}}
	}
	for _, seg := range splitRecipients(s) {
		list, err := parseRecipient(seg.text)
		if err != nil {
			bad = append(bad, &RecipientError{seg.start, seg.start + len(seg.text), seg.text, err})
		}
		good = append(good, list...)
	}
	if len(good) > maxAddresses {
		return nil, []*RecipientError{{End: len(s), Text: s[:40], Err: ErrTooMany}}
	}
	return good, bad
}

// segment is what stands between separators, without the space around it.
type segment struct {
	start int
	text  string
}

// recipientSplitter finds the separators. What begins and does not end counts for
// nothing; that is remembered, so that nothing is searched for twice.
type recipientSplitter struct {
	s         string
	out       []segment
	noBracket int // no ">" closes a "<" before here
	noQuote   bool
	noComment bool
}

func splitRecipients(s string) []segment {
	p := &recipientSplitter{s: s}
	start := 0
	begun, address := false, false // something was seen, or something that no name of a group has
	for i := 0; i < len(s); {
		c := s[i]
		switch c {
		case ',', ';', '\n', '\r':
			p.add(start, i)
			i++
			start, begun, address = i, false, false
			continue
		case ':':
			i++
			if !address {
				start, begun = i, false // behind the name of a group, or mailto:
			}
			continue
		case '"':
			i = p.quotedString(i)
		case '\'':
			i = p.singleQuotes(begun, i)
		case '<':
			i = p.bracket(i)
		case '(':
			i = p.comment(i)
		default:
			i++
		}
		begun = begun || c != ' ' && c != '\t'
		address = address || c == '@' || c == '<' || c == '"'
	}
	p.add(start, len(s))
	return p.out
}

func (p *recipientSplitter) add(start, end int) {
	text := strings.TrimRightFunc(p.s[start:end], isInvisible)
	trimmed := strings.TrimLeftFunc(text, isInvisible)
	if trimmed != "" {
		p.out = append(p.out, segment{start + len(text) - len(trimmed), trimmed})
	}
}

// isInvisible reports whether a character around an address only looks like nothing:
// white space, and what comes along when text is copied.
func isInvisible(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u200B' || r == '\uFEFF'
}

// quotedString returns what is behind the quoted-string at i.
func (p *recipientSplitter) quotedString(i int) int {
	if p.noQuote {
		return i + 1
	}
	if end := endOfQuoted(p.s[i:]); end > 0 {
		return i + end
	}
	p.noQuote = true
	return i + 1
}

// endOfQuoted returns the length of the quoted-string that s begins with, 0 if it has no
// end.
func endOfQuoted(s string) int {
	for k := 1; k < len(s); k++ {
		switch s[k] {
		case '\\':
			k++
		case '"':
			return k + 1
		}
	}
	return 0
}

// singleQuotes returns what is behind a name in single quotes: it begins the segment and
// a bracket follows it. Elsewhere it is an apostrophe.
func (p *recipientSplitter) singleQuotes(begun bool, i int) int {
	const longest = 200 // of a name with a comma
	if begun {
		return i + 1
	}
	near := p.s[i+1 : min(len(p.s), i+1+longest)]
	if end := strings.IndexByte(near, '\''); end > 0 && strings.HasPrefix(strings.TrimLeft(near[end+1:], " "), "<") {
		return i + 1 + end + 1
	}
	return i + 1
}

// bracket returns what is behind the address in brackets at i.
func (p *recipientSplitter) bracket(i int) int {
	if i < p.noBracket {
		return i + 1
	}
	for k := i + 1; k < len(p.s); k++ {
		switch p.s[k] {
		case '>':
			return k + 1
		case '"':
			if end := p.quotedString(k); end > k+1 {
				k = end - 1
			}
		case ',', ';', '\n', '\r':
			p.noBracket = k
			return i + 1
		}
	}
	p.noBracket = len(p.s)
	return i + 1
}

// comment returns what is behind the comment at i.
func (p *recipientSplitter) comment(i int) int {
	if p.noComment {
		return i + 1
	}
	depth := 0
	for k := i; k < len(p.s); k++ {
		switch p.s[k] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return k + 1
			}
		}
	}
	p.noComment = true
	return i + 1
}

// parseRecipient reads one segment: an address, or several with spaces between them.
func parseRecipient(s string) ([]Address, error) {
	name, addr, err := splitName(s)
	if err != nil {
		return nil, err
	}
	if words := strings.Fields(addr); name == "" && len(words) > 1 && !strings.Contains(addr, `"`) {
		return parseWords(words)
	}
	a, err := parseAddr(name, addr)
	if err != nil {
		return nil, err
	}
	return []Address{a}, nil
}

// splitName takes the name from an address.
func splitName(s string) (name, addr string, err error) {
	open := lastOutside(s, '<')
	if open < 0 {
		if i := strings.IndexByte(s, '('); i > 0 && strings.HasSuffix(s, ")") && strings.Contains(s[:i], "@") {
			return strings.TrimSpace(s[i+1 : len(s)-1]), strings.TrimSpace(s[:i]), nil
		}
		return "", s, nil
	}
	addr, after, closed := strings.Cut(s[open+1:], ">")
	after = strings.TrimSpace(after)
	if closed && after != "" && !(strings.HasPrefix(after, "(") && strings.HasSuffix(after, ")")) {
		return "", "", ErrTrailing
	}
	return unquoteName(strings.TrimSpace(s[:open])), strings.TrimFunc(addr, isInvisible), nil
}

// lastOutside returns where c is last outside of quotes, -1 if nowhere.
func lastOutside(s string, c byte) int {
	at := -1
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			end := endOfQuoted(s[i:])
			if end == 0 { // then no later quote has an end
				return max(at, strings.LastIndexByte(s, c))
			}
			i += end - 1
		} else if s[i] == c {
			at = i
		}
	}
	return at
}

// unquoteName removes quotes around a name.
func unquoteName(s string) string {
	if len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\'' {
		s = s[1 : len(s)-1]
	}
	if !strings.Contains(s, `"`) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			out.WriteByte(s[i])
		case s[i] != '"':
			out.WriteByte(s[i])
		}
	}
	return out.String()
}

// parseWords reads "ann@x.example bob@y.example", or "Ann Lee ann@x.example".
func parseWords(words []string) ([]Address, error) {
	with := 0
	for _, w := range words {
		if strings.Contains(w, "@") {
			with++
		}
	}
	last := len(words) - 1
	switch {
	case with == 0:
		return nil, ErrNoAt
	case with == 1 && strings.Contains(words[last], "@"):
		a, err := parseAddr(strings.Join(words[:last], " "), words[last])
		if err != nil {
			return nil, err
		}
		return []Address{a}, nil
	case with < len(words):
		return nil, ErrTrailing
	}
	var out []Address
	for _, w := range words {
		a, err := parseAddr("", w)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", w, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// parseAddr reads an addr-spec (RFC 5322 section 3.4.1). Dots may be anywhere in a local
// part: there are such addresses, and they are sent in quotes.
func parseAddr(name, addr string) (Address, error) {
	if len(addr) > 2 && addr[0] == '\'' && addr[len(addr)-1] == '\'' {
		addr = addr[1 : len(addr)-1]
	}
	if addr == "" {
		return Address{}, ErrNoAddress
	}
	at := lastOutside(addr, '@')
	if at < 0 {
		return Address{}, ErrNoAt
	}
	a := Address{Name: name, Local: strings.TrimSpace(addr[:at]), Domain: strings.TrimSuffix(strings.TrimSpace(addr[at+1:]), ".")}
	if strings.HasPrefix(a.Local, `"`) {
		if endOfQuoted(a.Local) != len(a.Local) {
			return a, fmt.Errorf("%w: %q", ErrLocal, a.Local)
		}
		a.Local = unquoteName(a.Local)
	} else if strings.ContainsFunc(a.Local, func(r rune) bool { return r != '.' && !isAtext(r) || unicode.IsSpace(r) || isInvisible(r) }) {
		return a, fmt.Errorf("%w: %q", ErrLocal, a.Local)
	}
	return a.checked()
}
