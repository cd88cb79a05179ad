package courier

import (
	"strings"
)

// Budgets of a file.
const (
	maxFile  = 1 << 20 // octets
	maxValue = 64 << 10
)

// Variable is an assignment, or a field with its value.
type Variable struct {
	Name, Value string
	Line        int
}

// parsed is what a file says.
type parsed struct {
	variables []Variable // each name once, with the last value it was given
	unread    []int      // lines that are more than an assignment
}

// set assigns. An assignment takes the place that its line has.
func (p *parsed) set(v Variable) {
	for i, old := range p.variables {
		if old.Name == v.Name {
			p.variables = append(p.variables[:i], p.variables[i+1:]...)
			break
		}
	}
	p.variables = append(p.variables, v)
}

// value is what a variable has; "" if it is not there.
func (p *parsed) value(name string) string {
	for _, v := range p.variables {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// parseShell reads a file of assignments as sh(1) has them: NAME=word, where a word may have
// parts in quotation marks, backslashes, and variables that were assigned above. What else
// stands in a line is not run, and the line not read.
func parseShell(text string) parsed {
	p := parsed{}
	s := shell{text: text, line: 1, known: p.value}
	for s.text != "" {
		line := s.line
		s.known = p.value
		name, value, ok := s.assignment()
		switch {
		case !ok:
			p.unread = append(p.unread, line)
			s.skipLine()
		case name != "":
			p.set(Variable{name, value, line})
		}
	}
	return p
}

// shell is the rest of a file.
type shell struct {
	text  string
	line  int
	known func(name string) string
}

// assignment reads a line; name is "" if there is nothing in it.
func (s *shell) assignment() (name, value string, ok bool) {
	s.blanks()
	if rest, is := strings.CutPrefix(s.text, "export "); is {
		s.text = strings.TrimLeft(rest, " \t")
	}
	if s.text == "" || s.text[0] == '#' || s.text[0] == '\n' {
		s.skipLine()
		return "", "", true
	}
	n := nameLength(s.text)
	if n == 0 || n == len(s.text) || s.text[n] != '=' {
		return "", "", false
	}
	name, s.text = s.text[:n], s.text[n+1:]
	if value, ok = s.word(); !ok {
		return "", "", false
	}
	s.blanks()
	s.text = strings.TrimPrefix(s.text, ";")
	s.blanks()
	if s.text != "" && s.text[0] != '\n' && s.text[0] != '#' {
		return "", "", false // a command with a variable of its own
	}
	s.skipLine()
	return name, value, true
}

func (s *shell) blanks() { s.text = strings.TrimLeft(s.text, " \t\r") }

func (s *shell) skipLine() {
	_, rest, found := strings.Cut(s.text, "\n")
	if s.text = rest; found {
		s.line++
	}
}

// word reads a word; false if it has more in it than is understood, or no end.
func (s *shell) word() (string, bool) {
	var b strings.Builder
	quote := byte(0)
	for s.text != "" && b.Len() <= maxValue {
		c := s.text[0]
		switch {
		case quote == 0 && strings.IndexByte(" \t\r\n;", c) >= 0:
			return b.String(), true
		case quote == 0 && strings.IndexByte("|&<>()", c) >= 0, quote != '\'' && c == '`':
			return "", false
		case c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == '\\' && quote != '\'':
			s.escaped(&b, quote)
			continue
		case c == '$' && quote != '\'':
			if !s.variable(&b) {
				return "", false
			}
			continue
		default:
			if c == '\n' {
				s.line++
			}
			b.WriteByte(c)
		}
		s.text = s.text[1:]
	}
	return b.String(), quote == 0 && b.Len() <= maxValue
}

// escaped reads a backslash and what it escapes: within quotation marks few characters, and
// the end of a line is nothing at all.
func (s *shell) escaped(b *strings.Builder, quote byte) {
	s.text = s.text[1:]
	if s.text == "" {
		return
	}
	c := s.text[0]
	s.text = s.text[1:]
	switch {
	case c == '\n':
		s.line++
	case quote == '"' && strings.IndexByte("$`\"\\", c) < 0:
		b.WriteByte('\\')
		b.WriteByte(c)
	default:
		b.WriteByte(c)
	}
}

// variable reads $NAME or ${NAME}; any other use of "$" is not understood.
func (s *shell) variable(b *strings.Builder) bool {
	rest := s.text[1:]
	inner, braces := strings.CutPrefix(rest, "{")
	n := nameLength(inner)
	switch {
	case n == 0, braces && (n == len(inner) || inner[n] != '}'):
		return false
	case braces:
		s.text = inner[n+1:]
	default:
		s.text = inner[n:]
	}
	if value := s.known(inner[:n]); b.Len()+len(value) <= maxValue {
		b.WriteString(value)
		return true
	}
	return false
}

// nameLength is how many octets the name of a variable has at the beginning of a text.
func nameLength(s string) int {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9' || i == 0) {
			return i
		}
	}
	return len(s)
}

// parseFields reads a file of authldaprc's kind: a name, spaces or tabs, and the value, which
// goes on in the next line behind a backslash.
func parseFields(text string) parsed {
	p := parsed{}
	var open *Variable // whose value goes on
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		rest, goesOn := strings.CutSuffix(line, `\`)
		switch {
		case open != nil:
			if open.Value += " " + strings.TrimSpace(rest); len(open.Value) > maxValue {
				p.unread, open, goesOn = append(p.unread, open.Line), nil, false
			}
		case strings.TrimSpace(line) == "" || line[0] == '#':
			continue
		default:
			n := nameLength(rest)
			if n == 0 || n < len(rest) && rest[n] != ' ' && rest[n] != '\t' {
				p.unread = append(p.unread, i+1)
				continue
			}
			open = &Variable{rest[:n], strings.TrimSpace(rest[n:]), i + 1}
		}
		if open != nil && !goesOn {
			open.Value = strings.TrimSpace(open.Value)
			p.set(*open)
			open = nil
		}
	}
	if open != nil {
		open.Value = strings.TrimSpace(open.Value)
		p.set(*open)
	}
	return p
}
