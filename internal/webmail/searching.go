package webmail

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"fantail/internal/mail"
	"fantail/internal/search"
	"fantail/internal/store"
	"fantail/internal/webmail/query"
)

// A search looks at the messages of all its mailboxes from the newest to the oldest, some
// at a time: in turn at those of the mailbox whose next message is the newest. So whoever
// wants the newest hits has them before the rest has been looked at, and when time is up
// there is a date to which everything has been found.

// searching is a search that may be half done.
type searching struct {
	streams []*stream
	hits    []hit // of all streams, the newest first once settled has sorted them
}

// stream is one of its mailboxes.
type stream struct {
	view
	plan  query.Search
	order []dated // the messages, the newest first
	next  int     // the first of them that has not been looked at
	step  int     // how many to look at next
}

// dated is a message of a snapshot.
type dated struct {
	at   int
	date int64 // when it came, in microseconds since 1970
}

// hit is a message that was found.
type hit struct {
	in *stream
	dated
}

// The first step of a stream, and that of one which must open every message. Each step
// costs a look at the whole cache of texts, so steps grow while they are quick; they shrink
// where messages have to be read.
const (
	firstStep   = 1000
	firstOpened = 100
	quickStep   = 100 * time.Millisecond
	slowStep    = 300 * time.Millisecond
)

// search begins a search for messages that came before a moment; the zero time is no
// limit. The caller closes it.
func (m *mailboxes) search(ctx context.Context, plan []query.Search, names map[string]string, before time.Time) (_ *searching, err error) {
	x := &searching{}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.Close())
		}
	}()
	for _, p := range plan {
		v, err := m.open(ctx, names[p.Mailbox.Name])
		if err != nil && missing(err) {
			continue // it has just gone
		}
		if err != nil {
			return x, err
		}
		s := &stream{view: v, plan: p, step: firstStep}
		if len(p.Tests) > 0 {
			s.step = firstOpened
		}
		x.streams = append(x.streams, s)
		if s.order, err = v.newestFirst(ctx, before); err != nil {
			return x, err
		}
	}
	return x, nil
}

// Close closes the mailboxes.
func (x *searching) Close() (err error) {
	for _, s := range x.streams {
		err = errors.Join(err, s.view.Close())
	}
	return err
}

// mostDated is how many dates are looked up for one search, of messages of which nobody
// has wanted to know it yet.
const mostDated = 20_000

// newestFirst returns the messages that came before a moment. Where too many dates are not
// known yet, the older messages stand beside their neighbours.
func (v view) newestFirst(ctx context.Context, before time.Time) ([]dated, error) {
	limit := before.UnixMicro()
	if before.IsZero() {
		limit = 1<<63 - 1
	}
	all := make([]dated, v.snap.Len())
	var unknown []int
	for i, row := range v.snap.Rows() {
		all[i].at = i
		if t, ok := row.Internal(); ok {
			all[i].date = t.UnixMicro()
		} else {
			unknown = append(unknown, i)
		}
	}
	for n, i := range slices.Backward(unknown) {
		stat, err := store.Stat{}, ctx.Err()
		if err == nil && len(unknown)-n <= mostDated {
			stat, err = v.Stat(ctx, v.snap.UID(i))
		}
		switch {
		case err != nil && store.KindOf(err) != store.Gone:
			return nil, err
		case !stat.Date.IsZero():
			all[i].date = stat.Date.UnixMicro()
		case i+1 < len(all):
			all[i].date = all[i+1].date
		}
	}
	list := slices.DeleteFunc(all, func(d dated) bool { return d.date >= limit })
	slices.SortFunc(list, compareDated)
	return list, v.snap.Err()
}

func compareDated(a, b dated) int {
	return cmp.Or(cmp.Compare(b.date, a.date), cmp.Compare(b.at, a.at))
}

// frontier returns the stream whose next message is the newest; nil at the end.
func (x *searching) frontier() *stream {
	var newest *stream
	for _, s := range x.streams {
		if s.next < len(s.order) && (newest == nil || s.order[s.next].date > newest.order[newest.next].date) {
			newest = s
		}
	}
	return newest
}

// reached is the moment after which everything has been found; zero at the end.
func (x *searching) reached() time.Time {
	s := x.frontier()
	if s == nil {
		return time.Time{}
	}
	return time.UnixMicro(s.order[s.next].date)
}

