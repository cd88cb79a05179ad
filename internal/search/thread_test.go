package search

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// letter is a message for threading: when it was sent, its Message-ID, what it
// refers to, its base subject, "re " in front of which makes it a reply.
type letter struct {
	sent    int64
	id      string
	refs    string
	subject string
}

// numbers gives numbers to texts, 0 to the empty one.
type numbers map[string]int32

func (n numbers) of(text string) int32 {
	if text == "" {
		return 0
	}
	if n[text] == 0 {
		n[text] = int32(len(n) + 1)
	}
	return n[text]
}

func grow(alg Algorithm, letters []letter) *Forest {
	ids, subjects := numbers{}, numbers{}
	var mail []threadable
	for i, l := range letters {
		subject, reply := strings.CutPrefix(l.subject, "re ")
		m := threadable{message: int32(i), sent: l.sent, reply: reply, id: ids.of(l.id), subject: subjects.of(subject)}
		for _, ref := range strings.Fields(l.refs) {
			m.refs = append(m.refs, ids.of(ref))
		}
		mail = append(mail, m)
	}
	t := threader{mail: mail, ids: int32(len(ids)) + 1, subjects: make([][]byte, len(subjects)+1)}
	return t.threads(alg)
}

// threads shows a forest as THREAD does, counted from 1.
func threads(f *Forest) string {
	var show func(n Node) string
	show = func(n Node) string {
		var b strings.Builder
		b.WriteByte('(')
		i, ok := n.Message()
		for ok {
			b.WriteString(strconv.Itoa(i + 1))
			if n.Len() > 0 {
				b.WriteByte(' ')
			}
			if n.Len() != 1 {
				break
			}
			n = n.Child(0)
			if i, ok = n.Message(); !ok {
				b.WriteString("dummy")
			}
		}
		if !ok && n.Len() < 2 {
			b.WriteString("lonely dummy")
		}
		for _, c := range n.Children() {
			b.WriteString(show(c))
		}
		return b.String() + ")"
	}
	var b strings.Builder
	for _, n := range f.Threads() {
		b.WriteString(show(n))
	}
	return b.String()
}

func threadsBy(alg Algorithm, letters []letter) string {
	return threads(grow(alg, letters))
}

func TestOrderedSubject(t *testing.T) {
	for _, c := range []struct {
		letters []letter
		want    string
	}{
		{nil, ""},
		{[]letter{{sent: 3, subject: "a"}, {sent: 1, subject: "b"}, {sent: 2, subject: "re a"}}, "(2)(3 1)"},
		{[]letter{{sent: 1, subject: "a"}, {sent: 2, subject: "a"}, {sent: 3, subject: "a"}, {sent: 2, subject: "b"}}, "(1 (2)(3))(4)"},
		{[]letter{{sent: 5}, {sent: 5}, {sent: 4, subject: "x"}}, "(3)(1 2)"}, // no subject is one too
		{[]letter{{sent: 5, subject: "b"}, {sent: 5, subject: "a"}}, "(1)(2)"},
	} {
		if got := threadsBy(OrderedSubject, c.letters); got != c.want {
			t.Errorf("%v: %s, want %s", c.letters, got, c.want)
		}
	}
}

