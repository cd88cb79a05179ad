package message

import (
	"fmt"
	"iter"
)

// MaxReferences is how many references of a message are kept: the first, which
// began the thread, and the last ones, as programs do that shorten the field.
const MaxReferences = 100

// ThreadKeys are what THREAD=REFERENCES and THREAD=REFS link messages by (RFC
// 5256 section 3). The base subject, the sent date and whether a message is a
// reply are among its SortKeys.
//
// Message-IDs are in a normal form: without brackets, quotes, comments and white
// space, so that bytes.Equal compares them. Their case is kept. One of more than
// 512 octets is shortened.
type ThreadKeys struct {
	// ID is the Message-ID, empty if there is no valid one: then the message
	// needs one that nobody refers to.
	ID []byte

	refs []byte // each as appendEncoded writes it
}

// ThreadKeys returns the part's thread keys. Of several Message-ID or
// In-Reply-To fields the last one counts, as in Envelope.
func (p *Part) ThreadKeys() ThreadKeys {
	var id, inReplyTo *Field
	var refs references
	for i := range p.Fields {
		switch f := &p.Fields[i]; {
		case f.Is("message-id"):
			id = f
		case f.Is("in-reply-to"):
			inReplyTo = f
		case f.Is("references"):
			refs.add(f.Value())
		}
	}
	if len(refs.ids) == 0 {
		if first := firstID(inReplyTo.text()); first != "" {
			refs.ids = append(refs.ids, first)
		}
	}
	own := shortID(firstID(id.text()))
	b := make([]byte, 0, 128)
	b = append(b, own...)
	for _, ref := range refs.inOrder() {
		b = appendEncoded(b, shortID(ref))
	}
	return ThreadKeys{ID: b[:len(own):len(own)], refs: b[len(own):]}
}

// shortID returns the octets of an id that are kept of it.
func shortID(id string) []byte { return shorten([]byte(id), 0, "") }

// References returns what the message refers to, the oldest first and its
// parent last: the valid ids in References, or else the first in In-Reply-To. Of
// more than 100 the first and the last 99 are kept.
func (k ThreadKeys) References() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for r := (keyReader{b: k.refs}); len(r.b) > 0; {
			if !yield(r.key()) {
				return
			}
		}
	}
}

// Append appends the encoded keys to b, for ParseThreadKeys: some 200 octets
// usually, 52 kB at most.
//
//	version u8, ID, references: length uvarint, octets
func (k ThreadKeys) Append(b []byte) []byte {
	b = append(b, KeysVersion)
	return append(appendEncoded(b, k.ID), k.refs...)
}

// ParseThreadKeys reads what Append has written. The keys are parts of b.
func ParseThreadKeys(b []byte) (ThreadKeys, error) {
	r := keyReader{b: b}
	version := r.octet()
	k := ThreadKeys{ID: r.key()}
	k.refs = r.b
	n := 0
	for ; len(r.b) > 0; n++ {
		r.key()
	}
	if r.bad || n > MaxReferences || version != KeysVersion {
		return ThreadKeys{}, fmt.Errorf("parse thread keys: %w", errKeys)
	}
	return k, nil
}

// references collects ids, and of too many the first and the last ones.
type references struct {
	ids  []string
	over int // ids that replaced another one
}

// add takes the ids of a field.
func (r *references) add(field string) {
	sc := idScanner{fieldScanner: fieldScanner{s: field}}
	for id := sc.next(); id != ""; id = sc.next() {
		if len(r.ids) < MaxReferences {
			r.ids = append(r.ids, id)
			continue
		}
		r.ids[1+r.over%(MaxReferences-1)] = id
		r.over++
	}
}

// inOrder returns the ids from the first to the last.
func (r *references) inOrder() []string {
	if r.over == 0 {
		return r.ids
	}
	oldest := 1 + r.over%(MaxReferences-1)
	list := append(r.ids[:1:1], r.ids[oldest:]...)
	return append(list, r.ids[1:oldest]...)
}
