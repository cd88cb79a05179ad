package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fantail/internal/mail"
	"fantail/test/site"
)

// foreign gives a message of the account other flags as any program does that knows
// Maildir: by renaming it. It returns the message as it is then.
func (in *installation) foreign(t *testing.T, mailbox string, m stored, flags string) stored {
	t.Helper()
	dir := in.folder(mailbox)
	now := m
	now.file, now.flags = filepath.Join("cur", m.base+":2,"+flags), flags
	if err := os.Rename(filepath.Join(dir, m.file), filepath.Join(dir, now.file)); err != nil {
		t.Fatal(err)
	}
	return now
}

// unlink removes a message of the account behind the server's back.
func (in *installation) unlink(t *testing.T, mailbox string, m stored) {
	t.Helper()
	if err := os.Remove(filepath.Join(in.folder(mailbox), m.file)); err != nil {
		t.Fatal(err)
	}
}

// folder is the Maildir of a mailbox of the account.
func (in *installation) folder(mailbox string) string {
	if mailbox == mail.Inbox {
		return in.Home()
	}
	return filepath.Join(in.Home(), "."+mailbox)
}

var resynced = regexp.MustCompile(`UID FETCH \S+ \(FLAGS\) \(CHANGEDSINCE \d+ VANISHED\)`)

// neomutt keeps headers in a cache and asks with QRESYNC (RFC 7162) what has changed
// while it was away: another program has flagged one message and removed another,
// an IMAP client has expunged a third and marked a fourth, and mail has come. Then it
// flags one and deletes one, by the numbers that it has now.
func TestNeomuttQResync(t *testing.T) {
	t.Parallel()
	in := install(t)
	k := in.talk(t)
	if line := strings.Join(k.do("CAPABILITY"), " "); !strings.Contains(line, " QRESYNC") {
		t.Skip("there is no QRESYNC")
	}
	cache, debug := filepath.Join(in.home, "hcache"), filepath.Join(in.home, "debug")
	in.mkdir(t, cache)
	config := fmt.Sprintf(`
set imap_user = %s
set imap_pass = %s
set folder = "imaps://%s/"
set header_cache = %s
set imap_condstore = yes
set imap_qresync = yes
set debug_file = %s
set debug_level = 2
`, site.Account, site.Password, in.imaps, cache, debug)
	inbox := in.mailboxes(t)[mail.Inbox]
	first := in.neomutt(t, config, "<sync-mailbox><quit>")
	first.sees(fmt.Sprintf("%d <", len(inbox)))
	first.press("Z")
	first.ends()

	inbox = in.mailboxes(t)[mail.Inbox]
	in.foreign(t, mail.Inbox, inbox[9], letterSet(inbox[9].flags, "F"))
	in.unlink(t, mail.Inbox, inbox[4])
	k.do("SELECT INBOX") // without numbers 5: UIDs are as they were
	k.do("UID STORE 3,8 +FLAGS (\\Deleted)")
	k.do("UID STORE 8 -FLAGS (\\Deleted)")
	k.do("UID STORE 8 +FLAGS (\\Answered)")
	k.do("UID EXPUNGE 3")
	k.logout()
	if err := in.Deliver(t.Context(), []byte("Subject: news for neomutt\n\nhello\n")); err != nil {
		t.Fatal(err)
	}
	before := in.mailboxes(t)[mail.Inbox]

	// Two are gone and one is new. Number 5 is what was number 7 before. Flagging one
	// that is flagged takes the flag away.
	second := in.neomutt(t, config, "5<enter><flag-message>6<enter><delete-message><sync-mailbox><quit>")
	second.sees(fmt.Sprintf("%d <news for neomutt>", len(inbox)-1))
	second.press("Z")
	second.ends()
	if log, err := os.ReadFile(debug + "0"); err != nil || !resynced.Match(log) {
		t.Errorf("neomutt did not resynchronize: %v\n%s", err, regexp.MustCompile(`(?m)^.*(SELECT|ENABLE|UID FETCH).*$`).FindAll(log, 20))
	}
	after := in.mailboxes(t)[mail.Inbox]
	for i, m := range inbox {
		now, ok := find(after, m.base)
		was, _ := find(before, m.base)
		want, gone := was.flags, false
		switch i {
		case 2, 4, 7:
			gone = true
		case 6:
			if want = strings.ReplaceAll(was.flags, "F", ""); want == was.flags {
				want = letterSet(was.flags, "F")
			}
		case 9:
			want = letterSet(m.flags, "F")
		}
		if ok == gone || ok && now.flags != want {
			t.Errorf("message %d, %s, is now %q, there %t; want %q, gone %t", i+1, m.file, now.flags, ok, want, gone)
		}
	}
	if t.Failed() {
		t.Logf("shown:\n%q", second.shown())
	}
}

