package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
)

var errGoneBox = fmt.Errorf("the mailbox was deleted, renamed or replaced: %w", maildir.ErrVanished)

// FlagSet is a set of flags and keywords.
type FlagSet struct {
	Flags    mail.Flags
	Keywords []mail.Keyword
}

// FlagChange is a change of flags as STORE makes it (RFC 9051 section 6.4.6).
type FlagChange struct {
	Op mail.Op
	FlagSet
}

// Stored tells what became of the messages of a SetFlagsIf that were not changed.
type Stored struct {
	Missing  []mail.UID // expunged by somebody
	Modified []mail.UID // changed since the given modseq: left as they are
}

// SetFlags changes the flags of the messages, each by one atomic rename. It
// returns the UIDs of those that were expunged by somebody. Changes that others
// make at the same moment are kept: adding and removing act on the flags that
// the file has at the time of its rename.
func (m *Mailbox) SetFlags(ctx context.Context, uids []mail.UID, c FlagChange) (missing []mail.UID, err error) {
	s, err := m.SetFlagsIf(ctx, uids, c, math.MaxInt64)
	return s.Missing, err
}

// SetFlagsIf is SetFlags for messages that have not changed since a modseq, which
// the others have exceeded (RFC 7162 section 3.1.3, UNCHANGEDSINCE).
func (m *Mailbox) SetFlagsIf(ctx context.Context, uids []mail.UID, c FlagChange, since mail.ModSeq) (s Stored, err error) {
	const op = "change flags"
	m.mu.Lock()
	defer m.mu.Unlock()
	err = m.batch(ctx, len(uids), func(b *batch) error {
		s = Stored{}
		return b.setFlags(ctx, uids, c, since, &s)
	})
	return s, fail(op, m.name, err)
}

func (b *batch) setFlags(ctx context.Context, uids []mail.UID, c FlagChange, since mail.ModSeq, s *Stored) error {
	l, err := b.labels(c.Keywords, c.Op != mail.Remove)
	if err != nil {
		return err
	}
	err = relay[flagging]{
		batch: b,
		prepare: func(k int, f *flagging) (ok bool, err error) {
			if f.i, ok = b.x.Find(uids[k]); !ok {
				s.Missing = append(s.Missing, uids[k])
				return false, nil
			}
			if b.x.ModSeq(f.i) > since {
				s.Modified = append(s.Modified, uids[k])
				return false, nil
			}
			f.from, err = entryOf(b.x, f.i)
			return err == nil, err
		},
		act: func(f *flagging) (err error) {
			f.to, err = b.m.dir.ChangeFlags(ctx, f.from, func(n maildir.Name) maildir.Name { return c.rename(n, l) })
			if f.gone = errors.Is(err, fs.ErrNotExist); f.gone {
				return nil
			}
			return err
		},
		note: func(f *flagging) error {
			if f.gone {
				s.Missing = append(s.Missing, b.x.UID(f.i))
				return b.expunged(f.i)
			}
			return b.noteFlags(f, &c, l)
		},
	}.run(len(uids))
	slices.Sort(s.Missing)
	return errors.Join(err, b.x.Err(), b.writeFurther())
}

// flagging is a change of the flags of message i.
type flagging struct {
	i        int
	from, to maildir.Entry
	gone     bool // it had been expunged by somebody
}

// noteFlags enters a change of flags.
func (b *batch) noteFlags(f *flagging, c *FlagChange, l labels) error {
	if f.to != f.from {
		b.noteMove(f.from, f.to)
	}
	before := b.further(f.to.Name.Base)
	after := c.further(before, l)
	if !sameKeywords(before, after) {
		b.setFurther(f.to.Name.Base, after)
	} else if f.to == f.from {
		return nil
	}
	b.touched = true
	return enterEntry(b.tx, b.x, f.i, f.to, union(b.m.names.set(f.to.Name.Letters), after))
}

// rename returns the name that a message gets by the change.
func (c *FlagChange) rename(n maildir.Name, l labels) maildir.Name {
	switch c.Op {
	case mail.Add:
		return n.With(n.Flags|c.Flags, n.Letters|l.letters)
	case mail.Remove:
		return n.With(n.Flags&^c.Flags, n.Letters&^l.letters)
	default:
		return n.With(c.Flags, l.letters)
	}
}

// further returns the keywords beyond the letters that a message has after the
// change.
func (c *FlagChange) further(kws []mail.Keyword, l labels) []mail.Keyword {
	switch c.Op {
	case mail.Add:
		return union(kws, l.more)
	case mail.Remove:
		return without(kws, l.more)
	default:
		return l.more
	}
}

// expunged records that message i is gone, which has been proven.
func (b *batch) expunged(i int) error {
	b.touched = true
	return b.tx.Expunge(b.x.UID(i))
}

