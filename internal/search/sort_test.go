package search

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"fantail/internal/store"
)

// TestSorted compares with a sort that knows no tricks.
func TestSorted(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	texts := []string{"", "a", "a\x00", "aaaaaaaa", "aaaaaaaab", "aaaaaaaaa", "b", "\xff", "aaaaaaa"}
	for _, n := range []int{0, 1, 2, 50, worthTwo + 777} {
		for range 20 {
			by := []Criterion{{ByDate, r.IntN(2) == 0}, {BySubject, r.IntN(2) == 0}, {BySize, r.IntN(2) == 0}}
			r.Shuffle(len(by), func(i, j int) { by[i], by[j] = by[j], by[i] })
			tab := table{by: by[:1+r.IntN(3)]}
			for i := range n {
				tab.messages = append(tab.messages, 2*i)
			}
			tab.begin()
			for c := range tab.by {
				for row := range n {
					if tab.numbers[c] != nil {
						tab.numbers[c][row] = r.Int64N(7) - 3
					} else {
						tab.texts[c][row] = []byte(texts[r.IntN(len(texts))])
					}
				}
			}
			gone := store.NewMessageSet(2 * n)
			var want []int
			for row := range n {
				if r.IntN(9) == 0 {
					gone.Add(2 * row)
				} else {
					want = append(want, row)
				}
			}
			slices.SortStableFunc(want, func(a, b int) int {
				for c, by := range tab.by {
					d := 0
					if col := tab.numbers[c]; col != nil {
						d = cmp.Compare(col[a], col[b])
					} else {
						d = bytes.Compare(tab.texts[c][a], tab.texts[c][b])
					}
					if by.Reverse {
						d = -d
					}
					if d != 0 {
						return d
					}
				}
				return 0
			})
			for k := range want {
				want[k] *= 2
			}
			if got := tab.sorted(gone); !slices.Equal(got, want) {
				t.Fatalf("%d messages by %v: %v, want %v", n, tab.by, got, want)
			}
		}
	}
}

func TestDecisive(t *testing.T) {
	got := decisive([]Criterion{{ByDate, true}, {BySize, false}, {ByDate, false}, {BySize, true}, {ByTo, false}})
	if want := []Criterion{{ByDate, true}, {BySize, false}, {ByTo, false}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
