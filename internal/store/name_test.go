package store

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
)

func TestCanonical(t *testing.T) {
	for _, tt := range []struct {
		name         string
		plusPlus, fs string // "" if it is none
	}{
		{"inbox", mail.Inbox, mail.Inbox},
		{"Inbox.a", "INBOX.a", "Inbox.a"},
		{"Inbox/a", "", "INBOX/a"},
		{"inboxes", "inboxes", "inboxes"},
		{"a.b", "a.b", "a.b"},
		{"a/b", "", "a/b"},
		{"a..b", "", "a..b"},
		{".a", "", ""},
		{"a/.b", "", ""},
		{"a//b", "", ""},
		{"a/cur", "", ""},
		{"cur", "cur", ""},
		{"u\u0308", "\u00fc", "\u00fc"},
		{strings.Repeat("x", 200), strings.Repeat("x", 200), strings.Repeat("x", 200)},
		{strings.Repeat("x", 201), "", strings.Repeat("x", 201)},
		{"\ufffd", "", ""},
		{"\u0085", "", ""},
		{"a\u2028b", "", ""},
		{"a\u2029b", "", ""},
	} {
		for layout, want := range map[maildir.Layout]string{maildir.PlusPlus: tt.plusPlus, maildir.FS: tt.fs} {
			got, err := naming{layout: layout}.canonical(tt.name)
			if got != want || (err == nil) != (want != "") {
				t.Errorf("layout %d, %.20q: %.20q, %v; want %.20q", layout, tt.name, got, err, want)
			}
		}
	}
}

// With the prefix there are the same mailboxes, by other names.
func TestBelowInbox(t *testing.T) {
	for _, layout := range []maildir.Layout{maildir.PlusPlus, maildir.FS} {
		n, without := naming{layout, true}, naming{layout: layout}
		prefix := mail.Inbox + n.separator()
		for _, name := range []string{"a", "u\u0308", "A" + n.separator() + "b", "Inboxes", "inbox" + n.separator() + "x", strings.Repeat("x", 200)} {
			plain, err := without.canonical(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []string{prefix, strings.ToLower(prefix)} {
				if got, err := n.canonical(p + name); err != nil || got != prefix+plain || n.plain(got) != plain {
					t.Errorf("%q: %q, %v", p+name, got, err)
				}
			}
			if got, err := n.canonical(name); err == nil && name[0] != 'i' {
				t.Errorf("%q without the prefix is %q", name, got)
			}
			folder := strings.Join(func() []string {
				var list []string
				for _, d := range without.directories(plain) {
					list = append(list, spellings(d)[0])
				}
				return list
			}(), n.separator())
			if got, ok := n.reachable(folder); !ok || got != prefix+plain {
				t.Errorf("%q is %q, %v", folder, got, ok)
			}
		}
		for _, name := range []string{"", prefix, prefix + "INBOX", prefix + "inbox", "INBOXx", "a", prefix + n.separator() + "a", prefix + "a\x00"} {
			if got, err := n.canonical(name); err == nil {
				t.Errorf("%q is %q", name, got)
			}
		}
		if got, err := n.canonical("iNbOx"); got != mail.Inbox || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if got, ok := n.mailbox("INBOX"); got != mail.Inbox || !ok {
			t.Errorf("the subscription of INBOX is of %q", got)
		}
		if got, ok := n.reachable("INBOX"); ok {
			t.Errorf("a directory INBOX is %q", got)
		}
		if up := n.parent(prefix + "a"); up != mail.Inbox {
			t.Errorf("above is %q", up)
		}
	}
}

// TestSpellings: a directory is that of one mailbox only.
func TestSpellings(t *testing.T) {
	for name, want := range map[string][]string{
		"plain":        {"plain"},
		"\u00fc":       {"&APw-", "u&Awg-", "\u00fc", "u\u0308"},
		"\u65e5":       {"&ZeU-", "\u65e5"},
		"A&B":          {"A&-B", "A&B"},
		"Entw&APw-rfe": {"Entw&-APw-rfe"}, // else it would be "Entw\u00fcrfe"
	} {
		if got := spellings(name); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// FuzzNames: a name has one form, and whatever a directory is called, the mailbox
// that is shown for it is found there.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"INBOX", "a.b/c", "Entw&APw-rfe", "Entwürfe", "Bu\u0308cher/&AOQ-", "A&B", "&AGE-", "a..b", "x/.y", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, layout := range []maildir.Layout{maildir.PlusPlus, maildir.FS} {
			n := naming{layout: layout}
			if c, err := n.canonical(s); err == nil {
				if again, err := n.canonical(c); err != nil || again != c {
					t.Fatalf("%q is %q, and that is %q, %v", s, c, again, err)
				}
				first := ""
				for _, dir := range n.directories(c) {
					first = strings.TrimPrefix(first+n.separator()+spellings(dir)[0], n.separator())
				}
				if name, ok := n.reachable(first); c != mail.Inbox && (!ok || name != c) {
					t.Fatalf("%q is to be %q, which is shown as %q, %v", c, first, name, ok)
				}
			}
			name, ok := n.reachable(s)
			if !ok {
				continue
			}
			dirs, found := n.directories(name), n.directories(s)
			for i := range dirs {
				if len(dirs) != len(found) || !slices.Contains(spellings(dirs[i]), found[i]) {
					t.Fatalf("%q is shown as %q, and not found", s, name)
				}
			}
			if strings.Contains(s, "..") && layout == maildir.PlusPlus || !filepath.IsLocal(s) {
				t.Fatalf("%q is shown", s)
			}
		}
	})
}
