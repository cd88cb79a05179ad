package uidlist

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
)

// inDir writes a file into a directory of its own, and returns that.
func inDir(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRebase(t *testing.T) {
	const guid = "0123456789abcdef0123456789abcdef"
	byName := func(_ mail.UIDValidity, r Record) string { return r.Base }
	for _, c := range []struct {
		name    string
		before  string
		bases   map[string]string
		uidl    func(mail.UIDValidity, Record) string
		after   string
		changed bool
	}{
		{"one of two", "1 :a\n2 W5 :b\n", map[string]string{"b": "c"}, nil, "1 :a\n2 W5 :c\n", true},
		{"none", "1 :a\n", map[string]string{"b": "c"}, nil, "1 :a\n", false},
		{"the new name is there, later", "1 :a\n2 :b\n3 :c\n", map[string]string{"b": "c"}, nil, "1 :a\n2 :c\n", true},
		{"the new name is there, before", "1 :c\n2 :a\n3 :b\n", map[string]string{"b": "c"}, nil, "1 :c\n2 :a\n", true},
		{"only the new name is there", "1 :c\n", map[string]string{"b": "c"}, nil, "1 :c\n", false},
		{"unique-ids by name", "1 :a\n2 :b\n", map[string]string{"b": "c"}, byName, "1 :a\n2 Pb :c\n", true},
		{"a unique-id of its own", "1 Pold W5 :a\n", map[string]string{"a": "b"}, byName, "1 Pold W5 :b\n", true},
		{"the base as unique-id", "1 P W5 :a\n", map[string]string{"a": "b"}, nil, "1 W5 Pa :b\n", true},
		{"a unique-id that cannot be written", "1 :a b\n", map[string]string{"a b": "c"}, byName, "1 :c\n", true},
	} {
		dir := inDir(t, "dovecot-uidlist", "3 V7 N9 G"+guid+"\n"+c.before)
		changed, err := Open(dir).Rebase(c.bases, c.uidl)
		text, rerr := os.ReadFile(filepath.Join(dir, "dovecot-uidlist"))
		_, body, _ := strings.Cut(string(text), "\n")
		if err != nil || rerr != nil || changed != c.changed || body != c.after || !strings.HasPrefix(string(text), "3 V7 N9 G"+guid) {
			t.Errorf("%s: %t, %v, %q", c.name, changed, errors.Join(err, rerr), text)
		}
	}
	if _, err := Open(t.TempDir()).Rebase(map[string]string{"a": "b"}, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestRemoveLock(t *testing.T) {
	dir := inDir(t, "x.lock", "1:elsewhere")
	path := filepath.Join(dir, "x")
	if err := RemoveLock(path, time.Minute); !errors.Is(err, ErrLockTimeout) {
		t.Error(err)
	}
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path+".lock", then, then); err != nil {
		t.Fatal(err)
	}
	for range 2 { // that there is none is no error
		if err := RemoveLock(path, time.Minute); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(path + ".lock"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestKeywordsRepair: what means something stays, and then nothing is wrong.
func TestKeywordsRepair(t *testing.T) {
	for text, want := range map[string]string{
		"0 a\n1 b\n":                    "",
		"":                              "",
		"0 a\nwhat\n1 b\n":              "0 a\n1 b\n",
		"0 a\n26 b\n":                   "0 a\n",
		"0 a\n0 b\n":                    "0 b\n",
		"0 a\n1 ":                       "0 a\n",
		"0 a\n1 b":                      "0 a\n1 b\n",
		"\x00\x00\n2 c\n-1 x\n 3 d\n\n": "2 c\n",
	} {
		dir := inDir(t, "dovecot-keywords", text)
		k := OpenKeywords(dir)
		damage, err := k.Check()
		if err != nil || (damage != nil) != (want != "") {
			t.Errorf("%q: %v, %v", text, damage, err)
		}
		if want == "" {
			continue
		}
		if err := k.Repair(time.Unix(1e9, 0)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		now, err := os.ReadFile(filepath.Join(dir, "dovecot-keywords"))
		old, errOld := os.ReadFile(filepath.Join(dir, "dovecot-keywords.broken-1000000000"))
		if err != nil || errOld != nil || string(now) != want || string(old) != text {
			t.Errorf("%q: %q, %q, %v", text, now, old, errors.Join(err, errOld))
		}
		if damage, err := k.Check(); damage != nil || err != nil {
			t.Errorf("%q: again %v, %v", text, damage, err)
		}
	}
}

// FuzzCheckKeywords: what was read and written again is without damage, and a file
// without damage loses nothing.
func FuzzCheckKeywords(f *testing.F) {
	for _, text := range []string{"", "0 a\n1 b\n", "0 a\n0 b\n", "25 x", "what\n", "01 a\n", "3 \x00\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		names := parseKeywords(text)
		again := names.encode()
		if p := checkKeywords(again); p.count > 0 {
			t.Errorf("%q: %+v", again, p)
		}
		if p := checkKeywords(text); p.count == 0 && strings.Count(again, "\n") != strings.Count(text, "\n") {
			t.Errorf("%q became %q", text, again)
		}
	})
}
