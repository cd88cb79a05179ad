package search

// linker links messages to the messages that they answer (RFC 5256 section 3, step
// 1 of REFERENCES). Each Message-ID is a node, by its number, whether somebody's own or
// only referred to; without a message it is a dummy.
//
// A link must not make a loop. Only roots are linked, so it does if it leads to the
// node that is the root of its own tree, which is found by going up: a few steps. A
// sender can make up references that make trees as high as the mailbox has messages,
// and look for the root again and again; then a paths finds it.
type linker struct {
	mail   []threadable
	nodes  []linkNode
	looked int    // parents looked at
	paths  *paths // the same trees, or nil
}

type linkNode struct {
	mail   int32 // index in mail, or none
	parent int32 // or none
	kids   int32 // how many nodes have it as parent
}

func newLinker(t *threader) *linker {
	l := &linker{mail: t.mail, nodes: make([]linkNode, t.ids, int(t.ids)+len(t.mail)/8)}
	for n := range l.nodes {
		l.nodes[n] = linkNode{mail: none, parent: none}
	}
	for k := range l.mail {
		own := l.own(int32(k))
		last := int32(none)
		for _, n := range l.mail[k].refs {
			if last != none && l.nodes[n].parent == none {
				l.link(last, n) // 1.A
			}
			last = n
		}
		l.unlink(own) // 1.B
		if last != none {
			l.link(last, own)
		}
	}
	return l
}

// own returns the node of a message: that of its Message-ID, or one of its own if
// it has no valid one, or if a message before it has the same.
func (l *linker) own(k int32) int32 {
	if n := l.mail[k].id; n != 0 && l.nodes[n].mail == none {
		l.nodes[n].mail = k
		return n
	}
	l.nodes = append(l.nodes, linkNode{mail: k, parent: none})
	if l.paths != nil {
		l.paths.add()
	}
	return int32(len(l.nodes) - 1)
}

// link makes a root the child of another node, unless that would be a loop.
func (l *linker) link(parent, root int32) {
	if parent == root || l.nodes[root].kids > 0 && l.rootOf(parent) == root {
		return
	}
	l.nodes[root].parent = parent
	l.nodes[parent].kids++
	if l.paths != nil {
		l.paths.link(parent, root)
	}
}

// unlink makes a node a root.
func (l *linker) unlink(n int32) {
	p := l.nodes[n].parent
	if p == none {
		return
	}
	l.nodes[p].kids--
	l.nodes[n].parent = none
	if l.paths != nil {
		l.paths.cut(n)
	}
}

// patience is how many parents are looked at for each message on the average until
// that is done in a better way: more than in any mailbox where nobody made up the
// references.
const patience = 16

// rootOf returns the root of a node's tree.
func (l *linker) rootOf(n int32) int32 {
	if l.paths == nil && l.looked > patience*len(l.nodes) {
		l.paths = newPaths(l.nodes)
	}
	if l.paths != nil {
		return l.paths.root(n)
	}
	for l.nodes[n].parent != none {
		n = l.nodes[n].parent
		l.looked++
	}
	return n
}

// forest returns the threads that the links make, without dummies as far as that is
// the law (RFC 5256 section 3, steps 2 and 3). Nothing is sorted in it. The linker's
// links are lost.
func (l *linker) forest() *Forest {
	for k := range l.nodes {
		l.nodes[k].kids = 0
	}
	for k := range l.nodes {
		if n := &l.nodes[k]; n.mail != none && n.parent != none {
			n.parent = l.holder(n.parent)
			l.nodes[n.parent].kids++
		}
	}
	// A dummy stays if it is a root with two children at least.
	place := make([]int32, len(l.nodes)) // in the forest
	count, links := int32(0), int32(0)
	for k := range l.nodes {
		place[k] = count
		if n := &l.nodes[k]; n.mail != none || n.kids > 1 {
			count++
			links += n.kids
		}
	}
	f := &Forest{mail: l.mail, nodes: make([]treeNode, 0, count)}
	all := make([]int32, links) // the children of all, each parent's behind the other's
	for k := range l.nodes {
		n := &l.nodes[k]
		if n.mail == none && n.kids < 2 {
			continue
		}
		node := treeNode{mail: n.mail, children: all[:0:n.kids]}
		all = all[n.kids:]
		if n.mail != none {
			node.date = l.mail[n.mail].sent
		}
		f.nodes = append(f.nodes, node)
	}
	for k := range l.nodes {
		n := &l.nodes[k]
		switch {
		case n.mail == none && n.kids < 2:
		case n.mail == none || n.parent == none || l.nodes[n.parent].mail == none && l.nodes[n.parent].kids < 2:
			f.roots = append(f.roots, place[k])
		default:
			above := &f.nodes[place[n.parent]]
			above.children = append(above.children, place[k])
		}
	}
	return f
}

// holder returns below what the children of a node come once the dummies among
// them are removed: itself if it is a message or a root, else what is above it. All
// dummies on the way are put directly below that, so that no way is gone twice.
func (l *linker) holder(n int32) int32 {
	top := n
	for l.nodes[top].mail == none && l.nodes[top].parent != none {
		top = l.nodes[top].parent
	}
	for n != top {
		n, l.nodes[n].parent = l.nodes[n].parent, top
	}
	return top
}
