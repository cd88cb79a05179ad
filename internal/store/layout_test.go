package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
	"fantail/test/dovecot"
)

func openLayout(t testing.TB, dir string, l maildir.Layout) *Account {
	t.Helper()
	a, err := OpenAccount(dir, Options{Host: "test", Layout: l})
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

// listed are the names of mailboxes: "-" holds no mail, "*" is subscribed.
func listed(t testing.TB, a *Account) []string {
	t.Helper()
	infos, err := a.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range infos {
		name := i.Name
		if i.NoSelect {
			name += "-"
		}
		if i.Subscribed {
			name += "*"
		}
		names = append(names, name)
	}
	return names
}

func expectList(t testing.TB, a *Account, want ...string) {
	t.Helper()
	if !slices.Contains(want, mail.Inbox+"*") {
		want = append([]string{mail.Inbox}, want...)
	}
	if d := cmp.Diff(want, listed(t, a)); d != "" {
		t.Errorf("mailboxes (-want +got):\n%s", d)
	}
}

// mkdirs makes Maildirs below root.
func mkdirs(t testing.TB, root string, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		for _, sub := range []string{"tmp", "new", "cur"} {
			if err := os.MkdirAll(filepath.Join(root, dir, sub), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// TestDirectorySpellings: directories that other programs have named in UTF-8, or
// without normalization, are mailboxes; new ones are named in modified UTF-7.
func TestDirectorySpellings(t *testing.T) {
	const nfd = "Bu\u0308cher" // u, combining diaeresis
	for _, tt := range []struct {
		layout maildir.Layout
		dirs   []string
		list   []string
		child  string // a mailbox that is made
		where  string // its directory
	}{
		{maildir.PlusPlus, []string{".Entwürfe", ".Foo.Bär", "." + nfd, ".A&B", ".&APY-ffnen", ".Bu&Awg-rger", ".C&-D"},
			[]string{"A&B", "Bücher", "Bürger", "C&D", "Entwürfe", "Entwürfe.2024", "Foo-", "Foo.Bär", "öffnen"},
			"Entwürfe.2024", ".Entw&APw-rfe.2024"},
		{maildir.PlusPlus, []string{".Entwürfe", ".Entw&APw-rfe"}, []string{"Entwürfe", "x"}, "x", ".x"},
		{maildir.PlusPlus, []string{".&AGE-.x", ".\xff", ".&B.ä", ".Inbox", ".a/b", ".inbox.x"}, []string{"&AGE--", "&AGE-.x", "&B-", "&B.ä", "x"}, "x", ".x"},
		{maildir.FS, []string{"Entwürfe", "Entwürfe/&AOQ-", nfd + "/v1.2", "A&B"},
			[]string{"A&B", "Bücher-", "Bücher/v1.2", "Entwürfe", "Entwürfe/ä", "Entwürfe/ö"},
			"Entwürfe/ö", "Entwürfe/&APY-"},
		{maildir.FS, []string{"INBOX", "INBOX/kid", "inbox/x", "Inbox"}, []string{"INBOX/kid", "x/y", "x-"}, "x/y", "x/y"},
	} {
		root := filepath.Join(t.TempDir(), "Maildir")
		mkdirs(t, root, append(tt.dirs, "")...)
		a := openLayout(t, root, tt.layout)
		if err := a.Create(t.Context(), tt.child); err != nil {
			t.Fatal(err)
		}
		slices.Sort(tt.list)
		expectList(t, a, tt.list...)
		if !isThere(filepath.Join(root, tt.where, "cur")) {
			t.Errorf("%s is not %s", tt.child, tt.where)
		}
		for _, name := range tt.list {
			if strings.HasSuffix(name, "-") {
				continue
			}
			m, err := a.Open(t.Context(), name)
			if err != nil {
				t.Error(err)
				continue
			}
			put(t, m, FlagSet{}, name)
			m.Close()
			if err := a.Create(t.Context(), name); KindOf(err) != Exists {
				t.Errorf("create %q: %v", name, err)
			}
		}
	}
}

func TestRenameSpelled(t *testing.T) {
	for _, l := range []maildir.Layout{maildir.PlusPlus, maildir.FS} {
		root := filepath.Join(t.TempDir(), "Maildir")
		sep, dot := string(l.Separator()), "."
		if l == maildir.FS {
			dot = ""
		}
		mkdirs(t, root, "", dot+"Ä", dot+"Ä"+sep+"ö")
		a := openLayout(t, root, l)
		if err := a.Subscribe(t.Context(), "Ä", true); err != nil {
			t.Fatal(err)
		}
		m := openBox(t, a, "Ä"+sep+"ö")
		put(t, m, FlagSet{}, "one\n")
		if err := a.Rename(t.Context(), "Ä", "Ü"+sep+"a"); err != nil {
			t.Fatal(err)
		}
		expectList(t, a, "Ü-", "Ü"+sep+"a", "Ü"+sep+"a"+sep+"ö")
		if got := read(t, openBox(t, a, "Ü"+sep+"a"+sep+"ö"), 1); got != "one\n" {
			t.Errorf("message is %q", got)
		}
		if err := a.Delete(t.Context(), "Ü"+sep+"a"); err != nil {
			t.Fatal(err)
		}
		expectList(t, a, "Ü-", "Ü"+sep+"a-", "Ü"+sep+"a"+sep+"ö")
		if err := a.Delete(t.Context(), "Ü"+sep+"a"+sep+"ö"); err != nil {
			t.Fatal(err)
		}
		if err := a.Subscribe(t.Context(), "Ä", false); err != nil {
			t.Fatal(err)
		}
		if s, err := a.Subscriptions(t.Context()); err != nil || len(s) > 0 {
			t.Errorf("subscriptions %q, %v", s, err)
		}
	}
}

// TestNestedNames: what is a directory without mail can be renamed and deleted, and
// a name may have dots.
func TestNestedNames(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	a := openLayout(t, root, maildir.FS)
	if a.Delimiter() != '/' {
		t.Errorf("delimiter %q", a.Delimiter())
	}
	for _, name := range []string{"v1.2/x.y", "INBOX/Drafts", "inbox/kid/"} {
		if err := a.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Delete(t.Context(), "v1.2/x.y"); err != nil {
		t.Fatal(err)
	}
	expectList(t, a, "INBOX/Drafts", "INBOX/kid", "v1.2-")
	if err := a.Rename(t.Context(), "v1.2", "v1.3"); err != nil {
		t.Fatal(err)
	}
	if err := a.Delete(t.Context(), "v1.3"); err != nil {
		t.Fatal(err)
	}
	expectList(t, a, "INBOX/Drafts", "INBOX/kid")
	infos, err := a.List(t.Context())
	if err != nil || !infos[0].HasChildren || !slices.Equal(infos[1].SpecialUse, []string{`\Drafts`}) {
		t.Errorf("%+v, %v", infos, err)
	}
	if err := a.Create(t.Context(), strings.Repeat("ä", 60)); err != nil {
		t.Error(err)
	}
	for _, name := range []string{strings.Repeat("ä", 100), "a/.b"} {
		if err := a.Create(t.Context(), name); KindOf(err) != Invalid {
			t.Errorf("create %.20q: %v", name, err)
		}
	}
}

// TestDovecotNames: a Dovecot on the same tree shows the same names and
// subscriptions, in each layout and encoding.
func TestDovecotNames(t *testing.T) {
	for _, tt := range []struct {
		layout  maildir.Layout
		options string
	}{
		{maildir.PlusPlus, ""}, {maildir.PlusPlus, ":UTF-8"}, {maildir.FS, ":LAYOUT=fs"}, {maildir.FS, ":LAYOUT=fs:UTF-8"},
	} {
		t.Run(tt.options, func(t *testing.T) {
			d := dovecot.New(t, tt.options, "")
			sep := string(tt.layout.Separator())
			theirs := "B&AOQ-r" + sep + "deep"
			d.IMAP(fmt.Sprintf("CREATE %q", theirs), fmt.Sprintf("SUBSCRIBE %q", theirs), fmt.Sprintf("CREATE INBOX%skid", sep), "SUBSCRIBE INBOX")
			a := openLayout(t, d.Maildir, tt.layout)
			expectList(t, a, "INBOX*", "Bär-", "Bär"+sep+"deep*", "INBOX"+sep+"kid")
			subscribed, err := a.Subscriptions(t.Context())
			if err != nil || !slices.Equal(subscribed, []string{"Bär" + sep + "deep", mail.Inbox}) {
				t.Errorf("subscriptions %q, %v", subscribed, err)
			}
			if err := a.Subscribe(t.Context(), "Bär"+sep+"deep", false); err != nil {
				t.Fatal(err)
			}
			if err := a.Subscribe(t.Context(), "fresh"+sep+"one", true); err != nil {
				t.Fatal(err)
			}
			if err := a.Create(t.Context(), "fresh"+sep+"one"); err != nil {
				t.Fatal(err)
			}
			if err := a.Rename(t.Context(), "Bär", "bear"); err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, l := range d.IMAP(`LIST "" *`, `LSUB "" *`) {
				if f := strings.Fields(l); len(f) > 3 && f[0] == "*" && (f[1] == "LIST" || f[1] == "LSUB") && !strings.Contains(l, `\Noselect`) {
					names = append(names, f[1]+" "+strings.Trim(f[len(f)-1], `"`))
				}
			}
			slices.Sort(names)
			want := []string{"LIST INBOX", "LIST INBOX" + sep + "kid", "LIST bear" + sep + "deep", "LIST fresh" + sep + "one", "LSUB INBOX", "LSUB fresh" + sep + "one"}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("Dovecot shows (-want +got):\n%s", diff)
			}
		})
	}
}
