package index

import (
	"fmt"
	"slices"
	"strings"

	"fantail/internal/mail"
)

// interner finds the numbers of keywords and sets. It belongs to a transaction's
// vocabulary.
type interner struct {
	words map[string]uint32 // by lower-case name
	sets  map[string]uint32 // by appendIDs
	ids   []uint32          // room for a set
	key   []byte            // and for appendIDs
	last  uint32            // the set that was found last
}

func newInterner(v *vocabulary) *interner {
	in := &interner{words: make(map[string]uint32, len(v.words.list)), sets: make(map[string]uint32, len(v.sets.list))}
	for i, w := range v.words.list {
		in.words[strings.ToLower(string(w))] = uint32(i)
	}
	for i, ids := range v.ids.list {
		in.sets[string(appendIDs(nil, ids))] = uint32(i)
	}
	return in
}

// intern returns the number of a set of keywords. It looks first whether it is a
// given one, or the one that was wanted last.
func (t *Tx) intern(keywords []mail.Keyword, guess uint32) (uint32, error) {
	if len(keywords) == 0 {
		return 0, nil
	}
	v := t.e.x.words()
	if slices.Equal(v.set(guess), keywords) {
		return guess, nil
	}
	in := t.names()
	if slices.Equal(v.set(in.last), keywords) {
		return in.last, nil
	}
	in.ids = in.ids[:0]
	for _, w := range keywords {
		id, err := t.internWord(w)
		if err != nil {
			return 0, err
		}
		in.ids = append(in.ids, id)
	}
	slices.Sort(in.ids)
	in.ids = slices.Compact(in.ids)
	in.key = appendIDs(in.key[:0], in.ids)
	set, ok := in.sets[string(in.key)]
	if !ok {
		set = uint32(len(t.e.x.words().sets.list))
		if err := t.do(&op{kind: opSet, ids: slices.Clone(in.ids)}); err != nil {
			return 0, err
		}
		in.sets[string(in.key)] = set
	}
	in.last = set
	return set, nil
}

// internWord returns the number of a keyword.
func (t *Tx) internWord(w mail.Keyword) (uint32, error) {
	if !validKeyword(w) {
		return 0, fmt.Errorf("%w: %q", ErrKeyword, w)
	}
	lower := strings.ToLower(string(w))
	if id, ok := t.in.words[lower]; ok {
		return id, nil
	}
	id := uint32(len(t.e.x.words().words.list))
	if err := t.do(&op{kind: opWord, base: []byte(w)}); err != nil {
		return 0, err
	}
	t.in.words[lower] = id
	return id, nil
}

// names returns the interner for the transaction's vocabulary. The File keeps it
// from one transaction to the next; one that is given up leaves none. A
// transaction without the lock has its own.
func (t *Tx) names() *interner {
	if t.in == nil {
		f, v := t.l.f, t.e.x.words()
		if t.l.aside {
			t.in = newInterner(v)
			return t.in
		}
		if f.interned != v {
			f.interner = newInterner(v)
		}
		t.in = f.interner
		f.interner, f.interned = nil, nil
	}
	return t.in
}
