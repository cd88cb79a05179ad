package wire

import (
	"bytes"
	"math"
	"strings"
	"unicode/utf8"
)

// Peek returns the next octet of the line without taking it, or 0 at the end
// of the line or after an error.
func (s *Scanner) Peek() byte {
	if !s.ready() || s.pos >= len(s.line) {
		return 0
	}
	return s.line[s.pos]
}

// Try takes the octet c if it is next, and reports whether it did.
func (s *Scanner) Try(c byte) bool {
	if c == 0 || s.Peek() != c {
		return false
	}
	s.pos++
	return true
}

// TryName takes the word name, in any case, if it is next and no longer word
// stands there, and reports whether it did. It is for the fixed words of the
// grammar, which have letters, digits, "-", "_" and ".".
func (s *Scanner) TryName(name string) bool {
	if !s.ready() {
		return false
	}
	rest := s.line[s.pos:]
	if len(rest) < len(name) || !strings.EqualFold(string(rest[:len(name)]), name) {
		return false
	}
	if len(rest) > len(name) && classes[rest[len(name)]]&nameChar != 0 {
		return false
	}
	s.pos += len(name)
	return true
}

// TryList takes SP "(" and the word name, in any case, if that is next and no
// longer word stands there, and reports whether it did. What else the list has, and
// its ")", the caller scans.
func (s *Scanner) TryList(name string) bool {
	if !s.ready() || !bytes.HasPrefix(s.line[s.pos:], []byte(" (")) {
		return false
	}
	s.pos += 2
	if s.TryName(name) {
		return true
	}
	s.pos -= 2
	return false
}

// Byte scans the octet c.
func (s *Scanner) Byte(c byte) {
	if s.ready() && !s.Try(c) {
		s.Expected(string([]byte{'"', c, '"'}))
	}
}

// SP scans exactly one space.
func (s *Scanner) SP() {
	if s.ready() && !s.Try(' ') {
		s.Expected("a space")
	}
}

// CRLF scans the end of the command.
func (s *Scanner) CRLF() {
	if !s.ready() {
		return
	}
	if s.pos < len(s.line) {
		s.Expected("the end of the command")
		return
	}
	s.state, s.line, s.tail, s.pos = idle, nil, nil, 0
}

// Tag scans the rule tag. If the line is over its budget that is the error
// behind the tag, so that the answer can be a tagged one.
func (s *Scanner) Tag() string {
	tag := s.token(tagChar, "a tag")
	if s.cut != nil {
		s.Fail(s.cut)
	}
	return tag
}

// Atom scans the rule atom.
func (s *Scanner) Atom() string { return s.token(atomChar, "an atom") }

// Name scans a word made of letters, digits, "-", "_" and ".", and returns it
// in upper case: command names and the other fixed words of the grammar.
func (s *Scanner) Name() string { return strings.ToUpper(s.token(nameChar, "a name")) }

// Flag scans the rule flag, with its backslash if it has one: a keyword is
// not told from a system flag here.
func (s *Scanner) Flag() string {
	if !s.Try('\\') {
		return s.token(atomChar, "a flag")
	}
	if atom := s.token(atomChar, "a flag"); atom != "" {
		return `\` + atom
	}
	return ""
}

// AString scans the rule astring. A literal may have up to Limits.Literal
// octets, here and in all the rules that return a string.
func (s *Scanner) AString() string {
	switch s.Peek() {
	case '"', '{':
		return s.IMAPString()
	}
	return s.token(astringChar, "a string or an atom")
}

// ListMailbox scans the rule list-mailbox, as it stands on the wire.
func (s *Scanner) ListMailbox() string {
	switch s.Peek() {
	case '"', '{':
		return s.IMAPString()
	}
	return s.token(listChar, "a mailbox pattern")
}

// NString scans the rule nstring; ok is false for NIL.
func (s *Scanner) NString() (v string, ok bool) {
	if s.TryName("NIL") {
		return "", false
	}
	v = s.IMAPString()
	return v, s.err == nil
}

// IMAPString scans the rule string: quoted or a literal.
func (s *Scanner) IMAPString() string {
	switch s.Peek() {
	case '"':
		return s.QuotedString()
	case '{':
		return s.literalString()
	}
	s.Expected("a string")
	return ""
}

// QuotedString scans the rule quoted of RFC 9051, which allows UTF-8.
func (s *Scanner) QuotedString() string {
	if !s.ready() {
		return ""
	}
	if !s.Try('"') {
		s.Expected("a quoted string")
		return ""
	}
	var unescaped []byte
	for {
		run := s.span(quotedChar)
		switch s.Peek() {
		case '"':
			s.pos++
			if unescaped == nil {
				return s.validUTF8(run)
			}
			return s.validUTF8(append(unescaped, run...))
		case '\\':
			s.pos++
			c := s.Peek()
			if c != '"' && c != '\\' {
				s.Expected(`" or \ behind \`)
				return ""
			}
			s.pos++
			unescaped = append(append(unescaped, run...), c)
		default:
			s.Expected(`the closing "`)
			return ""
		}
	}
}

