package search

import (
	"cmp"
	"context"
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
	f := &finder{Search: s}
	r, place, err := f.columns(ctx, among, alg != OrderedSubject)
	if err != nil {
		return nil, err
	}
	mail := make([]threadable, 0, among.Len())
	for i := range among.All() {
		row := place[i]
		if row == none || r.gone[row] {
			continue
		}
		m := threadable{message: int32(i), sent: r.sent[row], reply: r.reply[row], subject: r.subject[row]}
		if alg != OrderedSubject {
			m.id, m.refs = r.id[row], r.refsOf(row)
		}
		mail = append(mail, m)
	}
	return (&threader{mail: mail, ids: r.ids, subjects: r.texts}).threads(alg), nil
}

// threader makes threads of messages.
type threader struct {
	mail     []threadable // in the order of the mailbox
	ids      int32        // numbers of Message-IDs are below
	subjects [][]byte     // by number
}

// threadable is what threading knows of a message. Equal Message-IDs and subjects
// have equal numbers; 0 is none.
type threadable struct {
	message int32
	reply   bool
	subject int32 // base subject
	id      int32
	sent    int64
	refs    []int32
}

func (t *threader) threads(alg Algorithm) *Forest {
	if alg == OrderedSubject {
		return t.orderedSubject()
	}
	forest := newLinker(t).forest()
	forest.settleAll()
	if alg == References {
		forest.mergeSubjects(len(t.subjects))
	} else {
		forest.sortByNewest()
	}
	return forest
}

// orderedSubject makes the threads of RFC 5256 section 3, ORDEREDSUBJECT. The law
// sorts messages by subject and date, splits them by subject, and sorts the threads
// by their first message: that is to sort by date, and put each message below the
// first with its subject.
func (t *threader) orderedSubject() *Forest {
	f := &Forest{mail: t.mail, nodes: make([]treeNode, 0, len(t.mail))}
	order := make([]entry, len(t.mail))
	for n := range order {
		order[n] = entry{uint64(t.mail[n].sent) ^ 1<<63, int32(n)}
	}
	parallelSort(order, func(a, b entry) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.row, b.row)) })
	roots := make([]int32, len(t.subjects)) // of a subject, plus 1
	for _, e := range order {
		m := &t.mail[e.row]
		node := f.add(e.row, m.sent)
		if root := roots[m.subject]; root > 0 {
			above := &f.nodes[root-1]
			above.children = append(above.children, node)
			continue
		}
		roots[m.subject] = node + 1
		f.roots = append(f.roots, node)
	}
	return f
}

// settleAll sorts the children of every node, and the roots (RFC 5256 section 3,
// step 4, and most of step 6). Only dummies have the date of a child, and they have no
// parent: so it does not matter which node is first.
func (f *Forest) settleAll() {
	for n := range f.nodes {
		if len(f.nodes[n].children) > 0 {
			f.settle(int32(n))
		}
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
