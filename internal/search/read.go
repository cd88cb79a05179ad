package search

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"fantail/internal/message"
)

// reader reads headers of messages, one after the other, for one goroutine.
type reader struct {
	search *Search
	ctx    context.Context
	parser *message.Scanner
	buf    []byte
}

// headSize is more than most headers.
const headSize = 16 << 10

// header returns a structure of message i that is right as to its own header. If
// that is short nothing else is read.
func (r *reader) header(i int) (*message.Part, error) {
	uid := r.search.Snapshot.UID(i)
	file, err := r.search.Mailbox.OpenMessage(r.ctx, uid)
	if err != nil {
		return nil, err
	}
	defer file.Close() // only read from
	p, err := r.parse(file)
	if err != nil {
		return nil, fmt.Errorf("read header of UID %d: %w", uid, err)
	}
	return p, nil
}

func (r *reader) parse(file *os.File) (*message.Part, error) {
	if r.parser == nil {
		r.parser = message.NewScanner(message.DefaultLimits())
		r.buf = make([]byte, headSize)
	}
	n, err := file.ReadAt(r.buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	end, ok := message.HeaderEnd(r.buf[:n])
	if !ok && n == len(r.buf) {
		return r.parser.Parse(file)
	}
	return r.parser.Parse(bytes.NewReader(r.buf[:end]))
}
