package store

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

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
