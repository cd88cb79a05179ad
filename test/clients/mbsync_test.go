package clients

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fantail/internal/mail"
)

// mirror is a copy of the account that mbsync keeps in the clients' home.
type mirror struct {
	in   *installation
	name string
}

// newMirror configures mbsync to keep everything the same on both sides.
func (in *installation) newMirror(t *testing.T, name string) *mirror {
	t.Helper()
	needs(t, "mbsync")
	m := &mirror{in, name}
	in.mkdir(t, m.dir())
	in.write(t, name+".mbsyncrc", fmt.Sprintf(`
IMAPStore far
Host 127.0.0.1
Port %s
User demo
Pass demo
SSLType IMAPS
CertificateFile %s

MaildirStore near
Path %[3]s/
Inbox %[3]s/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
Sync All
SyncState *
CopyArrivalDate yes
`, port(in.imaps), in.certificate(), m.dir()))
	return m
}

func (m *mirror) dir() string { return filepath.Join(m.in.home, m.name) }

// folder is the Maildir of a mailbox: mbsync has "/" where the server has ".".
func (m *mirror) folder(mailbox string) string {
	return filepath.Join(m.dir(), strings.ReplaceAll(mailbox, ".", "/"))
}

func (m *mirror) sync(ctx context.Context) (string, error) {
	out, err := m.in.try(ctx, "mbsync", "--config", filepath.Join(m.in.home, m.name+".mbsyncrc"), "--verbose", "--all")
	return string(out), err
}

