package store

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
)

// observed waits until the observer has told all that is wanted, and fails if it tells
// of another mailbox. INBOX is where the files of the account lie: it may always be told.
func observed(t *testing.T, o *Observer, wantTree bool, want ...string) {
	t.Helper()
	var tree bool
	var boxes []string
	late := time.After(5 * time.Second)
	for tree != wantTree || len(boxes) < len(want) {
		select {
		case <-o.C:
		case <-late:
			t.Fatalf("told of tree: %v, mailboxes %q", tree, boxes)
		}
		nowTree, now, err := o.Take()
		if err != nil {
			t.Fatal(err)
		}
		tree = tree || nowTree
		for _, name := range now {
			if !slices.Contains(boxes, name) && (name != mail.Inbox || slices.Contains(want, name)) {
				boxes = append(boxes, name)
			}
		}
	}
	slices.Sort(boxes)
	if !slices.Equal(boxes, want) {
		t.Errorf("told of %q, want %q", boxes, want)
	}
}

func TestObserver(t *testing.T) {
	for _, layout := range []maildir.Layout{maildir.PlusPlus, maildir.FS} {
		dir := filepath.Join(t.TempDir(), "Maildir")
		a, err := OpenAccount(dir, Options{Host: "test", Layout: layout})
		if err != nil {
			t.Fatal(err)
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		below := "a" + string(layout.Separator()) + "b"
		ctx := t.Context()
		must(a.Create(ctx, "a"))
		o, err := a.Observe()
		must(err)
		must(o.Add("a"))
		must(o.Add(mail.Inbox))
		must(os.WriteFile(filepath.Join(dir, "new", "1.a.h"), nil, 0o600))
		observed(t, o, false, mail.Inbox)
		must(a.Create(ctx, below))
		observed(t, o, true)
		must(o.Add(below))
		path, err := a.tree.Path(below)
		must(err)
		must(os.WriteFile(filepath.Join(path, "new", "1.a.h"), nil, 0o600))
		observed(t, o, false, below)
		must(a.Subscribe(ctx, "x", true))
		observed(t, o, true)

		was, err := a.Identity(ctx, below)
		must(err)
		must(o.Drop(below))
		must(a.Rename(ctx, below, "c"))
		observed(t, o, true)
		now, err := a.Identity(ctx, "c")
		must(err)
		if gone, err := a.Identity(ctx, below); was != now || now == (Identity{}) || gone != (Identity{}) || err != nil {
			t.Errorf("identity was %v, is %v, and of nothing %v, %v", was, now, gone, err)
		}
		must(a.Delete(ctx, "c"))
		observed(t, o, true)
		must(a.Create(ctx, "c"))
		if other, err := a.Identity(ctx, "c"); other == now || err != nil {
			t.Errorf("another mailbox has the identity %v, %v", other, err)
		}
		if err := o.Add("none"); KindOf(err) != NotFound {
			t.Error(err)
		}
		must(o.Close())
		must(a.Close())
	}
}
