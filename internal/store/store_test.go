package store

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/mail"
)

func openAccount(t testing.TB, dir string) *Account {
	t.Helper()
	a, err := OpenAccount(dir, Options{Host: "test"})
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

func openBox(t testing.TB, a *Account, name string) *Mailbox {
	t.Helper()
	m, err := a.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func syncBox(t testing.TB, m *Mailbox) *Snapshot {
	t.Helper()
	s, err := m.Sync(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, m *Mailbox, f FlagSet, bodies ...string) Appended {
	t.Helper()
	b, err := m.NewAppend()
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range bodies {
		w, err := b.Add(f, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Fatal(err)
		}
	}
	got, err := b.Commit(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func read(t testing.TB, m *Mailbox, uid mail.UID) string {
	t.Helper()
	f, err := m.OpenMessage(context.Background(), uid)
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

// show lists a snapshot as "uid flags keywords".
func show(s *Snapshot) []string {
	var lines []string
	for i := range s.Len() {
		l := fmt.Sprint(s.UID(i))
		for _, f := range []struct {
			f    mail.Flags
			name string
		}{{mail.Seen, "S"}, {mail.Answered, "R"}, {mail.Flagged, "F"}, {mail.Deleted, "T"}, {mail.Draft, "D"}} {
			if s.Flags(i).Has(f.f) {
				l += " " + f.name
			}
		}
		for _, k := range s.Keywords(i) {
			l += " " + string(k)
		}
		lines = append(lines, l)
	}
	return lines
}

func expect(t testing.TB, m *Mailbox, want ...string) *Snapshot {
	t.Helper()
	s := syncBox(t, m)
	if d := cmp.Diff(want, show(s)); d != "" {
		t.Errorf("mailbox (-want +got):\n%s", d)
	}
	return s
}

func TestAppendFlagsExpunge(t *testing.T) {
	ctx := context.Background()
	m := openBox(t, openAccount(t, filepath.Join(t.TempDir(), "Maildir")), "inbox")
	empty := syncBox(t, m)
	if empty.Len() != 0 || empty.UIDNext() != 1 || empty.UIDValidity() == 0 {
		t.Fatalf("empty mailbox: %d messages, next %d, validity %d", empty.Len(), empty.UIDNext(), empty.UIDValidity())
	}
	got := put(t, m, FlagSet{mail.Seen, []mail.Keyword{"$Forwarded"}}, "A: 1\n\none\n", "A: 2\r\n\r\ntwo\r\n")
	if d := cmp.Diff(Appended{empty.UIDValidity(), []mail.UID{1, 2}}, got); d != "" {
		t.Fatal(d)
	}
	put(t, m, FlagSet{}, "A: 3\n\n")
	s := expect(t, m, "1 S $Forwarded", "2 S $Forwarded", "3")
	if again := syncBox(t, m); again != s {
		t.Error("nothing changed, and yet there is a new snapshot")
	}
	st, err := m.Stat(ctx, 1)
	if err != nil || st.Size != int64(len("A: 1\r\n\r\none\r\n")) || st.Stored != int64(len("A: 1\n\none\n")) {
		t.Errorf("Stat(1) = %+v, %v", st, err)
	}
	if got := read(t, m, 2); got != "A: 2\r\n\r\ntwo\r\n" {
		t.Errorf("message 2 is %q", got)
	}
	for _, c := range []struct {
		change FlagChange
		want   string
	}{
		{FlagChange{mail.Add, FlagSet{mail.Flagged, []mail.Keyword{"$FORWARDED", "Work"}}}, "1 S F $Forwarded Work"},
		{FlagChange{mail.Remove, FlagSet{mail.Seen, []mail.Keyword{"$forwarded", "unheard"}}}, "1 F Work"},
		{FlagChange{mail.Replace, FlagSet{mail.Draft, nil}}, "1 D"},
	} {
		missing, err := m.SetFlags(ctx, []mail.UID{1, 99}, c.change)
		if err != nil || !slices.Equal(missing, []mail.UID{99}) {
			t.Errorf("SetFlags(%v) = %v, %v", c.change, missing, err)
		}
		expect(t, m, c.want, "2 S $Forwarded", "3")
	}
	if err := m.Expunge(ctx, []mail.UID{2, 99}); err != nil {
		t.Fatal(err)
	}
	expect(t, m, "1 D", "3")
	if _, err := m.OpenMessage(ctx, 2); KindOf(err) != Gone {
		t.Errorf("opening an expunged message: %v", err)
	}
	if put(t, m, FlagSet{}, "A: 4\n\n").UIDs[0] != 4 {
		t.Error("UID 4 expected after an expunge")
	}
}

// TestReopen: UIDs, flags and keywords are the same for a process that starts
// later, and UIDs of expunged messages are not given again.
func TestReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	m := openBox(t, openAccount(t, dir), mail.Inbox)
	put(t, m, FlagSet{mail.Answered, []mail.Keyword{"$Label1"}}, "a\n", "b\n", "c\n")
	if err := m.Expunge(context.Background(), []mail.UID{3}); err != nil {
		t.Fatal(err)
	}
	before := syncBox(t, m)
	n := openBox(t, openAccount(t, dir), mail.Inbox)
	after := expect(t, n, "1 R $Label1", "2 R $Label1")
	if after.UIDValidity() != before.UIDValidity() || after.UIDNext() != 4 {
		t.Errorf("validity %d, next %d; was %d, 4", after.UIDValidity(), after.UIDNext(), before.UIDValidity())
	}
}

// TestForeignChanges: what other programs do with the files is seen.
func TestForeignChanges(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "Maildir")
	m := openBox(t, openAccount(t, dir), mail.Inbox)
	syncBox(t, m)
	write := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x: y\n\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("new/1000000001.a.h")
	write("cur/1000000002.b.h:2,FS")
	s := expect(t, m, "1", "2 S F")
	if !s.IsNew(0) || s.IsNew(1) {
		t.Error("the first is in new, the second is not")
	}
	claimed, err := m.ClaimRecent(ctx)
	if err != nil || !slices.Equal(claimed, []mail.UID{1}) {
		t.Errorf("ClaimRecent = %v, %v", claimed, err)
	}
	if claimed, err := m.ClaimRecent(ctx); err != nil || len(claimed) != 0 {
		t.Errorf("second ClaimRecent = %v, %v", claimed, err)
	}
	if err := os.Rename(filepath.Join(dir, "cur/1000000002.b.h:2,FS"), filepath.Join(dir, "cur/1000000002.b.h:2,S")); err != nil {
		t.Fatal(err)
	}
	// The renamed file is still reached, by a mailbox that has not synced.
	if got := read(t, m, 2); got != "x: y\n\n" {
		t.Errorf("message 2 is %q", got)
	}
	if missing, err := m.SetFlags(ctx, []mail.UID{2}, FlagChange{mail.Add, FlagSet{Flags: mail.Draft}}); err != nil || missing != nil {
		t.Errorf("SetFlags = %v, %v", missing, err)
	}
	expect(t, m, "1", "2 S D")
	if err := os.Remove(filepath.Join(dir, "cur/1000000001.a.h:2,")); err != nil {
		t.Fatal(err)
	}
	expect(t, m, "2 S D")
	// A file that comes back after clients were told that it is gone is a new
	// message to them.
	write("cur/1000000001.a.h:2,")
	expect(t, m, "2 S D", "3")
}

func TestCopy(t *testing.T) {
	ctx := context.Background()
	a := openAccount(t, filepath.Join(t.TempDir(), "Maildir"))
	if err := a.Create(ctx, "Entwürfe.2024"); err != nil {
		t.Fatal(err)
	}
	in, out := openBox(t, a, mail.Inbox), openBox(t, a, "Entwürfe.2024")
	put(t, out, FlagSet{0, []mail.Keyword{"other"}}, "first\n")
	put(t, in, FlagSet{mail.Seen, []mail.Keyword{"red"}}, "a\n", "b\n")
	syncBox(t, in)
	c, err := in.Copy(ctx, []mail.UID{1, 2, 77}, out)
	if err != nil {
		t.Fatal(err)
	}
	s := expect(t, out, "1 other", "2 S red", "3 S red")
	if d := cmp.Diff(Copied{s.UIDValidity(), []mail.UID{1, 2}, []mail.UID{2, 3}}, c); d != "" {
		t.Error(d)
	}
	if got := read(t, out, 3); got != "b\n" {
		t.Errorf("copy is %q", got)
	}
	if _, err := in.Copy(ctx, []mail.UID{1}, in); err != nil {
		t.Fatal(err)
	}
	expect(t, in, "1 S red", "2 S red", "3 S red")
}

func TestMailboxes(t *testing.T) {
	ctx := context.Background()
	a := openAccount(t, filepath.Join(t.TempDir(), "Maildir"))
	names := func() string {
		infos, err := a.List(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, i := range infos {
			fmt.Fprintf(&b, "%s", i.Name)
			if i.NoSelect {
				b.WriteString("-")
			}
			if i.HasChildren {
				b.WriteString("+")
			}
			if i.Subscribed {
				b.WriteString("*")
			}
			b.WriteString(strings.Join(i.SpecialUse, " ") + " ")
		}
		return strings.TrimSpace(b.String())
	}
	kind := func(what string, err error, want Kind) {
		t.Helper()
		if err == nil || KindOf(err) != want {
			t.Errorf("%s: %v (%v), want %v", what, err, KindOf(err), want)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(a.Create(ctx, "Sent"))
	must(a.Create(ctx, "a.b.c."))
	must(a.Subscribe(ctx, "a.b.c", true))
	must(a.Subscribe(ctx, "gone", true))
	if got, want := names(), `INBOX Sent\Sent a-+ a.b-+ a.b.c*`; got != want {
		t.Errorf("names: %s, want %s", got, want)
	}
	kind("create twice", a.Create(ctx, "Sent"), Exists)
	kind("create INBOX", a.Create(ctx, "inbox"), Exists)
	for _, bad := range []string{"", ".", "a..b", ".a", "a/b", "..", "a\x00b", "a\nb", "\xff", strings.Repeat("x", 300)} {
		kind(fmt.Sprintf("create %q", bad), a.Create(ctx, bad), Invalid)
	}
	kind("delete INBOX", a.Delete(ctx, "Inbox"), Invalid)
	kind("delete a name", a.Delete(ctx, "a"), Invalid)
	kind("delete none", a.Delete(ctx, "none"), NotFound)
	kind("open none", func() error { _, err := a.Open(ctx, "none"); return err }(), NotFound)
	kind("open a path", func() error { _, err := a.Open(ctx, "../x"); return err }(), NotFound)

	must(a.Create(ctx, "a.b"))
	m := openBox(t, a, "a.b.c")
	put(t, m, FlagSet{}, "x\n")
	v := syncBox(t, m).UIDValidity()
	must(a.Rename(ctx, "a", "z.y"))
	if got, want := names(), `INBOX Sent\Sent z-+ z.y-+ z.y.b+ z.y.b.c`; got != want {
		t.Errorf("names: %s, want %s", got, want)
	}
	if _, err := m.Sync(ctx); KindOf(err) != Gone {
		t.Errorf("sync of a renamed mailbox: %v", err)
	}
	if s := expect(t, openBox(t, a, "z.y.b.c"), "1"); s.UIDValidity() != v {
		t.Errorf("rename changed UIDVALIDITY")
	}
	kind("rename below itself", a.Rename(ctx, "z", "z.y.x"), Invalid)
	kind("rename to existing", a.Rename(ctx, "Sent", "z.y.b"), Exists)
	kind("rename none", a.Rename(ctx, "none", "n"), NotFound)

	in := openBox(t, a, mail.Inbox)
	put(t, in, FlagSet{mail.Flagged, nil}, "in\n")
	must(a.Rename(ctx, "INBOX", "old"))
	expect(t, in)
	old := expect(t, openBox(t, a, "old"), "1 F")

	must(a.Delete(ctx, "old"))
	must(a.Create(ctx, "old"))
	if s := expect(t, openBox(t, a, "old")); s.UIDValidity() <= old.UIDValidity() {
		t.Errorf("UIDVALIDITY of a new mailbox is %d, of the deleted one it was %d", s.UIDValidity(), old.UIDValidity())
	}
}

// TestDelivery: no UID list, no lock file, no index is touched by a delivery.
func TestDelivery(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	m := openBox(t, openAccount(t, dir), mail.Inbox)
	d, err := m.NewDelivery()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(d, "Subject: x\n\nbody\n")
	if err := d.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !f.IsDir() {
			t.Errorf("delivery made %s", f.Name())
		}
	}
	if s := expect(t, m, "1"); !s.IsNew(0) {
		t.Error("a delivery goes to new")
	}
}

// TestManyProcesses stands for several processes by several accounts: all agree
// on every UID, and none is given twice.
func TestManyProcesses(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "Maildir")
	const workers, each = 4, 40
	openBox(t, openAccount(t, dir), mail.Inbox)
	boxes := make([]*Mailbox, workers)
	for i := range boxes {
		boxes[i] = openBox(t, openAccount(t, dir), mail.Inbox)
	}
	bases := make([]map[mail.UID]string, workers)
	var wg sync.WaitGroup
	for i, m := range boxes {
		wg.Go(func() {
			bases[i] = make(map[mail.UID]string)
			last := mail.UID(0)
			for n := range each {
				if n%2 == 0 {
					d, err := m.NewDelivery()
					if err != nil {
						t.Error(err)
						return
					}
					fmt.Fprintf(d, "worker %d message %d\n", i, n)
					if err := d.Commit(ctx); err != nil {
						t.Error(err)
					}
				} else {
					b, _ := m.NewAppend()
					w, err := b.Add(FlagSet{mail.Seen, nil}, time.Time{})
					if err != nil {
						t.Error(err)
						return
					}
					fmt.Fprintf(w, "worker %d message %d\n", i, n)
					if _, err := b.Commit(ctx); err != nil {
						t.Error(err)
					}
				}
				s, err := m.Sync(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				for k := range s.Len() {
					uid := s.UID(k)
					if was, ok := bases[i][uid]; ok && was != s.Base(k) {
						t.Errorf("UID %d was %s and is %s", uid, was, s.Base(k))
					} else if !ok && uid < last {
						t.Errorf("UID %d came in below UIDNEXT %d", uid, last)
					}
					bases[i][uid] = s.Base(k)
				}
				last = s.UIDNext()
			}
		})
	}
	wg.Wait()
	for i, m := range boxes {
		s := syncBox(t, m)
		if s.Len() != workers*each {
			t.Errorf("worker %d sees %d messages of %d", i, s.Len(), workers*each)
		}
		for k := range s.Len() {
			for j := range bases {
				if b, ok := bases[j][s.UID(k)]; ok && b != s.Base(k) {
					t.Errorf("UID %d: workers disagree", s.UID(k))
				}
			}
		}
	}
}

// TestListRemoved: a UID list that somebody removes while the mailbox is open
// comes back as its sessions know it.
func TestListRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	m := openBox(t, openAccount(t, dir), mail.Inbox)
	put(t, m, FlagSet{}, "a\n", "b\n", "c\n")
	if err := m.Expunge(context.Background(), []mail.UID{2}); err != nil {
		t.Fatal(err)
	}
	before := expect(t, m, "1", "3")
	if err := os.Remove(filepath.Join(dir, "dovecot-uidlist")); err != nil {
		t.Fatal(err)
	}
	put(t, m, FlagSet{}, "d\n")
	if after := expect(t, m, "1", "3", "4"); after.UIDValidity() != before.UIDValidity() {
		t.Errorf("UIDVALIDITY was %d and is %d", before.UIDValidity(), after.UIDValidity())
	}
}

func TestMove(t *testing.T) {
	ctx := context.Background()
	a := openAccount(t, filepath.Join(t.TempDir(), "Maildir"))
	if err := a.Create(ctx, "Trash"); err != nil {
		t.Fatal(err)
	}
	in, out := openBox(t, a, mail.Inbox), openBox(t, a, "Trash")
	put(t, out, FlagSet{0, []mail.Keyword{"other"}}, "first\n")
	put(t, in, FlagSet{mail.Seen, []mail.Keyword{"red"}}, "a\n", "b\n", "c\n")
	before := syncBox(t, in)
	c, err := in.Move(ctx, []mail.UID{1, 3, 77}, out)
	if err != nil {
		t.Fatal(err)
	}
	s := expect(t, out, "1 other", "2 S red", "3 S red")
	if d := cmp.Diff(Copied{s.UIDValidity(), []mail.UID{1, 3}, []mail.UID{2, 3}}, c); d != "" {
		t.Error(d)
	}
	if s.Base(1) == before.Base(0) {
		t.Error("a moved message kept its base, which another file there may have")
	}
	after := expect(t, in, "2 S red")
	if d := after.Since(before); !slices.Equal(d.Expunged, []int{0, 2}) || d.Changed != nil {
		t.Errorf("changes: %+v", d)
	}
	// Back again, under a new UID: clients were told that the old one is gone.
	if _, err := out.Move(ctx, []mail.UID{2}, in); err != nil {
		t.Fatal(err)
	}
	expect(t, in, "2 S red", "4 S red")
	if _, err := in.Move(ctx, []mail.UID{2}, in); err != nil {
		t.Fatal(err)
	}
	expect(t, in, "4 S red", "5 S red")
	expect(t, openBox(t, openAccount(t, in.dir.Path()), mail.Inbox), "4 S red", "5 S red")
}

// TestModSeq: changes have modseqs, conditional ones heed them, and a snapshot
// tells what changed since another.
func TestModSeq(t *testing.T) {
	ctx := context.Background()
	m := openBox(t, openAccount(t, filepath.Join(t.TempDir(), "Maildir")), mail.Inbox)
	put(t, m, FlagSet{}, "a\n", "b\n", "c\n", "d\n")
	s := syncBox(t, m)
	if _, err := m.SetFlags(ctx, []mail.UID{2}, FlagChange{mail.Add, FlagSet{Flags: mail.Seen}}); err != nil {
		t.Fatal(err)
	}
	got, err := m.SetFlagsIf(ctx, []mail.UID{2, 3, 9}, FlagChange{mail.Add, FlagSet{Flags: mail.Flagged}}, s.HighestModSeq())
	if d := cmp.Diff(Stored{Missing: []mail.UID{9}, Modified: []mail.UID{2}}, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	if err := m.Expunge(ctx, []mail.UID{1}); err != nil {
		t.Fatal(err)
	}
	put(t, m, FlagSet{}, "e\n")
	now := expect(t, m, "2 S", "3 F", "4", "5")
	if d := cmp.Diff(Delta{Expunged: []int{0}, Changed: []int{0, 1}}, now.Since(s)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{0, 1, 3}, now.ChangedSince(s.HighestModSeq())); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]UIDRange{{Lo: 1, Hi: 1}}, now.VanishedSince(s.HighestModSeq())); d != "" {
		t.Error(d)
	}
	if st := now.Status(); st.HighestModSeq != now.HighestModSeq() || st.Messages != 4 || st.Unseen != 3 {
		t.Errorf("status: %+v", st)
	}
	// No change, no modseq.
	if _, err := m.SetFlags(ctx, []mail.UID{2}, FlagChange{mail.Add, FlagSet{Flags: mail.Seen}}); err != nil {
		t.Fatal(err)
	}
	if again := syncBox(t, m); again.HighestModSeq() != now.HighestModSeq() {
		t.Error("a change that changes nothing has a modseq")
	}
}

// TestAppendPacked: what would be unpacked by whoever reads it is not added.
func TestAppendPacked(t *testing.T) {
	m := openBox(t, openAccount(t, filepath.Join(t.TempDir(), "Maildir")), "inbox")
	for _, c := range []struct {
		pieces []string
		kind   Kind
	}{
		{[]string{"\x1f\x8b\x08"}, Invalid},
		{[]string{"\x28\xb5", "\x2f\xfd", "x"}, Invalid},
		{[]string{"Subject: \x1f\x8b\n\n"}, Other},
	} {
		b, err := m.NewAppend()
		if err != nil {
			t.Fatal(err)
		}
		w, err := b.Add(FlagSet{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range c.pieces {
			if _, err := io.WriteString(w, p); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Commit(t.Context()); KindOf(err) != c.kind || (err == nil) != (c.kind == Other) {
			t.Errorf("%q: %v", c.pieces, err)
		}
	}
}
