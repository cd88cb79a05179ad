package wire

import (
	"bytes"
	"errors"
	"io"
	"math"
)

// Literal is a literal (RFC 9051 section 4.3) whose octets are read as they
// arrive. Until the first Read the client of a synchronizing literal still
// waits, and the command can be refused with a tagged NO: call
// [Scanner.Skip] then, or simply Next. A literal of size 0 must be read too.
type Literal struct {
	Size    int64 // octets, as announced
	NonSync bool  // "{n+}": the client does not wait (RFC 7888)
	Binary  bool  // literal8: NUL is allowed (RFC 9051 section 4.3.1)

	s     *Scanner
	left  int64
	begun bool
}

// Read reads octets of the literal; the first call sends the continuation
// request if the client waits for one. It returns io.EOF behind the last
// octet, a SyntaxError for a NUL that is not allowed, io.ErrUnexpectedEOF if
// the connection ended. Errors are those of the command.
func (l *Literal) Read(p []byte) (int, error) {
	s := l.s
	if s.err != nil {
		return 0, s.err
	}
	if s.body != l {
		return 0, io.EOF
	}
	if err := l.begin(); err != nil {
		return 0, err
	}
	if l.left == 0 {
		s.body, s.state = nil, between
		return 0, io.EOF
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := s.r.Read(p)
	l.left -= int64(n)
	if err != nil {
		return n, s.broken(err)
	}
	if !l.Binary && bytes.IndexByte(p[:n], 0) >= 0 {
		s.Expected("no NUL in a literal")
		return 0, s.err
	}
	return n, nil
}

// begin asks the client for the octets.
func (l *Literal) begin() error {
	if l.begun {
		return nil
	}
	l.begun = true
	if l.NonSync {
		return nil
	}
	if err := l.s.cont(); err != nil {
		return l.s.broken(err)
	}
	return nil
}

// Literal scans the announcement of the rule literal, whose octets the caller
// reads; it returns nil if there is an error. The literal may have up to
// Limits.StreamLiteral octets. The tokens behind it can be scanned once it is
// read; a rest that is left unread is skipped.
func (s *Scanner) Literal() *Literal {
	return s.announcement(s.lim.StreamLiteral, BudgetStreamLiteral)
}

// Literal8 is like Literal and allows the rule literal8 too.
func (s *Scanner) Literal8() *Literal {
	binary := s.Try('~')
	l := s.Literal()
	if l != nil {
		l.Binary = binary
	}
	return l
}

// announcement scans "{" number64 ["+"] "}" at the end of the line.
func (s *Scanner) announcement(limit int64, budget string) *Literal {
	if !s.ready() {
		return nil
	}
	rest := s.line[s.pos:]
	if len(rest) == 0 || rest[0] != '{' {
		s.Expected("a literal")
		return nil
	}
	digits := rest[1 : 1+spanOf(rest[1:], digitChar)]
	end := string(rest[1+len(digits):])
	if len(digits) == 0 || end != "}" && end != "+}" {
		s.Expected("the size of a literal, and the end of the line")
		return nil
	}
	l := &Literal{s: s, NonSync: end == "+}"}
	size, ok := parseNumber(digits, math.MaxInt64)
	if !ok || int64(size) > limit {
		s.Fail(&LimitError{Budget: budget, Limit: limit, Sync: !l.NonSync})
		return nil
	}
	if s.literals >= s.lim.Literals {
		s.Fail(&LimitError{Budget: BudgetLiterals, Limit: int64(s.lim.Literals), Sync: !l.NonSync})
		return nil
	}
	s.literals++
	l.Size, l.left = int64(size), int64(size)
	s.body, s.state = l, inBody
	s.line, s.tail, s.pos = nil, nil, 0
	return l
}

// literalString scans a literal that is a string argument. The memory it
// takes grows with what arrives, not with what was announced.
func (s *Scanner) literalString() string {
	l := s.announcement(s.lim.Literal, BudgetLiteral)
	if l == nil {
		return ""
	}
	b, err := io.ReadAll(l)
	if err != nil { // already the error of the command
		return ""
	}
	return string(b)
}

// ready brings the scanner to a line of which tokens can be taken: behind a
// literal it reads the line that goes on there. It returns false if there is
// an error.
func (s *Scanner) ready() bool {
	if s.err != nil {
		return false
	}
	if s.state == inLine {
		return true
	}
	if s.state == idle {
		s.Fail(errOutside)
		return false
	}
	if s.state == inBody && !s.passBody() {
		return false
	}
	n, cut, err := s.readLine(s.lim.Line - s.used)
	s.used += n
	if err != nil {
		s.broken(err)
		return false
	}
	s.state, s.pos = inLine, 0
	if cut {
		s.exceeded(BudgetLine, int64(s.lim.Line))
	}
	return !cut
}

// errOutside is a fault of the caller, who scans a command that has ended.
var errOutside = errors.New("scan outside of a command")

// passBody skips what the caller left unread of a literal.
func (s *Scanner) passBody() bool {
	if s.body.begin() != nil {
		return false
	}
	if err := s.skipBody(); err != nil {
		s.broken(err)
		return false
	}
	return true
}