// more looks at some messages; false if there are none left.
func (x *searching) more(ctx context.Context) (bool, error) {
	s := x.frontier()
	if s == nil {
		return false, nil
	}
	end := min(s.next+s.step, len(s.order))
	among := store.NewMessageSet(s.snap.Len())
	for _, d := range s.order[s.next:end] {
		among.Add(d.at)
	}
	begun := time.Now()
	found, err := s.find(ctx, among)
	if err != nil {
		return false, err
	}
	for _, d := range s.order[s.next:end] {
		if found.Has(d.at) {
			x.hits = append(x.hits, hit{s, d})
		}
	}
	s.next = end
	switch took := time.Since(begun); {
	case took < quickStep:
		s.step *= 8
	case took > slowStep:
		s.step = max(s.step/2, firstOpened)
	}
	return true, nil
}

// find returns those of some messages that are meant.
func (s *stream) find(ctx context.Context, among *store.MessageSet) (*store.MessageSet, error) {
	finder := search.Search{Mailbox: s.Mailbox, Snapshot: s.snap}
	found, err := finder.Find(ctx, s.plan.Rough, among)
	if err == nil && len(s.plan.Tests) > 0 && !found.Empty() {
		var sets []*store.MessageSet
		if sets, err = s.tests(ctx, found); err == nil {
			found, err = finder.Find(ctx, s.plan.Exact(sets), found)
		}
	}
	return found, errors.Join(err, s.snap.Err())
}

// tests returns the messages that pass each of the plan's tests, which ask for attachments.
func (s *stream) tests(ctx context.Context, among *store.MessageSet) ([]*store.MessageSet, error) {
	sets := make([]*store.MessageSet, len(s.plan.Tests))
	for i := range sets {
		sets[i] = store.NewMessageSet(s.snap.Len())
	}
	for at := range among.All() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		root, err := s.Structure(ctx, s.snap.UID(at))
		if store.KindOf(err) == store.Gone && err != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		var names []string
		for _, f := range contents(root, nil, false).files {
			names = append(names, f.part.Filename())
		}
		for i, test := range s.plan.Tests {
			if test.Match(names) {
				sets[i].Add(at)
			}
		}
	}
	return sets, nil
}

// settled returns the hits before which none will be found any more, the newest first.
func (x *searching) settled() []hit {
	slices.SortFunc(x.hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.date, a.date), cmp.Compare(a.in.Name(), b.in.Name()), cmp.Compare(b.at, a.at))
	})
	s := x.frontier()
	if s == nil {
		return x.hits
	}
	edge := s.order[s.next].date
	n, _ := slices.BinarySearchFunc(x.hits, edge, func(h hit, edge int64) int {
		if h.date > edge {
			return -1
		}
		return 1
	})
	return x.hits[:n]
}

// foundLine is a line of a result: hits of one mailbox that belong together.
type foundLine struct {
	in   *stream
	uids []mail.UID // ascending
	date int64      // of the newest
}

// linesOf joins hits that are of one conversation and in one mailbox, unless each is to stand
// alone.
func linesOf(ctx context.Context, hits []hit, alone bool) ([]foundLine, error) {
	var out []foundLine
	if alone {
		for _, h := range hits {
			out = append(out, foundLine{h.in, []mail.UID{h.in.snap.UID(h.at)}, h.date})
		}
		return out, nil
	}
	in := make(map[*stream]map[mail.UID]int64)
	for _, h := range hits {
		if in[h.in] == nil {
			in[h.in] = make(map[mail.UID]int64)
		}
		in[h.in][h.in.snap.UID(h.at)] = h.date
	}
	for s, dates := range in {
		groups, err := s.groups(ctx, dates)
		if err != nil {
			return nil, err
		}
		for _, uids := range groups {
			l := foundLine{in: s, uids: uids}
			for _, uid := range uids {
				l.date = max(l.date, dates[uid])
			}
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b foundLine) int {
		return cmp.Or(cmp.Compare(b.date, a.date), cmp.Compare(a.in.Name(), b.in.Name()), cmp.Compare(b.uids[0], a.uids[0]))
	})
	return out, nil
}

// groups makes conversations of messages.
func (s *stream) groups(ctx context.Context, messages map[mail.UID]int64) ([][]mail.UID, error) {
	among := store.NewMessageSet(s.snap.Len())
	for uid := range messages {
		if i, ok := s.snap.Find(uid); ok {
			among.Add(i)
		}
	}
	finder := search.Search{Mailbox: s.Mailbox, Snapshot: s.snap}
	forest, err := finder.Thread(ctx, search.Refs, among)
	if err != nil {
		return nil, err
	}
	var groups [][]mail.UID
	for _, t := range forest.Threads() {
		if uids := collect(s.snap, t, nil); len(uids) > 0 {
			slices.Sort(uids)
			groups = append(groups, uids)
		}
	}
	return groups, s.snap.Err()
}
