package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
)

// state is where in a command the Scanner stands; see the package comment.
type state uint8

const (
	idle state = iota
	inLine
	inBody
	between
)

// Scanner reads the commands of one client. It is not safe for use by several
// goroutines at once.
type Scanner struct {
	// UTF8 says that the client enabled UTF8=ACCEPT (RFC 6855) or IMAP4rev2:
	// mailbox names are then UTF-8. The Scanner only carries it, for grammars.
	UTF8 bool

	r    *bufio.Reader
	lim  Limits
	cont func() error

	state    state
	line     []byte // what is held of the current line, without its ending; often a part of r's buffer
	pos      int    // next octet of line
	tail     []byte // the last octets of the current line, also where line was cut
	used     int    // octets of this command's lines so far
	cut      error  // the line exceeds its budget: reported once the tag is read
	long     []byte // backing of line where that did not fit into r's buffer
	tailBuf  [tailLen]byte
	body     *Literal
	literals int
	depth    int
	skipped  int64
	err      error
}

// tailLen is enough for the announcement of a literal: "{", digits, "+}",
// and the line's ending.
const tailLen = 32

// NewScanner returns a Scanner for the commands that arrive on r. It calls
// proceed when the client waits for the continuation request of a literal
// (RFC 9051 section 7.6); proceed sends "+ ...", flushes, and returns an error
// if the connection is broken.
func NewScanner(r *bufio.Reader, lim Limits, proceed func() error) *Scanner {
	return &Scanner{r: r, lim: lim, cont: proceed}
}

// Buffered returns how many octets have been read from the connection and not
// been taken as part of a command. Before TLS starts it must be 0 (RFC 9051
// section 6.2.1: nothing that came before the handshake may be used after it).
func (s *Scanner) Buffered() int {
	n := s.r.Buffered()
	if s.state == inLine {
		n += len(s.line) - s.pos
	}
	return n
}

// Err returns the first error of this command.
func (s *Scanner) Err() error { return s.err }

// Fail makes err the error of this command unless it has one. Grammars report
// with it what is wrong with an argument that is well-formed.
func (s *Scanner) Fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// Expected makes a SyntaxError the error of this command unless it has one.
func (s *Scanner) Expected(want string) {
	if s.err == nil {
		s.err = &SyntaxError{Want: want, At: s.pos}
	}
}

// exceeded makes a LimitError the error of this command unless it has one.
func (s *Scanner) exceeded(budget string, limit int64) {
	s.Fail(&LimitError{Budget: budget, Limit: limit})
}

// broken makes err, an error of the connection, the error from here on.
func (s *Scanner) broken(err error) error {
	if errors.Is(err, io.EOF) && s.state != idle {
		err = io.ErrUnexpectedEOF
	}
	s.err = &fatalError{err}
	return s.err
}

// Next waits for a command and stands before its tag. What is left of the
// command before is skipped. It returns io.EOF (wrapped) if the connection
// ended between commands.
func (s *Scanner) Next() error {
	if err := s.Skip(); err != nil {
		return err
	}
	s.reset()
	for {
		n, cut, err := s.readLine(s.lim.Line)
		if err == nil && !cut && leadingEmptyLine(s.line) {
			if err = s.countSkipped(int64(n)); err == nil {
				continue
			}
		}
		if err != nil {
			return s.broken(err)
		}
		if cut {
			s.cut = &LimitError{Budget: BudgetLine, Limit: int64(s.lim.Line)}
		}
		s.used = n
		s.state, s.pos, s.skipped = inLine, 0, 0
		return nil
	}
}

// reset forgets the previous command, and its memory if that was large:
// sessions spend their lives waiting in Next.
func (s *Scanner) reset() {
	s.line, s.tail, s.pos, s.used, s.cut, s.body, s.err = nil, nil, 0, 0, nil, nil, nil
	s.literals, s.depth, s.skipped = 0, 0, 0
	s.long = nil
}

// leadingEmptyLine: an empty line before a command is ignored, although the
// grammar has none. Apple Mail (iOS 17 and 18, seen 2025) sends CRLF before
// some commands, such as UID MOVE.
func leadingEmptyLine(line []byte) bool { return len(line) == 0 }

// Line reads one line outside of a command: a response to a continuation
// request in AUTHENTICATE (RFC 9051 section 6.2.2), or the DONE of IDLE. It
// returns the line without its ending, valid until the next call. A line over
// Limits.Line is consumed and reported as a LimitError that is not Fatal.
func (s *Scanner) Line() ([]byte, error) {
	if err := s.Skip(); err != nil {
		return nil, err
	}
	s.reset()
	_, cut, err := s.readLine(s.lim.Line)
	if err != nil {
		return nil, s.broken(err)
	}
	if cut {
		s.exceeded(BudgetLine, int64(s.lim.Line))
		return nil, s.err
	}
	return s.line, nil
}

