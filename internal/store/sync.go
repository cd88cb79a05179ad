package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
)

// maxRounds is how often a sync looks again because other processes gave out
// UIDs meanwhile. After that the snapshot ends at its horizon.
const maxRounds = 4

// minStale is how many records of vanished files a UID list must hold before a
// rewrite is worth its fsync.
const minStale = 64

// syncState is what the last sync of a mailbox found.
type syncState struct {
	snap  *Snapshot
	known map[string]maildir.Entry // every message of snap, by base name
	gone  map[string]bool          // bases in the UID list that are proven absent
	cur   maildir.Stamp            // of the directories when they were listed
	new   maildir.Stamp
	hard  bool // unchanged stamps prove that nothing changed
}

// Sync returns what is in the mailbox now. While nothing changes it costs a few
// stat calls and returns the same snapshot.
func (m *Mailbox) Sync(ctx context.Context) (*Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refresh(ctx); err != nil {
		return nil, err
	}
	return m.state.snap, nil
}

// refresh is a sync with its errors as the package shows them; m.mu is held. A
// program that writes the UID list without our lock gets out of the way when it
// is done, so what it broke is looked at again.
func (m *Mailbox) refresh(ctx context.Context) error {
	for try := 1; ; try++ {
		_, err := m.sync(ctx)
		if err == nil {
			return nil
		}
		if !errors.Is(err, uidlist.ErrRaced) || try == maxRounds {
			return m.syncError(err)
		}
	}
}

// ready makes sure that there is a snapshot; m.mu is held.
func (m *Mailbox) ready(ctx context.Context) error {
	if m.state.snap != nil {
		return nil
	}
	return m.refresh(ctx)
}

func (m *Mailbox) syncError(err error) error {
	if errors.Is(err, fs.ErrNotExist) && m.state.snap != nil {
		return &Error{Op: "sync", Mailbox: m.name, Kind: Gone, Err: err} // deleted under us
	}
	return fail("sync", m.name, err)
}

// sync does the work of Sync; m.mu is held.
func (m *Mailbox) sync(ctx context.Context) (*Snapshot, error) {
	if !m.Current() {
		return nil, fmt.Errorf("the mailbox was deleted, renamed or replaced: %w", fs.ErrNotExist)
	}
	list, err := m.loadList()
	if err != nil {
		return nil, err
	}
	if unchanged, err := m.unchanged(list); err != nil || unchanged {
		return m.state.snap, err
	}
	for round := 1; ; round++ {
		listing, err := m.list(ctx, list)
		if err != nil {
			return nil, err
		}
		latest, err := m.assign(listing, list)
		if err != nil {
			return nil, err
		}
		horizon, ok := unplaced(latest, list, listing)
		if ok && round < maxRounds {
			list = latest
			continue
		}
		return m.adopt(latest, listing, horizon)
	}
}

// loadList reads the UID list, and makes one for a mailbox that has none. A list
// of another UIDVALIDITY than before means another mailbox.
func (m *Mailbox) loadList() (*uidlist.List, error) {
	list, err := m.uids.Load()
	var damaged *uidlist.DamagedError
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &damaged) {
		list, err = m.makeList()
	}
	if err != nil {
		return nil, err
	}
	if s := m.state.snap; s != nil && s.validity != list.Validity {
		return nil, fmt.Errorf("UIDVALIDITY changed from %d to %d: %w", s.validity, list.Validity, fs.ErrNotExist)
	}
	return list, nil
}

// makeList creates or repairs the UID list under the lock.
func (m *Mailbox) makeList() (*uidlist.List, error) {
	l, err := lockMailbox(m.dir.Path())
	if err != nil {
		return nil, err
	}
	defer l.unlock()
	return m.loadLocked()
}

