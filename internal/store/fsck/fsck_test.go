package fsck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
	"fantail/internal/store/text"
	"fantail/internal/store/uidlist"
	_ "fantail/internal/store/zstd/linked"
)

// place is an account's mail.
type place struct {
	testing.TB
	root string
	half bool // sizes may be wrong
}

// subjects are the messages of a new place, by UID from 1.
var subjects = []string{"one", "two", "three", "four", "five", "six"}

// newPlace makes an account with messages in INBOX and in a folder, with flags and with
// more keywords than there are letters.
func newPlace(t testing.TB) *place {
	t.Helper()
	p := &place{TB: t, root: filepath.Join(t.TempDir(), "Maildir")}
	p.with(func(a *store.Account) {
		for _, name := range []string{mail.Inbox, "Work"} {
			if name != mail.Inbox {
				if err := a.Create(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
			p.fill(a, name)
		}
	})
	return p
}

func (p *place) fill(a *store.Account, name string) {
	p.Helper()
	m, err := a.Open(p.Context(), name)
	if err != nil {
		p.Fatal(err)
	}
	defer m.Close()
	b, err := m.NewAppend()
	if err != nil {
		p.Fatal(err)
	}
	for i, subject := range subjects {
		f := store.FlagSet{Flags: []mail.Flags{0, mail.Seen, mail.Flagged | mail.Answered}[i%3]}
		for k := range i * 10 {
			f.Keywords = append(f.Keywords, mail.Keyword(fmt.Sprintf("k%02d", k)))
		}
		w, err := b.Add(f, time.Unix(1e9+int64(i), 0))
		if err == nil {
			_, err = fmt.Fprintf(w, "Subject: %s\n\nThe body of %s.\n", subject, subject)
		}
		if err != nil {
			p.Fatal(err)
		}
	}
	if _, err := b.Commit(p.Context()); err != nil {
		p.Fatal(err)
	}
}

// with opens the account for f.
func (p *place) with(f func(a *store.Account)) {
	p.Helper()
	a, err := store.OpenAccount(p.root, store.Options{Host: "test"})
	if err != nil {
		p.Fatal(err)
	}
	f(a)
	if err := a.Close(); err != nil {
		p.Error(err)
	}
}

// mail is what a client sees: of each message the UID, flags, keywords and text.
func (p *place) mail() []string {
	p.Helper()
	var all []string
	p.with(func(a *store.Account) {
		for _, name := range []string{mail.Inbox, "Work"} {
			m, err := a.Open(p.Context(), name)
			if err != nil {
				p.Fatal(err)
			}
			s, err := m.Sync(p.Context())
			if err != nil {
				p.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%s %d", name, s.UIDValidity()))
			for i, r := range s.Rows() {
				all = append(all, p.message(m, s, i, r))
			}
			m.Close()
		}
	})
	return all
}

func (p *place) message(m *store.Mailbox, s *store.Snapshot, i int, r store.Row) string {
	p.Helper()
	f, err := m.OpenMessage(p.Context(), r.UID)
	if err != nil {
		p.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		p.Fatal(err)
	}
	size, err := m.Size(p.Context(), r.UID)
	if err != nil {
		p.Fatal(err)
	}
	if n := len(text) + bytes.Count(text, []byte("\n")); int(size) != n && !p.half {
		p.Errorf("UID %d: size %d, want %d", r.UID, size, n)
	}
	words := make([]string, 0, 60)
	for _, k := range s.Keywords(i) {
		words = append(words, string(k))
	}
	slices.Sort(words)
	return fmt.Sprintf("%d %v %v %q", r.UID, s.Flags(i), words, text)
}

// check runs it and returns what was found.
func (p *place) check(o Options) ([]Finding, Summary) {
	p.Helper()
	var found []Finding
	o.Report = func(f Finding) { found = append(found, f) }
	o.Progress = func(string, int) {}
	o.Private = []string{"fantail-webmail"}
	ok, err := Prepare(p.root, o)
	if err != nil {
		p.Fatal(err)
	}
	var sum Summary
	if ok {
		p.with(func(a *store.Account) {
			if sum, err = Account(p.Context(), a, o); err != nil {
				p.Fatal(err)
			}
		})
	}
	return found, sum
}

// tree is everything on disk, to be compared.
func (p *place) tree() map[string]string {
	p.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(p.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		if info.Mode().IsRegular() {
			octets, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = string(octets)
		}
		all[path] = fmt.Sprintf("%s %s %s", info.Mode(), info.ModTime(), text)
		return nil
	})
	if err != nil {
		p.Fatal(err)
	}
	return all
}

func (p *place) path(names ...string) string {
	return filepath.Join(append([]string{p.root}, names...)...)
}

func (p *place) ok(errs ...error) {
	p.Helper()
	if err := errors.Join(errs...); err != nil {
		p.Fatal(err)
	}
}

// file is the file of the n-th message of INBOX.
func (p *place) file(n int) string {
	p.Helper()
	list := p.list()
	for _, sub := range []string{"cur", "new"} {
		entries, err := os.ReadDir(p.path(sub))
		p.ok(err)
		for _, e := range entries {
			if base, _, _ := strings.Cut(e.Name(), ":"); base == list.Records[n-1].Base {
				return filepath.Join(sub, e.Name())
			}
		}
	}
	p.Fatal("no such message")
	return ""
}

func (p *place) list() *uidlist.List {
	p.Helper()
	list, err := uidlist.Open(p.root).Load()
	p.ok(err)
	return list
}

// rewrite changes a file in place.
func (p *place) rewrite(name string, change func(text string) string) {
	p.Helper()
	text, err := os.ReadFile(p.path(name))
	p.ok(err)
	p.ok(os.WriteFile(p.path(name), []byte(change(string(text))), 0o600))
}

// rename gives a message's file another name, and tells the list.
func (p *place) rename(n int, pattern, with string) {
	p.Helper()
	old := p.file(n)
	re := regexp.MustCompile(pattern)
	if !re.MatchString(old) {
		p.Fatalf("%s does not match %s", old, pattern)
	}
	p.ok(os.Rename(p.path(old), p.path(re.ReplaceAllString(old, with))))
	base, _, _ := strings.Cut(filepath.Base(old), ":")
	for _, name := range []string{"dovecot-uidlist", "fantail-keywords"} {
		p.rewrite(name, func(text string) string { return strings.ReplaceAll(text, base, re.ReplaceAllString(base, with)) })
	}
}

// longAgo makes a file old. Its ctime is what counts for some, so that is the clock's.
func (p *place) longAgo(name string) {
	p.Helper()
	then := time.Now().Add(-48 * time.Hour)
	p.ok(os.Chtimes(p.path(name), then, then))
}

// index calls f with the lock of INBOX.
func (p *place) index(f func(l *index.Lock)) {
	p.Helper()
	file, err := index.Open(p.root, index.Options{Clock: time.Now})
	p.ok(err)
	l, err := file.Lock()
	p.ok(err)
	f(l)
	p.ok(l.Unlock(), file.Close())
}

// lie makes the index claim what is not so.
func (p *place) lie(change func(tx *index.Tx) error) {
	p.Helper()
	p.index(func(l *index.Lock) {
		tx, err := l.Begin()
		p.ok(err)
		st := tx.Index().Stamps()
		if !st.Hard {
			p.Fatal("the index does not claim to be true")
		}
		p.ok(change(tx), tx.SetStamps(st))
		_, err = tx.Commit()
		p.ok(err)
	})
}

// ids are the EMAILIDs of INBOX by UID.
func (p *place) ids() (all []string) {
	p.Helper()
	p.with(func(a *store.Account) {
		m, err := a.Open(p.Context(), mail.Inbox)
		p.ok(err)
		defer m.Close()
		s, err := m.Sync(p.Context())
		p.ok(err)
		for i, r := range s.Rows() {
			id, err := m.EmailID(p.Context(), s, i)
			p.ok(err)
			all = append(all, fmt.Sprintf("%d %s", r.UID, id))
		}
	})
	return all
}

var damages = []struct {
	name  string
	plant func(p *place)
	kind  Kind
	state State
	// what clients see after it is mended beside what they saw before; "" is the same
	more string
}{
	{"tmp is missing", func(p *place) { p.ok(os.Remove(p.path("tmp"))) }, Directory, Mended, ""},
	{"new of a folder is missing", func(p *place) {
		p.with(func(a *store.Account) { p.ok(a.Create(p.Context(), "Empty")) })
		p.ok(os.Remove(p.path(".Empty/new")))
	}, Directory, Mended, ""},
	{"cur is open to everybody", func(p *place) { p.ok(os.Chmod(p.path("cur"), 0o755)) }, Mode, Mended, ""},
	{"the Maildir is closed to its owner", func(p *place) { p.ok(os.Chmod(p.root, 0o500)) }, Mode, Mended, ""},
	{"webmail's files are open", func(p *place) {
		p.ok(os.MkdirAll(p.path("fantail-webmail/outbox"), 0o700), os.WriteFile(p.path("fantail-webmail/outbox/job"), nil, 0o600),
			os.Chmod(p.path("fantail-webmail/outbox/job"), 0o644))
	}, Mode, Mended, ""},
	{"a directory among messages", func(p *place) { p.ok(os.MkdirAll(p.path("cur/Archive/x"), 0o700)) }, NotAFile, Mended, ""},
	{"a link among messages", func(p *place) { p.ok(os.Symlink("/etc/passwd", p.path("new/1000.x.y"))) }, NotAFile, Mended, ""},
	{"a dangling link", func(p *place) { p.ok(os.Symlink("nowhere", p.path("cur/1000.x.y:2,S"))) }, NotAFile, Mended, ""},
	{"a FIFO among messages", func(p *place) { p.ok(unix.Mkfifo(p.path("cur/1000.x.y:2,S"), 0o600)) }, NotAFile, Mended, ""},
	{"a message that begins with a colon", func(p *place) { p.ok(os.WriteFile(p.path("cur/:2,S"), []byte("Subject: seven\n"), 0o600)) }, Hidden, Mended, "Subject: seven\n"},
	{"a message with a line end in its name", func(p *place) { p.ok(os.WriteFile(p.path("new/a\nb"), []byte("Subject: seven\n"), 0o600)) }, Hidden, Mended, "Subject: seven\n"},
	{"one name, two messages", func(p *place) {
		p.ok(os.WriteFile(p.path("new", p.list().Records[1].Base), []byte("Subject: too\n\nThe body of too.\n"), 0o600))
	}, Twice, Mended, "Subject: too\n\nThe body of too.\n"},
	{"S= is wrong", func(p *place) { p.rename(2, `S=\d+`, "S=5") }, Size, Mended, ""},
	{"W= is wrong", func(p *place) { p.rename(6, `W=\d+`, "W=3") }, Size, Mended, ""},
	{"both are wrong, in many", func(p *place) {
		for n := range subjects {
			p.rename(n+1, `S=\d+,W=\d+`, "S=1,W=2")
		}
	}, Size, Mended, ""},
	{"the end of a list is garbage", func(p *place) {
		p.rewrite("dovecot-uidlist", func(s string) string { return s + "\x00\x00 garbage\n" })
	}, UIDList, Mended, ""},
	{"a UID twice", func(p *place) {
		p.rewrite("dovecot-uidlist", func(s string) string { return s + "6 :" + p.list().Records[5].Base + "\n" })
	}, UIDList, Mended, ""},
	{"the list is gone", func(p *place) { p.ok(os.Remove(p.path("dovecot-uidlist"))) }, UIDList, Mended, ""},
	{"the list is empty", func(p *place) { p.ok(os.Truncate(p.path("dovecot-uidlist"), 0)) }, UIDList, Mended, ""},
	{"a list of long ago", func(p *place) {
		p.with(func(a *store.Account) { // the last message is gone, and its UID spent
			m, err := a.Open(p.Context(), mail.Inbox)
			p.ok(err)
			p.ok(m.Expunge(p.Context(), []mail.UID{6}), m.Close())
		})
		p.rewrite("dovecot-uidlist", func(s string) string {
			s = s[:strings.LastIndex(strings.TrimSpace(s), "\n")+1]
			return regexp.MustCompile(`N\d+`).ReplaceAllString(s, "N6")
		})
	}, UIDNext, Mended, "-"},
	{"a strange line in dovecot-keywords", func(p *place) {
		p.rewrite("dovecot-keywords", func(s string) string { return s + "what is this\n" })
	}, Keywords, Mended, ""},
	{"a strange line in fantail-keywords", func(p *place) {
		p.rewrite("fantail-keywords", func(s string) string { return s + "what is this\n" })
	}, Keywords, Mended, ""},
	{"the index is damaged", func(p *place) {
		p.index(func(l *index.Lock) {
			_, err := l.Checkpoint()
			p.ok(err)
		})
		p.rewrite("fantail.index", func(s string) string { return s[:len(s)/2] + "x" + s[len(s)/2+1:] })
	}, Index, Mended, ""},
	{"the index has other flags", func(p *place) {
		p.lie(func(tx *index.Tx) error {
			x := tx.Index()
			return tx.SetFlags(1, x.Name(0), x.Row(0).New(), mail.Draft, nil)
		})
	}, Index, Mended, ""},
	{"the index has other keywords", func(p *place) {
		p.lie(func(tx *index.Tx) error {
			x := tx.Index()
			return tx.SetFlags(6, x.Name(5), x.Row(5).New(), x.Flags(5), []mail.Keyword{"other"})
		})
	}, Index, Mended, ""},
	{"the index has another size", func(p *place) {
		p.lie(func(tx *index.Tx) error { return tx.SetSizes(3, 1, 2) })
	}, Index, Mended, ""},
	{"the index has lost a message", func(p *place) {
		p.lie(func(tx *index.Tx) error { return tx.Expunge(4) })
	}, Index, Mended, ""},
	{"a lock of long ago", func(p *place) {
		p.ok(os.WriteFile(p.path("dovecot-uidlist.lock"), []byte("1:elsewhere"), 0o600))
		p.longAgo("dovecot-uidlist.lock")
	}, Lock, Mended, ""},
	{"maildirsize has another sum", func(p *place) {
		p.ok(os.WriteFile(p.path("maildirsize"), []byte("1000000S\n12345 3\n"), 0o600))
	}, Quota, Mended, ""},
	{"an empty file", func(p *place) { p.ok(os.WriteFile(p.path("cur/1000.x,S=17:2,S"), nil, 0o600)) }, Empty, Left, ""},
	{"a name that no mailbox can have", func(p *place) {
		p.ok(os.MkdirAll(p.path(".\xff/cur"), 0o700), os.WriteFile(p.path(".\xff/cur/1.x"), []byte("x"), 0o600))
	}, Folder, Left, ""},
	{"a folder without cur", func(p *place) {
		p.ok(os.MkdirAll(p.path(".Lost/new"), 0o700))
	}, Directory, Mended, ""},
	{"a subscription to nothing", func(p *place) {
		p.with(func(a *store.Account) { p.ok(a.Subscribe(p.Context(), "Nothing", true)) })
	}, Subscription, Note, ""},
}

// TestDamage: each is found and mended, -n changes nothing, and what was mended is clean
// and shows clients what they had.
func TestDamage(t *testing.T) {
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			before := p.mail()
			if found, sum := p.check(Options{Full: true}); len(found) > 0 || sum.Messages != 2*len(subjects) {
				t.Fatalf("before: %+v, %+v", found, sum)
			}
			d.plant(p)

			planted := p.tree()
			found, _ := p.check(Options{DryRun: true})
			want := d.state
			if want == Mended {
				want = Found
			}
			expect(t, "it would mend", found, d.kind, want)
			if diff := cmp.Diff(planted, p.tree()); diff != "" {
				t.Errorf("a dry run has changed (-before +now):\n%s", diff)
			}
			found, _ = p.check(Options{})
			expect(t, "it mends", found, d.kind, d.state)
			if d.state == Mended {
				if found, _ := p.check(Options{Full: true}); len(found) > 0 {
					t.Errorf("again: %+v", found)
				}
			}
			compare(t, before, p.mail(), d.more)
		})
	}
}

