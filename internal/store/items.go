package store

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
)

// Item is something that was computed from a message and is kept for the next who
// asks. To the store it is octets: who computes it knows its form.
type Item = index.ItemKind

// The items. Those of IMAP are as FETCH sends them.
const (
	Envelope      = index.Envelope
	BodyStructure = index.BodyStructure
	Body          = index.Body
	SortKeys      = index.SortKeys
	ThreadKeys    = index.ThreadKeys
	Preview       = index.Preview
	// HeaderFields are fields that clients ask for, as FETCH sends them.
	HeaderFields = index.Header
)

// KeptItem is an item with its octets.
type KeptItem = index.Item

// learned is what was found out about messages and is not in the index yet.
type learned struct {
	since  time.Time // of the first
	stats  map[mail.UID]Stat
	items  map[mail.UID][]index.Item
	octets int // of items
}

// Writing what was learned is worth a lock when there is so much of it, or when it
// is so old.
const (
	learnedOctets = 1 << 20
	learnedStats  = 4096
	learnedAge    = 2 * time.Second
)

func (l *learned) begin() {
	if l.stats == nil {
		*l = learned{since: time.Now(), stats: make(map[mail.UID]Stat), items: make(map[mail.UID][]index.Item)}
	}
}

func (l *learned) stat(uid mail.UID, st Stat) {
	l.begin()
	l.stats[uid] = st
}

func (l *learned) empty() bool { return l.stats == nil }

// Items are the cached items of one message. The zero value has none.
type Items struct {
	index   index.Items
	learned []index.Item // win
}

// Append appends an item to dst. It reports false if nobody has computed it yet;
// the caller does, and gives it to KeepItems.
func (it *Items) Append(dst []byte, kind Item) ([]byte, bool) {
	for _, l := range it.learned {
		if l.Kind == kind {
			return append(dst, l.Data...), true
		}
	}
	return it.index.Append(dst, kind)
}

// Has reports whether somebody has computed an item.
func (it *Items) Has(kind Item) bool {
	for _, l := range it.learned {
		if l.Kind == kind {
			return true
		}
	}
	return it.index.Has(kind)
}

// LoadItems looks up the cached items of message i of s. Without an error it takes
// the mailbox's lock only while something waits to be written.
func (m *Mailbox) LoadItems(it *Items, s *Snapshot, i int) (err error) {
	it.learned = nil
	if m.learning.Load() {
		m.mu.Lock()
		it.learned = m.learned.items[s.x.UID(i)]
		m.mu.Unlock()
	}
	it.index, err = m.index.Items(s.x, i)
	return fail("read cached items", m.name, err)
}

// maxItem is the size of an item that is worth keeping, in octets.
const maxItem = 64 << 10

// KeepItems remembers items of a message, and writes them to disk some time. Too
// large ones are not kept.
func (m *Mailbox) KeepItems(uid mail.UID, items ...KeptItem) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := &m.learned
	l.begin()
	m.learning.Store(true)
	for _, it := range items {
		if len(it.Data) > maxItem {
			continue
		}
		// The slice may have been handed out: it is not written to.
		l.items[uid] = append(slices.Clip(l.items[uid]), index.Item{Kind: it.Kind, Data: bytes.Clone(it.Data)})
		l.octets += len(it.Data)
	}
	if l.octets >= learnedOctets {
		m.flush()
	}
}

// flushDue writes what was learned if it is worth it; m.mu is held.
func (m *Mailbox) flushDue() {
	l := &m.learned
	if !l.empty() && (l.octets >= learnedOctets || len(l.stats) >= learnedStats || time.Since(l.since) > learnedAge) {
		m.flush()
	}
}

// flush writes what was learned into the index; m.mu is held. It is only a cache:
// what cannot be written is found out again.
func (m *Mailbox) flush() {
	if m.learned.empty() {
		return
	}
	var err error
	if m.aside == nil {
		err = m.writeLearned()
	}
	m.learned = learned{}
	m.learning.Store(false)
	if err != nil {
		m.acct.opt.Log.Warn("write cache", "mailbox", m.name, "err", err)
	}
}

func (m *Mailbox) writeLearned() (err error) {
	l, err := m.lock(context.Background())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.unlock()) }()
	tx, err := l.Begin()
	if unusable(err) {
		return nil // of no use without an index
	}
	if err != nil {
		return err
	}
	defer tx.Abort()
	x := tx.Index()
	if m.snap == nil || x.UIDValidity() != m.snap.x.UIDValidity() {
		return nil
	}
	for _, uid := range slices.Sorted(maps.Keys(m.learned.stats)) { // the fastest order
		st := m.learned.stats[uid]
		i, ok := x.Find(uid)
		if !ok {
			continue
		}
		if saved, ok := x.Row(i).Saved(); ok {
			st.Saved = saved // another process was asked first
		}
		if err := errors.Join(tx.SetSizes(uid, st.Stored, st.Size), tx.SetDates(uid, st.Date, st.Saved)); err != nil {
			return err
		}
	}
	for _, uid := range slices.Sorted(maps.Keys(m.learned.items)) {
		if _, ok := x.Find(uid); !ok {
			continue
		}
		if err := tx.SetItems(uid, m.learned.items[uid]...); err != nil {
			return err
		}
	}
	y, err := tx.Commit()
	m.wrote = err == nil || m.wrote
	return m.show(y, err)
}

// tidy is done when nobody waits any more: what was learned is written, journals
// that have grown become snapshots, and the index is marked as complete, so that
// a power cut casts no doubt on it; m.mu is held.
func (m *Mailbox) tidy() {
	m.flush()
	if m.snap == nil || m.aside != nil || !m.wrote && !m.cleanDue(m.snap.x) {
		return
	}
	if err := m.tidyIndex(); err != nil {
		m.acct.opt.Log.Warn("tidy index", "mailbox", m.name, "err", err)
	}
	m.wrote = false
}

func (m *Mailbox) tidyIndex() (err error) {
	if !m.Current() {
		return nil
	}
	l, err := m.lock(context.Background())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.unlock()) }()
	if err := m.clean(l); err != nil {
		return err
	}
	if l.Due() {
		if _, err := l.Checkpoint(); err != nil {
			return err
		}
	}
	due, err := l.CacheDue()
	if err == nil && due {
		_, err = l.CompactCache()
	}
	if err == nil {
		err = l.Clean()
	}
	if unusable(err) {
		return nil // nothing to tidy
	}
	return err
}

func (m *Mailbox) cleanDue(x *index.Index) bool {
	return maildir.CleanDue(x.Checked(), m.acct.opt.Clock())
}

// clean cleans tmp, once a day, and the lines for messages without letters that are
// gone.
func (m *Mailbox) clean(l *held) error {
	tx, err := l.Begin()
	if unusable(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer tx.Abort()
	x := tx.Index()
	if !m.cleanDue(x) {
		return nil
	}
	now := m.acct.opt.Clock()
	if err := m.dir.CleanTmp(now); err != nil {
		return err
	}
	if m.name == mail.Inbox { // as good a day for the rest of the tree
		if err := m.acct.tree.Clean(now); err != nil {
			return err
		}
	}
	if err := x.Verify(); err != nil {
		return nil // the next sync sees to it
	}
	err = m.more.Compact(func(base string) bool {
		_, ok := x.FindBase(base)
		return ok
	})
	if err != nil {
		return err
	}
	if err := tx.SetChecked(now); err != nil {
		return err
	}
	_, err = tx.Commit()
	return err
}
