package search

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// flagged returns the messages with the key's flags.
func (f *finder) flagged(q *Key, among *store.MessageSet) *store.MessageSet {
	hits := store.NewMessageSet(f.Snapshot.Len())
	for i, flags := range f.Snapshot.AllFlags() {
		if flags.Has(q.Flag) {
			hits.Add(i)
		}
	}
	return hits.And(among)
}

// few is how many messages are looked up one by one rather than all in a row.
const few = 64

// rowsOf yields the rows of the messages of a set.
func (f *finder) rowsOf(among *store.MessageSet) iter.Seq2[int, store.Row] {
	return func(yield func(int, store.Row) bool) {
		if among.Len() <= few {
			for i := range among.All() {
				if !yield(i, f.Snapshot.Row(i)) {
					return
				}
			}
			return
		}
		for i, row := range f.Snapshot.Rows() {
			if among.Has(i) && !yield(i, row) {
				return
			}
		}
	}
}

// rows returns the messages whose row matches.
func (f *finder) rows(ctx context.Context, q *Key, among *store.MessageSet) (*store.MessageSet, error) {
	hits := store.NewMessageSet(f.Snapshot.Len())
	match := f.rowKey(ctx, q)
	for i, row := range f.rowsOf(among) {
		if i&1023 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		ok, err := match(row)
		if err := f.gone.pass(i, err); err != nil {
			return nil, err
		}
		if ok {
			hits.Add(i)
		}
	}
	return hits, nil
}

// rowKey makes a key about rows ready.
func (f *finder) rowKey(ctx context.Context, q *Key) func(store.Row) (bool, error) {
	switch q.Op {
	case Keyword:
		return f.hasKeyword(q.Keyword)
	case ModSeq:
		return func(r store.Row) (bool, error) { return int64(r.ModSeq) >= q.Number, nil }
	case Larger, Smaller:
		return func(r store.Row) (bool, error) {
			n, err := f.size(ctx, r)
			if q.Op == Larger {
				return n > q.Number, err
			}
			return err == nil && n < q.Number, err
		}
	case Until, From:
		return func(r store.Row) (bool, error) {
			t, err := f.internal(ctx, r)
			if q.Op == Until {
				return err == nil && !t.After(q.Time), err
			}
			return err == nil && !t.Before(q.Time), err
		}
	case Before, On, Since:
		date := f.internal
		if q.Date == Saved {
			date = f.saved
		}
		return func(r store.Row) (bool, error) {
			t, err := date(ctx, r)
			return err == nil && q.dayMatches(t), err
		}
	}
	panic(fmt.Sprintf("search: operation %d is not handled", q.Op))
}

// hasKeyword makes Keyword ready. A set of keywords is looked at once.
func (f *finder) hasKeyword(k mail.Keyword) func(store.Row) (bool, error) {
	known := make(map[uint32]bool)
	last, has := uint32(0), false
	return func(r store.Row) (bool, error) {
		set := r.Set()
		if set == last && len(known) > 0 {
			return has, nil
		}
		was, ok := known[set]
		if !ok {
			was = slices.ContainsFunc(f.Snapshot.KeywordSet(set), k.Equal)
			known[set] = was
		}
		last, has = set, was
		return has, nil
	}
}

func (f *finder) size(ctx context.Context, r store.Row) (int64, error) {
	if n, ok := r.Virtual(); ok {
		return n, nil
	}
	return f.Mailbox.Size(ctx, r.UID)
}

// internal returns INTERNALDATE.
func (s *Search) internal(ctx context.Context, r store.Row) (time.Time, error) {
	if t, ok := r.Internal(); ok {
		return t, nil
	}
	st, err := s.Mailbox.Stat(ctx, r.UID)
	return st.Date, err
}

func (s *Search) saved(ctx context.Context, r store.Row) (time.Time, error) {
	if t, ok := r.Saved(); ok {
		return t, nil
	}
	st, err := s.Mailbox.Stat(ctx, r.UID)
	return st.Saved, err
}

// dayMatches reports whether the day of t, in the zone that t has (RFC 9051
// section 6.4.4: time and zone are disregarded), is what the key asks for.
func (q *Key) dayMatches(t time.Time) bool {
	y, m, d := t.Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	switch q.Op {
	case Before:
		return day.Before(q.Time)
	case On:
		return day.Equal(q.Time)
	}
	return !day.Before(q.Time)
}
