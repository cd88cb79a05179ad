package uidlist

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSubscriptions(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", nil},
		{"version 1", "INBOX\nFoo.Bar\nEntw&APw-rfe\n", []string{"INBOX", "Foo.Bar", "Entw&APw-rfe"}},
		{"version 2", "V\t2\n\nINBOX\nFoo\tBar\nEntw&APw-rfe\n", []string{"INBOX", "Foo.Bar", "Entw&APw-rfe"}},
		{"version 2, none", "V\t2\n\n", nil},
		{"twice, empty lines, inbox, unfinished", "V\t2\n\nA\n\ninbox\nA\nB", []string{"A", "INBOX", "B"}},
		{"escapes", "V\t2\n\na\x01tb\x011\tc\n", []string{"a\tb\x01.c"}},
		{"impossible names", "V\t2\n\na\x01nb\na\x010\na/b\nok\n", []string{"ok"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := parseSubscriptions(tt.text, '.')
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, s.names()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseNestedSubscriptions(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"version 1", "INBOX\nFoo/Bar\nv1.2/x.y\n", []string{"INBOX", "Foo/Bar", "v1.2/x.y"}},
		{"version 2", "V\t2\n\nFoo\tBar\nv1.2\tx.y\n", []string{"Foo/Bar", "v1.2/x.y"}},
		{"impossible names", "V\t2\n\na/b\tc\na\x01nb\nok\n", []string{"ok"}},
	} {
		s, err := parseSubscriptions(tt.text, '/')
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, s.names()); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// TestSubscriptionsOfCourier: without a file, Courier's counts; the first change
// writes one, and Courier's stays as it is.
func TestSubscriptionsOfCourier(t *testing.T) {
	const text = "INBOX.A.B\nINBOX..\nINBOX\n"
	dir := courierDir(t, map[string]string{courierSubscribed: text})
	path := filepath.Join(dir, "subscriptions")
	s := OpenSubscriptions(dir, '.')
	names, err := s.List()
	var d *DamagedError
	if diff := cmp.Diff([]string{"A.B", "INBOX"}, names); diff != "" || !errors.As(err, &d) || d.Count != 1 {
		t.Errorf("%s, %v", diff, err)
	}
	if names, err := OpenSubscriptions(dir, '/').List(); err != nil || len(names) > 0 {
		t.Errorf("nested: %q, %v", names, err)
	}
	if err := s.Set("A.B", true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("no change wrote a file")
	}
	for _, name := range []string{"A.B", "INBOX"} {
		if err := s.Set(name, false); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := s.List(); err != nil || len(names) > 0 || get(t, path) != subscriptionsV2 {
		t.Errorf("%q, %v, file %q", names, err, get(t, path))
	}
	if got := get(t, filepath.Join(dir, courierSubscribed)); got != text {
		t.Errorf("Courier's file is %q", got)
	}
}

func TestSubscriptionsVersion(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "subscriptions")
	const text = "V\t3\n\nA\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := OpenSubscriptions(dir, '.')
	if _, err := s.List(); !errors.Is(err, ErrSubscriptions) {
		t.Error(err)
	}
	if err := s.Set("B", true); !errors.Is(err, ErrSubscriptions) {
		t.Error(err)
	}
	if got := get(t, path); got != text {
		t.Errorf("wrote %q", got)
	}
	noTemp(t, dir)
}

func TestSubscriptionsSet(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "subscriptions")
	s := OpenSubscriptions(dir, '.')
	if err := s.Set("gone", false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("giving up nothing wrote a file")
	}
	for _, step := range []struct {
		name string
		on   bool
		want string
	}{
		{"A.B", true, "A\tB\n"},
		{"Inbox", true, "A\tB\nINBOX\n"},
		{"A.B", true, "A\tB\nINBOX\n"},
		{"tab\there", true, "A\tB\nINBOX\ntab\x01there\n"},
		{"A.B", false, "INBOX\ntab\x01there\n"},
		{"INBOX", false, "tab\x01there\n"},
		{"x", false, "tab\x01there\n"},
	} {
		if err := s.Set(step.name, step.on); err != nil {
			t.Fatal(err)
		}
		if got := get(t, path); got != subscriptionsV2+step.want {
			t.Errorf("after %q, %v: %q", step.name, step.on, got)
		}
	}
	for _, name := range []string{"", "a\nb", "a\rb", "a\x00"} {
		if err := s.Set(name, true); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	noTemp(t, dir)
}

// Version 1 becomes version 2, and lines that we cannot show stay.
func TestSubscriptionsUpgrade(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "subscriptions")
	for text, want := range map[string]string{
		"A.B\nC\n":                  "A\tB\nC\nD\n",
		"V\t2\n\na/b\nc\x01nd\nC\n": "a/b\nc\x01nd\nC\nD\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := OpenSubscriptions(dir, '.').Set("D", true); err != nil {
			t.Fatal(err)
		}
		if got := get(t, path); got != subscriptionsV2+want {
			t.Errorf("%q became %q", text, got)
		}
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
}

// Each of many at once keeps its change.
func TestSubscriptionsConcurrently(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if err := OpenSubscriptions(dir, '.').Set(fmt.Sprint("box", i), true); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	names, err := OpenSubscriptions(dir, '.').List()
	if err != nil || len(names) != 10 {
		t.Errorf("%v, %v", names, err)
	}
	noTemp(t, dir)
}
