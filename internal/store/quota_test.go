package store

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/mail"
	"fantail/internal/store/maildir"
	"fantail/internal/store/quota"
	"fantail/test/dovecot"
)

func openLimited(t testing.TB, dir string, l Limits, layout maildir.Layout) *Account {
	t.Helper()
	a, err := OpenAccount(dir, Options{Host: "test", Limits: l, Layout: layout})
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

// onDisk adds up all files of an account.
func onDisk(t testing.TB, root string) (u Usage) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if sub := filepath.Base(filepath.Dir(path)); err != nil || d.IsDir() || sub != "cur" && sub != "new" {
			return err
		}
		info, err := d.Info()
		if err == nil {
			u.Octets += info.Size()
			u.Messages++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// expectQuota checks that the account knows what is on disk, and that its file says
// so without a count.
func expectQuota(t testing.TB, a *Account, want Limits) {
	t.Helper()
	there := onDisk(t, a.root)
	u, l, err := a.Quota(t.Context())
	if err != nil || u != there || l != want {
		t.Errorf("quota %+v of %+v, %v; there is %+v, limits %+v", u, l, err, there, want)
	}
	counted := &counts{amount: amount{a}}
	u, err = quota.Open(a.root, want, quota.Options{Mail: counted}).Usage(t.Context())
	if err != nil || u != there || counted.n > 0 {
		text, _ := os.ReadFile(filepath.Join(a.root, "maildirsize"))
		t.Errorf("the file says %+v, %v, after %d counts; there is %+v; file %q", u, err, counted.n, there, text)
	}
}

// counts counts counts.
type counts struct {
	amount
	n int
}

func (c *counts) Count(ctx context.Context) (Usage, error) {
	c.n++
	return c.amount.Count(ctx)
}

func tryPut(t testing.TB, m *Mailbox, bodies ...string) error {
	t.Helper()
	b, err := m.NewAppend()
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range bodies {
		w, err := b.Add(FlagSet{}, time.Time{})
		if err == nil {
			_, err = io.WriteString(w, body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = b.Commit(t.Context())
	return err
}

func tryDeliver(t testing.TB, m *Mailbox, body string) error {
	t.Helper()
	d, err := m.NewDelivery()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(d, body); err != nil {
		t.Fatal(err)
	}
	return d.Commit(t.Context())
}

// settleDown waits until the directories' times tell every further change.
func settleDown() { time.Sleep(2 * stampWait) }

func TestQuota(t *testing.T) {
	for _, layout := range []maildir.Layout{maildir.PlusPlus, maildir.FS} {
		root := filepath.Join(t.TempDir(), "Maildir")
		limits := Limits{Octets: 1000, Messages: 8}
		a := openLimited(t, root, limits, layout)
		for _, name := range []string{"box", "other"} {
			if err := a.Create(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		in, box := openBox(t, a, mail.Inbox), openBox(t, a, "box")
		settleDown()
		expectQuota(t, a, limits)
		must := func(what string, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			expectQuota(t, a, limits)
		}
		refused := func(what string, err error) {
			t.Helper()
			if KindOf(err) != OverQuota {
				t.Errorf("%s: %v", what, err)
			}
			if left, err := os.ReadDir(filepath.Join(root, "tmp")); err != nil || len(left) > 0 {
				t.Errorf("%s: in tmp %v, %v", what, left, err)
			}
			expectQuota(t, a, limits)
		}
		body := strings.Repeat("x", 199) + "\n"
		must("append two", tryPut(t, in, body, body))
		must("deliver", tryDeliver(t, box, body))
		refused("append what is too much", tryPut(t, in, body, body, body))
		refused("deliver what is too much", tryDeliver(t, in, body+body+body))
		if err := in.Fits(t.Context(), Usage{Octets: 400, Messages: 1}); err != nil {
			t.Error(err)
		}
		if err := in.Fits(t.Context(), Usage{Octets: 401, Messages: 1}); KindOf(err) != OverQuota {
			t.Error(err)
		}
		_, err := in.Copy(t.Context(), []mail.UID{1, 2, 77}, box)
		must("copy", err)
		_, err = in.Copy(t.Context(), []mail.UID{1}, box)
		refused("copy what is too much", err)
		_, err = in.Move(t.Context(), []mail.UID{1}, box)
		must("move", err)
		_, err = in.Move(t.Context(), []mail.UID{2}, in)
		must("move in its place", err)
		must("expunge", in.Expunge(t.Context(), []mail.UID{3, 1}))
		must("append one", tryPut(t, in, body))
		must("expunge again", box.Expunge(t.Context(), syncBox(t, box).UIDs()))
		for range 7 {
			must("append a small one", tryPut(t, box, "x\n"))
		}
		refused("append too many", tryPut(t, box, "x\n"))
		settleDown()
		must("delete the mailbox", a.Delete(t.Context(), "box"))
		must("rename INBOX", a.Rename(t.Context(), mail.Inbox, "older"))
		if u := onDisk(t, root); u != (Usage{Octets: 200, Messages: 1}) {
			t.Errorf("in the end there is %+v", u)
		}
	}
}

// TestQuotaOfFile: without configured limits those in maildirsize count; without
// that there is no quota, and none is made.
func TestQuotaOfFile(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	a := openLimited(t, root, Limits{}, maildir.PlusPlus)
	in := openBox(t, a, mail.Inbox)
	put(t, in, FlagSet{}, "one\n", "two\n", "three\n")
	if err := in.Expunge(t.Context(), []mail.UID{1}); err != nil {
		t.Fatal(err)
	}
	if u, l, err := a.Quota(t.Context()); err != nil || u != (Usage{}) || l != (Limits{}) {
		t.Errorf("no quota is %+v, %+v, %v", u, l, err)
	}
	file := filepath.Join(root, "maildirsize")
	if isThere(file) {
		t.Error("a quota was made")
	}
	settleDown()
	write(t, root, map[string]string{"maildirsize": "20S,3C\n"})
	expectFits := func(u Usage, want bool) {
		t.Helper()
		if err := in.Fits(t.Context(), u); want != (err == nil) || err != nil && KindOf(err) != OverQuota {
			t.Errorf("%+v: %v", u, err)
		}
	}
	expectFits(Usage{Octets: 10, Messages: 1}, true)
	expectFits(Usage{Octets: 11, Messages: 1}, false)
	expectFits(Usage{Octets: 0, Messages: 2}, false)
	expectQuota(t, a, Limits{Octets: 20, Messages: 3})
	if err := tryPut(t, in, "0123456789"); err != nil {
		t.Fatal(err)
	}
	expectQuota(t, a, Limits{Octets: 20, Messages: 3})
	if text, err := os.ReadFile(file); err != nil || string(text) != "20S,3C\n10 2\n10 1\n" {
		t.Errorf("file %q, %v", text, err)
	}
	if err := tryPut(t, in, "x"); KindOf(err) != OverQuota {
		t.Errorf("append what is too much: %v", err)
	}
}

// TestQuotaUnreadable: what cannot be read refuses nobody.
func TestQuotaUnreadable(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	a := openLimited(t, root, Limits{Octets: 10}, maildir.PlusPlus)
	if err := os.Mkdir(filepath.Join(root, "maildirsize"), 0o700); err != nil {
		t.Fatal(err)
	}
	in := openBox(t, a, mail.Inbox)
	if err := tryPut(t, in, "more than ten octets\n"); err != nil {
		t.Error(err)
	}
	if err := in.Expunge(t.Context(), []mail.UID{1}); err != nil {
		t.Error(err)
	}
}

// TestCount: an index and the names of files give the same sum, also for messages
// whose names have no size, and mailboxes that nobody has opened.
func TestCount(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	mkdirs(t, root, "", ".a", ".a.b")
	for i, dir := range []string{"cur", "new", ".a/cur", ".a/new", ".a.b/cur"} {
		for n := range 3 {
			body := strings.Repeat("x", 10*i+n)
			name := fmt.Sprintf("100000000%d.%d.h", i, n)
			if n == 1 {
				name += fmt.Sprintf(",S=%d", len(body))
			}
			write(t, root, map[string]string{dir + "/" + name: body})
		}
	}
	settleDown()
	a := openAccount(t, root)
	check := func(what string) {
		t.Helper()
		u, err := amount{a}.Count(t.Context())
		if want := onDisk(t, root); err != nil || u != want || u.Messages != 15 {
			t.Errorf("%s: %+v, %v; want %+v", what, u, err, want)
		}
	}
	check("no index")
	if isThere(filepath.Join(root, "fantail.log")) || isThere(filepath.Join(root, "dovecot-uidlist")) {
		t.Error("counting made files")
	}
	stamp := func() uint64 {
		t.Helper()
		s, err := amount{a}.Stamp(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := stamp()
	for _, name := range []string{mail.Inbox, "a", "a.b"} {
		s := syncBox(t, openBox(t, a, name))
		for _, uid := range s.UIDs() {
			if _, err := openBox(t, a, name).Stat(t.Context(), uid); err != nil {
				t.Fatal(err)
			}
		}
	}
	check("indexes")
	if stamp() != before {
		t.Error("the stamp has changed, and the mail has not")
	}
	write(t, root, map[string]string{".a/cur/1000000009.x.h:2,": "foreign\n"})
	if stamp() == before {
		t.Error("the stamp does not tell a new message")
	}
	if err := os.Remove(filepath.Join(root, ".a/cur/1000000009.x.h:2,")); err != nil {
		t.Fatal(err)
	}
	check("an index that is old")
}

// TestQuotaBeyond: mail may go beyond the limits to a mailbox that is for it, and a
// message that is delivered may once. Dovecot keeps the same file.
func TestQuotaBeyond(t *testing.T) {
	d := dovecot.New(t, "", `mail_plugins = quota
plugin {
 quota = maildir:User quota
 quota_rule = *:bytes=1000
 quota_rule2 = Trash:bytes=+200
 quota_grace = 300B
}
`)
	d.IMAP("CREATE Trash")
	settleDown()
	limits := Limits{Octets: 1000}
	a, err := OpenAccount(d.Maildir, Options{
		Host: "test", Limits: limits, Grace: quota.Margin{Amount: Usage{Octets: 300}},
		Extra: map[string]quota.Margin{"Trash": {Percent: 20}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close() // nothing is lost
	in, trash := openBox(t, a, mail.Inbox), openBox(t, a, "Trash")
	body := strings.Repeat("x", 199) + "\n"
	if err := tryPut(t, in, body, body, body, body); err != nil {
		t.Fatal(err)
	}
	expectQuota(t, a, limits)
	if err := tryPut(t, in, body, body); KindOf(err) != OverQuota {
		t.Errorf("append beyond the limit: %v", err)
	}
	if err := trash.Fits(t.Context(), Usage{Octets: 400, Messages: 2}); err != nil {
		t.Errorf("into the trash: %v", err)
	}
	if err := trash.Fits(t.Context(), Usage{Octets: 401, Messages: 2}); KindOf(err) != OverQuota {
		t.Errorf("too much for the trash: %v", err)
	}
	if err := tryDeliver(t, in, strings.Repeat(body, 3)); KindOf(err) != OverQuota {
		t.Errorf("a message beyond grace: %v", err)
	}
	if err := tryDeliver(t, in, strings.Repeat("x", 399)+"\n"); err != nil {
		t.Errorf("a message within grace: %v", err)
	}
	expectQuota(t, a, limits)
	if err := tryDeliver(t, in, "x\n"); KindOf(err) != OverQuota {
		t.Errorf("another one: %v", err)
	}
	if _, err := in.Copy(t.Context(), []mail.UID{1}, trash); KindOf(err) != OverQuota {
		t.Errorf("copy beyond the margin of the trash: %v", err)
	}
	if err := in.Expunge(t.Context(), []mail.UID{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Copy(t.Context(), []mail.UID{2}, trash); err != nil {
		t.Errorf("copy into the trash: %v", err)
	}
	expectQuota(t, a, limits)
	there := onDisk(t, d.Maildir)
	want := fmt.Sprintf("STORAGE\t%d\t1", (there.Octets+1023)>>10)
	if got := d.Doveadm("-f", "tab", "quota", "get"); !strings.Contains(got, want) {
		t.Errorf("Dovecot says %q; want %q", got, want)
	}
}

// TestDovecotQuota: a Dovecot with the same limits keeps the same file.
func TestDovecotQuota(t *testing.T) {
	d := dovecot.New(t, "", `mail_plugins = quota
plugin {
 quota = maildir:User quota
 quota_rule = *:storage=100K:messages=5
}
`)
	limits := Limits{Octets: 100 << 10, Messages: 5}
	message := "Subject: x\r\n\r\n" + strings.Repeat("0123456789abcde\n", 1000)
	d.IMAP(dovecot.Append(strings.ReplaceAll(message, "\n", "\r\n")))
	settleDown()
	a := openLimited(t, d.Maildir, limits, maildir.PlusPlus)
	in := openBox(t, a, mail.Inbox)
	expectQuota(t, a, limits)
	put(t, in, FlagSet{}, message, message)
	expectQuota(t, a, limits)
	d.IMAP("SELECT INBOX", `STORE 1 +FLAGS (\Deleted)`, "EXPUNGE", "COPY 1 INBOX")
	expectQuota(t, a, limits)
	if err := tryPut(t, in, message, message, message); KindOf(err) != OverQuota {
		t.Errorf("append what is too much: %v", err)
	}
	if err := in.Expunge(t.Context(), []mail.UID{2}); err != nil {
		t.Fatal(err)
	}
	expectQuota(t, a, limits)
	there := onDisk(t, d.Maildir)
	want := fmt.Sprintf("STORAGE\t%d\t100", (there.Octets+1023)>>10) // rounded up
	if got := d.Doveadm("-f", "tab", "quota", "get"); !strings.Contains(got, want) || !strings.Contains(got, "MESSAGE\t2\t5") {
		t.Errorf("Dovecot says %q; want %q and %d messages", got, want, there.Messages)
	}
}

// TestQuotaIgnored: a mailbox that is ignored has no limits, and what is in it does not
// count, whatever way mail and mailboxes go. Dovecot keeps the same file.
func TestQuotaIgnored(t *testing.T) {
	d := dovecot.New(t, "", `mail_plugins = quota
plugin {
 quota = maildir:User quota
 quota_rule = *:bytes=1000:messages=9
 quota_rule2 = Junk:ignore
}
`)
	d.IMAP("CREATE Junk", "CREATE Junk.below")
	settleDown()
	limits := Limits{Octets: 1000, Messages: 9}
	a, err := OpenAccount(d.Maildir, Options{Host: "test", Limits: limits, Ignored: map[string]bool{"Junk": true}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close() // nothing is lost
	in, junk, below := openBox(t, a, mail.Inbox), openBox(t, a, "Junk"), openBox(t, a, "Junk.below")
	want := func(what string, err error, messages int64) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		counted := &counts{amount: amount{a}}
		u, err := quota.Open(a.root, limits, quota.Options{Mail: counted}).Usage(t.Context())
		if want := (Usage{Octets: 200 * messages, Messages: messages}); err != nil || u != want || counted.n > 0 {
			text, _ := os.ReadFile(filepath.Join(a.root, "maildirsize"))
			t.Errorf("%s: %+v, %v, after %d counts; want %+v; file %q", what, u, err, counted.n, want, text)
		}
		if u, err := (amount{a}).Count(t.Context()); err != nil || u.Messages != messages {
			t.Errorf("%s: counted %+v, %v", what, u, err)
		}
		if got := d.Doveadm("-f", "tab", "quota", "get"); !strings.Contains(got, fmt.Sprintf("MESSAGE\t%d\t9", messages)) {
			t.Errorf("%s: Dovecot says %q", what, got)
		}
	}
	body := strings.Repeat("x", 199) + "\n"
	_, _, err = a.Quota(t.Context()) // makes the file
	want("nothing", err, 0)
	want("append one that counts", tryPut(t, below, body), 1)
	want("append more than the limit", tryPut(t, junk, body, body, body, body, body, body, body, body, body, body, body, body), 1)
	want("deliver", tryDeliver(t, junk, body), 1)
	if err := junk.Fits(t.Context(), Usage{Octets: 10000, Messages: 1}); err != nil {
		t.Error(err)
	}
	_, err = junk.Copy(t.Context(), []mail.UID{1}, in)
	want("copy where it counts", err, 2)
	_, err = in.Copy(t.Context(), []mail.UID{1}, junk)
	want("copy where it does not count", err, 2)
	_, err = junk.Move(t.Context(), []mail.UID{2, 3, 99}, in)
	want("move where it counts", err, 4)
	if _, err := junk.Move(t.Context(), []mail.UID{4, 5}, in); KindOf(err) != OverQuota {
		t.Errorf("move more than there is room for: %v", err)
	}
	want("which has moved nothing", nil, 4)
	_, err = in.Move(t.Context(), []mail.UID{1}, junk)
	want("move where it does not count", err, 3)
	want("expunge what does not count", junk.Expunge(t.Context(), []mail.UID{4}), 3)
	want("expunge what counts", in.Expunge(t.Context(), []mail.UID{2}), 2)
	d.IMAP("SELECT Junk", "COPY 1 INBOX", "COPY 1 Junk", "MOVE 1 Junk.below")
	want("Dovecot's changes", nil, 4)
	settleDown()
	if err := a.Rename(t.Context(), "Junk.below", "other"); err != nil {
		t.Fatal(err)
	}
	want("rename what counts", nil, 4)
	if err := a.Delete(t.Context(), "Junk"); err != nil {
		t.Fatal(err)
	}
	want("delete what does not count", nil, 4)
	settleDown()
	if err := a.Rename(t.Context(), "other", "Junk"); err != nil {
		t.Fatal(err)
	}
	if u, _, err := a.Quota(t.Context()); err != nil || u.Messages != 2 {
		t.Errorf("what counted does not any more: %+v, %v", u, err)
	}
	want("renamed", nil, 2)
	settleDown()
	if err := a.Rename(t.Context(), "Junk", "other"); err != nil {
		t.Fatal(err)
	}
	if u, _, err := a.Quota(t.Context()); err != nil || u.Messages != 4 {
		t.Errorf("what did not count does now: %+v, %v", u, err)
	}
	want("renamed back", nil, 4)
}

// TestConfiguredExtra: names of mailboxes are those by which they are opened.
func TestConfiguredExtra(t *testing.T) {
	var c conf.MailSettings
	c.QuotaExtra = []conf.MailboxMargin{{Mailbox: "inbox", Ignore: true}, {Mailbox: "u\u0308", Margin: conf.Margin{Percent: 10}}}
	o, err := Configured(&c, "ann", nil)
	if err != nil || !o.Ignored["INBOX"] || o.Extra["ü"].Percent != 10 {
		t.Errorf("%+v, %v", o, err)
	}
	c.QuotaExtra = []conf.MailboxMargin{{Mailbox: "a\nb", Ignore: true}}
	if _, err := Configured(&c, "ann", nil); err == nil {
		t.Error("a name that no mailbox can have is taken")
	}
}
