// Package deliver is the local delivery agent: it puts one message into a
// mailbox, durably, and tells the MTA what happened.
//
// The MTA hands over responsibility with the exit status (sysexits
// numbers, see Code). So there are two rules: 0 means that the message survives
// a power cut, and no fault of this machine may look permanent, because the MTA
// would bounce a message that could be delivered a minute later.
//
// A delivery takes no lock and gives no UID; it only writes, syncs and renames.
package deliver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// Envelope is what the MTA says about a message besides its bytes.
type Envelope struct {
	Mailbox string  // where to; "" is INBOX
	Sender  *string // return path, "" for a bounce; nil if the MTA did not say
}

// ErrEmpty reports that there was no message to deliver. An MTA always has one:
// it died or was misconfigured, and should try again.
var ErrEmpty = errors.New("no message on standard input")

// Deliver reads a message from in until its end and puts it into the account.
// If the mailbox does not exist the message goes to INBOX, as a message in the
// wrong mailbox is better than none.
func Deliver(ctx context.Context, a *store.Account, env Envelope, in io.Reader, log *slog.Logger) error {
	m, err := open(ctx, a, env.Mailbox, log)
	if err != nil {
		return err
	}
	defer m.Close()
	d, err := m.NewDelivery()
	if err != nil {
		return err
	}
	n, err := write(d, env, bufio.NewReaderSize(in, 64<<10))
	if err != nil {
		return errors.Join(err, d.Abort())
	}
	if err := d.Commit(ctx); err != nil {
		return err
	}
	log.Info("delivered", "mailbox", m.Name(), "size", n)
	return nil
}

func open(ctx context.Context, a *store.Account, name string, log *slog.Logger) (*store.Mailbox, error) {
	if name == "" {
		name = mail.Inbox
	}
	m, err := a.Open(ctx, name)
	if err == nil || name == mail.Inbox {
		return m, err
	}
	switch store.KindOf(err) {
	case store.NotFound, store.Invalid:
		log.Warn("mailbox does not exist, delivering to INBOX", "mailbox", name, "err", err)
		return a.Open(ctx, mail.Inbox)
	}
	return nil, err
}

// write copies the message, less an mbox "From " line that some MTAs put before
// it, and returns its size. A return path that the MTA names goes on top
// (RFC 5321 section 4.4: the system that makes the final delivery adds it).
func write(w io.Writer, env Envelope, in *bufio.Reader) (int64, error) {
	if err := skipFromLine(in); err != nil {
		return 0, err
	}
	var top int64
	if env.Sender != nil {
		n, err := fmt.Fprintf(w, "Return-Path: <%s>\n", *env.Sender)
		if err != nil {
			return 0, err
		}
		top = int64(n)
	}
	n, err := io.Copy(w, in)
	if err != nil {
		return 0, fmt.Errorf("copy message: %w", err)
	}
	if n == 0 {
		return 0, ErrEmpty
	}
	return top + n, nil
}

func skipFromLine(in *bufio.Reader) error {
	from := []byte("From ")
	if start, err := in.Peek(len(from)); !bytes.Equal(start, from) {
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read message: %w", err)
		}
		return nil
	}
	for {
		_, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return ErrEmpty
		case err != nil:
			return fmt.Errorf("read message: %w", err)
		}
		return nil
	}
}

// CheckSender returns the address of a return path as an MTA writes it, with or
// without angle brackets, or an error if it could not stand in a header field.
func CheckSender(s string) (string, error) {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || c == '<' || c == '>' {
			return "", fmt.Errorf("sender %q cannot be a return path", s)
		}
	}
	return s, nil
}
