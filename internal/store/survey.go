package store

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"math/bits"
	"slices"
	"strings"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
)

// survey compares the Maildir with what the index says of it, and enters the
// difference. The lock is held all the time, so that one process looks and the
// others profit.
type survey struct {
	m    *Mailbox
	tx   *index.Tx
	x    *index.Index // what is known
	list *uidlist.List
	ids  fileIDs

	upto  mail.UID // of the list as it was before the first sweep
	aside bool     // no file can be written

	round int            // sweeps so far
	w     *maildir.Sweep // the last one
	seen  bitset         // messages of x, in any sweep
	last  bitset         // in this one
	moved map[int]maildir.Entry
	fresh []sighting     // files that x does not know
	at    map[string]int // in fresh, by base
	twice []string       // bases that two files have, in this sweep

	given given

	proof    bool // the last sweep is one
	hard     bool // and nothing stands against its stamps
	open     bool // there are UIDs whose files may or may not exist
	followed bool // with the help of the tail
	tailed   bool // it has been running since before the sweep
	soft     bool // the last sweep is proof if the index's stamp of cur is right
	cur, new maildir.Stamp
}

// sighting is a file and the last sweep that saw it.
type sighting struct {
	maildir.Entry
	round int
	uid   bool // the list has a UID for it
}

// survey brings the index up to date within tx and commits it.
func (m *Mailbox) survey(ctx context.Context, tx *index.Tx, list *uidlist.List, ids fileIDs) (*index.Index, error) {
	s := newSurvey(m, tx, list, ids)
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	m.anchor(false)
	if err := s.enter(); err != nil {
		return nil, err
	}
	x, err := tx.Commit()
	m.anchor(err == nil && s.proof && (s.hard || s.followed) && !s.open && len(s.twice) == 0)
	return x, err
}

func newSurvey(m *Mailbox, tx *index.Tx, list *uidlist.List, ids fileIDs) *survey {
	return &survey{m: m, tx: tx, x: tx.Index(), list: list, ids: ids, upto: list.Next}
}

// run finds out what is in the Maildir.
func (s *survey) run(ctx context.Context) error {
	if err := s.m.loadKeywords(s.ids); err != nil {
		return err
	}
	s.start()
	ok, err := s.follow()
	if ok || err != nil {
		return err
	}
	for try := 1; ; try++ {
		s.start()
		if err := s.look(ctx); err != nil {
			return err
		}
		again, err := s.separate(ctx)
		if err != nil || !again || try == maxRounds {
			return err
		}
	}
}

func (s *survey) start() {
	*s = survey{m: s.m, tx: s.tx, x: s.x, list: s.list, ids: s.ids, upto: s.upto, aside: s.aside, tailed: s.m.tail != nil}
	s.seen, s.last = newBitset(s.x.Len()), newBitset(s.x.Len())
	s.moved = make(map[int]maildir.Entry)
	s.at = make(map[string]int)
}

// look sweeps the Maildir until everything that is known was seen or is proven
// gone, or it must be left open. If cur is still as the index says, new alone is
// read: a delivery costs the same in a mailbox of any size.
func (s *survey) look(ctx context.Context) error {
	st := s.x.Stamps()
	if st.Hard || s.m.soft(st) {
		w, err := s.m.dir.SweepNew(maildirStamp(st.Cur))
		if err != nil {
			return err
		}
		if w != nil {
			s.assumeCur()
			s.add(w)
			// Behind a soft stamp a message may have gone from new to cur: then its
			// absence from new is no proof.
			s.proof, s.hard, s.soft = s.proof && st.Hard, st.Hard, s.proof && !st.Hard
			if s.enough(w) {
				return nil
			}
			s.start()
		}
	}
	for w, err := range s.m.dir.Sweeps(ctx, s.x.Len()) {
		if err != nil {
			return err
		}
		s.add(w)
		s.hard = true
		if err := s.overlay(); err != nil {
			return err
		}
		if s.enough(w) {
			return nil
		}
		if _, open := s.horizon(); w.Still() && !open && s.m.dir.Networked() {
			return nil // what is missing may be gone in two seconds, too
		}
		// A storm: the next sweep will be proof, if the changes can be had.
		s.m.startTail()
		s.tailed = s.m.tail != nil
	}
	return nil
}

// assumeCur takes every message in cur for seen.
func (s *survey) assumeCur() {
	s.last.fill(s.x.Len())
	for _, i := range newMessages(s.x) {
		s.last.clear(i)
	}
	s.seen.or(s.last)
}

