package lmtpfront

import (
	"errors"
	"fmt"
	"io"
	"os"

	"fantail/internal/crlf"
)

// memoryMost is how much of a message is kept in memory, in octets; a longer one is in a
// file.
const memoryMost = 64 << 10

// body is a message that comes in: without dots, with LF, in memory or in a file without a
// name. After an error, or beyond its limit, it takes the rest and keeps nothing.
type body struct {
	spool string // directory
	most  int64  // octets as they come; 0 is no limit

	lf   *crlf.Contractor // over memory
	came int64            // octets, with CRLF
	mem  []byte           // those that are not in file
	file *os.File         // nil: all are in mem
	size int64            // of all
	over bool             // longer than most
	err  error            // why it cannot be kept
}

func newBody(spool string, most int64) *body {
	b := &body{spool: spool, most: most, mem: make([]byte, 0, 4<<10)}
	b.lf = crlf.NewContractor((*contracted)(b))
	return b
}

// Write takes octets as they come. It never fails.
func (b *body) Write(p []byte) (int, error) {
	b.came += int64(len(p))
	if b.most > 0 && b.came > b.most {
		b.over = true
		b.drop()
	}
	if !b.over && b.err == nil {
		_, b.err = b.lf.Write(p)
	}
	if b.err != nil {
		b.drop()
	}
	return len(p), nil
}

// finish ends the message. The error says why it cannot be had.
func (b *body) finish() error {
	if b.over || b.err != nil {
		return b.err
	}
	b.err = b.lf.Close()
	if b.err == nil && b.file != nil {
		b.err = b.spill()
	}
	return b.err
}

// contracted is a body as its Contractor writes to it.
type contracted body

func (c *contracted) Write(p []byte) (int, error) {
	b := (*body)(c)
	b.size += int64(len(p))
	for n := 0; n < len(p); {
		room := min(memoryMost-len(b.mem), len(p)-n)
		b.mem = append(b.mem, p[n:n+room]...)
		if n += room; len(b.mem) == memoryMost {
			if err := b.spill(); err != nil {
				return n, err
			}
		}
	}
	return len(p), nil
}

// spill writes what is in memory to the file.
func (b *body) spill() error {
	if b.file == nil {
		f, err := os.CreateTemp(b.spool, "fantail-lmtp-")
		if err != nil {
			return fmt.Errorf("keep message: %w", err)
		}
		b.file = f
		if err := os.Remove(f.Name()); err != nil {
			return fmt.Errorf("keep message: %w", err)
		}
	}
	_, err := b.file.Write(b.mem)
	b.mem = b.mem[:0]
	if err != nil {
		return fmt.Errorf("keep message: %w", err)
	}
	return nil
}

// reader reads the message, as often as it is wanted. It is for messages in a file.
func (b *body) reader() io.Reader { return io.NewSectionReader(b.file, 0, b.size) }

// drop forgets the message.
func (b *body) drop() {
	b.mem = nil
	if b.file != nil {
		b.err = errors.Join(b.err, b.file.Close())
		b.file = nil
	}
}

func (b *body) close() { b.drop() }