// Skip discards the rest of the command, with the literals that it announces
// (RFC 7888 section 3: also those of a command that has failed). The command
// ends early at a synchronizing literal that was not begun: the client gets
// the tagged response in place of the continuation. Skip returns an error,
// and Err then returns the same, only if the session cannot go on.
func (s *Scanner) Skip() error {
	if IsFatal(s.err) {
		return s.err
	}
	for s.state != idle {
		var err error
		switch s.state {
		case inLine:
			err = s.skipAnnounced()
		case inBody:
			err = s.skipBody()
		case between:
			var n int
			n, _, err = s.readLine(0)
			s.state = inLine
			if err == nil {
				err = s.countSkipped(int64(n))
			}
		}
		if err != nil {
			return s.broken(err)
		}
	}
	return nil
}

// skipAnnounced ends the command with the current line unless that announces
// a non-synchronizing literal.
func (s *Scanner) skipAnnounced() error {
	n, nonSync := announced(s.tail)
	s.line, s.tail = nil, nil
	if !nonSync {
		s.state = idle
		return nil
	}
	return s.skipLiteral(n, n)
}

// skipBody ends the command before a literal that the client has not sent, or
// discards the rest of one that it is sending.
func (s *Scanner) skipBody() error {
	b := s.body
	s.body = nil
	switch {
	case b.begun:
		return s.skipLiteral(b.left, 0) // accepted: the budget is StreamLiteral
	case b.NonSync:
		return s.skipLiteral(b.left, b.left)
	}
	s.state = idle
	return nil
}

// skipLiteral discards n octets, which cost that much of the budget.
func (s *Scanner) skipLiteral(n, cost int64) error {
	if err := s.countSkipped(cost); err != nil {
		return err
	}
	s.state = between
	for n > 0 {
		d, err := s.r.Discard(int(min(n, 1<<30)))
		n -= int64(d)
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Scanner) countSkipped(n int64) error {
	if n > s.lim.Skip-s.skipped {
		return &LimitError{Budget: BudgetSkip, Limit: s.lim.Skip, Fatal: true}
	}
	s.skipped += n
	return nil
}

// readLine reads one line of n octets, of which it holds at most limit (and
// says whether that cut it) and the tail. A line that goes on beyond limit for
// more than Limits.Skip is an error, so no line is endless.
func (s *Scanner) readLine(limit int) (n int, cut bool, err error) {
	limit = max(limit, 0)
	chunk, err := s.r.ReadSlice('\n')
	n = len(chunk)
	if err == nil { // the usual case: it lies in r's buffer, and stays there
		s.line = trimEnding(chunk)
		s.tail = s.line
		if cut = len(s.line) > limit; cut {
			s.line = s.line[:limit]
		}
		return n, cut, nil
	}
	s.long, s.tail = s.long[:0], s.tailBuf[:0]
	for {
		s.long = append(s.long, chunk[:min(len(chunk), limit+2-len(s.long))]...)
		s.tail = appendTail(s.tail, chunk)
		if err != bufio.ErrBufferFull {
			break
		}
		if int64(n) > int64(limit)+s.lim.Skip {
			return n, true, &LimitError{Budget: BudgetLine, Limit: int64(limit), Fatal: true}
		}
		chunk, err = s.r.ReadSlice('\n')
		n += len(chunk)
	}
	if err != nil {
		if errors.Is(err, io.EOF) && n > 0 {
			err = io.ErrUnexpectedEOF
		}
		return n, false, err
	}
	s.tail = trimEnding(s.tail)
	s.line = s.long
	if n == len(s.long) {
		s.line = trimEnding(s.long)
	}
	if cut = len(s.line) > limit || n > len(s.long); cut {
		s.line = s.line[:limit]
	}
	return n, cut, nil
}

// trimEnding removes the end of a line that ends in LF.
func trimEnding(b []byte) []byte {
	b = bareLF(b)
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b
}

// bareLF: a line may end in LF alone, although CRLF is the law. People type
// commands into netcat and "openssl s_client" (without -crlf), and scripts for
// health checks do the same. A CR that is not part of CRLF stays an error.
func bareLF(b []byte) []byte { return bytes.TrimSuffix(b, []byte{'\n'}) }

// appendTail appends chunk to tail and keeps the last tailLen octets.
func appendTail(tail, chunk []byte) []byte {
	if len(chunk) >= tailLen {
		return append(tail[:0], chunk[len(chunk)-tailLen:]...)
	}
	if drop := len(tail) + len(chunk) - tailLen; drop > 0 {
		tail = tail[:copy(tail, tail[drop:])]
	}
	return append(tail, chunk...)
}

// announced tells whether a line with this tail announces a non-synchronizing
// literal, and its size; one with more digits than a size can have is as large
// as can be.
func announced(tail []byte) (size int64, nonSync bool) {
	rest, ok := bytes.CutSuffix(tail, []byte("+}"))
	if !ok {
		return 0, false
	}
	start := len(rest)
	for start > 0 && classes[rest[start-1]]&digitChar != 0 {
		start--
	}
	digits := rest[start:]
	if len(digits) > 19 {
		return math.MaxInt64, true
	}
	if len(digits) == 0 || start == 0 || rest[start-1] != '{' {
		return 0, false
	}
	n, ok := parseNumber(digits, math.MaxInt64)
	if !ok {
		n = math.MaxInt64
	}
	return int64(n), true
}