// add takes in what a sweep has seen.
func (s *survey) add(w *maildir.Sweep) {
	s.w = w
	s.round++
	if s.round > 1 {
		s.last.reset()
	} else {
		s.cur, s.new = w.Stamps()
	}
	s.twice, s.soft = nil, false
	if s.proof = w.Proof(); s.proof {
		s.cur, s.new = w.Stamps()
	}
	if n := w.Len() - s.x.Len(); s.fresh == nil && n > 64 {
		s.fresh = make([]sighting, 0, n)
		s.at = make(map[string]int, n)
	}
	var have []byte
	for file, new := range w.Files() {
		base, _, _ := strings.Cut(file, ":")
		i, ok := s.x.FindBase(base)
		if !ok {
			s.addFresh(base, file, new)
			continue
		}
		if s.last.has(i) {
			s.twice = append(s.twice, base)
		}
		s.last.set(i)
		have = s.x.AppendName(have[:0], i)
		if string(have) == file && s.x.Row(i).New() == new {
			delete(s.moved, i)
			continue
		}
		if n, ok := maildir.ParseName(file); ok {
			s.moved[i] = maildir.Entry{Name: n, File: file, New: new}
		}
	}
	s.seen.or(s.last)
}

// note takes down where message i of x is.
func (s *survey) note(i int, e maildir.Entry) {
	have := s.x.Name(i)
	if have == e.File && s.x.Row(i).New() == e.New {
		delete(s.moved, i)
		return
	}
	s.moved[i] = e
}

func (s *survey) addFresh(base, file string, new bool) {
	n, ok := maildir.ParseName(file)
	if !ok {
		return
	}
	if i, ok := s.at[base]; ok && s.fresh[i].round == s.round {
		s.twice = append(s.twice, base)
	}
	s.noteFresh(base, maildir.Entry{Name: n, File: file, New: new})
}

func (s *survey) noteFresh(base string, e maildir.Entry) {
	seen := sighting{Entry: e, round: s.round}
	if i, ok := s.at[base]; ok {
		s.fresh[i] = seen
		return
	}
	s.at[base] = len(s.fresh)
	s.fresh = append(s.fresh, seen)
}

// enough reports whether no further sweep is wanted. Without proof it does if
// nothing is missing and the sweep probably was whole; the index is then not
// believed for long.
func (s *survey) enough(w *maildir.Sweep) bool {
	if s.proof {
		s.seen = s.last
		return true
	}
	if s.seen.count() < s.x.Len() || !w.Probable() && s.x.Len() == 0 {
		s.soft = false
		return false
	}
	_, open := s.horizon()
	return !open
}

// file returns the file of a base that x does not know.
func (s *survey) file(base string) (maildir.Entry, bool) {
	i, ok := s.at[base]
	if !ok || s.proof && s.fresh[i].round != s.round { // it was seen, and went
		return maildir.Entry{}, false
	}
	return s.fresh[i].Entry, true
}

// horizon returns the first UID of the list whose file may or may not exist. No
// message from there on can be shown, because one that turned up later would have
// a lower UID than messages that clients know. A proof covers the records that
// were in the list when the sweep began.
func (s *survey) horizon() (_ mail.UID, open bool) {
	given := s.given
	for _, r := range s.news() {
		if s.proof && r.UID < s.upto {
			continue
		}
		if _, ok := given.take(r.UID); ok {
			continue
		}
		if _, ok := s.file(r.Base); ok {
			continue
		}
		if i, ok := s.x.FindBase(r.Base); ok && s.seen.has(i) {
			continue
		}
		return r.UID, true
	}
	return s.list.Next, false
}

// given are UIDs that the survey has just given, ascending, and for each the
// message's place in fresh: who walks through the list needs no look-up.
type given struct {
	records []uidlist.Record
	fresh   []int
}

// take returns the place of the next one, if it has that UID.
func (g *given) take(uid mail.UID) (fresh int, ok bool) {
	if len(g.records) == 0 || g.records[0].UID != uid {
		return 0, false
	}
	fresh = g.fresh[0]
	g.records, g.fresh = g.records[1:], g.fresh[1:]
	return fresh, true
}

// news returns the records of the list that x does not know.
func (s *survey) news() []uidlist.Record {
	next := s.x.UIDNext()
	i, _ := slices.BinarySearchFunc(s.list.Records, next, func(r uidlist.Record, uid mail.UID) int { return int(r.UID) - int(uid) })
	return s.list.Records[i:]
}

