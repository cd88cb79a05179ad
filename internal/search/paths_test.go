package search

import (
	"math/rand/v2"
	"testing"
)

// TestPaths compares with going up, while trees are linked and cut.
func TestPaths(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		parents := make([]linkNode, r.IntN(20))
		for n := range parents {
			parents[n].parent = int32(r.IntN(n+2)) - 1 // of lower number, or none
			if parents[n].parent == int32(n) {
				parents[n].parent = none
			}
		}
		p := newPaths(parents)
		root := func(n int32) int32 {
			for parents[n].parent != none {
				n = parents[n].parent
			}
			return n
		}
		for range 200 {
			if len(parents) == 0 || r.IntN(40) == 0 {
				parents = append(parents, linkNode{parent: none})
				p.add()
			}
			a, b := int32(r.IntN(len(parents))), int32(r.IntN(len(parents)))
			if got, want := p.root(a), root(a); got != want {
				t.Fatalf("root %d of %d, want %d", got, a, want)
			}
			switch b = root(b); {
			case r.IntN(2) == 0 && parents[a].parent != none:
				parents[a].parent = none
				p.cut(a)
			case root(a) != b:
				parents[b].parent = a
				p.link(a, b)
			}
		}
	}
}

// TestMadeUpReferences: whoever sends references that make the highest trees, and
// looks for their roots, does not make threading slow.
func TestMadeUpReferences(t *testing.T) {
	const n = 20_000
	th := threader{ids: 3*n + 1}
	chain := func(i int) int32 { return int32(i + 1) }
	parent := func(i int) int32 { return int32(n + i + 1) }
	answer := func(i int) int32 { return int32(2*n + i + 1) }
	add := func(id int32, refs ...int32) {
		th.mail = append(th.mail, threadable{message: int32(len(th.mail)), id: id, refs: refs})
	}
	for i := range n {
		if i == 0 {
			add(chain(0))
			continue
		}
		add(chain(i), chain(i-1)) // a thread of n messages, one below the other
	}
	for i := range n {
		add(answer(i), parent(i))
		add(parent(i), chain(n-1)) // has a child already: is its parent below it?
	}
	l := newLinker(&th)
	work := l.looked
	if l.paths != nil {
		work += l.paths.rotated
	}
	if most := 100 * len(l.nodes); work > most {
		t.Errorf("%d steps for %d messages, want %d at most", work, len(th.mail), most)
	}
	f := l.forest()
	if len(f.roots) != 1 || len(f.downwards()) != 3*n {
		t.Errorf("%d threads of %d messages, want one of %d", len(f.roots), len(f.downwards()), 3*n)
	}
}

// TestMadeUpDummies: a thread of messages that are not there, one below the other,
// each with an answer, costs no square.
func TestMadeUpDummies(t *testing.T) {
	const n = 50_000
	th := threader{ids: 2*n + 3}
	for i := range n {
		th.mail = append(th.mail, threadable{message: int32(i), id: int32(i + 1), refs: []int32{int32(n + i + 1), int32(n + i + 2)}})
	}
	before := testing.AllocsPerRun(1, func() {
		f := newLinker(&th).forest()
		if len(f.roots) != 1 || len(f.downwards()) != n+1 {
			t.Errorf("%d threads of %d messages, want one of %d", len(f.roots), len(f.downwards()), n+1)
		}
	})
	if before > 1000 {
		t.Errorf("%v allocations", before)
	}
}