// loadLocked reads the UID list, or creates or repairs it; the mailbox's lock is
// held.
func (m *Mailbox) loadLocked() (*uidlist.List, error) {
	list, err := m.uids.Load()
	var damaged *uidlist.DamagedError
	switch {
	case err == nil:
		return list, nil
	case errors.As(err, &damaged):
		m.acct.opt.Log.Error("UID list damaged, repairing", "mailbox", m.name, "err", err)
		return m.uids.Repair(uidlist.RepairOptions{Now: m.acct.opt.Clock(), Index: m.remembered(), Fresh: m.freshValidity})
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if known := m.remembered(); known != nil {
		// Somebody removed the list of a mailbox that we have open: what its
		// clients know of it goes on.
		return m.uids.Import(known)
	}
	v, err := m.freshValidity()
	if err != nil {
		return nil, err
	}
	return m.uids.Create(v, nil)
}

func (m *Mailbox) freshValidity() (mail.UIDValidity, error) {
	return uidlist.NextValidity(m.acct.root, m.acct.opt.Clock())
}

// remembered is what the last snapshot knows of the UID list, or nil.
func (m *Mailbox) remembered() *uidlist.List {
	s := m.state.snap
	if s == nil {
		return nil
	}
	l := &uidlist.List{Validity: s.validity, Next: s.next, GUID: s.guid}
	for _, r := range s.rows {
		l.Records = append(l.Records, uidlist.Record{UID: r.uid, Base: r.entry.Name.Base})
	}
	return l
}

// unchanged reports whether the last snapshot is proven to be still right.
func (m *Mailbox) unchanged(list *uidlist.List) (bool, error) {
	st := &m.state
	if st.snap == nil {
		return false, nil
	}
	if err := m.kw.Load(); err != nil {
		return false, err
	}
	if !st.snap.names.current(m.kw) || !st.hard || list.Next != st.snap.next {
		return false, nil
	}
	cur, new, err := m.dir.Stamp()
	if err != nil {
		return false, err
	}
	return cur.Equal(st.cur) && new.Equal(st.new), nil
}

// list scans the Maildir. Files that share a base name are made messages of their
// own, and then it looks again.
func (m *Mailbox) list(ctx context.Context, uids *uidlist.List) (*maildir.Listing, error) {
	expected := m.expected(uids)
	listing, err := m.dir.List(ctx, expected)
	if err != nil || len(listing.Duplicates) == 0 {
		return listing, err
	}
	held, err := lockMailbox(m.dir.Path())
	if err != nil {
		return nil, err
	}
	defer held.unlock()
	for _, e := range listing.Duplicates {
		if _, err := m.dir.Separate(ctx, e); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, maildir.ErrBusy) {
			return nil, err
		}
	}
	return m.dir.List(ctx, expected)
}

// expected is what a scan should find: the messages of the last snapshot, and
// every file in the UID list that is not proven gone. What it does not find of
// these it has to prove absent.
func (m *Mailbox) expected(list *uidlist.List) map[string]maildir.Entry {
	want := make(map[string]maildir.Entry, len(list.Records))
	for _, r := range list.Records {
		if m.state.gone[r.Base] {
			continue
		}
		e, ok := m.state.known[r.Base]
		if !ok {
			e = maildir.Entry{Name: maildir.Name{Base: r.Base}}
		}
		want[r.Base] = e
	}
	return want
}

// assign gives UIDs to the files that have none, durably, and returns the UID
// list with them. Other processes may have been faster with some.
func (m *Mailbox) assign(listing *maildir.Listing, list *uidlist.List) (*uidlist.List, error) {
	fresh := m.withoutUID(listing, list)
	if len(fresh) == 0 {
		return list, nil
	}
	l, err := lockMailbox(m.dir.Path())
	if err != nil {
		return nil, err
	}
	defer l.unlock()
	if list, err = m.loadLocked(); err != nil {
		return nil, err
	}
	fresh = m.withoutUID(listing, list)
	if len(fresh) == 0 {
		return list, nil
	}
	slices.SortFunc(fresh, maildir.Compare)
	if _, err := m.uids.Append(fresh); err != nil {
		return nil, err
	}
	for _, base := range fresh {
		delete(m.state.gone, base)
	}
	return m.uids.Load()
}

