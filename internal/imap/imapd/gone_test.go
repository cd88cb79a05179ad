package imapd_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

// hangUp is a client that goes away: reads and writes fail as they do then.
type hangUp struct {
	feed
	read, write error
}

func (h *hangUp) Read(p []byte) (int, error) {
	n, err := h.feed.Read(p)
	if err != nil {
		return n, h.read
	}
	return n, nil
}

func (h *hangUp) Write(p []byte) (int, error) {
	if h.write != nil {
		return 0, h.write
	}
	return h.feed.Write(p)
}

// TestGone: a client that closes its end while answers are on their way is no
// error, and one of the disk is.
func TestGone(t *testing.T) {
	for _, c := range []struct {
		name        string
		read, write error
		bad         bool
	}{
		{name: "reset", read: syscall.ECONNRESET},
		{name: "reset and broken pipe", read: syscall.ECONNRESET, write: syscall.EPIPE},
		{name: "broken pipe", write: syscall.EPIPE},
		{name: "another error", read: syscall.EIO, bad: true},
		{name: "another error of a write", write: syscall.EIO, bad: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := &hangUp{feed: feed{in: strings.NewReader("a SELECT INBOX\r\nb NOOP\r\n")}, read: c.read, write: c.write}
			err := serve(t, newMaildir(t), conn, quiet)
			if c.bad != (err != nil) || c.bad && !errors.Is(err, syscall.EIO) {
				t.Errorf("error %v", err)
			}
		})
	}
}
