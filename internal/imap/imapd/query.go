package imapd

import (
	"fmt"
	"time"

	"fantail/internal/imap"
	"fantail/internal/mail"
	"fantail/internal/search"
	"fantail/internal/store"
)

// plainKeys are the search keys that ask for the same in package search.
var plainKeys = map[imap.SearchOp]search.Key{
	imap.SearchAll:         {Op: search.All},
	imap.SearchAnd:         {Op: search.And},
	imap.SearchOr:          {Op: search.Or},
	imap.SearchNot:         {Op: search.Not},
	imap.SearchFlag:        {Op: search.HasFlag},
	imap.SearchKeyword:     {Op: search.Keyword},
	imap.SearchBefore:      {Op: search.Before, Date: search.Internal},
	imap.SearchOn:          {Op: search.On, Date: search.Internal},
	imap.SearchSince:       {Op: search.Since, Date: search.Internal},
	imap.SearchSentBefore:  {Op: search.Before, Date: search.Sent},
	imap.SearchSentOn:      {Op: search.On, Date: search.Sent},
	imap.SearchSentSince:   {Op: search.Since, Date: search.Sent},
	imap.SearchSavedBefore: {Op: search.Before, Date: search.Saved},
	imap.SearchSavedOn:     {Op: search.On, Date: search.Saved},
	imap.SearchSavedSince:  {Op: search.Since, Date: search.Saved},
	imap.SearchEmailID:     {Op: search.EmailID},
	imap.SearchThreadID:    {Op: search.Or}, // of nothing: no message has one, see FETCH
	imap.SearchModSeq:      {Op: search.ModSeq},
	imap.SearchLarger:      {Op: search.Larger},
	imap.SearchSmaller:     {Op: search.Smaller},
	imap.SearchHeader:      {Op: search.Field},
	imap.SearchBody:        {Op: search.Body},
	imap.SearchText:        {Op: search.Text},
}

// query translates a search key: message numbers, "$", \Recent and "seconds ago"
// mean something in this session alone.
func (s *Session) query(q *imap.Search) (*search.Key, error) {
	switch q.Op {
	case imap.SearchSeq, imap.SearchUID:
		ts, err := s.resolve(q.Set, q.Op == imap.SearchUID)
		return &search.Key{Op: search.Member, Set: s.members(ts)}, err
	case imap.SearchRecent:
		return &search.Key{Op: search.Member, Set: s.recents()}, nil
	case imap.SearchOlder: // RFC 5032 section 2
		return &search.Key{Op: search.Until, Time: ago(q.Number)}, nil
	case imap.SearchYounger:
		return &search.Key{Op: search.From, Time: ago(q.Number)}, nil
	}
	k, ok := plainKeys[q.Op]
	if !ok {
		panic(fmt.Sprintf("search key %d is not handled", q.Op))
	}
	k.Flag, k.Keyword, k.Number, k.Time, k.Name, k.Text = q.Flag, q.Keyword, q.Number, q.Date, q.Field, q.Text
	for _, sub := range q.Keys {
		t, err := s.query(sub)
		if err != nil {
			return nil, err
		}
		k.Keys = append(k.Keys, t)
	}
	return &k, nil
}

// ago is a moment some seconds ago, to the second, as INTERNALDATE is told.
func ago(seconds int64) time.Time {
	return time.Now().Truncate(time.Second).Add(-time.Duration(seconds) * time.Second)
}

// members returns messages as a set for the latest snapshot.
func (s *Session) members(ts targets) *store.MessageSet {
	v := s.box.view
	set := store.NewMessageSet(v.latest.Len())
	for _, r := range ts.ranges {
		if v.known == v.latest {
			set.AddRange(int(r.From)-1, int(r.To))
			continue
		}
		for n := r.From; n <= r.To; n++ {
			s.member(set, v.uid(n))
		}
	}
	return set
}

func (s *Session) member(set *store.MessageSet, uid mail.UID) {
	if i, ok := s.box.view.latest.Find(uid); ok {
		set.Add(i)
	}
}

// recents returns the messages that are \Recent in the session.
func (s *Session) recents() *store.MessageSet {
	set := store.NewMessageSet(s.box.view.latest.Len())
	for uid := range s.box.view.recent.uids {
		s.member(set, uid)
	}
	return set
}
