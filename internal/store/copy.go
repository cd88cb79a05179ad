package store

import (
	"context"
	"errors"
	"io/fs"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
)

// Copied tells which messages a Copy made (RFC 4315 section 3, COPYUID).
type Copied struct {
	UIDValidity mail.UIDValidity // of the destination
	Src, Dst    []mail.UID       // Dst[i] is the copy of Src[i]
}

// Copy copies messages with their flags and dates into dst, all or none. UIDs of
// expunged messages are left out of the result. OverQuota is the error where the
// account has no room for them.
func (m *Mailbox) Copy(ctx context.Context, uids []mail.UID, dst *Mailbox) (Copied, error) {
	from, err := m.sources(ctx, uids)
	if err != nil {
		return Copied{}, err
	}
	var octets []int64 // of each
	q, err := dst.add(ctx, dst.beyond(), func() (u Usage, err error) {
		octets, u, err = m.weigh(from)
		return u, err
	})
	if err != nil {
		return Copied{}, fail("copy", dst.name, err)
	}
	defer q.cancel()
	c, err := m.copy(ctx, from, dst)
	if err == nil && q != nil {
		q.end(copied(c, from, octets))
	}
	return c, err
}

// copy is Copy whatever the quota says.
func (m *Mailbox) copy(ctx context.Context, from []source, dst *Mailbox) (Copied, error) {
	const op = "copy"
	dst.mu.Lock()
	defer dst.mu.Unlock()
	var c Copied
	err := dst.batch(ctx, len(from), func(b *batch) (err error) {
		c, err = b.copyFrom(ctx, m, from)
		return err
	})
	if err != nil {
		return Copied{}, fail(op, dst.name, err)
	}
	return c, nil
}

// copied adds up those of the messages that were copied.
func copied(c Copied, from []source, octets []int64) (u Usage) {
	for i, s := range from {
		if u.Messages < int64(len(c.Src)) && c.Src[u.Messages] == s.uid {
			u.Octets += octets[i]
			u.Messages++
		}
	}
	return u
}

// source is a message to be copied or moved.
type source struct {
	i        int // in its index
	uid      mail.UID
	set      uint32 // of its keywords, in its mailbox
	keywords []mail.Keyword
	entry    maildir.Entry
}

func (m *Mailbox) sources(ctx context.Context, uids []mail.UID) ([]source, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	from, err := sourcesOf(m.snap.x, uids)
	if damagedIndex(err) {
		if err = m.refresh(ctx); err == nil {
			from, err = sourcesOf(m.snap.x, uids)
		}
	}
	return from, fail("copy", m.name, err)
}

// sourcesOf returns those of the messages that x has.
func sourcesOf(x *index.Index, uids []mail.UID) ([]source, error) {
	from := make([]source, 0, len(uids))
	for _, uid := range uids {
		i, ok := x.Find(uid)
		if !ok {
			continue
		}
		e, err := entryOf(x, i)
		if err != nil {
			return nil, err
		}
		set := x.Row(i).Set()
		from = append(from, source{i, uid, set, x.KeywordSet(set), e})
	}
	return from, x.Err()
}

// copying is a source with its copy.
type copying struct {
	source
	with labels
	base string // of the copy
	made maildir.Entry
	gone bool // it had been expunged by somebody
}

// copyFrom links the messages into the batch's mailbox and gives them UIDs.
func (b *batch) copyFrom(ctx context.Context, src *Mailbox, from []source) (c Copied, err error) {
	to, err := b.labelsOf(from)
	if err != nil {
		return c, err
	}
	made := make([]maildir.Entry, 0, len(from))
	c.Src = make([]mail.UID, 0, len(from))
	err = relay[copying]{
		batch: b,
		prepare: func(k int, p *copying) (bool, error) {
			s := from[k]
			*p = copying{source: s, with: to[s.set], base: src.dir.CopyBase(s.entry, b.m.dir)}
			return true, nil
		},
		act: func(p *copying) (err error) {
			p.made, err = src.dir.LinkInto(ctx, p.entry, b.m.dir, p.base, p.entry.Name.Flags, p.with.letters)
			return p.done(err)
		},
		note: func(p *copying) error {
			if p.gone {
				return nil
			}
			b.touched = true
			b.label(p.made, p.with)
			b.noteMove(maildir.Entry{}, p.made)
			made = append(made, p.made)
			c.Src = append(c.Src, p.uid)
			return nil
		},
	}.run(len(from))
	if err == nil {
		c.UIDValidity = b.x.UIDValidity()
		c.Dst, err = b.arrive(made)
	}
	if err != nil {
		return Copied{}, errors.Join(err, b.forget(made))
	}
	return c, nil
}

// done takes it for no error if the message is gone.
func (p *copying) done(err error) error {
	if p.gone = errors.Is(err, fs.ErrNotExist); p.gone {
		return nil
	}
	return err
}

// arrive makes the names of files durable that this batch has made in cur, and gives
// them UIDs. That may happen in any order: a UID without a file is spent, and a file
// without a UID is new mail.
func (b *batch) arrive(made []maildir.Entry) (uids []mail.UID, err error) {
	if len(made) == 0 {
		return nil, nil
	}
	synced := make(chan error, 1)
	go func() { synced <- b.m.dir.SyncCur() }()
	err = b.writeFurther()
	if err == nil {
		uids, err = b.giveUIDs(made)
	}
	return uids, errors.Join(err, <-synced)
}

// giveUIDs gives UIDs, durably, to files that this batch has made, in their order,
// and adds the messages.
func (b *batch) giveUIDs(made []maildir.Entry) ([]mail.UID, error) {
	if len(made) == 0 {
		return nil, nil
	}
	bases := make([]string, len(made))
	for i, e := range made {
		bases[i] = e.Name.Base
	}
	records, err := b.m.uids.Append(bases)
	if err != nil {
		return nil, err
	}
	uids := make([]mail.UID, len(records))
	for i, r := range records {
		uids[i] = r.UID
	}
	if uids[0] != b.x.UIDNext() {
		// A program that does not take our lock was faster with some: the next
		// sync finds out about all of them.
		return uids, nil
	}
	now := b.m.acct.opt.Clock()
	for i, e := range made {
		if err := b.m.addMessage(b.tx, uids[i], e, now); err != nil {
			return nil, err
		}
	}
	return uids, b.newUIDs()
}

// newUIDs takes the UID list for read as it is after an append of ours.
func (b *batch) newUIDs() error {
	list, err := b.m.uids.Load()
	if err != nil {
		return err
	}
	b.st.UIDs, b.st.Lines = b.m.listID(), uint32(list.Lines)
	return nil
}
