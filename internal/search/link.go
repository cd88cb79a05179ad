package search

// linker links messages to the messages that they answer (RFC 5256 section 3, step
// 1 of REFERENCES). Each Message-ID that is somebody's own or is referred to is a
// node; without a message it is a dummy.
type linker struct {
	mail  []threadable
	nodes []linkNode
	ids   idTable
}

type linkNode struct {
	mail   int32 // index in mail, or none
	parent int32 // or none
	kids   int32 // how many nodes have it as parent
}

func newLinker(mail []threadable) *linker {
	l := &linker{mail: mail, nodes: make([]linkNode, 0, 2*len(mail))}
	l.ids.grow(4 * len(mail))
	for k := range mail {
		own := l.own(int32(k))
		last := int32(none)
		for _, ref := range mail[k].refs {
			n := l.node(ref)
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

func (l *linker) add(mail int32) int32 {
	l.nodes = append(l.nodes, linkNode{mail: mail, parent: none})
	return int32(len(l.nodes) - 1)
}

// own returns the node of a message: that of its Message-ID, or one of its own if
// it has no valid one, or if a message before it has the same.
func (l *linker) own(k int32) int32 {
	if len(l.mail[k].id.text) > 0 {
		if n := l.node(l.mail[k].id); l.nodes[n].mail == none {
			l.nodes[n].mail = k
			return n
		}
	}
	return l.add(k)
}

// node returns the node of an id.
func (l *linker) node(id textKey) int32 {
	slot := l.ids.find(id)
	if slot.node == 0 {
		slot.key, slot.node = id, l.add(none)+1
		l.ids.used++
		n := slot.node - 1
		if l.ids.used > len(l.ids.slots)/2 {
			l.ids.grow(2 * len(l.ids.slots))
		}
		return n
	}
	return slot.node - 1
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
	f := &Forest{mail: l.mail, nodes: make([]treeNode, len(l.nodes))}
	for n := range l.nodes {
		k := l.nodes[n].mail
		f.nodes[n].mail = k
		if k != none {
			f.nodes[n].date = l.mail[k].sent
		}
	}
	// One array holds the children of all, each parent's behind the other's.
	all := make([]int32, len(l.nodes))
	at := int32(0)
	for n := range l.nodes {
		end := at + l.nodes[n].kids
		f.nodes[n].children = all[at:at:end]
		at = end
	}
	for n := range l.nodes {
		if p := l.nodes[n].parent; p != none {
			f.nodes[p].children = append(f.nodes[p].children, int32(n))
		} else {
			f.roots = append(f.roots, int32(n))
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

// idTable finds the node of a Message-ID, or of a subject: open addressing, none is
// removed.
type idTable struct {
	slots []idSlot
	used  int
}

type idSlot struct {
	key  textKey
	node int32 // plus 1; 0: free
}

// grow makes room for twice as many slots as there are ids, at least n.
func (t *idTable) grow(n int) {
	size := 64
	for size < n {
		size *= 2
	}
	old := t.slots
	t.slots = make([]idSlot, size)
	for _, s := range old {
		if s.node != 0 {
			*t.find(s.key) = s
		}
	}
}

// find returns the slot of an id, or the free one where it belongs.
func (t *idTable) find(key textKey) *idSlot {
	mask := uint64(len(t.slots) - 1)
	for at := key.hash & mask; ; at = (at + 1) & mask {
		if s := &t.slots[at]; s.node == 0 || s.key.equal(key) {
			return s
		}
	}
}
