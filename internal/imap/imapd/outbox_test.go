package imapd

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// pieces is a connection that remembers what was written at once.
type pieces struct {
	bytes.Buffer
	sizes []int
}

func (p *pieces) Write(b []byte) (int, error) {
	p.sizes = append(p.sizes, len(b))
	return p.Buffer.Write(b)
}

// What goes in comes out, whatever the pieces, and in large ones.
func TestOutbox(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var to pieces
	o := &outbox{to: &to}
	w := bufio.NewWriterSize(o, smallOut) // as a session does
	var want bytes.Buffer
	for range 2000 {
		p := make([]byte, rnd.IntN(40))
		if rnd.IntN(50) == 0 {
			p = make([]byte, rnd.IntN(3*outboxSize))
		}
		for i := range p {
			p[i] = byte(rnd.Uint32())
		}
		want.Write(p)
		var err error
		if rnd.IntN(2) == 0 {
			_, err = w.Write(p)
		} else {
			_, err = io.Copy(w, iotest.HalfReader(bytes.NewReader(p)))
		}
		if err != nil {
			t.Fatal(err)
		}
		if rnd.IntN(300) == 0 {
			if err := errors.Join(w.Flush(), o.Flush()); err != nil || to.Len() != want.Len() {
				t.Fatalf("%d octets of %d, %v", to.Len(), want.Len(), err)
			}
			if o.buf != nil {
				t.Fatal("it keeps its buffer")
			}
		}
	}
	if err := errors.Join(w.Flush(), o.Flush()); err != nil || !bytes.Equal(to.Bytes(), want.Bytes()) {
		t.Errorf("%d octets of %d, %v", to.Len(), want.Len(), err)
	}
	if n, most := len(to.sizes), want.Len()/outboxSize+40; n > most {
		t.Errorf("%d pieces for %d octets", n, want.Len())
	}
}

func TestOutboxErrors(t *testing.T) {
	o := &outbox{to: iotest.TruncateWriter(io.Discard, 0)}
	if n, err := o.ReadFrom(iotest.ErrReader(io.ErrNoProgress)); n != 0 || err != io.ErrNoProgress {
		t.Errorf("%d, %v", n, err)
	}
	if err := o.Flush(); err != nil {
		t.Error(err)
	}
	failing := &outbox{to: failingWriter{}}
	if n, err := failing.Write(make([]byte, 10)); n != 10 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if err := failing.Flush(); err != io.ErrClosedPipe || failing.buf != nil {
		t.Error(err)
	}
	if _, err := failing.ReadFrom(bytes.NewReader(make([]byte, 2*outboxSize))); err != io.ErrClosedPipe {
		t.Error(err)
	}
	if _, err := failing.Write(make([]byte, outboxSize)); err != io.ErrClosedPipe {
		t.Error(err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