// mbsync while both sides have changed: other flags for different messages and for
// the same one, messages removed and new on each side, a mailbox more here and
// another there.
func TestMbsyncBothWays(t *testing.T) {
	t.Parallel()
	in := install(t)
	m := in.newMirror(t, "mirror")
	m.mustSync(t)
	near, far := read(t, m.folder(mail.Inbox)), read(t, in.Home())
	// of finds the message of the other side.
	of := func(list []stored, x stored) stored {
		t.Helper()
		return only(t, list, "like "+x.file, func(y stored) bool { return withoutTUID(y.data) == withoutTUID(x.data) && y.date.Equal(x.date) })
	}

	m.rename(t, mail.Inbox, near[3], letterSet(near[3].flags, "FR"))
	m.rename(t, mail.Inbox, near[8], letterSet(near[8].flags, "T"))
	in.put(t, m.folder(mail.Inbox), "1700000000.1_1.here:2,S", "Subject: from here\n\nhere\n")
	both := of(far, near[12])
	m.rename(t, mail.Inbox, near[12], letterSet(near[12].flags, "F"))
	in.foreign(t, mail.Inbox, both, letterSet(both.flags, "R"))

	flagged, removed := of(far, near[20]), of(far, near[25])
	in.foreign(t, mail.Inbox, flagged, letterSet(flagged.flags, "FS"))
	in.unlink(t, mail.Inbox, removed)
	if err := in.Deliver(t.Context(), []byte("Subject: from there\n\nthere\n")); err != nil {
		t.Fatal(err)
	}
	k := in.talk(t)
	k.do("CREATE There")
	k.do("SELECT INBOX")
	k.do("UID COPY 30 There")
	k.logout()

	m.mustSync(t)
	m.compare(t)
	after := in.mailboxes(t)
	inbox := after[mail.Inbox]
	for name, want := range map[*stored]string{
		&near[3]:  letterSet(near[3].system(), "FR"),
		&near[12]: letterSet(near[12].system(), "FR"),
		&near[20]: letterSet(near[20].system(), "FS"),
	} {
		if now := of(inbox, *name); now.system() != want {
			t.Errorf("%s has %q on the server, want %q", name.file, now.system(), want)
		}
	}
	for _, gone := range []stored{near[8], near[25]} {
		if _, ok := find(inbox, of(far, gone).base); ok {
			t.Errorf("%s is still there", gone.file)
		}
	}
	for _, text := range []string{"Subject: from here", "Subject: from there"} {
		only(t, inbox, text, withText(text))
		only(t, read(t, m.folder(mail.Inbox)), text, withText(text))
	}
	if len(inbox) != len(far) || len(after["There"]) != 1 || len(read(t, m.folder("There"))) != 1 {
		t.Errorf("%d messages in INBOX, were %d; %d in the new mailbox", len(inbox), len(far), len(after["There"]))
	}

	here, there := allFiles(t, m.dir()), allFiles(t, in.Home())
	m.mustSync(t)
	sameFiles(t, "run after that, here", here, allFiles(t, m.dir()))
	sameFiles(t, "run after that, on the server", there, allFiles(t, in.Home()))
}
