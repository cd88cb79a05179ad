package store

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/text/unicode/norm"

	"fantail/internal/store/maildir"
)

var usual = []Folder{{`\Drafts`, "Drafts"}, {`\Sent`, "Sent"}, {`\Junk`, "Junk"}, {`\Trash`, "Trash"}, {`\Archive`, "Archive"}}

func openFurnished(t testing.TB, dir string, l maildir.Layout, folders []Folder) *Account {
	t.Helper()
	a, err := OpenAccount(dir, Options{Host: "test", Layout: l, Folders: folders})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// uses are the mailboxes but INBOX: "*" is subscribed, then come the special uses.
func uses(t testing.TB, a *Account) string {
	t.Helper()
	infos, err := a.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, i := range infos[1:] {
		s := i.Name
		if i.Subscribed {
			s += "*"
		}
		all = append(all, s+strings.Join(i.SpecialUse, ""))
	}
	return strings.Join(all, " ")
}

// TestFurnish: a new account gets its folders once, whatever becomes of them.
func TestFurnish(t *testing.T) {
	for name, l := range map[string]maildir.Layout{"plusplus": maildir.PlusPlus, "fs": maildir.FS} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			dir := filepath.Join(t.TempDir(), "Maildir")
			a := openFurnished(t, dir, l, usual)
			if got, want := uses(t, a), `Archive*\Archive Drafts*\Drafts Junk*\Junk Sent*\Sent Trash*\Trash`; got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
			for _, name := range []string{"Junk", "Archive"} {
				if err := a.Delete(ctx, name); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.Subscribe(ctx, "Trash", false); err != nil {
				t.Fatal(err)
			}
			want := `Drafts*\Drafts Sent*\Sent Trash\Trash`
			for _, again := range []*Account{a, openFurnished(t, dir, l, usual)} {
				if got := uses(t, again); !strings.HasSuffix(got, want) || strings.Contains(got, "Junk\\") {
					t.Errorf("afterwards %s, want %s", got, want)
				}
			}
		})
	}
}

// TestFurnishOld: what another server's users have is told, and keeps its place.
func TestFurnishOld(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	// In modified UTF-7, and in UTF-8 as other programs write it.
	mkdirs(t, dir, "", ".Sent Messages", ".INBOX.Trash", ".Entw&APw-rfe", "."+norm.NFD.String("Unerwünscht"), ".Sent Items", ".trash")
	a := openFurnished(t, dir, maildir.PlusPlus, usual)
	want := `Archive*\Archive Entwürfe\Drafts INBOX.Trash Sent Items Sent Messages\Sent Unerwünscht\Junk trash\Trash`
	if got := uses(t, a); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestFurnishNamed: names are the administrator's, and may be there already.
func TestFurnishNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	mkdirs(t, dir, "", ".Ablage")
	a := openFurnished(t, dir, maildir.PlusPlus, []Folder{{`\Sent`, "Post.Ausgang"}, {`\Archive`, "Ablage"}, {`\Junk`, "a..b"}})
	if got, want := uses(t, a), `Ablage\Archive Post Post.Ausgang*\Sent`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if b := openFurnished(t, filepath.Join(t.TempDir(), "Maildir"), maildir.PlusPlus, nil); uses(t, b) != "" {
		t.Errorf("without folders: %s", uses(t, b))
	}
}

// TestFurnishFirst: the folders are there for a client that never lists them.
func TestFurnishFirst(t *testing.T) {
	for name, do := range map[string]func(*Account) error{
		"open": func(a *Account) error {
			m, err := a.Open(t.Context(), "Sent")
			if err == nil {
				err = m.Close()
			}
			return err
		},
		"subscriptions": func(a *Account) error {
			subs, err := a.Subscriptions(t.Context())
			if len(subs) != len(usual) {
				t.Error(subs)
			}
			return err
		},
		"rename": func(a *Account) error { return a.Rename(t.Context(), "Sent", "Out") },
	} {
		if err := do(openFurnished(t, filepath.Join(t.TempDir(), "Maildir"), maildir.PlusPlus, usual)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFurnishTogether: of several sessions one makes the folders.
func TestFurnishTogether(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	var wg sync.WaitGroup
	for range 6 {
		a := openFurnished(t, dir, maildir.PlusPlus, usual)
		wg.Go(func() {
			if got := uses(t, a); strings.Count(got, `*\`) != len(usual) {
				t.Errorf("got %s", got)
			}
		})
	}
	wg.Wait()
	text, err := os.ReadFile(filepath.Join(dir, "fantail-specialuse"))
	if err != nil || strings.Count(string(text), "\n") != 1+len(usual) {
		t.Errorf("%q, %v", text, err)
	}
}

// TestSpecialUse: what a client says counts more than a name, follows a rename and
// ends with the mailbox.
func TestSpecialUse(t *testing.T) {
	for name, l := range map[string]maildir.Layout{"plusplus": maildir.PlusPlus, "fs": maildir.FS} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			a := openLayout(t, filepath.Join(t.TempDir(), "Maildir"), l)
			at := func(dotted string) string { return strings.ReplaceAll(dotted, ".", a.separator()) }
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			are := func(want string) {
				t.Helper()
				if got := uses(t, a); got != at(want) {
					t.Errorf("got %s, want %s", got, at(want))
				}
			}
			must(a.Create(ctx, "Sent"))
			are(`Sent\Sent`)
			must(a.Create(ctx, at("Work.Out"), `\Sent`, `\Drafts`))
			are(`Sent Work Work.Out\Drafts\Sent`)
			must(a.Create(ctx, "Späm", `\Drafts`))
			are(`Sent Späm\Drafts Work Work.Out\Sent`)
			if err := a.Create(ctx, "Sent", `\Junk`); KindOf(err) != Exists {
				t.Error(err)
			}
			if err := a.Create(ctx, at("a..b"), `\Sent`); KindOf(err) != Invalid {
				t.Error(err)
			}
			are(`Sent Späm\Drafts Work Work.Out\Sent`)
			must(a.Rename(ctx, "Work", "Job"))
			are(`Job Job.Out\Sent Sent Späm\Drafts`)
			must(a.Delete(ctx, at("Job.Out")))
			if l == maildir.FS {
				must(a.Delete(ctx, "Job"))
			}
			are(`Sent\Sent Späm\Drafts`)
			must(a.Create(ctx, at("Job.Out")))
			are(`Job Job.Out Sent\Sent Späm\Drafts`)
			must(a.Rename(ctx, "Sent", "Gone out")) // by its name until now
			are(`Gone out\Sent Job Job.Out Späm\Drafts`)
			must(a.Create(ctx, "Sent"))
			are(`Gone out\Sent Job Job.Out Sent Späm\Drafts`)
		})
	}
}

// TestKnownNames: every use has names, in small letters and NFC, and no name two uses.
func TestKnownNames(t *testing.T) {
	places := knownPlaces()
	n := 0
	var uses []string
	for _, k := range knownNames {
		uses = append(uses, k.use)
		for _, name := range k.names {
			if n++; name != strings.ToLower(norm.NFC.String(name)) || places[name].use != k.use {
				t.Errorf("%s of %s", name, k.use)
			}
		}
	}
	slices.Sort(uses)
	if !slices.Equal(uses, SpecialUses) || len(places) != n {
		t.Errorf("uses %q, %d places of %d", uses, len(places), n)
	}
}
