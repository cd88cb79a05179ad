package store

import (
	"context"
	"errors"
	"io"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
)

// Append is a batch of messages on their way into a mailbox, all or none
// (RFC 3502). It belongs to one goroutine and ends with Commit or Abort.
type Append struct {
	m   *Mailbox
	dls []*maildir.Delivery
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
	const op = "append"
	b.m.mu.Lock()
	letters, err := b.m.letters(f.Keywords, true)
	b.m.mu.Unlock()
	if err != nil {
		return nil, fail(op, b.m.name, err)
	}
	d, err := b.m.dir.NewDelivery()
	if err != nil {
		return nil, fail(op, b.m.name, err)
	}
	d.SetFlags(f.Flags, letters)
	if !date.IsZero() {
		d.SetDate(date)
	}
	b.dls = append(b.dls, d)
	return d, nil
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
func (b *Append) Commit(ctx context.Context) (Appended, error) {
	const op = "append"
	m := b.m
	if err := ctx.Err(); err != nil {
		return Appended{}, fail(op, m.name, errors.Join(err, b.Abort()))
	}
	before, err := m.nextUID()
	if err != nil {
		return Appended{}, fail(op, m.name, errors.Join(err, b.Abort()))
	}
	made, err := m.dir.Commit(b.dls, maildir.Target{New: true})
	b.dls = nil
	if err != nil {
		return Appended{}, fail(op, m.name, err)
	}
	validity, uids, err := m.giveUIDs(made, before)
	if err != nil {
		return Appended{}, fail(op, m.name, errors.Join(err, m.undo(made)))
	}
	return Appended{UIDValidity: validity, UIDs: uids}, nil
}
