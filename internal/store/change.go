package store

import (
	"context"
	"errors"
	"io/fs"
	"math/bits"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
)

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

// SetFlags changes the flags of the messages, each by one atomic rename. It
// returns the UIDs of those that were expunged by somebody. Changes that others
// make at the same moment are kept: adding and removing act on the flags that
// the file has at the time of its rename.
func (m *Mailbox) SetFlags(ctx context.Context, uids []mail.UID, c FlagChange) (missing []mail.UID, err error) {
	const op = "change flags"
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	letters, err := m.letters(c.Keywords, c.Op != mail.Remove)
	if err != nil {
		return nil, fail(op, m.name, err)
	}
	change := func(n maildir.Name) maildir.Name {
		switch c.Op {
		case mail.Add:
			return n.With(n.Flags|c.Flags, n.Letters|letters)
		case mail.Remove:
			return n.With(n.Flags&^c.Flags, n.Letters&^letters)
		default:
			return n.With(c.Flags, letters)
		}
	}
	for _, uid := range uids {
		if err := ctx.Err(); err != nil {
			return missing, fail(op, m.name, err)
		}
		e, ok := m.known(uid)
		if !ok {
			missing = append(missing, uid)
			continue
		}
		e, err := m.dir.ChangeFlags(ctx, e, change)
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, uid)
			continue
		}
		if err != nil {
			return missing, fail(op, m.name, err)
		}
		m.state.known[e.Name.Base] = e
	}
	return missing, nil
}

// known returns where the file of a message was last seen; m.mu is held.
func (m *Mailbox) known(uid mail.UID) (maildir.Entry, bool) {
	i, ok := m.state.snap.Find(uid)
	if !ok {
		return maildir.Entry{}, false
	}
	e, ok := m.state.known[m.state.snap.rows[i].entry.Name.Base]
	return e, ok
}

// letters returns the letters of the keywords; m.mu is held. Those that have none
// yet get one if define is set, and are left out otherwise.
func (m *Mailbox) letters(kws []mail.Keyword, define bool) (maildir.Letters, error) {
	if len(kws) == 0 {
		return 0, nil
	}
	if err := m.kw.Load(); err != nil {
		return 0, err
	}
	l, unnamed := m.namedLetters(kws)
	if len(unnamed) == 0 || !define {
		return l, nil
	}
	held, err := lockMailbox(m.dir.Path())
	if err != nil {
		return 0, err
	}
	defer held.unlock()
	if err := m.kw.Load(); err != nil {
		return 0, err
	}
	l, unnamed = m.namedLetters(kws)
	for _, kw := range unnamed {
		i, err := m.kw.Add(kw)
		if err != nil {
			return 0, err
		}
		l |= 1 << i
	}
	return l, nil
}

func (m *Mailbox) namedLetters(kws []mail.Keyword) (l maildir.Letters, unnamed []mail.Keyword) {
	for _, kw := range kws {
		if i, ok := m.kw.Letter(kw); ok {
			l |= 1 << i
		} else {
			unnamed = append(unnamed, kw)
		}
	}
	return l, unnamed
}

// ClaimRecent moves the messages in new to cur, as a session does that selects
// the mailbox for reading and writing, and returns the UIDs of those that this
// call moved: they are \Recent to the caller and to no other session (RFC 3501
// section 2.3.2).
func (m *Mailbox) ClaimRecent(ctx context.Context) ([]mail.UID, error) {
	const op = "claim recent"
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	var claimed []mail.UID
	for _, r := range m.state.snap.rows {
		if !r.entry.New {
			continue
		}
		e, err := m.dir.TakeNew(ctx, r.entry)
		if errors.Is(err, maildir.ErrLost) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return claimed, fail(op, m.name, err)
		}
		m.state.known[e.Name.Base] = e
		claimed = append(claimed, r.uid)
	}
	return claimed, nil
}

// Expunge removes exactly these messages. Those that are gone already are no
// error.
func (m *Mailbox) Expunge(ctx context.Context, uids []mail.UID) error {
	const op = "expunge"
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ready(ctx); err != nil {
		return err
	}
	for _, uid := range uids {
		if err := ctx.Err(); err != nil {
			return fail(op, m.name, err)
		}
		e, ok := m.known(uid)
		if !ok {
			continue
		}
		if err := m.dir.Remove(ctx, e); err != nil {
			return fail(op, m.name, err)
		}
	}
	return nil
}

// Copied tells which messages a Copy made (RFC 4315 section 3, COPYUID).
type Copied struct {
	UIDValidity mail.UIDValidity // of the destination
	Src, Dst    []mail.UID       // Dst[i] is the copy of Src[i]
}

