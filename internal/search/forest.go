package search

import "cmp"

// Forest is messages in threads: the trees under a root that has no name.
type Forest struct {
	mail  []threadable
	roots []int32
	nodes []treeNode

	entries []entry // kept from one sort for the next
}

// treeNode is a message, or a dummy that holds its children together.
type treeNode struct {
	mail     int32 // index in mail, or none
	date     int64 // the sent date; of a dummy that of its first child
	children []int32
}

const none = -1

// Node is a place in a Forest.
type Node struct {
	f *Forest
	n int32
}

// Threads returns the threads in their order.
func (f *Forest) Threads() []Node { return f.places(f.roots) }

func (f *Forest) places(list []int32) []Node {
	out := make([]Node, len(list))
	for k, n := range list {
		out[k] = Node{f, n}
	}
	return out
}

// Message returns the message that is here. A dummy has none: it is the root of a
// thread of which that message is not there, and has two children or more.
func (n Node) Message() (i int, ok bool) {
	m := n.f.nodes[n.n].mail
	if m == none {
		return 0, false
	}
	return int(n.f.mail[m].message), true
}

// Children returns the answers to the message, in their order.
func (n Node) Children() []Node { return n.f.places(n.f.nodes[n.n].children) }

// Len is the number of children.
func (n Node) Len() int { return len(n.f.nodes[n.n].children) }

// Child returns one of them.
func (n Node) Child(k int) Node { return Node{n.f, n.f.nodes[n.n].children[k]} }

// add makes a node.
func (f *Forest) add(mail int32, date int64) int32 {
	f.nodes = append(f.nodes, treeNode{mail: mail, date: date})
	return int32(len(f.nodes) - 1)
}

// sort sorts nodes by sent date, and those of the same by the order of the mailbox
// (RFC 5256 section 2.2).
func (f *Forest) sort(list []int32) {
	if len(list) < 2 {
		return
	}
	entries := f.entries[:0]
	for _, n := range list {
		entries = append(entries, entry{uint64(f.nodes[n].date) ^ 1<<63, n})
	}
	parallelSort(entries, func(a, b entry) int {
		if a.first != b.first {
			return cmp.Compare(a.first, b.first)
		}
		return cmp.Compare(f.first(a.row), f.first(b.row))
	})
	for k := range entries {
		list[k] = entries[k].row
	}
	f.entries = entries
}

// first returns the place in mail of a node, or of a dummy's first child.
func (f *Forest) first(n int32) int32 {
	if m := f.nodes[n].mail; m != none || len(f.nodes[n].children) == 0 {
		return m
	}
	return f.nodes[f.nodes[n].children[0]].mail
}

// settle sorts the children of a node; a dummy takes the date of its first child.
func (f *Forest) settle(n int32) {
	node := &f.nodes[n]
	f.sort(node.children)
	if node.mail == none && len(node.children) > 0 {
		node.date = f.nodes[node.children[0]].date
	}
}
