package uidlist

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpecialUses(t *testing.T) {
	dir := t.TempDir()
	s := OpenSpecialUses(dir, '.')
	if _, err := s.List(); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("without a file: %v", err)
	}
	set := func(want ...SpecialUse) {
		t.Helper()
		if err := s.Update(t.Context(), func([]SpecialUse) []SpecialUse { return want }); err != nil {
			t.Fatal(err)
		}
		got, err := OpenSpecialUses(dir, '.').List()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatal(err, diff)
		}
	}
	set()
	set(SpecialUse{`\Sent`, "Work.Sent mail"}, SpecialUse{`\Drafts`, "a\tb"}, SpecialUse{`\Archive`, "Work.Sent mail"})
	text, err := os.ReadFile(filepath.Join(dir, "fantail-specialuse"))
	if want := "fantail-specialuse 1\n\\Sent Work\tSent mail\n\\Drafts a\x01tb\n\\Archive Work\tSent mail\n"; string(text) != want || err != nil {
		t.Fatalf("%q, %v; want %q", text, err, want)
	}
	for _, bad := range []SpecialUse{{"Sent", "x"}, {`\`, "x"}, {`\Se nt`, "x"}, {`\Sent`, ""}, {`\Sent`, "a\nb"}} {
		if err := s.Update(t.Context(), func([]SpecialUse) []SpecialUse { return []SpecialUse{bad} }); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSpecialUsesText(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []SpecialUse
		again      string
	}{
		{"empty", "", nil, "fantail-specialuse 1\n"},
		{"twice, unfinished", "fantail-specialuse 1\n\\Sent A\n\n\\Sent A\n\\Sent B", []SpecialUse{{`\Sent`, "A"}, {`\Sent`, "B"}}, "fantail-specialuse 1\n\\Sent A\n\\Sent B\n"},
		{"strange lines stay", "fantail-specialuse 1\n#x\n\\Sent\n\\Sent a/b\n\\Sent A\n", []SpecialUse{{`\Sent`, "A"}}, "fantail-specialuse 1\n\\Sent A\n#x\n\\Sent\n\\Sent a/b\n"},
	} {
		x := specialUsesText{names: subscriptionsText{separator: '.'}}
		if err := x.parse(tt.text); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, x.uses()); diff != "" || x.encode() != tt.again {
			t.Errorf("%s: %s %q", tt.name, diff, x.encode())
		}
	}
	x := specialUsesText{names: subscriptionsText{separator: '.'}}
	if err := x.parse("fantail-specialuse 2\n\\Sent A\n"); !errors.Is(err, ErrSpecialUses) {
		t.Error(err)
	}
}

// TestSpecialUsesTogether: no update is lost.
func TestSpecialUsesTogether(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	const n = 8
	for i := range n {
		wg.Go(func() {
			err := OpenSpecialUses(dir, '.').Update(t.Context(), func(old []SpecialUse) []SpecialUse {
				return append(old, SpecialUse{`\Sent`, strings.Repeat("x", i+1)})
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := OpenSpecialUses(dir, '.').List()
	slices.SortFunc(got, func(a, b SpecialUse) int { return strings.Compare(a.Name, b.Name) })
	if len(got) != n || got[n-1].Name != strings.Repeat("x", n) || err != nil {
		t.Error(got, err)
	}
}

func FuzzSpecialUses(f *testing.F) {
	f.Add("fantail-specialuse 1\n\\Sent Work\tSent\n\\Junk a\x01tb\nstrange\n", byte('.'))
	f.Add("fantail-specialuse 1\n\\Sent Work\tSent", byte('/'))
	f.Fuzz(func(t *testing.T, text string, separator byte) {
		if separator != '.' && separator != '/' {
			return
		}
		x := specialUsesText{names: subscriptionsText{separator: separator}}
		if x.parse(text) != nil {
			return
		}
		y := specialUsesText{names: subscriptionsText{separator: separator}}
		if err := y.parse(x.encode()); err != nil || y.encode() != x.encode() {
			t.Fatalf("%q, %q, then %q: %v", text, x.encode(), y.encode(), err)
		}
	})
}