// Copy copies messages with their flags and dates into dst, all or none. UIDs of
// expunged messages are left out of the result.
func (m *Mailbox) Copy(ctx context.Context, uids []mail.UID, dst *Mailbox) (Copied, error) {
	const op = "copy"
	sources, names, err := m.sources(ctx, uids)
	if err != nil {
		return Copied{}, err
	}
	toDst, err := dst.mapLetters(sources, names)
	if err != nil {
		return Copied{}, fail(op, dst.name, err)
	}
	before, err := dst.nextUID()
	if err != nil {
		return Copied{}, fail(op, dst.name, err)
	}
	var c Copied
	var made []maildir.Entry
	for _, s := range sources {
		if err = ctx.Err(); err != nil {
			break
		}
		n := s.entry.Name
		var e maildir.Entry
		e, err = m.dir.LinkInto(ctx, s.entry, dst.dir, n.Flags, toDst(n.Letters))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
			continue
		}
		if err != nil {
			break
		}
		made = append(made, e)
		c.Src = append(c.Src, s.uid)
	}
	if err == nil && len(made) > 0 {
		err = dst.dir.SyncCur()
	}
	if err == nil {
		c.UIDValidity, c.Dst, err = dst.giveUIDs(made, before)
	}
	if err != nil {
		return Copied{}, fail(op, dst.name, errors.Join(err, dst.undo(made)))
	}
	return c, nil
}

// sources returns the rows of the messages to copy and what the letters in their
// names mean.
func (m *Mailbox) sources(ctx context.Context, uids []mail.UID) ([]row, *keywordNames, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ready(ctx); err != nil {
		return nil, nil, err
	}
	rows := make([]row, 0, len(uids))
	for _, uid := range uids {
		if e, ok := m.known(uid); ok {
			rows = append(rows, row{uid, e})
		}
	}
	return rows, m.state.snap.names, nil
}

// mapLetters returns a function from the letters in rows of another mailbox,
// whose names are given, to the letters of this one. Keywords that this mailbox
// lacks are defined. When its letters are used up they are dropped: a copy
// without a keyword is better than none.
func (m *Mailbox) mapLetters(rows []row, names *keywordNames) (func(maildir.Letters) maildir.Letters, error) {
	var used maildir.Letters
	for _, r := range rows {
		used |= r.entry.Name.Letters
	}
	var to [uidlist.MaxKeywords]maildir.Letters
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range to {
		if used&(1<<i) == 0 {
			continue
		}
		l, err := m.letters(names.set(1<<i), true)
		if errors.Is(err, uidlist.ErrKeywordsFull) {
			m.acct.opt.Log.Warn("keyword lost in copy", "mailbox", m.name, "err", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		to[i] = l
	}
	return func(l maildir.Letters) maildir.Letters {
		var out maildir.Letters
		for ; l != 0; l &= l - 1 {
			out |= to[bits.TrailingZeros32(uint32(l))]
		}
		return out
	}, nil
}

// nextUID returns a UID that is not greater than the next one to be given.
func (m *Mailbox) nextUID() (mail.UID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list, err := m.loadList()
	if err != nil {
		return 0, err
	}
	return list.Next, nil
}

// giveUIDs gives UIDs to files made since nextUID returned before, and returns
// them in the same order. The files are visible already, so somebody else's sync
// may have given some of them theirs: names sort in the order of their making, so
// do the UIDs.
func (m *Mailbox) giveUIDs(made []maildir.Entry, before mail.UID) (mail.UIDValidity, []mail.UID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	held, err := lockMailbox(m.dir.Path())
	if err != nil {
		return 0, nil, err
	}
	defer held.unlock()
	list, err := m.loadLocked()
	if err != nil {
		return 0, nil, err
	}
	at := make(map[string]int, len(made))
	for i, e := range made {
		at[e.Name.Base] = i
	}
	uids := make([]mail.UID, len(made))
	note := func(r uidlist.Record) {
		if i, ok := at[r.Base]; ok {
			uids[i] = r.UID
		}
	}
	for i := len(list.Records) - 1; i >= 0 && list.Records[i].UID >= before; i-- {
		note(list.Records[i])
	}
	var fresh []string
	for i, e := range made {
		if uids[i] == 0 {
			fresh = append(fresh, e.Name.Base)
		}
	}
	if len(fresh) == 0 {
		return list.Validity, uids, nil
	}
	records, err := m.uids.Append(fresh)
	if err != nil {
		return 0, nil, err
	}
	for _, r := range records {
		note(r)
	}
	return list.Validity, uids, nil
}

// undo removes files that were made for an operation that then failed.
func (m *Mailbox) undo(made []maildir.Entry) error {
	var errs []error
	for _, e := range made {
		// Not the caller's context: it may be what ended the operation.
		errs = append(errs, m.dir.Remove(context.Background(), e))
	}
	return errors.Join(errs...)
}
