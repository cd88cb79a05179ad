package search

// linker links messages to the messages that they answer (RFC 5256 section 3, step
// 1 of REFERENCES). Each Message-ID is a node, by its number, whether somebody's own or
// only referred to; without a message it is a dummy.
type linker struct {
	mail  []threadable
	nodes []linkNode
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
	return int32(len(l.nodes) - 1)
}

// link makes a node the child of another, unless that would be a loop.
func (l *linker) link(parent, child int32) {
	if parent == child || l.nodes[child].kids > 0 && l.descends(parent, child) {
		return
	}
	l.nodes[child].parent = parent
	l.nodes[parent].kids++
}

func (l *linker) unlink(n int32) {
	if p := l.nodes[n].parent; p != none {
		l.nodes[p].kids--
		l.nodes[n].parent = none
	}
}

// descends reports whether a node is below another one.
func (l *linker) descends(n, above int32) bool {
	for n = l.nodes[n].parent; n != none; n = l.nodes[n].parent {
		if n == above {
			return true
		}
	}
	return false
}

// forest returns the threads that the links make, without dummies as far as that is
// the law (RFC 5256 section 3, steps 2 and 3). Nothing is sorted in it.
func (l *linker) forest() *Forest {
	place := make([]int32, len(l.nodes)) // in the forest
	n, links := int32(0), int32(0)
	for k := range l.nodes {
		place[k] = n
		if node := &l.nodes[k]; node.mail != none || node.kids > 0 {
			n++
		}
		links += l.nodes[k].kids
	}
	f := &Forest{mail: l.mail, nodes: make([]treeNode, n)}
	all := make([]int32, 0, links) // the children of all, each parent's behind the other's
	for k := range l.nodes {
		from := &l.nodes[k]
		if from.mail == none && from.kids == 0 {
			continue
		}
		node := &f.nodes[place[k]]
		node.mail = from.mail
		if from.mail != none {
			node.date = l.mail[from.mail].sent
		}
		node.children = all[len(all) : len(all) : len(all)+int(from.kids)]
		all = all[:len(all)+int(from.kids)]
	}
	for k := range l.nodes {
		from := &l.nodes[k]
		switch {
		case from.mail == none && from.kids == 0:
		case from.parent == none:
			f.roots = append(f.roots, place[k])
		default:
			parent := &f.nodes[place[from.parent]]
			parent.children = append(parent.children, place[k])
		}
	}
	f.prune()
	return f
}

// prune removes dummies (RFC 5256 section 3, step 3): those without children, and
// others by putting their children in their place. At the root only one child may
// take the place of a dummy.
func (f *Forest) prune() {
	order := f.downwards()
	for k := len(order) - 1; k >= 0; k-- {
		node := &f.nodes[order[k]]
		node.children = f.promote(node.children, false)
	}
	f.roots = f.promote(f.roots, true)
}

// promote returns a list of siblings in which children stand for dummies.
func (f *Forest) promote(list []int32, root bool) []int32 {
	dummies := false
	for _, n := range list {
		dummies = dummies || f.nodes[n].mail == none
	}
	if !dummies {
		return list
	}
	out := make([]int32, 0, len(list))
	for _, n := range list {
		node := &f.nodes[n]
		if node.mail != none || root && len(node.children) > 1 {
			out = append(out, n)
		} else {
			out = append(out, node.children...)
		}
	}
	return out
}
