package store

import (
	"context"
	"errors"

	"fantail/internal/store/maildir"
)

// Appends that wait for the mailbox at the same time become part of it together:
// whoever comes first does it for all who wait, under one lock, with one sync of the
// directory and one of the UID list. Each is still all or none. One that cannot be
// done for a reason of its own is left out; what befalls the disk befalls all.

// publishing is an Append whose messages are on disk, in tmp.
type publishing struct {
	b    *Append
	ctx  context.Context
	with []labels // of its messages

	done bool // guarded by Mailbox.mu, as is what follows
	got  Appended
	err  error
}

// publish makes the messages part of the mailbox, and perhaps those of others.
func (m *Mailbox) publish(ctx context.Context, b *Append) (Appended, error) {
	p := &publishing{b: b, ctx: ctx}
	m.queueMu.Lock()
	m.queue = append(m.queue, p)
	m.queueMu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !p.done {
		m.queueMu.Lock()
		all := m.queue
		m.queue = nil
		m.queueMu.Unlock()
		m.publishAll(all)
	}
	return p.got, p.err
}

// publishAll does what those who wait want; m.mu is held.
func (m *Mailbox) publishAll(all []*publishing) {
	ctx, messages := all[0].ctx, 0
	for _, p := range all {
		messages += len(p.b.dls)
	}
	if len(all) > 1 {
		ctx = context.WithoutCancel(ctx) // one who leaves must not stop the others
	}
	err := errBrokenOff // if this ends by a panic, which is one session's
	defer func() {
		for _, p := range all {
			p.done = true
			if err != nil {
				p.got, p.err = Appended{}, errors.Join(p.err, err)
			}
		}
	}()
	t, failed := m.begin(ctx, messages)
	if failed == nil {
		failed = t.end(t.append(all))
	}
	err = failed
}

var errBrokenOff = errors.New("append broken off")

// append publishes messages and gives them UIDs, in the order of those who wait.
func (t *batch) append(all []*publishing) error {
	var joined []*publishing
	var dls []*maildir.Delivery
	for _, p := range all {
		if p.err = p.ready(t); p.err == nil {
			joined = append(joined, p)
			dls = append(dls, p.b.dls...)
		}
	}
	if len(joined) == 0 {
		return nil
	}
	made, err := t.m.dir.Publish(dls, maildir.Target{New: true})
	for _, p := range joined {
		p.b.dls = nil
	}
	if err != nil {
		return err
	}
	at := 0
	for _, p := range joined {
		for _, l := range p.with {
			t.label(made[at], l)
			t.noteMove(maildir.Entry{}, made[at])
			at++
		}
	}
	t.touched = true
	// The names and the UIDs may come to the disk in any order: a UID without a file
	// is spent, and a file without a UID is new mail.
	synced := make(chan error, 1)
	go func() { synced <- t.m.dir.SyncNames(made) }()
	err = t.writeFurther()
	if err == nil {
		err = t.numberAll(joined, made)
	}
	if err = errors.Join(err, <-synced); err != nil {
		return errors.Join(err, t.forget(made))
	}
	return nil
}

// ready finds out the labels of the messages, and gives the files their flags.
func (p *publishing) ready(t *batch) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	p.with = make([]labels, len(p.b.dls))
	for i, d := range p.b.dls {
		var err error
		if p.with[i], err = t.labels(p.b.flags[i].Keywords, true); err != nil {
			return err
		}
		d.SetFlags(p.b.flags[i].Flags, p.with[i].letters)
	}
	return nil
}

// numberAll gives the messages UIDs, and tells each who waits those of its own.
func (t *batch) numberAll(joined []*publishing, made []maildir.Entry) error {
	uids, err := t.giveUIDs(made)
	if err != nil {
		return err
	}
	for _, p := range joined {
		n := len(p.with)
		p.got = Appended{UIDValidity: t.x.UIDValidity(), UIDs: uids[:n:n]}
		uids = uids[n:]
	}
	return nil
}