func (s *Scanner) validUTF8(b []byte) string {
	if !utf8.Valid(b) {
		s.Expected("UTF-8 in a quoted string")
		return ""
	}
	return string(b)
}

// Number scans the rule number: 32 bits.
func (s *Scanner) Number() uint32 { return uint32(s.number(math.MaxUint32)) }

// NzNumber scans the rule nz-number: 32 bits, not 0, no leading 0.
func (s *Scanner) NzNumber() uint32 {
	if s.Peek() == '0' {
		s.Expected("a number that does not begin with 0")
	}
	return s.Number()
}

// Number64 scans the rule number64: 63 bits.
func (s *Scanner) Number64() int64 { return int64(s.number(math.MaxInt64)) }

// NzNumber64 scans the rule nz-number64: 63 bits, not 0, no leading 0.
func (s *Scanner) NzNumber64() int64 {
	if s.Peek() == '0' {
		s.Expected("a number that does not begin with 0")
	}
	return s.Number64()
}

func (s *Scanner) number(limit uint64) uint64 {
	if !s.ready() {
		return 0
	}
	at := s.pos
	n, ok := parseNumber(s.span(digitChar), limit)
	if !ok {
		s.pos = at
		s.Expected("a number")
		return 0
	}
	return n
}

// parseNumber reads decimal digits; it refuses none at all, and a number
// above limit.
func parseNumber(digits []byte, limit uint64) (n uint64, ok bool) {
	most, last := limit/10, limit%10
	for _, c := range digits {
		d := uint64(c - '0')
		if n > most || n == most && d > last {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(digits) > 0
}

// ListStart scans "(". It counts towards Limits.Depth until its ListEnd.
func (s *Scanner) ListStart() {
	s.Byte('(')
	s.Enter()
}

// ListEnd scans ")".
func (s *Scanner) ListEnd() {
	s.Byte(')')
	s.Leave()
}

// List scans "(" [item *(SP item)] ")" and calls item for each; it returns
// how many there were.
func (s *Scanner) List(item func()) int {
	s.ListStart()
	n := 0
	for s.err == nil && (n > 0 || s.Peek() != ')') {
		item()
		n++
		if !s.Try(' ') {
			break
		}
	}
	s.ListEnd()
	return n
}

// Enter counts one level of nesting towards Limits.Depth. Grammars that
// recurse call it, and Leave when they return.
func (s *Scanner) Enter() {
	s.depth++
	if s.depth > s.lim.Depth {
		s.exceeded(BudgetDepth, int64(s.lim.Depth))
	}
}

// Leave ends the level of nesting that Enter began.
func (s *Scanner) Leave() { s.depth-- }

// token scans a run of at least one octet of class c.
func (s *Scanner) token(c class, want string) string {
	if !s.ready() {
		return ""
	}
	run := s.span(c)
	if len(run) == 0 {
		s.Expected(want)
	}
	return string(run)
}

// span takes the octets of class c that are next. The line must be ready.
func (s *Scanner) span(c class) []byte {
	rest := s.line[s.pos:]
	n := spanOf(rest, c)
	s.pos += n
	return rest[:n]
}
