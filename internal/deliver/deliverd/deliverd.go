// Package deliverd is the session of LMTP: it puts messages that the front has received
// into the mailboxes of the accounts that the process has, durably, and says what became
// of each.
//
//	front ── parcel: envelope and message ──► post.go ──► package deliver
//	front ◄─ receipt: a reply for each ──────╯
//
// A parcel that is a question is answered in the same way, and nothing is delivered.
//
// It takes one parcel after the other until the front closes the connection. Invariants:
// a message that has come in part is delivered to nobody. What is answered 250 survives a
// power cut, for each recipient by itself; what is not is in no mailbox. No fault of this
// machine is answered as permanent. A parcel is read to its end whatever becomes of it.
//
// Several recipients share one file, as hard links, where their mailboxes are on one file
// system; its text is then the same for all, so it names no recipient. cmd/deliver-session
// calls Serve; package lmtpfront is the other side.
package deliverd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/processors"
	"fantail/internal/deliver"
	"fantail/internal/deliver/parcel"
	"fantail/internal/store"
)

// Conn is a connection to the front.
type Conn interface {
	io.ReadWriter
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// Options say how a session works.
type Options struct {
	// Account returns an account that the process has, or why it cannot be opened.
	Account  func(name string) (*store.Account, error)
	Settings conf.DeliverSettings
	Log      *slog.Logger
}

const (
	// partTime is how long the front may pause within a parcel, of which it has all
	// before it begins.
	partTime = time.Minute
	// receiptTime is how long it may leave a receipt unread.
	receiptTime = time.Minute

	readBuffer = 16 << 10
)

// Serve serves a connection until the front closes it or ctx ends; a parcel that has come
// is delivered and answered nevertheless.
func Serve(ctx context.Context, conn Conn, o Options) error {
	s := &session{conn: conn, in: bufio.NewReaderSize(conn, readBuffer), agent: deliver.Agent{Settings: o.Settings}, o: o}
	// Past: what waits for the next parcel returns.
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })()
	for ctx.Err() == nil {
		p, err := parcel.Read(s.in)
		switch {
		case err == io.EOF || ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		// Without ctx: what has begun is finished.
		if err := s.serve(context.WithoutCancel(ctx), p); err != nil {
			return err
		}
	}
	return nil
}

// session is one connection.
type session struct {
	conn Conn
	in   *bufio.Reader
	o    Options
	out  []byte // the last receipt

	agent deliver.Agent
}

// serve delivers one parcel and answers it.
func (s *session) serve(ctx context.Context, p *parcel.Parcel) error {
	if err := s.conn.SetReadDeadline(time.Now().Add(partTime)); err != nil && !errors.Is(err, errNoDeadline) {
		return err
	}
	var receipt *parcel.Receipt
	var err error
	processors.Blocking(func() {
		if p.Question {
			receipt = s.answer(ctx, p)
			return
		}
		receipt, err = s.post(ctx, p)
	})
	if err != nil {
		return err
	}
	if err := errors.Join(s.conn.SetReadDeadline(time.Time{}), s.conn.SetWriteDeadline(time.Now().Add(receiptTime))); err != nil && !errors.Is(err, errNoDeadline) {
		return err
	}
	if s.out, err = receipt.Append(s.out[:0]); err != nil {
		return err
	}
	_, err = s.conn.Write(s.out)
	return err
}
