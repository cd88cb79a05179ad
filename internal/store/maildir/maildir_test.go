package maildir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"

	"golang.org/x/sys/unix"
)

// eachFS runs a test in a directory of the usual file system and in one of
// tmpfs, whose stamps and directory order behave differently.
func eachFS(t *testing.T, test func(t *testing.T, dir string)) {
	t.Run("disk", func(t *testing.T) { test(t, t.TempDir()) })
	t.Run("tmpfs", func(t *testing.T) {
		var st unix.Statfs_t
		if err := unix.Statfs("/dev/shm", &st); err != nil || st.Type != unix.TMPFS_MAGIC {
			t.Skip("no tmpfs at /dev/shm")
		}
		dir, err := os.MkdirTemp("/dev/shm", "fantail-maildir-")
		if err != nil {
			t.Skip("tmpfs is not writable:", err)
		}
		t.Cleanup(func() {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		})
		test(t, dir)
	})
}

// create makes a Maildir for a test.
func create(t testing.TB, path string) *Dir {
	t.Helper()
	d, err := Create(path, Options{Host: "host.example"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// deliver stores one message.
func deliver(t testing.TB, d *Dir, body string, to Target, f mail.Flags) Entry {
	t.Helper()
	w, err := d.NewDelivery()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	w.SetFlags(f, 0)
	entries, err := d.Commit([]*Delivery{w}, to)
	if err != nil {
		t.Fatal(err)
	}
	return entries[0]
}

// content reads a message.
func content(t testing.TB, d *Dir, e Entry) string {
	t.Helper()
	f, _, err := d.OpenMessage(e)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// put makes a file as another program would.
func put(t testing.TB, path, body string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}

// files lists what is in tmp, new and cur, as "new/name".
func files(t testing.TB, d *Dir) []string {
	t.Helper()
	var all []string
	for _, sub := range []string{"tmp", "new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(d.Path(), sub))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, sub+"/"+e.Name())
		}
	}
	return all
}

// list lists with proof.
func list(t testing.TB, d *Dir, known map[string]Entry) *Listing {
	t.Helper()
	for range 100 {
		l, err := d.List(context.Background(), known)
		if err != nil {
			t.Fatal(err)
		}
		if l.Complete {
			return l
		}
		time.Sleep(localSlack)
	}
	t.Fatal("no complete listing of a quiet Maildir")
	return nil
}

func TestLife(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		ctx := context.Background()
		d := create(t, filepath.Join(dir, "Maildir"))
		e := deliver(t, d, "Subject: a\n\nb\r\nc\n", Target{New: true}, 0)
		if !e.New || e.File != e.Name.Base || !strings.HasSuffix(e.File, ".host.example,S=17,W=20") {
			t.Fatalf("delivered as %+v", e)
		}
		known := list(t, d, nil).Entries
		if known[e.Name.Base] != e {
			t.Fatalf("listed %+v, want %+v", known, e)
		}
		taken, err := d.TakeNew(ctx, e)
		if err != nil || taken.New || taken.File != e.Name.Base+":2," {
			t.Fatalf("taken %+v, %v", taken, err)
		}
		if _, err := d.TakeNew(ctx, e); !errors.Is(err, ErrLost) {
			t.Fatalf("taken twice: %v", err)
		}
		// The entry is old: the message has to be followed.
		changed, err := d.ChangeFlags(ctx, e, func(n Name) Name { return n.With(n.Flags|mail.Seen, 1<<3) })
		if err != nil || changed.File != e.Name.Base+":2,Sd" {
			t.Fatalf("changed %+v, %v", changed, err)
		}
		if got := content(t, d, e); got != "Subject: a\n\nb\r\nc\n" {
			t.Fatalf("content %q", got)
		}
		if l := list(t, d, known); len(l.Gone)+len(l.Unconfirmed) != 0 || l.Entries[e.Name.Base] != changed {
			t.Fatalf("listed %+v", l)
		}
		found, err := d.Find(e.Name.Base)
		if err != nil || found != changed {
			t.Fatalf("found %+v, %v", found, err)
		}
		if err := d.Remove(ctx, e); err != nil {
			t.Fatal(err)
		}
		if err := d.Remove(ctx, e); err != nil {
			t.Fatal("removed twice:", err)
		}
		if l := list(t, d, known); !slices.Equal(l.Gone, []string{e.Name.Base}) || len(l.Entries) != 0 {
			t.Fatalf("after removal: %+v", l)
		}
		for name, err := range map[string]error{
			"Find":        second(d.Find(e.Name.Base)),
			"TakeNew":     second(d.TakeNew(ctx, e)),
			"ChangeFlags": second(d.ChangeFlags(ctx, e, func(n Name) Name { return n.With(0, 7) })),
			"no change":   second(d.ChangeFlags(ctx, e, func(n Name) Name { return n })),
			"LinkInto":    second(d.LinkInto(ctx, e, d, "", 0, 0)),
		} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s of a removed message: %v", name, err)
			}
		}
		if got := files(t, d); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
}

func second(_ Entry, err error) error { return err }

func TestUniqueName(t *testing.T) {
	o := Options{
		Clock: func() time.Time { return time.Unix(1700000000, 42_000) },
		Host:  "a/b:c,d e",
		Rand:  strings.NewReader("\x00\x01\xfe\xffabcd"),
	}
	n := newNamer(o)
	want := fmt.Sprintf(`1700000000.M42P%dQ1R0001feff.a\057b\072c\054d\040e`, os.Getpid())
	if got, err := n.base(); err != nil || got != want {
		t.Errorf("base %q, %v; want %q", got, err, want)
	}
	next, err := n.base()
	if err != nil || next == want {
		t.Errorf("second base %q, %v", next, err)
	}
	if _, err := n.base(); !errors.Is(err, io.EOF) {
		t.Errorf("without random numbers: %v", err)
	}
	long := escapeHost(strings.Repeat("/", 300))
	if len(long) > maxHost+4 {
		t.Errorf("host of %d octets", len(long))
	}
}