func expect(t *testing.T, when string, found []Finding, kind Kind, state State) {
	t.Helper()
	if len(found) == 0 {
		t.Errorf("%s: nothing", when)
	}
	for _, f := range found {
		if f.Kind != kind || f.State != state || f.Path == "" || f.Problem == "" || state == Mended && f.Done == "" {
			t.Errorf("%s: %+v", when, f)
		}
	}
}

// compare wants what clients had, and one more message with this text. "-": the last one
// of INBOX is gone.
func compare(t *testing.T, before, after []string, more string) {
	t.Helper()
	had := make(map[string]int)
	for _, m := range before {
		had[m]++
	}
	var new []string
	for _, m := range after {
		if had[m]--; had[m] < 0 {
			new = append(new, m)
		}
	}
	lost := 0
	for m, n := range had {
		if n > 0 && (more != "-" || !strings.HasPrefix(m, "6 ")) {
			lost++
			t.Errorf("lost: %s", m)
		}
	}
	switch {
	case more == "-" && len(new) == 0:
	case more != "" && (len(new) != 1 || !strings.HasSuffix(new[0], fmt.Sprintf("%q", more))):
		t.Errorf("more: %q", new)
	case more == "" && lost == 0:
		for _, m := range new {
			if !strings.HasSuffix(m, `""`) { // an empty file
				t.Errorf("more: %s", m)
			}
		}
	}
}

