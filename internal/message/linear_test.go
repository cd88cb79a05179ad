package message

import (
	"io"
	"runtime"
	"strings"
	"testing"
)

// useAll does with a message what programs do, all of it.
func useAll(tb testing.TB, s *Scanner, in string) *Part {
	tb.Helper()
	root, err := s.Parse(strings.NewReader(in))
	if err != nil {
		tb.Fatal(err)
	}
	r := strings.NewReader(in)
	root.Walk(func(p *Part) bool {
		p.Envelope().SortKeys()
		p.SortKeys()
		p.ThreadKeys()
		p.Date()
		p.Filename()
		for _, param := range p.Params {
			param.Decode()
		}
		for i := range p.Fields {
			DecodeHeader(p.Fields[i].Value())
		}
		if len(p.Parts) == 0 && p.Message == nil {
			if _, err := io.Copy(io.Discard, p.Text(r, 1<<30)); err != nil {
				tb.Fatal(err)
			}
		}
		return true
	})
	if _, err := Preview(root, r); err != nil {
		tb.Fatal(err)
	}
	return root
}

// TestLinear counts what the scanner looks at, and what everything together
// allocates, for messages that double in size. TestWork counts the rest.
func TestLinear(t *testing.T) {
	type cost struct{ work, alloc uint64 }
	measure := func(in string) cost {
		s := NewScanner(DefaultLimits())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		useAll(t, s, in)
		runtime.ReadMemStats(&after)
		return cost{uint64(s.searched + s.compared), after.TotalAlloc - before.TotalAlloc}
	}
	for _, kind := range nastyMail {
		a, b, c := measure(kind.make(120<<10)), measure(kind.make(240<<10)), measure(kind.make(480<<10))
		t.Logf("%-24s work %9d %9d %9d, allocated %9d %9d %9d", kind.name, a.work, b.work, c.work, a.alloc, b.alloc, c.alloc)
		if b.work > a.work*5/2 || c.work > b.work*5/2 {
			t.Errorf("%s: work grows %d, %d, %d", kind.name, a.work, b.work, c.work)
		}
		const slack = 1 << 20    // slices grow in steps
		most := uint64(48 << 20) // the race detector takes 20 MB of it
		if kind.name == "charset parts" {
			most = 160 << 20 // the decoders for charsets have buffers of 8 kB
		}
		if c.alloc > 6*a.alloc+slack || c.alloc > most {
			t.Errorf("%s: allocations grow %d, %d, %d", kind.name, a.alloc, b.alloc, c.alloc)
		}
	}
}
