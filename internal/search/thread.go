package search

import (
	"bytes"
	"cmp"
	"context"
	"hash/maphash"
	"slices"

	"fantail/internal/store"
)

// Algorithm is a way to make threads.
type Algorithm uint8

// The algorithms.
const (
	// OrderedSubject puts messages with the same base subject into a thread of one
	// level (RFC 5256 section 3).
	OrderedSubject Algorithm = iota
	// References follows References and In-Reply-To, then joins threads of the same
	// subject (RFC 5256 section 3).
	References
	// Refs is References without the subjects; the thread that has the newest message
	// comes last (draft-ietf-morg-inthread section 3).
	Refs
)

// Thread returns the messages of among in threads. Messages that are gone are left
// out.
func (s *Search) Thread(ctx context.Context, alg Algorithm, among *store.MessageSet) (*Forest, error) {
	f := &finder{Search: s, gone: gone{set: store.NewMessageSet(s.Snapshot.Len())}}
	mail, err := f.threadables(ctx, alg, among)
	if err != nil {
		return nil, err
	}
	mail = slices.DeleteFunc(mail, func(m threadable) bool { return f.gone.set.Has(int(m.message)) })
	return grow(alg, mail), nil
}

// grow makes threads of messages.
func grow(alg Algorithm, mail []threadable) *Forest {
	if alg == OrderedSubject {
		return orderedSubject(mail)
	}
	forest := newLinker(mail).forest()
	forest.settleAll()
	if alg == References {
		forest.mergeSubjects()
	} else {
		forest.sortByNewest()
	}
	return forest
}

// threadable is what threading knows of a message.
type threadable struct {
	message int32
	reply   bool
	sent    int64
	subject textKey // base subject
	id      textKey
	refs    []textKey
}

// textKey is a Message-ID or a subject. Equal ones have the same hash.
type textKey struct {
	text []byte
	hash uint64
}

func (a textKey) equal(b textKey) bool { return a.hash == b.hash && bytes.Equal(a.text, b.text) }

// threadables finds out what the algorithm needs of the messages, in their order.
func (f *finder) threadables(ctx context.Context, alg Algorithm, among *store.MessageSet) ([]threadable, error) {
	messages := among.Indexes()
	mail := make([]threadable, len(messages))
	place := make([]int32, f.Snapshot.Len()) // of a message in mail
	for n, i := range messages {
		place[i] = int32(n)
	}
	seed := maphash.MakeSeed()
	err := f.spread(ctx, messages, func(r *reader) func(int) error {
		l := threadLoader{f: f, ctx: ctx, alg: alg, keys: keyReader{r: r}, seed: seed}
		return func(i int) error { return f.gone.pass(i, l.load(i, &mail[place[i]])) }
	})
	return mail, err
}

// threadLoader loads messages for one goroutine.
type threadLoader struct {
	f    *finder
	ctx  context.Context
	alg  Algorithm
	keys keyReader
	text arena
	refs []textKey // where the next references go
	seed maphash.Seed
}

func (l *threadLoader) load(i int, m *threadable) error {
	m.message = int32(i)
	keys, err := l.keys.sortKeys(i)
	if err != nil {
		return err
	}
	m.reply = keys.Reply
	if m.sent, err = l.f.sentDate(l.ctx, i, keys); err != nil {
		return err
	}
	if l.alg != Refs {
		m.subject = l.key(keys.Subject)
	}
	if l.alg == OrderedSubject {
		return nil
	}
	thread, err := l.keys.threadKeys(i)
	if err != nil {
		return err
	}
	m.id = l.key(thread.ID)
	start := len(l.refs)
	for ref := range thread.References() {
		l.refs = append(l.refs, l.key(ref))
	}
	m.refs = l.refs[start:len(l.refs):len(l.refs)]
	if cap(l.refs)-len(l.refs) < 128 {
		l.refs = make([]textKey, 0, 4096)
	}
	return nil
}

func (l *threadLoader) key(text []byte) textKey {
	return textKey{text: l.text.keep(text), hash: maphash.Bytes(l.seed, text)}
}

// orderedSubject makes the threads of RFC 5256 section 3, ORDEREDSUBJECT: the
// messages by subject and date; the first with a subject is the root of those that
// follow with the same.
func orderedSubject(mail []threadable) *Forest {
	f := &Forest{mail: mail}
	order := make([]int32, len(mail))
	for n := range order {
		order[n] = int32(n)
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := &mail[a], &mail[b]
		if d := bytes.Compare(x.subject.text, y.subject.text); d != 0 {
			return d
		}
		return x.earlier(y)
	})
	for k, n := range order {
		node := f.add(n, mail[n].sent)
		if k > 0 && mail[order[k-1]].subject.equal(mail[n].subject) {
			root := &f.nodes[f.roots[len(f.roots)-1]]
			root.children = append(root.children, node)
		} else {
			f.roots = append(f.roots, node)
		}
	}
	f.sort(f.roots)
	return f
}

// earlier compares by sent date (RFC 5256 section 2.2).
func (m *threadable) earlier(other *threadable) int {
	if m.sent != other.sent {
		return cmp.Compare(m.sent, other.sent)
	}
	return cmp.Compare(m.message, other.message)
}

// settleAll sorts the children of every node, the deepest first, and the roots (RFC
// 5256 section 3, step 4, and most of step 6).
func (f *Forest) settleAll() {
	for _, n := range slices.Backward(f.downwards()) {
		f.settle(n)
	}
	f.sort(f.roots)
}

// downwards returns all nodes that are in a thread, parents before children.
func (f *Forest) downwards() []int32 {
	order := make([]int32, 0, len(f.nodes))
	order = append(order, f.roots...)
	for k := 0; k < len(order); k++ {
		order = append(order, f.nodes[order[k]].children...)
	}
	return order
}

// sortByNewest sorts the threads by the date of their newest message.
func (f *Forest) sortByNewest() {
	newest := make([]int64, len(f.nodes))
	for _, n := range slices.Backward(f.downwards()) {
		node := &f.nodes[n]
		if node.mail != none {
			newest[n] = node.date
		} else {
			newest[n] = newest[node.children[0]]
		}
		for _, c := range node.children {
			newest[n] = max(newest[n], newest[c])
		}
	}
	slices.SortStableFunc(f.roots, func(a, b int32) int { return cmp.Compare(newest[a], newest[b]) })
}