// TestNothing: who has no mail has no damage, and gets no Maildir.
func TestNothing(t *testing.T) {
	p := &place{TB: t, root: filepath.Join(t.TempDir(), "Maildir")}
	ok, err := Prepare(p.root, Options{Report: func(f Finding) { t.Errorf("%+v", f) }})
	if ok || err != nil {
		t.Error(ok, err)
	}
	if _, err := os.Lstat(p.root); err == nil {
		t.Error("a Maildir was made")
	}
}

// TestOrdinary: states that heal by themselves are no damage.
func TestOrdinary(t *testing.T) {
	for name, change := range map[string]func(p *place){
		"mail without UIDs":  func(p *place) { p.ok(os.WriteFile(p.path("new/1234567890.x.y"), []byte("x"), 0o600)) },
		"a message is gone":  func(p *place) { p.ok(os.Remove(p.path(p.file(3)))) },
		"another program":    func(p *place) { p.ok(os.Rename(p.path(p.file(3)), p.path(p.file(3)+"T"))) },
		"no index":           func(p *place) { p.ok(os.Remove(p.path("fantail.log"))) },
		"an unfinished line": func(p *place) { p.rewrite("dovecot-uidlist", func(s string) string { return s + "7 :12" }) },
		"a young lock":       func(p *place) { p.ok(os.WriteFile(p.path("dovecot-uidlist.lock"), nil, 0o600)) },
		"a delivery":         func(p *place) { p.ok(os.WriteFile(p.path("tmp/1234567890.x.y"), []byte("x"), 0o600)) },
		"a dot file":         func(p *place) { p.ok(os.WriteFile(p.path("cur/.nfs1234"), []byte("x"), 0o600)) },
		"compressed": func(p *place) {
			p.ok(os.WriteFile(p.path("cur/1234567890.x,S=900:2,"), []byte("\x1f\x8b\x08xyz"), 0o600))
		},
		"a sum nobody trusts": func(p *place) { p.ok(os.WriteFile(p.path("maildirsize"), []byte("1000000S\n-5 3\n"), 0o600)) },
		"between link and unlink": func(p *place) {
			p.ok(os.Link(p.path(p.file(2)), p.path("new", p.list().Records[1].Base)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			change(p)
			if found, _ := p.check(Options{}); len(found) > 0 {
				t.Errorf("%+v", found)
			}
		})
	}
}

// TestLost: what is moved aside is named, and there, also if something had the name.
func TestLost(t *testing.T) {
	p := newPlace(t)
	for range 2 {
		p.ok(os.Mkdir(p.path("cur/thing"), 0o700), os.WriteFile(p.path("cur/thing/x"), []byte("x"), 0o600))
		found, _ := p.check(Options{})
		if len(found) != 1 {
			t.Fatalf("%+v", found)
		}
		to, ok := strings.CutPrefix(found[0].Done, "moved to ")
		if _, err := os.Stat(p.path(to, "x")); !ok || err != nil {
			t.Errorf("%+v: %v", found[0], err)
		}
	}
}

// TestRebuild: caches are made anew, and nobody notices.
func TestRebuild(t *testing.T) {
	p := newPlace(t)
	before := p.mail()
	id, err := os.Stat(p.path("fantail.log"))
	p.ok(err)
	p.ok(os.WriteFile(p.path("fantail.text"), []byte("x"), 0o600))
	found, _ := p.check(Options{Rebuild: true})
	for _, f := range found {
		if f.State != Note {
			t.Errorf("%+v", f)
		}
	}
	now, err := os.Stat(p.path("fantail.log"))
	p.ok(err)
	if _, err := os.Stat(p.path("fantail.text")); err == nil || os.SameFile(id, now) {
		t.Error("caches have stayed")
	}
	if diff := cmp.Diff(before, p.mail()); diff != "" {
		t.Error(diff)
	}
}

// TestText: a damaged cache of texts is found when everything is read.
func TestText(t *testing.T) {
	p := newPlace(t)
	view, err := text.Open(p.root, p.list().Validity)
	p.ok(err)
	w, _, err := view.Lock()
	p.ok(err)
	batch, err := text.NewBatch()
	p.ok(err)
	for uid := range mail.UID(6) {
		content, err := text.NewReader().ReadHeader(strings.NewReader("Subject: one\nFrom: ann@example.org\n\n"))
		p.ok(err)
		batch.Add(uid+1, content)
	}
	p.ok(w.Append(batch), w.Close(), view.Close())
	if found, _ := p.check(Options{Full: true}); len(found) > 0 {
		t.Fatalf("%+v", found)
	}
	p.rewrite("fantail.text", func(s string) string { return s[:len(s)-9] + "x" + s[len(s)-8:] })
	if found, _ := p.check(Options{}); len(found) > 0 {
		t.Errorf("without looking: %+v", found)
	}
	found, _ := p.check(Options{Full: true, DryRun: true})
	expect(t, "it would mend", found, Text, Found)
	found, _ = p.check(Options{Full: true})
	expect(t, "it mends", found, Text, Mended)
	if found, _ := p.check(Options{Full: true}); len(found) > 0 {
		t.Errorf("again: %+v", found)
	}
}

// TestEmailID: a message whose name gets other sizes is the same message.
func TestEmailID(t *testing.T) {
	p := newPlace(t)
	p.rename(2, `S=\d+`, "S=5")
	p.rename(5, `,S=\d+,W=\d+`, ",W=1,x=y,S=2")
	before := p.ids()
	found, _ := p.check(Options{})
	expect(t, "it mends", found, Size, Mended)
	if diff := cmp.Diff(before, p.ids()); diff != "" {
		t.Error(diff)
	}
}

// TestUIDL: POP3 clients that know messages by the names of their files go on to.
func TestUIDL(t *testing.T) {
	p := newPlace(t)
	p.rename(2, `S=\d+`, "S=5")
	base := p.list().Records[1].Base
	p.check(Options{UIDL: func(_ mail.UIDValidity, r uidlist.Record) string { return r.Base }})
	r := p.list().Records[1]
	if id, _ := r.Field('P'); id != base || r.Base == base || r.UID != 2 {
		t.Errorf("%+v", r)
	}
}

// TestUnfurnished: a Maildir that no session has seen gets nothing that a new account gets.
func TestUnfurnished(t *testing.T) {
	p := &place{TB: t, root: filepath.Join(t.TempDir(), "Maildir")}
	for _, sub := range []string{"tmp", "new", "cur"} {
		p.ok(os.MkdirAll(p.path(sub), 0o700))
	}
	before := p.tree()
	a, err := store.OpenAccount(p.root, store.Options{Host: "test", Folders: []store.Folder{{Use: `\Sent`, Name: "Sent"}}})
	p.ok(err)
	_, err = Account(t.Context(), a, Options{Report: func(f Finding) { t.Errorf("%+v", f) }, Progress: func(string, int) {}})
	p.ok(err, a.Close())
	if diff := cmp.Diff(before, p.tree()); diff != "" {
		t.Error(diff)
	}
}

// TestLayout: in the other layout, too.
func TestLayout(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	a, err := store.OpenAccount(root, store.Options{Host: "test", Layout: maildir.FS})
	if err == nil {
		err = errors.Join(a.Create(t.Context(), "Work/2024"), os.Remove(filepath.Join(root, "Work/2024/new")))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, want := range []int{1, 0} {
		var found []Finding
		sum, err := Account(context.Background(), a, Options{Report: func(f Finding) { found = append(found, f) }, Progress: func(string, int) {}})
		if err != nil || len(found) != want || sum.Mailboxes != 2 {
			t.Errorf("%+v, %+v, %v", sum, found, err)
		}
	}
}

// TestMovedOn: what is renamed or removed after the directories were read is no damage.
func TestMovedOn(t *testing.T) {
	p := newPlace(t)
	p.mail()
	c := &check{root: p.root, uid: os.Geteuid()}
	l := &look{box: &box{check: c, name: mail.Inbox, path: p.root, rel: "."}, sizes: &resizing{}}
	l.begin(l)
	l.lists()
	var in [2]*maildir.Inspection
	for i, sub := range []string{"new", "cur"} {
		var err error
		in[i], err = maildir.Inspect(p.path(sub), 0)
		p.ok(err)
	}
	l.compare(l, in[0], in[1])
	if !l.comparable {
		t.Fatal("the index does not claim to be true")
	}
	p.ok(os.Remove(p.path(p.file(2))), os.Rename(p.path(p.file(3)), p.path(p.file(3)+"T")))
	p.ok(l.files("cur", in[1]), l.files("new", in[0]))
	l.end(l)
	if len(l.jobs) > 0 {
		t.Errorf("%+v", l.jobs)
	}
}

// BenchmarkLook is a look at a large mailbox, that FSCK_MAILDIR names.
func BenchmarkLook(b *testing.B) {
	root := os.Getenv("FSCK_MAILDIR")
	if root == "" {
		b.Skip("no mailbox is named")
	}
	a, err := store.OpenAccount(root, store.Options{Host: "test"})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	for b.Loop() {
		if _, err := Account(b.Context(), a, Options{DryRun: true, Report: func(f Finding) { b.Error(f) }, Progress: func(string, int) {}}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestOpenSession: who has the mailbox open while it is mended loses nothing of it.
func TestOpenSession(t *testing.T) {
	p := newPlace(t)
	p.rename(2, `S=\d+`, "S=5")
	p.rename(5, `W=\d+`, "W=5")
	p.ok(os.Remove(p.path("fantail.log"))) // it knows the names from before
	p.half = true
	p.with(func(a *store.Account) {
		m, err := a.Open(t.Context(), mail.Inbox)
		p.ok(err)
		before, err := m.Sync(t.Context())
		p.ok(err)
		found, _ := p.check(Options{})
		expect(t, "it mends", found, Size, Mended)
		p.half = false
		after, err := m.Sync(t.Context())
		p.ok(err)
		if d := after.Since(before); len(d.Expunged) > 0 || after.Len() != before.Len() {
			t.Errorf("%+v", d)
		}
		for i, r := range after.Rows() {
			if text := p.message(m, after, i, r); !strings.Contains(text, "Subject: "+subjects[i]) {
				t.Errorf("%s", text)
			}
		}
		missing, err := m.SetFlags(t.Context(), after.UIDs(), store.FlagChange{Op: mail.Add, FlagSet: store.FlagSet{Flags: mail.Draft}})
		if err != nil || len(missing) > 0 {
			t.Error(missing, err)
		}
		p.ok(m.Close())
	})
}
