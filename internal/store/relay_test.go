package store

import (
	"errors"
	"slices"
	"testing"
)

var errRelay = errors.New("broken")

// TestRelay: what was acted on is noted, in order, and nothing is acted on behind a
// failure.
func TestRelay(t *testing.T) {
	const never = -1
	for _, n := range []int{0, 1, relayLoad, relayLoad + 1, 10*relayLoad + 7} {
		for _, at := range []int{never, 0, n / 2, n - 1} {
			for _, step := range []string{"prepare", "act", "note", "panic"} {
				var acted, noted []int
				fails := func(s string, i int) error {
					if s == step && i == at {
						return errRelay
					}
					return nil
				}
				b := &batch{m: &Mailbox{}}
				err, panicked := runRelay(relay[int]{
					batch: b,
					prepare: func(i int, p *int) (bool, error) {
						if *p != 0 {
							t.Fatalf("message %d gets what %d left", i, *p)
						}
						*p = i
						return i%3 > 0 || i == at, fails("prepare", i)
					},
					act: func(p *int) error {
						if fails("panic", *p) != nil {
							panic(errRelay)
						}
						acted = append(acted, *p)
						return fails("act", *p)
					},
					note: func(p *int) error {
						noted = append(noted, *p)
						return fails("note", *p)
					},
				}, n)
				failed := at >= 0 && at < n
				if step == "panic" {
					err = panicked
				} else if panicked != nil {
					t.Fatal(panicked)
				}
				if errors.Is(err, errRelay) != failed {
					t.Errorf("%s of %d of %d broken: %v", step, at, n, err)
				}
				if b.lost != (failed && step == "note") {
					t.Errorf("%s of %d of %d broken: batch lost: %t", step, at, n, b.lost)
				}
				if failed && step == "act" {
					acted = acted[:len(acted)-1] // which did nothing
				}
				if !slices.Equal(acted, noted) {
					t.Errorf("%s of %d of %d broken: acted on %v and noted %v", step, at, n, acted, noted)
				}
				if !failed || step == "note" {
					continue
				}
				if i := slices.IndexFunc(acted, func(i int) bool { return i >= at }); i >= 0 {
					t.Errorf("%s of %d of %d broken: acted on %d", step, at, n, acted[i])
				}
				if due := (at+1)*2/3 - 1; len(acted) < due {
					t.Errorf("%s of %d of %d broken: %d done of what was before it, not %d", step, at, n, len(acted), due)
				}
			}
		}
	}
}

func runRelay(r relay[int], n int) (err, panicked error) {
	defer func() {
		if p := recover(); p != nil {
			panicked = errRelay
		}
	}()
	return r.run(n), nil
}
