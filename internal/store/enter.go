package store

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
)

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
	id, ok := guid(s.list)
	if !ok && s.x.GUID() == [16]byte{} {
		// A list of long ago, or none that can be written.
		id, ok = madeUpGUID(s.m.acct.plain(s.m.name), s.tx.Index().UIDValidity()), true
	}
	if ok && id != s.x.GUID() {
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
	given, news := s.given, s.news()
	for _, r := range news {
		if r.UID >= horizon {
			break
		}
		if at, ok := given.take(r.UID); ok {
			if err := s.m.addMessage(s.tx, r.UID, s.fresh[at].Entry, s.m.arrived(s.fresh[at].Entry, len(news))); err != nil {
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
		if err := s.m.addMessage(s.tx, r.UID, e, s.m.arrived(e, len(news))); err != nil {
			return err
		}
	}
	return s.tx.SetUIDNext(max(horizon, s.x.UIDNext()))
}

// promptly is the number of arrivals at once of which it is looked up when each came
// into the mailbox. Of more that is found out when somebody asks.
const promptly = 64

// arrived returns when a message came into the mailbox, one of n that are entered
// together; zero if that has to be found out. SAVEDATE may not change (RFC 8514
// section 4), and the ctime of the file that it comes from does with every change of
// flags: so it is written down before there is one.
func (m *Mailbox) arrived(e maildir.Entry, n int) time.Time {
	if n > promptly {
		return time.Time{}
	}
	fi, err := m.dir.Stat(e)
	if err != nil {
		return time.Time{} // who needs the file will hear of it
	}
	return fi.Changed
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
