// Package contentline reads and writes the lines of which iCalendar (RFC 5545 section
// 3.1) and vCard (RFC 6350 section 3.3) are made:
//
//	[group "."] name *(";" param "=" value *("," value)) ":" value
//
// folded over physical lines. It knows no property: whose value is a text, a list or
// something else the caller knows, who takes it apart with Split and Unescape.
//
// Reading is liberal. Lines may end with LF, parameters may be bare words (as in vCard
// 2.1, where a value in quoted-printable goes on behind "=" at the end of a line), and
// what is no content line at all is a Line without a name. Writing is exact: 75 octets
// at most, CRLF, and no control characters, whatever a Line holds.
//
// Time is linear in the size of the text, and Limits bound what comes out.
package contentline

import "strings"

// Line is a content line. What was read must not be changed: a new one is made.
type Line struct {
	Group  string
	Name   string // as written; empty: no content line, all of it is in Value
	Params []Param
	Value  string // as written: escaped

	raw string // the line as read, unfolded
}

// Param is a parameter. RFC 6868 encoding is undone.
type Param struct {
	Name   string // as written; empty for a bare word
	Values []string
}

// Is reports whether the line's name is that one, in any case.
func (l *Line) Is(name string) bool { return strings.EqualFold(l.Name, name) }

// Param returns the first value of a parameter, and whether it is there.
func (l *Line) Param(name string) (string, bool) {
	for _, p := range l.Params {
		if strings.EqualFold(p.Name, name) && len(p.Values) > 0 {
			return p.Values[0], true
		}
	}
	return "", false
}

// Text returns the value as one text (RFC 5545 section 3.3.11).
func (l *Line) Text() string { return Unescape(l.Value) }

// Split splits a value at each sep that is not escaped. The pieces are still escaped.
// There are at most limit of them; the last one has the rest.
func Split(value string, sep byte, limit int) []string {
	var list []string
	start := 0
	for i := 0; i < len(value) && len(list) < limit-1; i++ {
		switch value[i] {
		case '\\':
			i++
		case sep:
			list = append(list, value[start:i])
			start = i + 1
		}
	}
	return append(list, value[start:])
}

// Unescape undoes Escape. A backslash before any other character stays.
func Unescape(value string) string {
	if strings.IndexByte(value, '\\') < 0 {
		return value
	}
	var b strings.Builder
	b.Grow(len(value))
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == '\\' && i+1 < len(value) {
			switch next := value[i+1]; next {
			case 'n', 'N':
				c = '\n'
				i++
			case '\\', ',', ';', ':':
				c = next
				i++
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

var escaper = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`)

// Escape writes a text as a value (RFC 5545 section 3.3.11, RFC 6350 section 3.4).
func Escape(text string) string { return escaper.Replace(text) }
