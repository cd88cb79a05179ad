package store

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
	"fantail/internal/store/quota"
)

// Usage is an amount of mail: octets as stored, and messages.
type Usage = quota.Usage

// Limits are how much mail an account may have; 0 is no limit.
type Limits = quota.Limits

// Quota returns how much mail the account has and may have, in all its mailboxes.
// Without limits nothing is counted, and both are zero.
func (a *Account) Quota(ctx context.Context) (Usage, Limits, error) {
	const op = "read quota"
	l, err := a.quota.Limits()
	if err != nil || l == (Limits{}) {
		return Usage{}, Limits{}, fail(op, "", err)
	}
	u, err := a.quota.Usage(ctx)
	return u, l, fail(op, "", err)
}

// Fits returns an OverQuota error if the account has no room for more mail in this
// mailbox. It is for those who know the size of a message before they have it; what adds
// mail asks by itself.
func (m *Mailbox) Fits(ctx context.Context, more Usage) error {
	if m.ignored() {
		return nil
	}
	return fail("check quota", m.name, m.acct.fits(ctx, more, m.beyond()))
}

// FitsDelivery is Fits for one message that is to be delivered, and so may go beyond the
// limits by grace. An empty one has room nowhere that is full.
func (m *Mailbox) FitsDelivery(ctx context.Context, octets int64) error {
	if m.ignored() {
		return nil
	}
	more := Usage{Octets: max(octets, 1), Messages: 1}
	return fail("check quota", m.name, m.acct.fits(ctx, more, m.delivered()))
}

// delivered is beyond for mail that is delivered.
func (m *Mailbox) delivered() quota.Beyond {
	b := m.beyond()
	b.Grace = m.acct.opt.Grace
	return b
}

// ignored reports whether the mailbox has no limits, and its mail does not count.
func (m *Mailbox) ignored() bool { return m.acct.opt.Ignored[m.name] }

// beyond is how far mail may go beyond the limits that is for this mailbox.
func (m *Mailbox) beyond() quota.Beyond { return quota.Beyond{Extra: m.acct.opt.Extra[m.name]} }

// fits refuses what is too much, and nothing else: a quota that cannot be read is
// for the administrator to know.
func (a *Account) fits(ctx context.Context, more Usage, b quota.Beyond) error {
	err := a.quota.FitsBeyond(ctx, more, b)
	if err == nil || errors.Is(err, quota.ErrOver) || ctx.Err() != nil {
		return err
	}
	a.opt.Log.Warn("quota not checked", "err", err)
	return nil
}

// charge is a change of the amount of mail that is being made. It is nil where
// there is no quota, and its methods do nothing then.
type charge struct {
	a     *Account
	c     *quota.Change
	quiet bool // nobody is warned
}

// charge begins a change, if there is a quota: before mail comes or goes.
func (a *Account) charge() *charge {
	if !a.quota.Exists() {
		return nil
	}
	c, err := a.quota.Begin()
	if err != nil {
		a.opt.Log.Warn("quota not kept", "err", err)
		return nil
	}
	return &charge{a: a, c: c}
}

// charge begins a change of this mailbox's mail.
func (m *Mailbox) charge() *charge {
	if m.ignored() {
		return nil
	}
	return m.acct.charge()
}

// add begins a change by mail that is about to come, and refuses it if it is too
// much. Sizes are asked only where there is a quota.
func (m *Mailbox) add(ctx context.Context, b quota.Beyond, more func() (Usage, error)) (*charge, error) {
	if m.ignored() || !m.acct.quota.Exists() {
		return nil, nil
	}
	u, err := more()
	if err == nil {
		err = m.acct.fits(ctx, u, b)
	}
	if err != nil {
		return nil, err
	}
	return m.acct.charge(), nil
}

// end ends the change: u has come, or gone if it is negative.
func (c *charge) end(u Usage) {
	if c != nil {
		c.tell(c.c.End(u.Octets, u.Messages))
		if !c.quiet {
			c.a.warn()
		}
	}
}

// cancel ends a change that was not made.
func (c *charge) cancel() {
	if c != nil {
		c.tell(c.c.Cancel())
	}
}

// spoil ends a change by an unknown amount.
func (c *charge) spoil() {
	if c != nil {
		c.tell(c.c.Spoil())
	}
}

func (c *charge) tell(err error) {
	if err != nil {
		c.a.opt.Log.Warn("quota not kept", "err", err)
	}
}

// amount counts all mail of an account. All mailboxes count that are not ignored, the
// trash too, as in Dovecot.
type amount struct{ *Account }

// Times of file systems are not exact: what has just changed may change again and
// look the same. So a stamp waits a moment for that to be over.
const (
	stampTries = 3
	stampWait  = 25 * time.Millisecond
)

// Stamp is part of quota.Mail. Where directories do not come to rest, no two
// stamps are equal.
func (q amount) Stamp(ctx context.Context) (uint64, error) {
	for range stampTries {
		sum, settled, err := q.look(ctx)
		if settled || err != nil {
			return sum, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(stampWait):
		}
	}
	return rand.Uint64(), nil
}

