package search

import (
	"context"

	"fantail/internal/message"
	"fantail/internal/store"
)

// keyReader reads the keys of messages for one goroutine: from what the store
// keeps, or from the message itself for the next who asks. What it returns is good
// until the next call.
type keyReader struct {
	r        *reader
	items    store.Items
	sort     []byte
	thread   []byte
	computed int // the message that sort and thread were computed from, plus 1, or 0
}

// sortKeys returns the sort keys of message i.
func (k *keyReader) sortKeys(i int) (message.SortKeys, error) {
	if k.computed == i+1 {
		return message.ParseSortKeys(k.sort)
	}
	if err := k.load(i); err != nil {
		return message.SortKeys{}, err
	}
	var ok bool
	if k.sort, ok = k.items.Append(k.sort[:0], store.SortKeys); ok {
		if keys, err := message.ParseSortKeys(k.sort); err == nil {
			return keys, nil
		} // of another version
	}
	if err := k.compute(i); err != nil {
		return message.SortKeys{}, err
	}
	return message.ParseSortKeys(k.sort)
}

// threadKeys returns the thread keys of message i.
func (k *keyReader) threadKeys(i int) (message.ThreadKeys, error) {
	if k.computed == i+1 {
		return message.ParseThreadKeys(k.thread)
	}
	if err := k.load(i); err != nil {
		return message.ThreadKeys{}, err
	}
	var ok bool
	if k.thread, ok = k.items.Append(k.thread[:0], store.ThreadKeys); ok {
		if keys, err := message.ParseThreadKeys(k.thread); err == nil {
			return keys, nil
		} // of another version
	}
	if err := k.compute(i); err != nil {
		return message.ThreadKeys{}, err
	}
	return message.ParseThreadKeys(k.thread)
}

func (k *keyReader) load(i int) error {
	k.computed = 0
	return k.r.search.Mailbox.LoadItems(&k.items, k.r.search.Snapshot, i)
}

// compute makes both kinds of keys: who wants one of them mostly wants the other
// soon, and reading the header is the most of it. The store may have them in a later
// snapshot alone: whoever wants both asks for both, before the next message.
func (k *keyReader) compute(i int) error {
	p, err := k.r.header(i)
	if err != nil {
		return err
	}
	k.sort = p.SortKeys().Append(k.sort[:0])
	k.thread = p.ThreadKeys().Append(k.thread[:0])
	k.computed = i + 1
	s := k.r.search
	s.Mailbox.KeepItems(s.Snapshot.UID(i),
		store.KeptItem{Kind: store.SortKeys, Data: k.sort}, store.KeptItem{Kind: store.ThreadKeys, Data: k.thread})
	return nil
}

// sentDate returns the sent date (RFC 5256 section 2.2) of message i with its keys,
// in seconds: that of the Date field, or else INTERNALDATE.
func (f *finder) sentDate(ctx context.Context, i int, keys message.SortKeys) (int64, error) {
	if keys.Dated {
		return keys.Sent, nil
	}
	t, err := f.internal(ctx, f.Snapshot.Row(i))
	return t.Unix(), err
}
