package settings

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	s := Open(t.TempDir())
	if got, err := s.Load(); err != nil || !reflect.DeepEqual(got, Settings{}) {
		t.Fatalf("without a file: %+v, %v", got, err)
	}
	five := 5
	want := Settings{
		Language: "de", Zone: "Europe/Berlin", Theme: "dark", UndoSend: &five, Swipe: [2]Swipe{"trash", "read"},
		Identities: []Identity{{Name: "Ann", Address: "ann@example.org", Signature: "-- \nAnn"}},
		Templates:  []Template{{Name: "Thanks", Text: "Thank you!"}}, Trusted: []string{"@example.org"},
	}
	if err := s.Change(func(now *Settings) error { *now = want; return nil }); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Load(); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	failure := errors.New("no")
	if err := s.Change(func(now *Settings) error { now.Theme = ""; return failure }); !errors.Is(err, failure) {
		t.Error(err)
	}
	for _, wrong := range []Settings{
		{Theme: "pink"}, {Zone: "a\nb"}, {Identities: []Identity{{}}}, {Identities: []Identity{{Address: "a\r\nBcc: b"}}},
		{Identities: []Identity{{Address: "a", Signature: "\x00"}}}, {Language: strings.Repeat("x", 501)},
		{Swipe: [2]Swipe{"", "eat"}}, {Swipe: [2]Swipe{"eat", ""}}, {UndoSend: new(int), Templates: make([]Template, 101)}, {Trusted: []string{"\xff"}},
	} {
		if err := s.Change(func(now *Settings) error { *now = wrong; return nil }); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	if got, err := s.Load(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("after refusals: %+v, %v", got, err)
	}
	list, err := filepath.Glob(filepath.Join(s.dir, "*"))
	if err != nil || len(list) != 2 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

// TestDamaged holds that settings that make no sense are no reason to show no mail, and
// are replaced.
func TestDamaged(t *testing.T) {
	s := Open(t.TempDir())
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{", `{"theme": 3}`, `{"zone": "a\u0000"}`, strings.Repeat(" ", maxFile+1)} {
		if err := os.WriteFile(s.path(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load(); err == nil || !reflect.DeepEqual(got, Settings{}) {
			t.Errorf("%.20q: %+v, %v", text, got, err)
		}
		if err := s.Change(func(now *Settings) error { return now.Set("theme", "dark") }); err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
		if got, err := s.Load(); err != nil || got.Theme != "dark" {
			t.Errorf("%.20q: %+v, %v", text, got, err)
		}
	}
	if err := os.WriteFile(s.path(), []byte(`{"theme": "of the future", "zone": "UTC", "more": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Load(); err != nil || got.Theme != "" || got.Zone != "UTC" {
		t.Errorf("a value that is not known: %+v, %v", got, err)
	}
}

func TestTogether(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			err := Open(dir).Change(func(now *Settings) error {
				now.Trusted = append(now.Trusted, strings.Repeat("x", i+1))
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, err := Open(dir).Load(); err != nil || len(got.Trusted) != 20 {
		t.Errorf("%d are left of 20, %v", len(got.Trusted), err)
	}
}

func TestValues(t *testing.T) {
	var s Settings
	for name := range values {
		for _, v := range Values(name) {
			if err := s.Set(name, v); err != nil {
				t.Error(err)
			}
		}
		if err := s.Set(name, "no such value"); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Set("identities", ""); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	if s.Undo() != undoSend || !Switch("").On(true) || Switch("").On(false) || !Switch("on").On(false) || Switch("off").On(true) {
		t.Error("defaults")
	}
}
