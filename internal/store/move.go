package store

import (
	"cmp"
	"context"
	"errors"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
)

// Move moves messages with their flags and dates into dst (RFC 6851), each by one
// rename. UIDs of expunged messages are left out of the result. After an error
// those that could be taken back are where they were. OverQuota is the error where they
// did not count, and the account has no room for them where they would.
func (m *Mailbox) Move(ctx context.Context, uids []mail.UID, dst *Mailbox) (Copied, error) {
	if m.ignored() == dst.ignored() {
		return m.move(ctx, uids, dst)
	}
	from, err := m.sources(ctx, uids)
	if err != nil {
		return Copied{}, err
	}
	var octets []int64 // of each
	weigh := func() (u Usage, err error) {
		octets, u, err = m.weigh(from)
		return u, err
	}
	var q *charge
	if dst.ignored() {
		if q = m.charge(); q != nil {
			_, err = weigh()
		}
	} else {
		q, err = dst.add(ctx, dst.beyond(), weigh)
	}
	defer q.cancel()
	if err != nil {
		return Copied{}, fail("move", dst.name, err)
	}
	c, err := m.move(ctx, uids, dst)
	if err == nil && q != nil {
		u := copied(c, from, octets)
		if dst.ignored() {
			u = Usage{Octets: -u.Octets, Messages: -u.Messages}
		}
		q.end(u)
	}
	return c, err
}

// move is Move whatever the quota says.
func (m *Mailbox) move(ctx context.Context, uids []mail.UID, dst *Mailbox) (Copied, error) {
	const op = "move"
	if m == dst || sameDir(m, dst) {
		// Within one mailbox a move is a new UID for the same message.
		from, err := m.sources(ctx, uids)
		if err != nil {
			return Copied{}, err
		}
		c, err := m.copy(ctx, from, dst)
		if err == nil {
			err = m.expunge(ctx, c.Src, nil)
		}
		return c, err
	}
	first, second := m, dst
	if order(m, dst) > 0 {
		first, second = dst, m
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	second.mu.Lock()
	defer second.mu.Unlock()
	a, err := first.begin(ctx, len(uids))
	if err != nil {
		return Copied{}, fail(op, first.name, err)
	}
	b, err := second.begin(ctx, len(uids))
	if err != nil {
		return Copied{}, fail(op, second.name, a.end(err))
	}
	from, to := a, b
	if first == dst {
		from, to = b, a
	}
	c, err := from.moveTo(ctx, uids, to)
	err = from.end(to.end(err))
	if err != nil {
		return Copied{}, fail(op, m.name, err)
	}
	return c, nil
}

// sameDir reports whether two mailboxes are one directory: of accounts that were
// opened twice.
func sameDir(a, b *Mailbox) bool { return order(a, b) == 0 }

// order is the order in which the locks of two mailboxes are taken, in every
// process.
func order(a, b *Mailbox) int {
	return cmp.Or(cmp.Compare(a.self.dev, b.self.dev), cmp.Compare(a.self.ino, b.self.ino))
}

// moveTo moves messages into the mailbox of another batch.
func (b *batch) moveTo(ctx context.Context, uids []mail.UID, dst *batch) (c Copied, err error) {
	from, err := sourcesOf(b.x, uids)
	if err != nil {
		return c, err
	}
	to, err := dst.labelsOf(from)
	if err != nil {
		return c, err
	}
	made := make([]maildir.Entry, 0, len(from))
	went := make([]source, 0, len(from))
	err = relay[copying]{
		batch: b,
		prepare: func(k int, p *copying) (bool, error) {
			s := from[k]
			*p = copying{source: s, with: to[s.set], base: b.m.dir.CopyBase(s.entry, dst.m.dir)}
			return true, nil
		},
		act: func(p *copying) (err error) {
			p.made, err = b.m.dir.MoveInto(ctx, p.entry, dst.m.dir, maildir.Target{}, p.base, p.entry.Name.Flags, p.with.letters)
			return p.done(err)
		},
		note: func(p *copying) error {
			if p.gone {
				return b.expunged(p.i)
			}
			b.touched, dst.touched = true, true
			dst.label(p.made, p.with)
			b.noteMove(p.entry, maildir.Entry{})
			dst.noteMove(maildir.Entry{}, p.made)
			made = append(made, p.made)
			went = append(went, p.source)
			return nil
		},
	}.run(len(from))
	if err == nil {
		c.UIDValidity = dst.x.UIDValidity()
		c.Dst, err = dst.arrive(made)
	}
	if err != nil {
		return Copied{}, errors.Join(err, b.takeBack(dst, went, made))
	}
	for _, s := range went {
		c.Src = append(c.Src, s.uid)
		if err := b.expunged(s.i); err != nil {
			return c, err
		}
	}
	return c, nil
}

// takeBack moves messages back that a failed move has moved. Nothing of the move
// is entered into the indexes: the next sync of each mailbox looks.
func (b *batch) takeBack(dst *batch, went []source, made []maildir.Entry) error {
	b.enterNothing()
	dst.enterNothing()
	var errs []error
	for i, e := range made {
		// Not the caller's context: it may be what ended the move.
		_, err := dst.m.dir.MoveInto(context.Background(), e, b.m.dir, maildir.Target{New: went[i].entry.New}, went[i].entry.Name.Base, e.Name.Flags, went[i].entry.Name.Letters)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
