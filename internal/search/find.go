package search

import (
	"context"
	"slices"
	"sync"

	"fantail/internal/store"
)

// Search is a snapshot of a mailbox in which to search.
type Search struct {
	Mailbox  *store.Mailbox
	Snapshot *store.Snapshot
	Progress *Progress // or nil
}

// Find returns the messages of among that match the query.
func (s *Search) Find(ctx context.Context, q *Key, among *store.MessageSet) (*store.MessageSet, error) {
	f := &finder{Search: s, gone: gone{set: store.NewMessageSet(s.Snapshot.Len())}}
	hits, err := f.find(ctx, q, among)
	if err != nil {
		return nil, err
	}
	return hits.Without(f.gone.set), nil
}

// finder answers one query.
type finder struct {
	*Search
	gone  gone
	known map[*Key]*store.MessageSet // hits of keys about texts, among those that were left then
}

// gone are messages that were expunged while they were looked for.
type gone struct {
	mu  sync.Mutex
	set *store.MessageSet
}

// pass remembers message i if err tells that it is gone. Any other error it
// returns.
func (g *gone) pass(i int, err error) error {
	if err == nil || store.KindOf(err) != store.Gone {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set.Add(i)
	return nil
}

// find returns the messages of among that match. The result may share among's
// memory, and nobody writes to either.
func (f *finder) find(ctx context.Context, q *Key, among *store.MessageSet) (*store.MessageSet, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if among.Empty() {
		return among, nil
	}
	switch q.Op {
	case All:
		return among, nil
	case And:
		return f.findAll(ctx, q.Keys, among)
	case Or:
		return f.findAny(ctx, q.Keys, among)
	case Not:
		hits, err := f.find(ctx, q.Keys[0], among)
		if err != nil {
			return nil, err
		}
		return among.Without(hits), nil
	case Member:
		return among.And(q.Set), nil
	case HasFlag:
		return f.flagged(q, among), nil
	}
	switch q.cost() {
	case costRow:
		return f.rows(ctx, q, among)
	case costHeader:
		if q.Op == EmailID {
			return f.identified(ctx, q, among)
		}
		return f.sent(ctx, q, among)
	}
	return f.texts(ctx, q, among)
}

// inOrder returns keys, the cheapest first.
func inOrder(keys []*Key) []*Key {
	keys = slices.Clone(keys)
	slices.SortStableFunc(keys, func(a, b *Key) int { return int(a.cost()) - int(b.cost()) })
	return keys
}

func (f *finder) findAll(ctx context.Context, keys []*Key, among *store.MessageSet) (_ *store.MessageSet, err error) {
	keys = inOrder(keys)
	for n, k := range keys {
		if err := f.prepare(ctx, keys[n:], among); err != nil {
			return nil, err
		}
		if among, err = f.find(ctx, k, among); err != nil {
			return nil, err
		}
	}
	return among, nil
}

func (f *finder) findAny(ctx context.Context, keys []*Key, among *store.MessageSet) (*store.MessageSet, error) {
	hits := store.NewMessageSet(f.Snapshot.Len())
	keys = inOrder(keys)
	if err := f.lookUpAny(ctx, keys, among); err != nil {
		return nil, err
	}
	for n, k := range keys {
		if err := f.prepare(ctx, keys[n:], among); err != nil {
			return nil, err
		}
		more, err := f.find(ctx, k, among)
		if err != nil {
			return nil, err
		}
		hits = hits.Or(more)
		among = among.Without(more)
	}
	return hits, nil
}
