package quota

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// TestTell: one is told of each percentage once, until there has been clearly less.
func TestTell(t *testing.T) {
	f := newAccount(t, Limits{Octets: 1000, Messages: 200})
	percents := []int{80, 95}
	if _, err := f.Usage(t.Context()); err != nil { // makes the file
		t.Fatal(err)
	}
	for i, step := range []struct {
		octets, messages int64
		want             string
	}{
		{799, 1, ""},
		{1, 1, "80"},
		{-1, -1, ""},
		{1, 1, ""}, // it was not left
		{149, 1, ""},
		{1, 1, "95"},
		{-47, 0, ""},   // 903
		{-1, 0, "-95"}, // 902: less than 95 by a twentieth
		{-142, 0, ""},  // 760
		{-1, 0, "-80"},
		{400, 0, "95"},    // both, and more than all
		{-1159, 0, "-80"}, // both again
		{0, 185, "80"},    // 189 messages
		{0, -28, ""},
		{0, 0, ""},
		{0, 30, "95"}, // 190 messages
	} {
		if err := f.Add(step.octets, step.messages); err != nil {
			t.Fatal(err)
		}
		f.box.change(step.octets, step.messages)
		got := ""
		_, err := f.Tell(t.Context(), percents, false, func(c Crossing) error {
			if got = fmt.Sprint(c.Percent); c.Below {
				got = "-" + got
			}
			return nil
		})
		if err != nil || got != step.want {
			t.Errorf("step %d: told %q, %v; want %q of %+v", i, got, err, step.want, f.box.usage)
		}
	}
}

// TestTellTiny: limits of a few messages have percentages too, and nothing has none.
func TestTellTiny(t *testing.T) {
	for _, c := range []struct {
		used, limit int64
		percent     int
		slack       int64
		want        bool
	}{
		{0, 1, 1, 0, false}, {0, 1, 1, 20, false}, {1, 1, 1, 0, true}, {2, 3, 80, 0, false}, {3, 3, 80, 0, true},
		{5, 0, 80, 0, false}, {1<<63 - 1, 1<<63 - 1, 100, 0, true}, {1<<63 - 2, 1<<63 - 1, 100, 0, false},
	} {
		if got := reached(c.used, c.limit, c.percent, c.slack); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

// TestTellFails: who could not be told is told later; a file that is no number is none.
func TestTellFails(t *testing.T) {
	f := newAccount(t, Limits{Octets: 1000})
	f.box.usage = Usage{Octets: 900, Messages: 1}
	if _, err := f.Usage(t.Context()); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("disk full")
	told := 0
	tell := func(Crossing) error { told++; return broken }
	if _, err := f.Tell(t.Context(), []int{80}, false, tell); !errors.Is(err, broken) {
		t.Error(err)
	}
	broken = nil
	for range 2 {
		if _, err := f.Tell(t.Context(), []int{80}, false, tell); err != nil {
			t.Error(err)
		}
	}
	if told != 2 {
		t.Errorf("told %d times, of which one failed", told)
	}
	if err := os.WriteFile(filepath.Join(f.root, toldFile), []byte("\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tell(t.Context(), []int{80}, false, tell); err != nil || told != 3 {
		t.Errorf("%v, told %d times", err, told)
	}
	// A sum that is none tells nobody.
	if err := errors.Join(f.append(spoilt), os.Remove(filepath.Join(f.root, toldFile))); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tell(t.Context(), []int{80}, false, tell); err != nil || told != 3 {
		t.Errorf("%v, told %d times", err, told)
	}
	// A file that leads elsewhere is an error.
	if err := os.Symlink("/dev/null", filepath.Join(f.root, toldFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Usage(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tell(t.Context(), []int{80}, false, tell); err == nil || told != 3 {
		t.Errorf("%v, told %d times", err, told)
	}
}

// TestTellAtOnce: of many who see it one tells.
func TestTellAtOnce(t *testing.T) {
	f := newAccount(t, Limits{Octets: 1000})
	if _, err := f.Usage(t.Context()); err != nil {
		t.Fatal(err)
	}
	var told atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			g := Open(f.root, f.limits, Options{Mail: &f.box})
			err := g.Add(50, 1)
			if err == nil {
				_, err = g.Tell(t.Context(), []int{80, 95}, false, func(c Crossing) error {
					if c.Percent == 80 {
						told.Add(1)
					} else {
						told.Add(100)
					}
					return nil
				})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := told.Load(); n != 100 && n != 101 {
		t.Errorf("told %d", n)
	}
}