// withoutUID returns the bases of listed files that need a UID: those not in the
// UID list, and those that came back after they had been proven gone, which a
// client may have been told (RFC 9051 section 2.3.1.1: it would never look at the
// old UID again).
func (m *Mailbox) withoutUID(listing *maildir.Listing, list *uidlist.List) []string {
	inList := 0
	for _, r := range list.Records {
		if _, ok := listing.Entries[r.Base]; ok && !m.state.gone[r.Base] {
			inList++
		}
	}
	if inList == len(listing.Entries) {
		return nil
	}
	have := make(map[string]bool, len(list.Records))
	for _, r := range list.Records {
		have[r.Base] = true
	}
	var fresh []string
	for base := range listing.Entries {
		if !have[base] || m.state.gone[base] {
			fresh = append(fresh, base)
		}
	}
	return fresh
}

// unplaced returns the first UID in latest that was not yet in list when the
// directory was scanned and that the scan did not show: whether its file exists
// is not known. Without one it returns latest.Next and false.
func unplaced(latest, list *uidlist.List, listing *maildir.Listing) (mail.UID, bool) {
	for _, r := range latest.Records {
		if r.UID < list.Next {
			continue
		}
		if _, ok := listing.Entries[r.Base]; !ok {
			return r.UID, true
		}
	}
	return latest.Next, false
}

// adopt makes the snapshot of what was found and remembers it. Messages from
// horizon on are left out.
func (m *Mailbox) adopt(list *uidlist.List, listing *maildir.Listing, horizon mail.UID) (*Snapshot, error) {
	if err := m.kw.Load(); err != nil {
		return nil, err
	}
	st := &m.state
	unconfirmed := make(map[string]bool, len(listing.Unconfirmed))
	for _, b := range listing.Unconfirmed {
		unconfirmed[b] = true
	}
	snap := &Snapshot{
		validity: list.Validity,
		next:     horizon,
		guid:     list.GUID,
		rows:     make([]row, 0, len(listing.Entries)+len(unconfirmed)),
		names:    newKeywordNames(m.kw),
	}
	if st.snap != nil && st.snap.names.equal(snap.names) {
		snap.names = st.snap.names
	}
	known := make(map[string]maildir.Entry, len(listing.Entries))
	gone := make(map[string]bool, len(listing.Gone))
	for _, b := range listing.Gone {
		gone[b] = true
	}
	for _, r := range list.Records {
		if r.UID >= horizon {
			break
		}
		e, ok := listing.Entries[r.Base]
		if !ok && unconfirmed[r.Base] {
			// Not seen and not proven gone: what was visible stays visible.
			e, ok = st.known[r.Base]
		}
		if !ok {
			if st.gone[r.Base] {
				gone[r.Base] = true
			}
			continue
		}
		known[r.Base] = e
		snap.rows = append(snap.rows, row{r.UID, e})
	}
	if st.snap.same(snap) { // the scan was needed only because stamps are coarse
		snap = st.snap
	} else {
		m.forgetExpunged(st.snap, snap)
	}
	*st = syncState{
		snap:  snap,
		known: known,
		gone:  gone,
		cur:   listing.Cur,
		new:   listing.New,
		hard:  listing.Complete && len(listing.Duplicates) == 0 && horizon == list.Next,
	}
	m.compact(list, gone)
	return snap, nil
}

// compact rewrites a UID list of which more than a quarter are files that are
// gone. It is housekeeping: if it fails, the list stays as it was.
func (m *Mailbox) compact(list *uidlist.List, gone map[string]bool) {
	if len(gone) < minStale || len(gone)*4 < len(list.Records) {
		return
	}
	if err := m.compactLocked(gone); err != nil {
		m.acct.opt.Log.Warn("compact UID list", "mailbox", m.name, "err", err)
	}
}

func (m *Mailbox) compactLocked(gone map[string]bool) error {
	l, err := lockMailbox(m.dir.Path())
	if err != nil {
		return err
	}
	defer l.unlock()
	if _, err := m.uids.Load(); err != nil {
		return err
	}
	return m.uids.Compact(func(base string) bool { return !gone[base] })
}
