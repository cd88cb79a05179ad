package maildir

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fantail/internal/mail"

	foreign "github.com/emersion/go-maildir"
)

// go-maildir is the other program on the same Maildir here.

func foreignContent(t *testing.T, m *foreign.Message) string {
	t.Helper()
	r, err := m.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestForeignReads lets go-maildir read what we deliver and change.
func TestForeignReads(t *testing.T) {
	ctx := context.Background()
	d := create(t, filepath.Join(t.TempDir(), "Maildir"))
	f := foreign.Dir(d.Path())
	e := deliver(t, d, "one", Target{New: true}, 0)
	marked := deliver(t, d, "two", Target{New: true}, mail.Seen|mail.Flagged)
	if marked.New || marked.Name.Flags != mail.Seen|mail.Flagged {
		t.Errorf("delivered with flags as %+v", marked)
	}
	if n, err := f.UnseenCount(); err != nil || n != 1 {
		t.Errorf("%d unseen, %v", n, err)
	}
	unseen, err := f.Unseen()
	if err != nil || len(unseen) != 1 || unseen[0].Key() != e.Name.Base || foreignContent(t, unseen[0]) != "one" {
		t.Fatalf("unseen %v, %v", unseen, err)
	}
	m, err := f.MessageByKey(marked.Name.Base)
	if err != nil || !slices.Equal(m.Flags(), []foreign.Flag{foreign.FlagFlagged, foreign.FlagSeen}) {
		t.Fatalf("message %v, %v", m, err)
	}
	// It renames; we follow.
	if err := m.SetFlags([]foreign.Flag{foreign.FlagReplied, foreign.FlagPassed}); err != nil {
		t.Fatal(err)
	}
	got, err := d.ChangeFlags(ctx, marked, func(n Name) Name { return n.With(n.Flags|mail.Draft, n.Letters) })
	if err != nil || got.File != marked.Name.Base+":2,DPR" {
		t.Errorf("changed to %+v, %v", got, err)
	}
	all, err := f.Messages()
	if err != nil || len(all) != 2 {
		t.Errorf("messages %v, %v", all, err)
	}
	if err := d.Remove(ctx, got); err != nil {
		t.Fatal(err)
	}
	if _, err := f.MessageByKey(marked.Name.Base); err == nil {
		t.Error("found a removed message")
	}
}

// TestForeignWrites lets go-maildir deliver, change, and remove.
func TestForeignWrites(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "Maildir")
	f := foreign.Dir(path)
	if err := f.Init(); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	w, err := foreign.NewDelivery(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "delivered"); err != nil {
		t.Fatal(err)
	}
	if l := list(t, d, nil); len(l.Entries) != 0 {
		t.Errorf("listed before it is delivered: %+v", l.Entries)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	m, c, err := f.Create([]foreign.Flag{foreign.FlagSeen, foreign.FlagTrashed})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "created"); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	known := list(t, d, nil).Entries
	if len(known) != 2 || known[m.Key()].Name.Flags != mail.Seen|mail.Deleted {
		t.Fatalf("listed %+v", known)
	}
	for base, e := range known {
		want := "created"
		if e.New {
			want = "delivered"
			if e, err = d.TakeNew(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
		if got := content(t, d, e); got != want {
			t.Errorf("%s: %q", base, got)
		}
	}
	if err := m.Remove(); err != nil {
		t.Fatal(err)
	}
	if l := list(t, d, known); !slices.Equal(l.Gone, []string{m.Key()}) || len(l.Entries) != 1 {
		t.Errorf("listed %+v", l)
	}
}

// TestForeignBlind shows why go-maildir is not what we store with: these are
// legal names that it does not list. If it learns to, the package comment may
// say less.
func TestForeignBlind(t *testing.T) {
	d := create(t, filepath.Join(t.TempDir(), "Maildir"))
	legal := []string{"1.a", "2.a:2,S", "3.a:1,x", "4.a:x:2,S", "5.a:2,S,t=1"}
	for _, name := range legal {
		put(t, filepath.Join(d.Path(), "cur", name), "")
	}
	if got := list(t, d, nil).Entries; len(got) != len(legal) {
		t.Errorf("we list %d of %d", len(got), len(legal))
	}
	theirs, err := foreign.Dir(d.Path()).Messages()
	if err == nil || len(theirs) == len(legal) {
		t.Errorf("go-maildir lists %d of %d now, with error %v", len(theirs), len(legal), err)
	}
	// Its Clean would remove an APPEND in progress whose date is old.
	w, err := d.NewDelivery()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.sys.setTime(d.tmp, w.unique, w.dir.names.clock().AddDate(-1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if err := foreign.Dir(d.Path()).Clean(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(d.Path(), "tmp", w.unique)); err == nil {
		t.Error("go-maildir's Clean goes by ctime now")
	}
	if err := w.Abort(); err == nil {
		t.Error("abort of a vanished file reports nothing")
	}
}