// separate ends duplicates: files that share a base name become messages of
// their own. It reports whether it did, which calls for another look.
func (s *survey) separate(ctx context.Context) (again bool, err error) {
	if !s.proof || len(s.twice) == 0 {
		return false, nil
	}
	for _, base := range s.twice {
		found := s.w.Find(base)
		for _, e := range found[min(1, len(found)):] {
			switch _, err := s.m.dir.Separate(ctx, e); {
			case err == nil:
				again = true
			case errors.Is(err, maildir.ErrBusy): // perhaps somebody is between link and unlink
			case errors.Is(err, fs.ErrNotExist):
				again = true
			default:
				return false, err
			}
		}
	}
	s.hard = false
	return again, nil
}

// enter puts the difference into the transaction.
func (s *survey) enter() error {
	// What was compared with a damaged index would look like new mail.
	if err := s.x.Err(); err != nil {
		return err
	}
	if err := s.enterMoved(); err != nil {
		return err
	}
	if err := s.enterGone(); err != nil {
		return err
	}
	if err := s.enterKeywords(); err != nil {
		return err
	}
	if err := s.giveUIDs(); err != nil {
		return err
	}
	var horizon mail.UID
	horizon, s.open = s.horizon()
	if err := s.enterNews(horizon); err != nil {
		return err
	}
	if id, ok := guid(s.list); ok && id != s.x.GUID() {
		if err := s.tx.SetGUID(id); err != nil {
			return err
		}
	}
	return s.tx.SetStamps(s.stamps())
}

// stamps is what the index is true of. What was not proven has none, so that the
// next sync looks again.
func (s *survey) stamps() index.Stamps {
	st := index.Stamps{Keywords: s.ids.keywords, Overflow: s.ids.overflow}
	if !s.open { // else there are records that the index does not have
		st.UIDs, st.Lines = s.ids.uids, uint32(s.list.Lines)
	}
	if (s.proof || s.soft) && !s.open && len(s.twice) == 0 {
		st.Cur, st.New, st.Hard = dirStamp(s.cur), dirStamp(s.new), s.hard
	}
	return st
}

func (s *survey) enterMoved() error {
	order := make([]int, 0, len(s.moved))
	for i := range s.moved {
		if s.seen.has(i) {
			order = append(order, i)
		}
	}
	slices.Sort(order)
	for _, i := range order {
		e := s.moved[i]
		if err := enterEntry(s.tx, s.x, i, e, s.m.keywordsOf(e.Name)); err != nil {
			return err
		}
	}
	return nil
}

// enterEntry records where message i of x is now, and its flags.
func enterEntry(tx *index.Tx, x *index.Index, i int, e maildir.Entry, keywords []mail.Keyword) error {
	r := x.Row(i)
	if r.Flags == e.Name.Flags && sameKeywords(x.KeywordSet(r.Set()), keywords) {
		return tx.Move(r.UID, e.File, e.New)
	}
	return tx.SetFlags(r.UID, e.File, e.New, e.Name.Flags, keywords)
}

func (s *survey) enterGone() error {
	if !s.proof {
		return nil
	}
	for i := range s.seen.zeros(s.x.Len()) {
		if err := s.tx.Expunge(s.x.UID(i)); err != nil {
			return err
		}
	}
	return nil
}

// enterKeywords looks at all messages with keywords again if the meaning of
// letters has changed, or what stands in fantail-keywords.
func (s *survey) enterKeywords() error {
	st := s.x.Stamps()
	if st.Keywords == s.ids.keywords && st.Overflow == s.ids.overflow {
		return nil
	}
	look := newBitset(s.x.Len())
	for i, r := range s.x.Rows() {
		if r.Set() != 0 {
			look.set(i)
		}
	}
	for base := range s.m.more.All() {
		if i, ok := s.x.FindBase(base); ok {
			look.set(i)
		}
	}
	for i := range look.ones() {
		if _, done := s.moved[i]; done || !s.seen.has(i) {
			continue
		}
		e, err := entryOf(s.x, i)
		if err != nil {
			return err
		}
		r := s.x.Row(i)
		if keywords := s.m.keywordsOf(e.Name); !sameKeywords(s.x.KeywordSet(r.Set()), keywords) {
			if err := s.tx.SetFlags(r.UID, e.File, e.New, r.Flags, keywords); err != nil {
				return err
			}
		}
	}
	return nil
}