// ClaimRecent moves the messages in new to cur, as a session does that selects
// the mailbox for reading and writing, and returns the UIDs of those that this
// call moved: they are \Recent to the caller and to no other session (RFC 3501
// section 2.3.2).
func (m *Mailbox) ClaimRecent(ctx context.Context) (claimed []mail.UID, err error) {
	const op = "claim recent"
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	arrived := m.snap.x.Counts().New
	if arrived == 0 {
		return nil, nil
	}
	err = m.batch(ctx, arrived, func(b *batch) error {
		more, err := b.claim(ctx)
		claimed = append(claimed, more...)
		return err
	})
	return claimed, fail(op, m.name, err)
}

func (b *batch) claim(ctx context.Context) (claimed []mail.UID, err error) {
	for _, i := range newMessages(b.x) {
		from, err := entryOf(b.x, i)
		if err != nil {
			return claimed, err
		}
		to, err := b.m.dir.TakeNew(ctx, from)
		if errors.Is(err, maildir.ErrLost) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return claimed, err
		}
		b.touched = true
		b.noteMove(from, to)
		if err := enterEntry(b.tx, b.x, i, to, b.m.keywordsOf(to.Name)); err != nil {
			return claimed, err
		}
		claimed = append(claimed, b.x.UID(i))
	}
	return claimed, b.x.Err()
}

// Expunge removes exactly these messages. Those that are gone already are no
// error.
func (m *Mailbox) Expunge(ctx context.Context, uids []mail.UID) error {
	r := removal{charge: m.charge()}
	err := m.expunge(ctx, uids, &r)
	r.end(r.gone)
	return err
}

// expunge is Expunge; r, if there is one, adds up what goes.
func (m *Mailbox) expunge(ctx context.Context, uids []mail.UID, r *removal) error {
	const op = "expunge"
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.batch(ctx, len(uids), func(b *batch) error { return b.expunge(ctx, uids, r) })
	return fail(op, m.name, err)
}

// ExpungeIf removes those of these messages of which may says so, as they are when the
// mailbox is locked. One whose flags another program has changed, and nobody has seen it
// yet, stays and is in changed.
func (m *Mailbox) ExpungeIf(ctx context.Context, uids []mail.UID, may func(mail.UID, mail.Flags, []mail.Keyword) bool) (changed []mail.UID, err error) {
	const op = "expunge"
	r := removal{charge: m.charge()}
	m.mu.Lock()
	err = m.batch(ctx, len(uids), func(b *batch) (err error) {
		changed, err = b.expungeBy(ctx, uids, &r, func(i int) bool { return may(b.x.UID(i), b.x.Flags(i), b.x.Keywords(i)) })
		return err
	})
	m.mu.Unlock()
	r.end(r.gone)
	return changed, fail(op, m.name, err)
}

func (b *batch) expunge(ctx context.Context, uids []mail.UID, r *removal) error {
	_, err := b.expungeBy(ctx, uids, r, nil)
	return err
}

// expungeBy removes messages, whatever their names have become; or, where may is not nil,
// those of which it says so, by the names that the index has. changed are those that have
// other names.
func (b *batch) expungeBy(ctx context.Context, uids []mail.UID, r *removal, may func(i int) bool) (changed []mail.UID, err error) {
	type removing struct {
		i      int
		entry  maildir.Entry
		octets int64
		stays  bool
	}
	err = relay[removing]{
		batch: b,
		prepare: func(k int, e *removing) (ok bool, err error) {
			if e.i, ok = b.x.Find(uids[k]); !ok || may != nil && !may(e.i) {
				return false, nil
			}
			if e.entry, err = entryOf(b.x, e.i); err == nil {
				e.octets, err = r.weigh(b.m, e.entry)
			}
			return err == nil, err
		},
		act: func(e *removing) error {
			if may == nil {
				return b.m.dir.Remove(ctx, e.entry)
			}
			removed, err := b.m.dir.RemoveAs(e.entry)
			e.stays = !removed
			return err
		},
		note: func(e *removing) error {
			if e.stays {
				changed = append(changed, b.x.UID(e.i))
				return nil // to what, the next look at the directory tells
			}
			r.took(e.octets)
			b.noteMove(e.entry, maildir.Entry{})
			return b.expunged(e.i)
		},
	}.run(len(uids))
	return changed, errors.Join(err, b.x.Err())
}

// newMessages returns the messages that lie in new, ascending. They are mostly the
// last ones.
func newMessages(x *index.Index) []int {
	var found []int
	for i, left := x.Len()-1, x.Counts().New; left > 0 && i >= 0; i-- {
		if x.Row(i).New() {
			found = append(found, i)
			left--
		}
	}
	slices.Reverse(found)
	return found
}
