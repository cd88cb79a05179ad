package search

// paths is a forest that grows and is cut, and finds the root of a node in a number of
// steps that is logarithmic on the average, however high the trees are: the link-cut
// trees of Sleator and Tarjan (1983), with splay trees (1985).
//
// Each tree is divided into paths that lead downwards. The nodes of a path are a
// binary tree that is ordered by depth; its top knows the node above the path. To
// expose a node is to make the way from the root to it one path, and the node the top.
type paths struct {
	nodes   []pathNode
	rotated int // how often, which is the work done
}

// pathNode is a node in the binary tree of its path.
type pathNode struct {
	up          int32 // in the binary tree; of its top the node above the path; or none
	left, right int32 // what is above it, and below it, on the path; or none
}

// newPaths makes a paths of the trees that are there: each node is a path.
func newPaths(from []linkNode) *paths {
	p := &paths{nodes: make([]pathNode, len(from), cap(from))}
	for n := range from {
		p.nodes[n] = pathNode{from[n].parent, none, none}
	}
	return p
}

// add adds a node, which is a tree of its own.
func (p *paths) add() { p.nodes = append(p.nodes, pathNode{none, none, none}) }

// root returns the root of the tree that n is in.
func (p *paths) root(n int32) int32 {
	p.expose(n)
	for p.nodes[n].left != none {
		n = p.nodes[n].left
	}
	p.splay(n) // the way to it is not gone for nothing
	return n
}

// link puts a root below a node of another tree.
func (p *paths) link(parent, root int32) {
	p.expose(root)
	p.expose(parent)
	p.nodes[root].up = parent
}

// cut makes a node that is none a root.
func (p *paths) cut(n int32) {
	p.expose(n)
	p.nodes[p.nodes[n].left].up = none
	p.nodes[n].left = none
}

func (p *paths) expose(n int32) {
	below := int32(none)
	for at := n; at != none; at = p.nodes[at].up {
		p.splay(at)
		p.nodes[at].right = below
		below = at
	}
	p.splay(n)
}

// top reports whether n is the top of its binary tree.
func (p *paths) top(n int32) bool {
	up := p.nodes[n].up
	return up == none || p.nodes[up].left != n && p.nodes[up].right != n
}

// splay makes n the top of its binary tree.
func (p *paths) splay(n int32) {
	for !p.top(n) {
		up := p.nodes[n].up
		if !p.top(up) {
			if (p.nodes[up].left == n) == (p.nodes[p.nodes[up].up].left == up) {
				p.rotate(up)
			} else {
				p.rotate(n)
			}
		}
		p.rotate(n)
	}
}

// rotate lets n and the node above it change places in their binary tree.
func (p *paths) rotate(n int32) {
	p.rotated++
	up := p.nodes[n].up
	wasTop := p.top(up)
	var moved int32
	if p.nodes[up].left == n {
		moved, p.nodes[n].right = p.nodes[n].right, up
		p.nodes[up].left = moved
	} else {
		moved, p.nodes[n].left = p.nodes[n].left, up
		p.nodes[up].right = moved
	}
	if moved != none {
		p.nodes[moved].up = up
	}
	above := p.nodes[up].up
	p.nodes[n].up, p.nodes[up].up = above, n
	if wasTop {
		return
	}
	if p.nodes[above].left == up {
		p.nodes[above].left = n
	} else {
		p.nodes[above].right = n
	}
}
