package search

import (
	"context"
	"time"

	"fantail/internal/store"
)

// texts returns the messages whose text matches.
func (f *finder) texts(ctx context.Context, q *Key, among *store.MessageSet) (*store.MessageSet, error) {
	if hits, ok := f.known[q]; ok {
		return among.And(hits), nil
	}
	if err := f.lookUp(ctx, []*Key{q}, among); err != nil {
		return nil, err
	}
	return f.known[q], nil
}

// prepare finds out at once about all keys in the trees that ask for a text and cost
// as much as the first tree, so that no message is read twice for them. Fields are so
// much cheaper that they are asked for alone.
func (f *finder) prepare(ctx context.Context, trees []*Key, among *store.MessageSet) error {
	class := trees[0].cost()
	if class < costField || among.Empty() {
		return nil
	}
	var keys []*Key
	for _, t := range trees {
		if t.cost() == class {
			keys = f.unknownTexts(keys, t)
		}
	}
	if len(keys) < 2 {
		return nil
	}
	return f.lookUp(ctx, keys, among)
}

// lookUpAny finds out at once about all of some alternatives that ask for a text, if one
// of them needs all of it: most messages match none, so fields that are asked for first
// save little, and another look at every message.
func (f *finder) lookUpAny(ctx context.Context, keys []*Key, among *store.MessageSet) error {
	var texts []*Key
	whole := false
	for _, k := range keys {
		if k.isText() {
			texts = f.unknownTexts(texts, k)
			whole = whole || k.cost() == costText
		}
	}
	if !whole || len(texts) < 2 || among.Empty() {
		return nil
	}
	return f.lookUp(ctx, texts, among)
}

func (f *finder) unknownTexts(keys []*Key, q *Key) []*Key {
	if q.isText() {
		if _, ok := f.known[q]; !ok {
			keys = append(keys, q)
		}
		return keys
	}
	for _, sub := range q.Keys {
		keys = f.unknownTexts(keys, sub)
	}
	return keys
}

// isText reports whether the key looks for a text.
func (q *Key) isText() bool { return q.Op == Field || q.Op == Body || q.Op == Text }

// lookUp asks the store for texts.
func (f *finder) lookUp(ctx context.Context, keys []*Key, among *store.MessageSet) error {
	search := store.TextSearch{Among: among, Progress: f.Progress.stage()}
	for _, q := range keys {
		query := store.TextQuery{Needle: q.Text, Field: q.Name}
		switch q.Op {
		case Field:
			query.In = store.FieldText
		case Body:
			query.In = store.BodyText
		default:
			query.In = store.WholeText
		}
		search.Queries = append(search.Queries, query)
	}
	hits, err := f.Mailbox.FindText(ctx, f.Snapshot, search)
	if err != nil {
		return err
	}
	if f.known == nil {
		f.known = make(map[*Key]*store.MessageSet)
	}
	for n, q := range keys {
		f.known[q] = hits[n]
	}
	return nil
}

// zones is more than any zone differs from UTC.
const zones = 24 * time.Hour

// sent returns the messages whose Date field matches. The sort keys have the moment
// that it names, which mostly tells; the day in the zone that it names is found in
// the field.
func (f *finder) sent(ctx context.Context, q *Key, among *store.MessageSet) (*store.MessageSet, error) {
	return f.look(ctx, among, func(r *reader) match {
		k := keyReader{r: r}
		return func(i int) (bool, error) {
			keys, err := k.sortKeys(i)
			if err != nil || !keys.Dated {
				return false, err
			}
			t := time.Unix(keys.Sent, 0).UTC()
			if t.Sub(q.Time).Abs() > 24*time.Hour+zones {
				return q.dayMatches(t), nil
			}
			p, err := r.header(i)
			if err != nil {
				return false, err
			}
			date, ok := p.Date()
			return ok && q.dayMatches(date), nil
		}
	})
}

// identified returns the messages with the identifier.
func (f *finder) identified(ctx context.Context, q *Key, among *store.MessageSet) (*store.MessageSet, error) {
	return f.look(ctx, among, func(*reader) match {
		return func(i int) (bool, error) {
			id, err := f.Mailbox.EmailID(ctx, f.Snapshot, i)
			return err == nil && id == q.Text, err
		}
	})
}

// match reports whether message i matches.
type match func(i int) (bool, error)

// look returns the messages of among that match. begin makes the match of one
// goroutine.
func (f *finder) look(ctx context.Context, among *store.MessageSet, begin func(*reader) match) (*store.MessageSet, error) {
	messages := among.Indexes()
	found := make([]bool, f.Snapshot.Len())
	err := f.spread(ctx, messages, func(r *reader) func(int) error {
		match := begin(r)
		return func(i int) (err error) {
			found[i], err = match(i)
			return f.gone.pass(i, err)
		}
	})
	if err != nil {
		return nil, err
	}
	hits := store.NewMessageSet(f.Snapshot.Len())
	for _, i := range messages {
		if found[i] {
			hits.Add(i)
		}
	}
	return hits, nil
}
