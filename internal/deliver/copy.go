package deliver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// write writes the message for the first letter that takes it; then the others share it.
// The error is that it cannot be read. It is read to its end in any case.
func write(letters []letter, m *message, top string, buffer []byte) error {
	var first *letter
	for i := range letters {
		l := &letters[i]
		if l.err != nil || first != nil {
			continue
		}
		if l.d, l.err = l.box.NewDelivery(); l.err == nil {
			first = l
		}
	}
	if first == nil {
		if m.end {
			return nil
		}
		_, err := io.Copy(io.Discard, m.rest)
		return noMessage(err)
	}
	out := &output{to: first.d}
	err := m.copy(out, top, buffer)
	first.err = out.err
	m.written = out.n
	return err
}

// output writes to a delivery. When that fails, the rest goes nowhere.
type output struct {
	to  io.Writer
	n   int64
	err error
}

func (o *output) Write(p []byte) (int, error) {
	if o.err == nil {
		var n int
		n, o.err = o.to.Write(p)
		o.n += int64(n)
	}
	return len(p), nil
}

// copy copies the message. The error is that it cannot be read.
func (m *message) copy(out *output, top string, buffer []byte) error {
	start := append(append(buffer[:0], top...), m.header...)
	var rest io.Writer = out
	unix := &unixLines{to: out}
	if m.wire {
		rest = unix
		start = unix.convert(start, m.read)
	} else {
		start = append(start, m.read...)
	}
	// Writes to output do not fail; its error is looked at in the end.
	_, _ = out.Write(start)
	if !m.end {
		// The methods of the reader and of the writer are hidden: the buffer is used.
		if _, err := io.CopyBuffer(struct{ io.Writer }{rest}, struct{ io.Reader }{m.rest}, buffer); err != nil {
			return noMessage(err)
		}
	}
	unix.end()
	return nil
}

func noMessage(err error) error {
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	return nil
}

// unixLines turns CRLF into LF. A CR alone is data.
type unixLines struct {
	to  io.Writer
	cr  bool // the last octet was one, and is not written yet
	buf []byte
}

func (u *unixLines) Write(p []byte) (int, error) {
	u.buf = u.convert(u.buf[:0], p)
	if _, err := u.to.Write(u.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

// convert appends what p becomes to dst.
func (u *unixLines) convert(dst, p []byte) []byte {
	if u.cr && len(p) > 0 {
		u.cr = false
		if p[0] != '\n' {
			dst = append(dst, '\r')
		}
	}
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\r')
		if i < 0 {
			return append(dst, p...)
		}
		dst = append(dst, p[:i]...)
		p = p[i+1:]
		switch {
		case len(p) == 0:
			u.cr = true
		case p[0] != '\n':
			dst = append(dst, '\r')
		}
	}
	return dst
}

// end writes a CR that was the last octet.
func (u *unixLines) end() {
	if u.cr {
		_, _ = u.to.Write([]byte{'\r'}) // output keeps the error
	}
}

// share gives the message to all other letters.
func share(letters []letter) {
	var first *letter
	for i := range letters {
		if letters[i].d != nil {
			first = &letters[i]
			break
		}
	}
	for i := range letters {
		l := &letters[i]
		switch {
		case l == first || l.err != nil:
		case first.err != nil:
			l.err = errors.Join(errShared, first.err)
		default:
			l.d, l.err = first.d.Twin(l.box)
		}
	}
}

// errShared says that nothing is wrong with the recipient's own mailbox.
var errShared = errors.New("write the message that is shared with others")
