package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
	"fantail/internal/store/packed"
)

// Append is a batch of messages on their way into a mailbox, all or none
// (RFC 3502). It belongs to one goroutine and ends with Commit or Abort.
type Append struct {
	m     *Mailbox
	dls   []*maildir.Delivery
	flags []FlagSet // of each
	heads [][]byte  // their first octets
}

// Appended tells which UIDs the messages of a batch got, in order (RFC 4315
// section 3, APPENDUID).
type Appended struct {
	UIDValidity mail.UIDValidity
	UIDs        []mail.UID
}

// NewAppend begins a batch.
func (m *Mailbox) NewAppend() (*Append, error) { return &Append{m: m}, nil }

// Add begins the next message of the batch. The caller writes its bytes, as they
// shall be stored, to the writer. A zero date means now.
func (b *Append) Add(f FlagSet, date time.Time) (io.Writer, error) {
	d, err := b.m.dir.NewDelivery()
	if err != nil {
		return nil, fail("append", b.m.name, err)
	}
	if !date.IsZero() {
		d.SetDate(date)
	}
	b.dls = append(b.dls, d)
	b.flags = append(b.flags, f)
	b.heads = append(b.heads, nil)
	return &appending{b, d, len(b.heads) - 1}, nil
}

// appending is the writer of one message. Its errors have a Kind.
type appending struct {
	b *Append
	d *maildir.Delivery
	i int // of the message
}

func (w *appending) Write(p []byte) (int, error) {
	head := &w.b.heads[w.i]
	*head = append(*head, p[:min(len(p), packed.Head-len(*head))]...)
	n, err := w.d.Write(p)
	return n, fail("append", w.b.m.name, err)
}

// plain refuses messages that begin like files which Dovecot has compressed: they
// would be unpacked whenever they are read.
func (b *Append) plain() error {
	for _, head := range b.heads {
		if f := packed.Detect(head); f != packed.Plain {
			return &Error{Op: "append", Mailbox: b.m.name, Kind: Invalid, Err: fmt.Errorf("the message begins like a file packed by %v", f)}
		}
	}
	return nil
}

// Abort throws the batch away. After Commit it does nothing.
func (b *Append) Abort() error {
	var errs []error
	for _, d := range b.dls {
		errs = append(errs, d.Abort())
	}
	b.dls = nil
	return fail("append", b.m.name, errors.Join(errs...))
}

// Commit makes the messages part of the mailbox. When it returns without an error
// they and their UIDs are on disk; with an error none of them is in the mailbox.
// OverQuota is the error where the account has no room for them.
func (b *Append) Commit(ctx context.Context) (Appended, error) {
	done, err := b.commit(ctx)
	if err != nil {
		return Appended{}, fail("append", b.m.name, errors.Join(err, b.Abort()))
	}
	return done, nil
}

func (b *Append) commit(ctx context.Context) (Appended, error) {
	m := b.m
	if err := errors.Join(ctx.Err(), b.plain()); err != nil {
		return Appended{}, err
	}
	u := usageOf(b.dls)
	q, err := m.add(ctx, m.beyond(), func() (Usage, error) { return u, nil })
	if err != nil {
		return Appended{}, err
	}
	defer q.cancel()
	if err := m.dir.Finish(b.dls); err != nil { // the sync of the content needs no lock
		return Appended{}, err
	}
	done, err := m.publish(ctx, b)
	if err == nil {
		q.end(u)
	}
	return done, err
}

// Scratch makes a file without a name, for a message that cannot be added yet.
func (m *Mailbox) Scratch() (*os.File, error) {
	f, err := packed.Anonymous(filepath.Join(m.dir.Path(), "tmp"))
	return f, fail("append", m.name, err)
}

// usageOf adds up messages that are being written.
func usageOf(dls []*maildir.Delivery) (u Usage) {
	for _, d := range dls {
		octets, _ := d.Size()
		u.Octets += octets
		u.Messages++
	}
	return u
}
