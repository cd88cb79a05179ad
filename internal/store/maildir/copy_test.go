package maildir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"

	"golang.org/x/sys/unix"
)

func TestLinkInto(t *testing.T) {
	ctx := context.Background()
	date := time.Unix(1e9, 5000)
	refuse := func(err error) func(*Dir) {
		return func(d *Dir) {
			d.sys.hook = func(step, file string) error {
				if step == "link" {
					return err
				}
				return nil
			}
		}
	}
	for _, tt := range []struct {
		name   string
		setUp  func(d *Dir)
		linked bool
	}{
		{"link", func(*Dir) {}, true},
		{"other file system", refuse(unix.EXDEV), false},
		{"too many links", refuse(unix.EMLINK), false},
		{"not the owner", refuse(unix.EPERM), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachFS(t, func(t *testing.T, dir string) {
				src, dst := create(t, filepath.Join(dir, "src")), create(t, filepath.Join(dir, "dst"))
				at := filepath.Join(src.Path(), "cur", "1.a,S=999,W=1000:2,FP,t=1")
				put(t, at, "body\n")
				if err := os.Chtimes(at, date, date); err != nil {
					t.Fatal(err)
				}
				tt.setUp(src)
				e, err := src.LinkInto(ctx, Entry{Name: Name{Base: "1.a,S=999,W=1000"}}, dst, "", mail.Seen, 1<<4)
				if err != nil {
					t.Fatal(err)
				}
				if err := dst.SyncCur(); err != nil {
					t.Fatal(err)
				}
				// The sizes are those of the old name, for the file may be compressed.
				if !strings.HasSuffix(e.File, ",S=999,W=1000:2,PSe,t=1") || strings.HasPrefix(e.File, "1.a") || e.New {
					t.Errorf("copied to %+v", e)
				}
				a, err := os.Stat(at)
				if err != nil {
					t.Fatal(err)
				}
				b, err := os.Stat(filepath.Join(dst.Path(), "cur", e.File))
				if err != nil {
					t.Fatal(err)
				}
				if os.SameFile(a, b) != tt.linked || !b.ModTime().Equal(a.ModTime()) || content(t, dst, e) != "body\n" {
					t.Errorf("linked %t, date %v, content %q", os.SameFile(a, b), b.ModTime(), content(t, dst, e))
				}
				if left := files(t, dst); len(left) != 1 {
					t.Errorf("files: %v", left)
				}
				if known := list(t, dst, nil).Entries; known[e.Name.Base] != e {
					t.Errorf("listed as %+v", known)
				}
			})
		})
	}
}

// TestLinkAcross copies between file systems, without a hook.
func TestLinkAcross(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		src, dst := create(t, filepath.Join(dir, "src")), create(t, filepath.Join(t.TempDir(), "dst"))
		e := deliver(t, src, "one\ntwo\n", Target{New: true}, 0)
		got, err := src.LinkInto(context.Background(), e, dst, "", mail.Seen, 0)
		if err != nil || !strings.HasSuffix(got.File, ",S=8,W=10:2,S") || content(t, dst, got) != "one\ntwo\n" {
			t.Errorf("copied to %+v, %v", got, err)
		}
		put(t, filepath.Join(src.Path(), "cur", "foreign"), "1\n2\n")
		got, err = src.LinkInto(context.Background(), Entry{Name: Name{Base: "foreign"}}, src, "", 0, 0)
		if err != nil || strings.Contains(got.File, "S=") {
			t.Errorf("sizes made up: %+v, %v", got, err)
		}
	})
}

// TestCopyFails lets each step of a copy by bytes fail.
func TestCopyFails(t *testing.T) {
	src := create(t, filepath.Join(t.TempDir(), "src"))
	e := deliver(t, src, "body", Target{}, 0)
	src.sys.hook = func(string, string) error { return unix.EXDEV }
	var steps []string
	count := create(t, filepath.Join(t.TempDir(), "count"))
	count.sys.hook = func(step, _ string) error { steps = append(steps, step); return nil }
	if _, err := src.LinkInto(context.Background(), e, count, "", 0, 0); err != nil {
		t.Fatal(err)
	}
	if want := []string{"create", "write", "utimes", "fsync", "close", "rename"}; !slices.Equal(steps, want) {
		t.Fatalf("steps %q, want %q", steps, want)
	}
	for n, step := range steps {
		dst := create(t, filepath.Join(t.TempDir(), "dst"))
		dst.sys.hook = at(n, func() error { return unix.EIO })
		if _, err := src.LinkInto(context.Background(), e, dst, "", 0, 0); !errors.Is(err, unix.EIO) {
			t.Errorf("%s failed: %v", step, err)
		}
		if left := files(t, dst); len(left) != 0 {
			t.Errorf("%s failed, and there is %v", step, left)
		}
	}
}

// TestCopyIntoNowhere has no destination: that is not a missing message.
func TestCopyIntoNowhere(t *testing.T) {
	src, dst := create(t, filepath.Join(t.TempDir(), "src")), create(t, filepath.Join(t.TempDir(), "dst"))
	e := deliver(t, src, "body", Target{}, 0)
	if err := os.RemoveAll(dst.Path()); err != nil {
		t.Fatal(err)
	}
	if _, err := src.LinkInto(context.Background(), e, dst, "", 0, 0); !errors.Is(err, ErrVanished) || errors.Is(err, os.ErrNotExist) {
		t.Errorf("copied: %v", err)
	}
}
