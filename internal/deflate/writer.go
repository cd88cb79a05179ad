package deflate

import (
	"bufio"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// level is that of the compressor. Of 2 MB of Go source in pieces of 16 kB, each
// flushed, and of as many ENVELOPEs, what is left, and the speed (one core,
// klauspost/compress 1.20, compress/flate for comparison):
//
//	level       source             envelopes
//	1           36 %  114 MB/s     12 %  470 MB/s
//	3           34 %  109 MB/s     11 %  478 MB/s
//	6           31 %   74 MB/s     10 %  229 MB/s
//	std 6       30 %   26 MB/s     10 %  134 MB/s
//
// Random octets cost a nanosecond each, and 0.1 % of size. What is flushed after
// less than 128 octets is not matched with anything before, at any of the first
// levels: it fits into one packet anyway.
const level = 3

// memorySize is how much a Writer remembers while it is idle. The compressor has to
// read it when it begins again, which takes 10 µs; 32 kB took 44 µs and gained
// nothing on the answers of a client that polls.
const memorySize = 8 << 10

// Writer compresses into one stream that never ends. It is not safe for use by
// several goroutines at once.
type Writer struct {
	dst    io.Writer
	busy   *compressor // nil: all that was written is flushed
	memory []byte      // the last octets written
}

// compressor is what a Writer needs while it has something to flush.
type compressor struct {
	*flate.Writer
	out *bufio.Writer
}

// outputSize is how much is sent in one piece.
const outputSize = 16 << 10

var compressors = sync.Pool{New: func() any {
	out := bufio.NewWriterSize(nil, outputSize)
	w, err := flate.NewWriter(out, level)
	if err != nil {
		panic(err) // the level is a legal one
	}
	return &compressor{w, out}
}}

// NewWriter returns a Writer that writes to dst.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// Write compresses p. The other side has it after Flush.
func (w *Writer) Write(p []byte) (int, error) {
	if w.busy == nil {
		w.busy = compressors.Get().(*compressor)
		w.busy.out.Reset(w.dst)
		w.busy.ResetDict(w.busy.out, w.memory)
	}
	n, err := w.busy.Write(p)
	w.remember(p[:n])
	return n, err
}

// remember keeps the last octets for the next compressor.
func (w *Writer) remember(p []byte) {
	if len(p) >= memorySize {
		w.memory = append(w.memory[:0], p[len(p)-memorySize:]...)
		return
	}
	if over := len(w.memory) + len(p) - memorySize; over > 0 {
		w.memory = w.memory[:copy(w.memory, w.memory[over:])]
	}
	w.memory = append(w.memory, p...)
}

// Flush sends what was written: the other side can read all of it then. It ends with
// an empty stored block, as Z_SYNC_FLUSH of zlib does. Without anything to send it
// does nothing.
func (w *Writer) Flush() error {
	c := w.busy
	if c == nil {
		return nil
	}
	err := c.Writer.Flush()
	if err == nil {
		err = c.out.Flush()
	}
	w.busy = nil
	c.out.Reset(nil) // forgets this connection, and an error
	compressors.Put(c)
	return err
}
