package lmtp

import (
	"strings"
	"unicode/utf8"
)

// Path is an address as it stands between angle brackets (RFC 5321 section 4.1.2,
// RFC 6531 section 3.3), without a source route, which a server ignores (RFC 5321
// section 4.1.1.3 and appendix C).
type Path struct {
	Text   string // as it was written, "" for the null path <>
	Local  string // the local part, without quotes and backslashes
	Domain string // as it was written, in brackets if it is an address; "" if there is none
}

// String returns the path as it was written, without its brackets.
func (p Path) String() string { return p.Text }

// ASCII reports whether it needs no SMTPUTF8.
func (p Path) ASCII() bool {
	for i := range len(p.Text) {
		if p.Text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

var (
	errSender    = &Reply{553, Status{5, 1, 7}, "That is no sender: MAIL FROM:<local@example.org>."}
	errRecipient = &Reply{553, Status{5, 1, 3}, "That is no recipient: RCPT TO:<local@example.org>."}
)

// pathScanner reads a path from the left.
type pathScanner struct {
	rest string
	bad  bool
}

// scanPath reads "<path>" at the beginning of args and returns what follows it. wrong
// is the reply if it is none.
func scanPath(args string, wrong *Reply) (Path, string, error) {
	s := pathScanner{rest: strings.TrimLeft(args, " ")} // spaceBeforePath: seen from many clients of SMTP
	var p Path
	s.literal('<')
	if !s.next('>') {
		if s.next('@') {
			s.route()
		}
		before := s.rest
		p.Local = s.local()
		if s.next('@') {
			s.literal('@')
			p.Domain = s.domain()
		}
		p.Text = before[:len(before)-len(s.rest)]
	}
	s.literal('>')
	if s.bad || s.rest != "" && s.rest[0] != ' ' {
		return Path{}, "", wrong
	}
	return p, strings.TrimLeft(s.rest, " "), nil
}

func (s *pathScanner) next(c byte) bool { return s.rest != "" && s.rest[0] == c }

func (s *pathScanner) literal(c byte) {
	if s.bad || !s.next(c) {
		s.bad = true
		return
	}
	s.rest = s.rest[1:]
}

// while takes the octets, at least one, that belong to a class. UTF-8 must be right.
func (s *pathScanner) while(class func(byte) bool) string {
	n := 0
	for n < len(s.rest) && class(s.rest[n]) {
		n++
	}
	text := s.rest[:n]
	if n == 0 || !utf8.ValidString(text) {
		s.bad = true
	}
	s.rest = s.rest[n:]
	return text
}

// route is a source route: "@a,@b:".
func (s *pathScanner) route() {
	for !s.bad {
		s.literal('@')
		s.domain()
		if s.next(':') {
			s.literal(':')
			return
		}
		s.literal(',')
	}
}

// local is a local part, as a dot-string or a quoted-string.
func (s *pathScanner) local() string {
	if s.next('"') {
		return s.quoted()
	}
	// looseDots: dots at the beginning, at the end or in pairs, in addresses of some
	// Japanese mobile networks from before 2009, which live on.
	return s.while(func(c byte) bool { return isAtext(c) || c == '.' })
}

func (s *pathScanner) quoted() string {
	s.literal('"')
	var b strings.Builder
	for !s.bad && !s.next('"') {
		if s.next('\\') {
			s.literal('\\')
		}
		if s.rest == "" || s.rest[0] < ' ' || s.rest[0] == 0x7f {
			s.bad = true
			break
		}
		b.WriteByte(s.rest[0])
		s.rest = s.rest[1:]
	}
	s.literal('"')
	if !utf8.ValidString(b.String()) {
		s.bad = true
	}
	return b.String()
}

// domain is a domain, or an address in brackets.
func (s *pathScanner) domain() string {
	if !s.next('[') {
		name := s.while(func(c byte) bool { return isLetDig(c) || c == '-' || c == '.' || c == '_' || c >= utf8.RuneSelf })
		if len(name) > maxDomain {
			s.bad = true
		}
		return name
	}
	s.literal('[')
	inside := s.while(func(c byte) bool { return isLetDig(c) || c == '.' || c == ':' || c == '-' })
	s.literal(']')
	return "[" + inside + "]"
}

func isLetDig(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// isAtext is atext of RFC 5321 section 4.1.2, and of RFC 6531 section 3.3.
func isAtext(c byte) bool {
	return isLetDig(c) || c >= utf8.RuneSelf || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}
