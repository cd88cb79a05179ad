package contentline

import (
	"errors"
	"strings"
)

// Limits bound what a Scanner returns.
type Limits struct {
	Lines  int // more are an error
	Line   int // octets of an unfolded line: the rest of it is cut off
	Params int // of a line, and values of a parameter: more are passed over
}

// ErrLines tells that a text has more lines than Limits allow.
var ErrLines = errors.New("too many content lines")

// Scanner reads content lines.
type Scanner struct {
	lim   Limits
	rest  string
	line  Line
	lines int
	err   error
}

// NewScanner returns a Scanner of a text.
func NewScanner(text string, lim Limits) *Scanner {
	return &Scanner{lim: lim, rest: strings.TrimPrefix(text, "\ufeff")}
}

// Scan reads the next line that is not empty. At the end, and behind the last line
// that Limits allow, it returns false.
func (s *Scanner) Scan() bool {
	for s.rest != "" {
		text := s.unfolded()
		if strings.TrimSpace(text) == "" {
			continue
		}
		if s.lines == s.lim.Lines {
			s.err = ErrLines
			s.rest = ""
			return false
		}
		s.lines++
		s.line = parse(text, s.lim.Params)
		if encoded(&s.line) && strings.HasSuffix(s.line.Value, "=") {
			s.softBreaks()
		}
		return true
	}
	return false
}

// Line returns the line that Scan has read.
func (s *Scanner) Line() Line { return s.line }

// Err returns the error that ended Scan, if it was not the end.
func (s *Scanner) Err() error { return s.err }

// physical takes the next line without its end.
func (s *Scanner) physical() string {
	i := strings.IndexByte(s.rest, '\n')
	if i < 0 {
		i = len(s.rest)
	}
	text := s.rest[:i]
	s.rest = s.rest[min(i+1, len(s.rest)):]
	return strings.TrimSuffix(text, "\r")
}

// unfolded takes the next line with those that continue it (RFC 5545 section 3.1).
func (s *Scanner) unfolded() string {
	text := s.physical()
	if !s.continued() {
		return text[:min(len(text), s.lim.Line)]
	}
	var b strings.Builder
	s.add(&b, text)
	for s.continued() {
		s.add(&b, s.physical()[1:])
	}
	return b.String()
}

// continued reports whether the next line continues the one before.
func (s *Scanner) continued() bool {
	return s.rest != "" && (s.rest[0] == ' ' || s.rest[0] == '\t')
}

// add appends what fits of text.
func (s *Scanner) add(b *strings.Builder, text string) {
	b.WriteString(text[:min(len(text), s.lim.Line-b.Len())])
}

// encoded reports whether the value is in quoted-printable, as vCard 2.1 has it.
func encoded(l *Line) bool {
	for _, p := range l.Params {
		if p.Name == "" || strings.EqualFold(p.Name, "ENCODING") {
			for _, v := range p.Values {
				if strings.EqualFold(v, "QUOTED-PRINTABLE") {
					return true
				}
			}
		}
	}
	return false
}

// softBreaks adds the lines that follow soft line breaks (RFC 2045 section 6.7). The
// breaks stay in the value, as "=" and a line feed.
func (s *Scanner) softBreaks() {
	var b strings.Builder
	b.WriteString(s.line.Value)
	for more := true; more && s.rest != ""; {
		text := s.physical()
		more = strings.HasSuffix(text, "=")
		s.add(&b, "\n"+text)
	}
	s.line.Value = b.String()
	s.line.raw = ""
}

// parse takes a line apart.
func parse(text string, limit int) Line {
	l := Line{Value: text, raw: text}
	end := strings.IndexAny(text, ";:")
	if end < 0 {
		return l
	}
	name := text[:end]
	group, after, grouped := strings.Cut(name, ".")
	if grouped {
		name = after
	} else {
		group = ""
	}
	if !isName(name) || grouped && !isName(group) {
		return l
	}
	params, value, ok := parseParams(text[end:], limit)
	if !ok {
		return l
	}
	return Line{Group: group, Name: name, Params: params, Value: value, raw: text}
}

// isName reports whether s is a name: letters, digits and "-"; we add "_".
func isName(s string) bool {
	for _, c := range []byte(s) {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return s != ""
}

// parseParams reads parameters up to the colon behind them.
func parseParams(s string, limit int) (params []Param, value string, ok bool) {
	for s != "" && s[0] == ';' {
		s = s[1:]
		end := strings.IndexAny(s, "=;:\"")
		if end < 0 {
			return nil, "", false
		}
		p := Param{}
		if s[end] == '=' {
			p.Name = strings.TrimSpace(s[:end])
			s = s[end+1:]
		}
		for {
			var v string
			if v, s, ok = parseValue(s); !ok {
				return nil, "", false
			}
			if len(p.Values) < limit {
				p.Values = append(p.Values, v)
			}
			if s == "" || s[0] != ',' {
				break
			}
			s = s[1:]
		}
		empty := p.Name == "" && len(p.Values) == 1 && p.Values[0] == "" // ";;"
		if len(params) < limit && !empty {
			params = append(params, p)
		}
	}
	if s == "" || s[0] != ':' {
		return nil, "", false
	}
	return params, s[1:], true
}

// parseValue reads one value of a parameter, quoted or not.
func parseValue(s string) (value, rest string, ok bool) {
	if s == "" {
		return "", "", false
	}
	if s[0] == '"' {
		value, rest, ok = strings.Cut(s[1:], `"`)
		return caretDecoder.Replace(value), rest, ok
	}
	end := strings.IndexAny(s, ",;:")
	if end < 0 {
		return "", "", false
	}
	return caretDecoder.Replace(s[:end]), s[end:], true
}

// caretDecoder undoes what RFC 6868 section 3.1 lets parameters be written with.
var caretDecoder = strings.NewReplacer("^^", "^", "^n", "\n", "^'", `"`)