// look hashes the stamps of all mailboxes.
func (q amount) look(ctx context.Context) (sum uint64, settled bool, err error) {
	h := fnv.New64a()
	settled = true
	now := time.Now()
	err = q.each(ctx, func(folder string) error {
		cur, new, err := q.tree.Stamp(folder)
		if err != nil {
			return err
		}
		settled = settled && cur.Settled(now) && new.Settled(now)
		b := append([]byte(folder), 0)
		for _, s := range []maildir.Stamp{cur, new} {
			for _, n := range []uint64{s.Dev, s.Ino, uint64(s.Mtime), uint64(s.Ctime)} {
				b = binary.LittleEndian.AppendUint64(b, n)
			}
		}
		h.Write(b) // never fails
		return nil
	})
	return h.Sum64(), settled, err
}

// each visits the folders that hold mail which counts. One that vanishes meanwhile
// holds none.
func (q amount) each(ctx context.Context, visit func(folder string) error) error {
	folders, err := q.tree.List()
	if err != nil {
		return err
	}
	for _, f := range append([]string{""}, folders...) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if q.ignored(f) {
			continue
		}
		if err := visit(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// ignored reports whether a folder is a mailbox whose mail does not count.
func (q amount) ignored(folder string) bool {
	if len(q.opt.Ignored) == 0 {
		return false
	}
	name, ok := mail.Inbox, true
	if folder != "" {
		name, ok = q.reachable(folder)
	}
	return ok && q.opt.Ignored[name]
}

// Count is part of quota.Mail.
func (q amount) Count(ctx context.Context) (Usage, error) {
	var sum Usage
	err := q.each(ctx, func(folder string) error {
		d, err := q.tree.Open(folder)
		if err != nil {
			return err
		}
		u, err := q.count(ctx, d)
		if err = errors.Join(err, d.Close()); err == nil {
			sum.Octets += u.Octets
			sum.Messages += u.Messages
		}
		return err
	})
	return sum, err
}

// count adds up one folder: from its index, if that is true, or from the names of
// the files. It takes no lock, and makes no index.
func (q amount) count(ctx context.Context, d *maildir.Dir) (Usage, error) {
	if u, ok := q.indexed(d); ok {
		return u, nil
	}
	var u Usage
	for w, err := range d.Sweeps(ctx, 0) {
		if err != nil {
			return Usage{}, err
		}
		u = Usage{}
		for file, new := range w.Files() {
			n, ok := maildir.ParseName(file)
			if !ok {
				continue
			}
			octets, err := stored(d, maildir.Entry{Name: n, File: file, New: new})
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return Usage{}, err
			}
			u.Octets += octets
			u.Messages++
		}
		if w.Probable() {
			break
		}
	}
	return u, nil
}

// indexed adds up the index, if it is of what the directories hold.
func (q amount) indexed(d *maildir.Dir) (u Usage, ok bool) {
	f, err := q.openIndex(d)
	if err != nil {
		return Usage{}, false
	}
	defer f.Close() // it was only read from
	x, err := f.Load()
	if err != nil {
		return Usage{}, false
	}
	cur, new, err := d.Stamp()
	st := x.Stamps()
	if err != nil || !st.Hard || dirStamp(cur) != st.Cur || dirStamp(new) != st.New {
		return Usage{}, false
	}
	for _, r := range x.Rows() {
		octets, ok := r.Stored()
		if !ok {
			return Usage{}, false
		}
		u.Octets += octets
		u.Messages++
	}
	return u, x.Err() == nil
}

// stored returns the octets of a message as stored: what its name says, or else
// the file system.
func stored(d *maildir.Dir, e maildir.Entry) (int64, error) {
	if n, ok := e.Name.Size(); ok {
		return n, nil
	}
	info, err := d.Stat(e)
	return info.Size, err
}

// weigh returns what each of the messages takes, and their sum. Those that are gone
// take nothing.
func (m *Mailbox) weigh(from []source) (octets []int64, sum Usage, err error) {
	octets = make([]int64, len(from))
	for i, s := range from {
		n, err := stored(m.dir, s.entry)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, Usage{}, err
		}
		octets[i] = n
		sum.Octets += n
		sum.Messages++
	}
	return octets, sum, nil
}

// removal adds up the messages that an expunge removes. A nil one adds up nothing.
type removal struct {
	*charge
	gone Usage
}

// weigh returns what a message takes, before it is removed.
func (r *removal) weigh(m *Mailbox, e maildir.Entry) (int64, error) {
	if r == nil || r.charge == nil {
		return 0, nil
	}
	octets, err := stored(m.dir, e)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return octets, err
}

// took says that a message of that weight is gone.
func (r *removal) took(octets int64) {
	if r != nil {
		r.gone.Octets -= octets
		r.gone.Messages--
	}
}
