package watch

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// steps changes a Maildir: "+new/a" creates, "-cur/a" removes, "new/a>cur/b"
// renames.
func steps(t testing.TB, dir string, all ...string) {
	t.Helper()
	for _, s := range all {
		var err error
		from, to, rename := strings.Cut(s, ">")
		switch {
		case rename:
			err = os.Rename(filepath.Join(dir, from), filepath.Join(dir, to))
		case s[0] == '+':
			err = os.WriteFile(filepath.Join(dir, s[1:]), nil, 0o600)
		case s[0] == '-':
			err = os.Remove(filepath.Join(dir, s[1:]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// drain returns changes in the form "+cur/a" and "-new/b".
func drain(t testing.TB, tail *Tail) []string {
	t.Helper()
	changes, exact, err := tail.Drain()
	if err != nil {
		t.Fatal(err)
	}
	if !exact {
		return []string{"inexact"}
	}
	var said []string
	for _, c := range changes {
		s := "-"
		if c.There {
			s = "+"
		}
		if c.New {
			s += "new/"
		} else {
			s += "cur/"
		}
		said = append(said, s+c.File)
	}
	slices.Sort(said)
	return said
}

func newTail(t testing.TB, w *Watcher, dir string) *Tail {
	t.Helper()
	tail, err := w.Tail(dir)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tail.Close(); err != nil {
			t.Error(err)
		}
	})
	return tail
}

func TestDrain(t *testing.T) {
	tests := []struct {
		name  string
		steps []string
		want  []string
	}{
		{"nothing", nil, nil},
		{"delivery", []string{"+tmp/a", "tmp/a>new/a"}, []string{"+new/a"}},
		{"claim", []string{"new/n>cur/n:2,"}, []string{"+cur/n:2,", "-new/n"}},
		{"delivered and claimed", []string{"+tmp/a", "tmp/a>new/a", "new/a>cur/a:2,"}, []string{"+cur/a:2,", "-new/a"}},
		{"flag", []string{"cur/c:2,>cur/c:2,S"}, []string{"+cur/c:2,S", "-cur/c:2,"}},
		{"there and back", []string{"cur/c:2,>cur/c:2,S", "cur/c:2,S>cur/c:2,"}, []string{"+cur/c:2,", "-cur/c:2,S"}},
		{"chain", []string{"cur/c:2,>cur/c:2,S", "cur/c:2,S>cur/c:2,RS"}, []string{"+cur/c:2,RS", "-cur/c:2,", "-cur/c:2,S"}},
		{"expunge", []string{"-cur/c:2,"}, []string{"-cur/c:2,"}},
		{"moved away", []string{"cur/c:2,>tmp/c"}, []string{"-cur/c:2,"}},
		{"both moved away", []string{"cur/c:2,>tmp/c", "new/n>tmp/n"}, []string{"-cur/c:2,", "-new/n"}},
		{"away and back", []string{"cur/c:2,>tmp/c", "tmp/c>cur/c:2,"}, []string{"+cur/c:2,"}},
		{"in and away", []string{"+tmp/a", "tmp/a>cur/a", "cur/a>tmp/a"}, []string{"-cur/a"}},
		{"overwritten", []string{"+cur/d", "cur/c:2,>cur/d"}, []string{"+cur/d", "-cur/c:2,"}},
		{"came and went", []string{"+new/a", "-new/a"}, []string{"-new/a"}},
		{"same name in both", []string{"+new/a", "+cur/a", "-new/a"}, []string{"+cur/a", "-new/a"}},
		{"hidden", []string{"+cur/.nfs1", "-cur/.nfs1"}, nil},
		{"elsewhere", []string{"+tmp/a", "+fantail.log"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := New()
			defer w.Close()
			dir := newMaildir(t)
			steps(t, dir, "+new/n", "+cur/c:2,")
			tail := newTail(t, w, dir)
			steps(t, dir, test.steps...)
			if got := drain(t, tail); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := drain(t, tail); got != nil {
				t.Errorf("told twice: %q", got)
			}
		})
	}
}
