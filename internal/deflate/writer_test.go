package deflate_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"fantail/internal/deflate"
)

// counter counts writes, and keeps all of them.
type counter struct {
	bytes.Buffer
	writes int
	all    []byte
}

func (c *counter) Write(p []byte) (int, error) {
	c.writes++
	c.all = append(c.all, p...)
	return c.Buffer.Write(p)
}

// What several Writers say in turns comes out on each far side as soon as it is
// flushed, whichever compressor they had.
func TestWritersInTurns(t *testing.T) {
	type pair struct {
		w   *deflate.Writer
		out counter
		z   *deflate.Reader
		raw []byte
	}
	r := rand.New(rand.NewPCG(3, 4))
	pairs := make([]*pair, 3)
	for i := range pairs {
		p := &pair{}
		p.w, p.z = deflate.NewWriter(&p.out), deflate.NewReader(&p.out)
		pairs[i] = p
	}
	text := sample(100_000)
	for range 300 {
		p := pairs[r.IntN(len(pairs))]
		var said []byte
		p.out.writes = 0
		before := len(p.out.all)
		for range 1 + r.IntN(4) {
			from := r.IntN(len(text))
			piece := text[from:min(len(text), from+r.IntN(1+r.IntN(20_000)))]
			if _, err := p.w.Write(piece); err != nil {
				t.Fatal(err)
			}
			said = append(said, piece...)
		}
		if err := errors.Join(p.w.Flush(), p.w.Flush()); err != nil {
			t.Fatal(err)
		}
		if n := len(p.out.all) - before; p.out.writes > 1+n/(8<<10) {
			t.Errorf("%d octets in %d writes", n, p.out.writes)
		}
		p.raw = append(p.raw, said...)
		heard := make([]byte, len(said))
		if _, err := io.ReadFull(p.z, heard); err != nil || !bytes.Equal(heard, said) {
			t.Fatalf("%d octets: %v", len(said), err)
		}
	}
	for _, p := range pairs {
		got := make([]byte, len(p.raw))
		if _, err := io.ReadFull(flate.NewReader(bytes.NewReader(p.out.all)), got); err != nil || !bytes.Equal(got, p.raw) {
			t.Errorf("compress/flate: %v", err)
		}
	}
}

// Answers that are like the ones before cost little, although the compressor was
// given away in between.
func TestRemembers(t *testing.T) {
	var b bytes.Buffer
	w := deflate.NewWriter(&b)
	for i := range 100 {
		b.Reset()
		fmt.Fprintf(w, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* %d EXISTS\r\n* 1 RECENT\r\n* %d FETCH (FLAGS (\\Recent) UID %d)\r\na%d OK NOOP completed.\r\n", i, i, 7*i, i)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if b.Len() > 50 {
		t.Errorf("%d octets", b.Len())
	}
}

// An idle Writer holds little.
func TestIdleWriterIsSmall(t *testing.T) {
	const n = 200
	writers := make([]*deflate.Writer, n)
	text := sample(64 << 10)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC() // a pool keeps what it has for one collection
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range writers {
		writers[i] = deflate.NewWriter(io.Discard)
		if _, err := writers[i].Write(text); err != nil {
			t.Fatal(err)
		}
		if err := writers[i].Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if each := int64(heap()-before) / n; each > 12<<10 {
		t.Errorf("%d octets each", each)
	}
	runtime.KeepAlive(writers)
}

// A connection that is broken breaks its own Writer only.
func TestBrokenConnection(t *testing.T) {
	broken := errors.New("broken")
	for range 5 {
		w := deflate.NewWriter(writeFunc(func([]byte) (int, error) { return 0, broken }))
		_, err := w.Write(sample(100_000))
		if err = errors.Join(err, w.Flush()); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
		var b bytes.Buffer
		w = deflate.NewWriter(&b)
		if _, err := w.Write([]byte("whole")); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 5)
		if _, err := io.ReadFull(deflate.NewReader(&b), got); err != nil || string(got) != "whole" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

type writeFunc func([]byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }
