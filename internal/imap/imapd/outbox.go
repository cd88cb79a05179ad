package imapd

import (
	"io"
	"sync"
)

// outbox gathers what is answered on its way to the connection, so that it goes in
// large pieces. It has a buffer only while something is in it: connections spend
// their lives waiting, and there are many.
type outbox struct {
	to  io.Writer
	buf *[outboxSize]byte
	n   int // octets in buf

	sent int // how often something went to to
}

const outboxSize = 64 << 10

var outboxes = sync.Pool{New: func() any { return new([outboxSize]byte) }}

// Write implements io.Writer. What does not fit any more is sent.
func (o *outbox) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		if o.n == 0 && len(p) >= outboxSize {
			o.sent++
			n, err := o.to.Write(p)
			return written + n, err
		}
		n := copy(o.room(), p)
		if err := o.filled(n); err != nil {
			return written, err
		}
		written += n
		p = p[n:]
	}
	return written, nil
}

// ReadFrom implements io.ReaderFrom, so that a literal is not copied in pieces of
// the smaller buffer before this one.
func (o *outbox) ReadFrom(r io.Reader) (read int64, err error) {
	for {
		n, err := r.Read(o.room())
		read += int64(n)
		if e := o.filled(n); e != nil {
			return read, e
		}
		if err == io.EOF {
			return read, nil
		}
		if err != nil {
			return read, err
		}
	}
}

// room is the part of the buffer that is free; it is not empty.
func (o *outbox) room() []byte {
	if o.buf == nil {
		o.buf = outboxes.Get().(*[outboxSize]byte)
	}
	return o.buf[o.n:]
}

// filled notes that n octets of room were used.
func (o *outbox) filled(n int) error {
	o.n += n
	if o.n < outboxSize {
		return nil
	}
	return o.Flush()
}

// Flush sends what there is and gives the buffer back.
func (o *outbox) Flush() error {
	if o.buf == nil {
		return nil
	}
	var err error
	if o.n > 0 {
		o.sent++
		_, err = o.to.Write(o.buf[:o.n])
	}
	outboxes.Put(o.buf)
	o.buf, o.n = nil, 0
	return err
}