// enterNews adds the messages that have got UIDs since x was made, up to the
// horizon. Those whose files are proven gone count as expunged.
func (s *survey) enterNews(horizon mail.UID) error {
	given := s.given
	for _, r := range s.news() {
		if r.UID >= horizon {
			break
		}
		if at, ok := given.take(r.UID); ok {
			if err := s.m.addMessage(s.tx, r.UID, s.fresh[at].Entry, time.Time{}); err != nil {
				return err
			}
			continue
		}
		e, ok := s.file(r.Base)
		if i, known := s.x.FindBase(r.Base); known {
			// Another program took the file for one that had been gone, and so for
			// a new message.
			if !s.seen.has(i) {
				continue
			}
			if err := s.tx.Expunge(s.x.UID(i)); err != nil {
				return err
			}
			var err error
			if e, err = s.where(i); err != nil {
				return err
			}
			ok = true
		}
		if !ok {
			continue
		}
		if err := s.m.addMessage(s.tx, r.UID, e, time.Time{}); err != nil {
			return err
		}
	}
	return s.tx.SetUIDNext(max(horizon, s.x.UIDNext()))
}

// where returns the file of message i of x as it was seen.
func (s *survey) where(i int) (maildir.Entry, error) {
	if at, ok := s.moved[i]; ok {
		return at, nil
	}
	return entryOf(s.x, i)
}

// giveUIDs gives UIDs to the files that have none, durably: they are in the list
// then. A file that came back after it had been proven gone gets a new one, since a
// client may have been told (RFC 9051 section 2.3.1.1: it would never look at the
// old UID again).
func (s *survey) giveUIDs() error {
	if _, open := s.horizon(); open || s.aside {
		return nil
	}
	for _, r := range s.news() {
		if i, ok := s.at[r.Base]; ok {
			s.fresh[i].uid = true
		}
	}
	order := s.unlisted()
	if len(order) == 0 {
		return nil
	}
	bases := make([]string, len(order))
	for i, at := range order {
		bases[i] = strings.Clone(s.fresh[at].Name.Base)
	}
	if err := s.x.Err(); err != nil {
		return err // it may know them after all
	}
	records, err := s.m.uids.Append(bases)
	if err != nil {
		return err
	}
	s.given = given{records, order}
	if s.list, err = s.m.uids.Load(); err != nil {
		return err
	}
	s.ids.uids = s.m.listID()
	return nil
}

// unlisted returns the places in fresh of the messages that have no UID, in the
// order in which they shall get them.
func (s *survey) unlisted() []int {
	type arrival struct {
		when uint64
		at   int
	}
	all := make([]arrival, 0, len(s.fresh))
	for i := range s.fresh {
		if f := &s.fresh[i]; !f.uid && (!s.proof || f.round == s.round) {
			all = append(all, arrival{maildir.Arrival(f.Name.Base), i})
		}
	}
	slices.SortFunc(all, func(a, b arrival) int {
		if a.when != b.when {
			return cmp.Compare(a.when, b.when)
		}
		return maildir.Compare(s.fresh[a.at].Name.Base, s.fresh[b.at].Name.Base)
	})
	order := make([]int, len(all))
	for i, a := range all {
		order[i] = a.at
	}
	return order
}

// addMessage adds a message to the index, with what its name says. saved is when it
// came into the mailbox; zero if that has to be found out.
func (m *Mailbox) addMessage(tx *index.Tx, uid mail.UID, e maildir.Entry, saved time.Time) error {
	msg := index.Message{
		UID:      uid,
		File:     e.File,
		New:      e.New,
		Flags:    e.Name.Flags,
		Keywords: m.keywordsOf(e.Name),
		Stored:   -1,
		Virtual:  -1,
		Saved:    saved,
	}
	if n, ok := e.Name.Size(); ok {
		msg.Stored = n
		if v, ok := e.Name.VirtualSize(); ok {
			msg.Virtual = v
		}
	}
	return tx.Add(msg)
}

// bitset is a set of message numbers.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) clear(i int)    { b[i/64] &^= 1 << (i % 64) }
func (b bitset) reset()         { clear(b) }

// fill puts the numbers below n in.
func (b bitset) fill(n int) {
	for i := range b {
		b[i] = ^uint64(0)
	}
	if n%64 != 0 {
		b[len(b)-1] = 1<<(n%64) - 1
	}
}

func (b bitset) or(c bitset) {
	for i := range b {
		b[i] |= c[i]
	}
}

func (b bitset) count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// ones yields the numbers that are in the set.
func (b bitset) ones() iter.Seq[int] {
	return func(yield func(int) bool) {
		for w, bits64 := range b {
			for rest := bits64; rest != 0; rest &= rest - 1 {
				if !yield(w*64 + bits.TrailingZeros64(rest)) {
					return
				}
			}
		}
	}
}

// zeros yields the numbers below n that are not in the set.
func (b bitset) zeros(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for w, bits64 := range b {
			for rest := ^bits64; rest != 0; rest &= rest - 1 {
				i := w*64 + bits.TrailingZeros64(rest)
				if i >= n || !yield(i) {
					return
				}
			}
		}
	}
}
