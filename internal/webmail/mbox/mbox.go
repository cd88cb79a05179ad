// Package mbox reads and writes files with many messages one behind the other
// (application/mbox, RFC 4155), in the variant mboxrd: a line "From " before each message
// and an empty one behind it; lines of messages that begin with any number of ">" and
// "From " have one ">" more in the file.
//
// A Reader takes what other programs write, too: lines that end in CRLF, mail without
// ">" before "From " as long as no empty line stands before it, and a file that is one
// message. It keeps the beginning of one message in memory, never all of it.
package mbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

const (
	separator = "From "
	// maxHeader is how much of a message is looked at before it is read, in octets.
	maxHeader = 64 << 10
	piece     = 64 << 10 // of lines: longer ones are read in several
)

// asctime is how the separator writes the date (RFC 4155 appendix A), in UTC.
const asctime = "Mon Jan _2 15:04:05 2006"

// Writer writes an mbox.
type Writer struct{ w *bufio.Writer }

// NewWriter returns a Writer. Flush ends it.
func NewWriter(w io.Writer) *Writer { return &Writer{bufio.NewWriterSize(w, piece)} }

// Add writes a message that came at a date, with lines that end in LF. from is its envelope
// sender; "" is as MAILER-DAEMON.
func (w *Writer) Add(from string, date time.Time, message io.Reader) error {
	from = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, from)
	if from == "" {
		from = "MAILER-DAEMON"
	}
	if _, err := fmt.Fprintf(w.w, "%s%s %s\n", separator, from, date.UTC().Format(asctime)); err != nil {
		return err
	}
	in, begins, last := bufio.NewReaderSize(message, piece), true, byte('\n')
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			if begins && isQuotable(line) {
				if err := w.w.WriteByte('>'); err != nil {
					return err
				}
			}
			last = line[len(line)-1]
			begins = last == '\n'
			if begins && len(line) > 1 && line[len(line)-2] == '\r' {
				line = append(line[:len(line)-2], '\n')
			}
			if _, err := w.w.Write(line); err != nil {
				return err
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("read message: %w", err)
		}
	}
	if last != '\n' {
		if err := w.w.WriteByte('\n'); err != nil {
			return err
		}
	}
	return w.w.WriteByte('\n')
}

// Flush writes what is left.
func (w *Writer) Flush() error { return w.w.Flush() }

// isQuotable reports whether a line begins with ">" as often as it likes, and "From ".
func isQuotable(line []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte(separator))
}

// ErrNotMail says that a file begins neither like an mbox nor like a message.
var ErrNotMail = errors.New("not a file of messages")

// Reader reads the messages of a file, in their order.
type Reader struct {
	in      *bufio.Reader
	alone   bool   // the file is one message
	err     error  // of the file: io.EOF at its end
	line    []byte // read and not used yet, or nil; in's
	begins  bool   // line is the beginning of one
	blank   bool   // the line before was empty
	held    bool   // that line was not passed on yet
	opened  bool
	message *Message
}

// Message is a message of a file: a Reader of its octets, with lines that end in LF.
type Message struct {
	Date time.Time // of the separator; zero if it has none
	// Header is the beginning of the message, to be looked at before it is read.
	Header []byte

	r    *Reader
	rest []byte // read and not handed over yet
	done bool
}

// NewReader returns a Reader.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, piece), begins: true}
}

// Next returns the next message, io.EOF at the end of the file. What was not read of the
// one before is skipped. A file that makes no sense is ErrNotMail.
func (r *Reader) Next() (*Message, error) {
	if r.message != nil {
		if _, err := io.Copy(io.Discard, r.message); err != nil {
			return nil, err
		}
		r.message = nil
	}
	if !r.opened {
		if err := r.open(); err != nil {
			return nil, err
		}
	} else if r.alone {
		return nil, io.EOF
	}
	m := &Message{r: r}
	if !r.alone {
		if !r.load() {
			return nil, r.err
		}
		m.Date = separatorDate(r.line)
		r.skipLine()
	}
	r.blank, r.held = false, false
	for len(m.Header) < maxHeader && !m.done && !headerEnds(m.Header) {
		m.fill()
		m.Header = append(m.Header, m.rest...)
		m.rest = m.rest[:0]
	}
	m.rest = bytes.Clone(m.Header)
	r.message = m
	if r.err != nil && r.err != io.EOF {
		return nil, r.err
	}
	return m, nil
}

// open looks how the file begins.
func (r *Reader) open() error {
	r.opened = true
	for r.load() && len(bytes.TrimSpace(r.line)) == 0 {
		r.line = nil
	}
	if r.line == nil {
		if r.err == io.EOF {
			return ErrNotMail
		}
		return r.err
	}
	if bytes.HasPrefix(r.line, []byte(separator)) {
		return nil
	}
	r.alone = true
	name, _, colon := bytes.Cut(r.line, []byte(":"))
	if name = bytes.TrimRight(name, " \t"); !colon || !isFieldName(name) {
		return ErrNotMail
	}
	return nil
}

// isFieldName reports whether b can be the name of a field, as fields have them that come
// first: RFC 5322 section 2.2 allows more.
func isFieldName(b []byte) bool {
	for _, c := range b {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return len(b) > 0
}

// load makes r.line the next piece of the file; false at its end.
func (r *Reader) load() bool {
	if r.line != nil {
		return true
	}
	if r.err != nil {
		return false
	}
	line, err := r.in.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		r.err = err
	}
	if len(line) == 0 {
		return false
	}
	r.line = line
	return true
}

// skipLine takes what is left of a line, which may have several pieces.
func (r *Reader) skipLine() {
	for r.load() {
		ended := r.line[len(r.line)-1] == '\n'
		r.line = nil
		if ended {
			break
		}
	}
	r.begins = true
}

// headerEnds reports whether there is an empty line in b.
func headerEnds(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\n")) || bytes.Contains(b, []byte("\n\n"))
}

// fill reads one piece of a line more.
func (m *Message) fill() {
	r := m.r
	if !r.load() {
		m.done = true
		return
	}
	line := r.line
	if r.begins && !r.alone {
		if r.blank && bytes.HasPrefix(line, []byte(separator)) {
			m.done = true
			return
		}
		if line[0] == '>' && isQuotable(line) {
			line = line[1:]
		}
	}
	ended := line[len(line)-1] == '\n'
	if ended && len(line) > 1 && line[len(line)-2] == '\r' {
		line = append(line[:len(line)-2], '\n')
	}
	empty := r.begins && len(line) == 1 && ended
	if r.held {
		m.rest = append(m.rest, '\n')
		r.held = false
	}
	// The empty line before a separator, or at the end, is not the message's.
	if empty && !r.alone {
		r.held = true
	} else {
		m.rest = append(m.rest, line...)
	}
	r.blank, r.begins = empty, ended
	r.line = nil
}

// Read reads the message.
func (m *Message) Read(p []byte) (int, error) {
	for len(m.rest) == 0 {
		if m.done {
			if err := m.r.err; err != nil && err != io.EOF {
				return 0, err
			}
			return 0, io.EOF
		}
		m.fill()
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

// separatorDate reads the date at the end of a separator; zero if there is none.
func separatorDate(line []byte) time.Time {
	fields := strings.Fields(string(line))
	// "From", the sender, and five fields; a zone may stand before the year.
	for n := len(fields); n >= 7; n-- {
		if t, err := time.Parse("Mon Jan 2 15:04:05 2006", strings.Join(fields[n-5:n], " ")); err == nil {
			return t
		}
	}
	return time.Time{}
}