func TestReferences(t *testing.T) {
	for _, c := range []struct {
		what    string
		letters []letter
		want    string
	}{
		{"an answer and its answer", []letter{{1, "a", "", ""}, {2, "b", "a", ""}, {3, "c", "a b", ""}}, "(1 2 3)"},
		{"in any order", []letter{{3, "c", "a b", ""}, {2, "b", "a", ""}, {1, "a", "", ""}}, "(3 2 1)"},
		{"siblings by date", []letter{{1, "a", "", ""}, {3, "b", "a", ""}, {2, "c", "a", ""}}, "(1 (3)(2))"},
		{"siblings of one date by number", []letter{{1, "a", "", ""}, {2, "b", "a", ""}, {2, "c", "a", ""}}, "(1 (2)(3))"},
		{"threads by date", []letter{{9, "a", "", ""}, {1, "b", "", ""}}, "(2)(1)"},
		{"1.A: no Message-ID", []letter{{1, "", "", ""}, {2, "", "", ""}}, "(1)(2)"},
		{"1.A: the same Message-ID", []letter{{1, "a", "", ""}, {2, "a", "", ""}, {3, "b", "a", ""}}, "(1 3)(2)"},
		{"1.A: a parent is not changed", []letter{{1, "a", "", ""}, {2, "b", "a", ""}, {3, "x", "", ""}, {4, "c", "x b", ""}}, "(1 2 4)(3)"},
		{"1.A: links between others", []letter{{1, "a", "", ""}, {2, "b", "", ""}, {3, "c", "a b", ""}}, "(1 2 3)"},
		{"1.A: no loop", []letter{{1, "a", "b", ""}, {2, "b", "a", ""}}, "(2 1)"},
		{"1.A: nobody's own parent", []letter{{1, "a", "a", ""}, {2, "b", "a a b", ""}}, "(1)(2)"},
		{"1.B: the last reference counts", []letter{{1, "a", "", ""}, {2, "b", "", ""}, {3, "c", "a b", ""}, {4, "b", "", ""}}, "(1 2 3)(4)"},
		{"1.B: one's own references count more", []letter{{1, "r", "", ""}, {4, "d", "x c", ""}, {3, "c", "r", ""}}, "(1 3 2)"},
		{"1.B: without references there is no parent", []letter{{2, "c", "a b", ""}, {1, "b", "", ""}}, "(2 1)"},
		{"3: a dummy without children", []letter{{1, "b", "gone", ""}}, "(1)"},
		{"3: a dummy within", []letter{{1, "a", "", ""}, {2, "c", "a gone", ""}, {3, "d", "a gone", ""}}, "(1 (2)(3))"},
		{"3: a dummy at the root with one child", []letter{{1, "c", "gone older", ""}}, "(1)"},
		{"3: a dummy at the root with two", []letter{{2, "c", "gone", ""}, {1, "d", "gone", ""}}, "((2)(1))"},
		{"3: dummies on dummies", []letter{{1, "c", "g1 g2 g3", ""}, {2, "d", "g1 g4", ""}}, "((1)(2))"},
		{"4: a dummy by its first child", []letter{{5, "x", "", ""}, {9, "c", "gone", ""}, {3, "d", "gone", ""}}, "((3)(2))(1)"},
		{"5: an answer joins", []letter{{1, "a", "", "s"}, {2, "b", "", "re s"}}, "(1 2)"},
		{"5: an answer that came before", []letter{{1, "a", "", "re s"}, {2, "b", "", "s"}}, "(2 1)"},
		{"5: two that are no answers", []letter{{1, "a", "", "s"}, {2, "b", "", "s"}}, "((1)(2))"},
		{"5: two answers", []letter{{1, "a", "", "re s"}, {2, "b", "", "re s"}}, "((1)(2))"},
		{"5: three", []letter{{1, "a", "", "s"}, {2, "b", "", "s"}, {3, "c", "", "re s"}}, "((1)(2)(3))"},
		{"5: no subject", []letter{{1, "a", "", ""}, {2, "b", "", "re "}}, "(1)(2)"},
		{"5: a dummy takes in", []letter{{1, "c", "gone", "s"}, {2, "d", "gone", "t"}, {3, "e", "", "s"}}, "((1)(2)(3))"},
		{"5: two dummies", []letter{{1, "c", "gone", "s"}, {2, "d", "gone", "t"}, {3, "e", "lost", "s"}, {4, "f", "lost", "u"}}, "((1)(2)(3)(4))"},
		{"5: a dummy behind the other", []letter{{1, "e", "", "s"}, {2, "c", "gone", "s"}, {3, "d", "gone", "t"}}, "((1)(2)(3))"},
		{"5: only roots have subjects", []letter{{1, "a", "", "s"}, {2, "b", "a", "t"}, {3, "c", "", "t"}}, "(1 2)(3)"},
		{"6: what has joined is sorted", []letter{{5, "a", "", "s"}, {9, "b", "a", "s"}, {7, "c", "", "re s"}}, "(1 (3)(2))"},
		{"6: and so are the roots", []letter{{5, "x", "", ""}, {9, "a", "", "s"}, {1, "b", "", "re s"}}, "(1)(2 3)"},
	} {
		if got := threadsBy(References, c.letters); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

func TestRefs(t *testing.T) {
	for _, c := range []struct {
		what    string
		letters []letter
		want    string
	}{
		{"subjects do not count", []letter{{1, "a", "", "s"}, {2, "b", "", "re s"}}, "(1)(2)"},
		{"the newest is last", []letter{{1, "a", "", ""}, {2, "b", "", ""}, {3, "c", "a", ""}}, "(2)(1 3)"},
		{"also below a dummy", []letter{{1, "a", "gone", ""}, {9, "b", "gone", ""}, {5, "c", "", ""}}, "(3)((1)(2))"},
		{"siblings are by date", []letter{{1, "a", "", ""}, {2, "b", "a", ""}, {3, "c", "a", ""}, {4, "d", "b", ""}}, "(1 (2 4)(3))"},
	} {
		if got := threadsBy(Refs, c.letters); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

// TestForestHoldsAll: every message is in a forest once, no dummy is without need,
// and siblings are sorted, whatever the references are.
func TestForestHoldsAll(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		letters := make([]letter, r.IntN(12))
		for i := range letters {
			letters[i] = letter{sent: r.Int64N(5), id: strconv.Itoa(r.IntN(10)), subject: []string{"", "s", "re s", "t", "re t"}[r.IntN(5)]}
			for range r.IntN(4) {
				letters[i].refs += fmt.Sprintf(" %d", r.IntN(12))
			}
		}
		for _, alg := range []Algorithm{OrderedSubject, References, Refs} {
			f := grow(alg, letters)
			if err := f.check(len(letters), alg); err != nil {
				t.Fatalf("%v by %d: %s: %v", letters, alg, threads(f), err)
			}
		}
	}
}

func (f *Forest) check(n int, alg Algorithm) error {
	var seen []int
	order := f.downwards()
	for _, k := range order {
		node := Node{f, k}
		if i, ok := node.Message(); ok {
			seen = append(seen, i)
		} else if node.Len() < 2 || !slices.Contains(f.roots, k) {
			return fmt.Errorf("a dummy that is none")
		}
		if !f.sorted(f.nodes[k].children) {
			return fmt.Errorf("children out of order")
		}
	}
	if alg != Refs && !f.sorted(f.roots) {
		return fmt.Errorf("threads out of order")
	}
	slices.Sort(seen)
	for i := range n {
		if i >= len(seen) || seen[i] != i {
			return fmt.Errorf("it has %v", seen)
		}
	}
	return nil
}

func (f *Forest) sorted(list []int32) bool {
	again := slices.Clone(list)
	f.sort(again)
	return slices.Equal(list, again)
}

// TestThreadsAreLinear: a long row of answers, newest first, costs no square.
func TestThreadsAreLinear(t *testing.T) {
	const n = 50_000
	letters := make([]letter, n)
	for i := range letters {
		k := n - i
		letters[i] = letter{sent: int64(k), id: strconv.Itoa(k), refs: strconv.Itoa(k - 1)}
	}
	f := grow(References, letters)
	if len(f.roots) != 1 || len(f.downwards()) != n {
		t.Errorf("%d threads of %d messages, want one of %d", len(f.roots), len(f.downwards()), n)
	}
}
