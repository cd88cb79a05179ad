package quota

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// cross has the account cross percentages, and be told of it.
func (f *account) cross(t *testing.T, octets int64, keep bool) {
	t.Helper()
	if err := f.Add(octets, 1); err != nil {
		t.Fatal(err)
	}
	f.box.change(octets, 1)
	if kept, err := f.Tell(t.Context(), []int{80, 95}, keep, func(Crossing) error { return nil }); err != nil || kept != keep {
		t.Fatalf("kept %t, %v", kept, err)
	}
}

// taken takes everything that waits, in words.
func taken(t *testing.T, root string) (list []string) {
	t.Helper()
	for {
		c, ok, more, err := Take(t.Context(), root)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return list
		}
		list = append(list, fmt.Sprint(c.Before, " ", c.Now, " of ", c.Usage.Octets, " ", c.Below))
		if waits, err := Waiting(root); err != nil || waits != more {
			t.Errorf("more %t, and waiting %t, %v", more, waits, err)
		}
	}
}

// TestTake: crossings wait in their order, each for one, and what was told is not forgotten.
func TestTake(t *testing.T) {
	f := newAccount(t, Limits{Octets: 1000})
	if got := taken(t, f.root); got != nil {
		t.Errorf("without a file %q wait", got)
	}
	if _, err := os.Lstat(filepath.Join(f.root, toldFile)); !errors.Is(err, os.ErrNotExist) {
		t.Error("to look made the file")
	}
	if _, err := f.Usage(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.cross(t, 800, true)
	f.cross(t, 150, true)
	f.cross(t, -900, false) // nobody is to be run for it
	f.cross(t, 950, true)
	want := []string{"0 80 of 800 false", "80 95 of 950 false", "0 95 of 1000 false"}
	if got := taken(t, f.root); !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	text, err := os.ReadFile(filepath.Join(f.root, toldFile))
	if err != nil || string(text) != " 95\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
	f.cross(t, -1000, true)
	if got, want := taken(t, f.root), []string{"95 0 of 0 true"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestWaitMany: the newest are kept.
func TestWaitMany(t *testing.T) {
	f := newAccount(t, Limits{Octets: 1000})
	if _, err := f.Usage(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range mostWaiting {
		f.cross(t, 800, true)
		f.cross(t, -800, true)
	}
	f.cross(t, 960, true)
	got := taken(t, f.root)
	if len(got) != mostWaiting || got[0] != "80 0 of 0 true" || got[mostWaiting-1] != "0 95 of 960 false" {
		t.Errorf("%d: %q", len(got), got)
	}
}

// TestTakeAtOnce: of many who take one each gets another one.
func TestTakeAtOnce(t *testing.T) {
	f := newAccount(t, Limits{Octets: 1000})
	if _, err := f.Usage(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range mostWaiting / 2 {
		f.cross(t, 800, true)
		f.cross(t, -800, true)
	}
	var got atomic.Int32
	var wg sync.WaitGroup
	for range 2 * mostWaiting {
		wg.Go(func() {
			_, ok, _, err := Take(context.Background(), f.root)
			if err != nil {
				t.Error(err)
			}
			if ok {
				got.Add(1)
			}
		})
	}
	wg.Wait()
	if got.Load() != mostWaiting {
		t.Errorf("%d were taken", got.Load())
	}
}

// TestTakeFails: what is no file is an error, and nothing is made of it.
func TestTakeFails(t *testing.T) {
	f := newAccount(t, Limits{Octets: 1000})
	if err := os.Symlink("elsewhere", filepath.Join(f.root, toldFile)); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := Take(t.Context(), f.root); err == nil {
		t.Error("a link was followed")
	}
	if _, _, _, err := Take(t.Context(), filepath.Join(f.root, "none")); err != nil {
		t.Errorf("no Maildir: %v", err)
	}
}

// FuzzNotes: what is in the file is what is written of it, or nothing.
func FuzzNotes(f *testing.F) {
	for _, text := range []string{
		"", " 80\n", "80", "x\n", " 95\n0 80 800 1 1000 0 1700000000\n80 95 950 2 1000 0 1700000001\n",
		" 95\n0 80 800 1 1000 0 17\n\n\n\n", "  0\n80 80 1 1 1 1 1\n", "  0\n101 0 1 1 1 1 1\n", "  0\n0 80 -1 1 1 1 1\n", "  0\n0 80 1 1 1 1\n",
		"  0\n0 80 9223372036854775807 9223372036854775807 9223372036854775807 0 9223372036854775807\n", "70000\n", strings.Repeat("\n", 9000),
	} {
		f.Add([]byte(text))
	}
	path := filepath.Join(f.TempDir(), "notes")
	f.Fuzz(func(t *testing.T, text []byte) {
		n := parseNotes(text[:min(len(text), maxNotes)])
		if n.told < 0 || len(n.waiting) > mostWaiting {
			t.Fatalf("%+v", n)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := n.write(file); err != nil {
			t.Fatal(err)
		}
		again, err := readNotes(file)
		if err != nil || !reflect.DeepEqual(again, n) {
			t.Errorf("%+v became %+v, %v", n, again, err)
		}
	})
}