func (m *mirror) mustSync(t *testing.T) string {
	t.Helper()
	out, err := m.sync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// compare reports where the mirror is not like the account: other mailboxes,
// other messages, flags or dates of arrival.
func (m *mirror) compare(t *testing.T) {
	t.Helper()
	far := m.in.mailboxes(t)
	for name, messages := range far {
		near := read(t, m.folder(name))
		if !slices.Equal(summary(near), summary(messages)) {
			t.Errorf("%s: %d messages here, %d on the server, or others", name, len(near), len(messages))
			logDifference(t, summary(near), summary(messages))
		}
	}
	var dirs []string
	for file := range allFiles(t, m.dir()) {
		if dir, ok := strings.CutSuffix(filepath.Dir(file), "/cur"); ok {
			dirs = append(dirs, strings.ReplaceAll(dir, "/", "."))
		}
	}
	for _, d := range dirs {
		if _, ok := far[d]; !ok {
			t.Errorf("%s is not on the server", d)
		}
	}
}

// tuid is the field by which mbsync finds what it has just stored. It leaves it
// in the copies that it makes.
var tuid = regexp.MustCompile(`(?m)^X-TUID: .{12}\n`)

func withoutTUID(text string) string { return tuid.ReplaceAllString(text, "") }

// summary says what must be the same on both sides, sorted.
func summary(list []stored) []string {
	var out []string
	for _, m := range list {
		out = append(out, fmt.Sprintf("%s %d %q", m.system(), m.date.Unix(), withoutTUID(m.data)))
	}
	slices.Sort(out)
	return out
}

// logDifference shows the first messages that are on one side only.
func logDifference(t *testing.T, near, far []string) {
	t.Helper()
	show := func(where string, list, other []string) {
		n := 0
		for _, s := range list {
			if !slices.Contains(other, s) && n < 3 {
				t.Logf("only %s: %.500s", where, s)
				n++
			}
		}
	}
	show("here", near, far)
	show("there", far, near)
}

func TestMbsyncPulls(t *testing.T) {
	t.Parallel()
	in := install(t)
	m := in.newMirror(t, "mirror")
	before := in.mailboxes(t)
	m.mustSync(t)
	m.compare(t)
	if after := in.mailboxes(t); !maps.EqualFunc(before, after, slices.Equal) {
		t.Error("pulling has changed the server's messages")
	}

	here, there := allFiles(t, m.dir()), allFiles(t, in.Home())
	out := m.mustSync(t)
	sameFiles(t, "second run, here", here, allFiles(t, m.dir()))
	sameFiles(t, "second run, on the server", there, allFiles(t, in.Home()))
	if strings.Contains(out, "Warning") {
		t.Errorf("second run says\n%s", out)
	}
}

func TestMbsyncPushes(t *testing.T) {
	t.Parallel()
	in := install(t)
	m := in.newMirror(t, "mirror")
	m.mustSync(t)
	before := in.mailboxes(t)

	// Here: one message is flagged, one deleted, one is new, one is copied to
	// another mailbox; and a mailbox is made.
	inbox := read(t, m.folder(mail.Inbox))
	slices.SortFunc(inbox, func(a, b stored) int { return cmp.Compare(a.data, b.data) })
	flagged, deleted, copied := inbox[3], inbox[10], inbox[20]
	m.rename(t, mail.Inbox, flagged, letterSet(flagged.flags, "FRS"))
	m.rename(t, mail.Inbox, deleted, letterSet(deleted.flags, "T"))
	const text = "From: me@example.org\nMessage-ID: <pushed@example.org>\nSubject: pushed\n\nGrüße\n"
	in.put(t, m.folder("Drafts"), "1700000000.1_1.here:2,DS", text)
	in.put(t, m.folder("Archive.2024"), "1700000001.1_1.here:2,S", copied.data)
	made := m.folder("Made")
	for _, sub := range []string{"", "cur", "new", "tmp"} {
		in.mkdir(t, filepath.Join(made, sub))
	}
	in.put(t, made, "1700000002.1_1.here:2,", text)
	m.mustSync(t)

	after := in.mailboxes(t)
	for name, list := range before {
		for _, old := range list {
			now, ok := find(after[name], old.base)
			switch {
			case name == mail.Inbox && old.data == withoutTUID(deleted.data):
				if ok {
					t.Errorf("%s was deleted here and is still there", old.file)
				}
			case name == mail.Inbox && old.data == withoutTUID(flagged.data):
				if now.flags != letterSet(old.flags, "FRS") {
					t.Errorf("%s was flagged here and has %q", old.file, now.flags)
				}
			case !ok || now != old:
				t.Errorf("%s in %s was not touched here and has become %q", old.file, name, now.file)
			}
		}
	}
	if n := len(newIn(before[mail.Inbox], after[mail.Inbox])); n != 0 {
		t.Errorf("%d new messages in INBOX", n)
	}
	draft := only(t, newIn(before["Drafts"], after["Drafts"]), "new in Drafts", func(stored) bool { return true })
	if withoutTUID(draft.data) != text || draft.flags != "DS" || draft.date.Unix() != 1700000000 {
		t.Errorf("pushed to Drafts: %+v", draft)
	}
	c := only(t, newIn(before["Archive.2024"], after["Archive.2024"]), "new in Archive.2024", func(stored) bool { return true })
	if withoutTUID(c.data) != withoutTUID(copied.data) || c.flags != "S" {
		t.Errorf("pushed to Archive.2024: %+v", c)
	}
	if made := after["Made"]; len(made) != 1 || withoutTUID(made[0].data) != text || made[0].flags != "" || len(after) != len(before)+1 {
		t.Errorf("pushed to a new mailbox: %+v", made)
	}
	m.compare(t)

	here, there := allFiles(t, m.dir()), allFiles(t, in.Home())
	m.mustSync(t)
	sameFiles(t, "run after pushing, here", here, allFiles(t, m.dir()))
	sameFiles(t, "run after pushing, on the server", there, allFiles(t, in.Home()))
}

// letterSet adds letters to those of a file name.
func letterSet(flags, more string) string {
	letters := []byte(flags + more)
	slices.Sort(letters)
	return string(slices.Compact(letters))
}

func find(list []stored, base string) (stored, bool) {
	for _, m := range list {
		if m.base == base {
			return m, true
		}
	}
	return stored{}, false
}

// rename gives a message of the mirror other flags.
func (m *mirror) rename(t *testing.T, mailbox string, s stored, flags string) {
	t.Helper()
	dir := m.folder(mailbox)
	if err := os.Rename(filepath.Join(dir, s.file), filepath.Join(dir, "cur", s.base+":2,"+flags)); err != nil {
		t.Fatal(err)
	}
}

// put puts a message into cur of a Maildir, as any program does that knows
// Maildir. Its date of arrival is the number that its name begins with.
func (in *installation) put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, "tmp", name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in.chown(t, path)
	digits, _, _ := strings.Cut(name, ".")
	date := unixTime(t, digits)
	if err := os.Chtimes(path, date, date); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, filepath.Join(dir, "cur", name)); err != nil {
		t.Fatal(err)
	}
}
