package authd

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A sandbox that was made for some sources does for others that need no more.
func TestCover(t *testing.T) {
	files := Needs{Programs: []string{"getent"}, Writes: []string{"/var/lib/fantail/auth"}}
	with := func(change func(*Needs)) Needs {
		n := files
		change(&n)
		return n
	}
	online := with(func(n *Needs) { n.Network = true })
	foreign := with(func(n *Needs) { n.Foreign = true })
	for name, c := range map[string]struct {
		had, needs Needs
		want       bool
	}{
		"the same":           {files, files, true},
		"less":               {files, Needs{}, true},
		"a directory":        {files, online, false},
		"no directory":       {online, files, true},
		"foreign programs":   {online, foreign, false},
		"anything":           {foreign, online, true},
		"another program":    {files, with(func(n *Needs) { n.Programs = []string{"getent", "x"} }), false},
		"another directory":  {files, with(func(n *Needs) { n.Writes = []string{"/x"} }), false},
		"a directory, twice": {with(func(n *Needs) { n.Writes = []string{"/x", "/y"} }), Needs{Writes: []string{"/y"}}, true},
	} {
		if got := c.had.cover(c.needs); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestMakeOwn wants the directory to be there before the sandbox is, and nothing else.
func TestMakeOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "auth")
	for range 2 {
		if err := makeOwn(dir); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%v, %v", info, err)
		}
	}
	place := filepath.Join(t.TempDir(), "fantail")
	if err := makeOwn(filepath.Join(place, "auth")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Stat(place); err == nil {
		t.Error("the place for it is made")
	}
	if err := makeOwn(""); err != nil {
		t.Error(err)
	}
}
