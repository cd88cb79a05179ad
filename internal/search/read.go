package search

import (
	"bytes"
	"context"
	"fmt"

	"fantail/internal/message"
)

// reader reads headers of messages, one after the other, for one goroutine.
type reader struct {
	search *Search
	ctx    context.Context
	parser *message.Scanner
	buf    []byte
	head   bytes.Reader // what of buf is the header
}

// headSize is more than most headers.
const headSize = 16 << 10

// header returns a structure of message i that is right as to its own header. If
// that is short nothing else is read.
func (r *reader) header(i int) (*message.Part, error) {
	if r.parser == nil {
		r.parser = message.NewScanner(message.DefaultLimits())
		r.buf = make([]byte, headSize)
	}
	uid := r.search.Snapshot.UID(i)
	n, all, ok, err := r.search.Mailbox.ReadHead(r.ctx, uid, r.buf)
	if err != nil {
		return nil, err
	}
	if end, whole := message.HeaderEnd(r.buf[:n]); ok && (whole || all) {
		r.head.Reset(r.buf[:end])
		return r.parser.Parse(&r.head)
	}
	file, err := r.search.Mailbox.OpenMessage(r.ctx, uid)
	if err != nil {
		return nil, err
	}
	defer file.Close() // only read from
	p, err := r.parser.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("read header of UID %d: %w", uid, err)
	}
	return p, nil
}
