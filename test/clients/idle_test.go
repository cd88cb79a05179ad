package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
)

// Mail that is delivered while a client idles is told at once, by IMAP's own
// numbers; and what the client then fetches is what was delivered.
func TestIdle(t *testing.T) {
	t.Parallel()
	in := install(t)
	k := in.talk(t)
	count := len(read(t, in.Home()))
	k.do("SELECT INBOX")
	for i := range 3 {
		k.send("idle IDLE\r\n")
		if l := k.line(); !strings.HasPrefix(l, "+ ") {
			t.Fatalf("IDLE: %q", l)
		}
		text := fmt.Sprintf("Subject: while idle %d\n\nhello\n", i)
		if err := in.Deliver(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
		delivered := time.Now()
		count++
		want := fmt.Sprintf("* %d EXISTS", count)
		for l := k.line(); l != want; l = k.line() {
			if !regexp.MustCompile(`^\* \d+ RECENT$`).MatchString(l) && !strings.HasPrefix(l, "* OK ") {
				t.Fatalf("%q while waiting for %q", l, want)
			}
		}
		t.Logf("EXISTS came %v after deliver had ended", time.Since(delivered).Round(time.Microsecond))
		k.send("DONE\r\n")
		for l := k.line(); !strings.HasPrefix(l, "idle OK"); l = k.line() {
			if !regexp.MustCompile(`^\* \d+ RECENT$`).MatchString(l) {
				t.Fatalf("%q after DONE", l)
			}
		}
		lines := strings.Join(k.do("FETCH %d (BODY.PEEK[HEADER.FIELDS (SUBJECT)])", count), "\n")
		if !strings.Contains(lines, "\nSubject: while idle "+fmt.Sprint(i)+"\n") {
			t.Errorf("message %d is %q", count, lines)
		}
		m := only(t, read(t, in.Home()), "with the subject", withText(fmt.Sprintf("Subject: while idle %d\n", i)))
		if !strings.HasSuffix(m.data, text) || m.flags != "" {
			t.Errorf("delivered as %+v", m)
		}
	}
	k.logout()
}

// What another program does to the Maildir an idle client hears, too: flags
// and removal.
func TestIdleOthers(t *testing.T) {
	t.Parallel()
	in := install(t)
	idle, other := in.talk(t), in.talk(t)
	idle.do("SELECT INBOX")
	other.do("SELECT %s", mail.Inbox)
	n := len(read(t, in.Home()))
	idle.send("idle IDLE\r\n")
	if l := idle.line(); !strings.HasPrefix(l, "+ ") {
		t.Fatalf("IDLE: %q", l)
	}
	other.do(`STORE 2 FLAGS (\Draft)`)
	if l := idle.line(); !regexp.MustCompile(`^\* 2 FETCH \(.*FLAGS \(\\Draft\).*\)$`).MatchString(l) {
		t.Errorf("after a change of flags: %q", l)
	}
	other.do(`STORE %d +FLAGS (\Deleted)`, n)
	if l := idle.line(); !regexp.MustCompile(fmt.Sprintf(`^\* %d FETCH \(.*\\Deleted.*\)$`, n)).MatchString(l) {
		t.Errorf("after a deletion: %q", l)
	}
	other.do("EXPUNGE")
	if l := idle.line(); l != fmt.Sprintf("* %d EXPUNGE", n) {
		t.Errorf("after EXPUNGE: %q", l)
	}
	idle.send("DONE\r\n")
	if l := idle.line(); !strings.HasPrefix(l, "idle OK") {
		t.Errorf("after DONE: %q", l)
	}
	idle.logout()
	other.logout()
}

// So it hears what a program does that knows Maildir but no IMAP, and no lock
// of ours: flags by rename, removal by unlink, a message of its own by rename.
func TestIdleForeign(t *testing.T) {
	t.Parallel()
	in := install(t)
	k := in.talk(t)
	k.do("SELECT INBOX")
	inbox := read(t, in.Home())
	k.send("idle IDLE\r\n")
	if l := k.line(); !strings.HasPrefix(l, "+ ") {
		t.Fatalf("IDLE: %q", l)
	}
	steps := []struct {
		what string
		do   func() error
		want string
	}{
		{"flags", func() error {
			return os.Rename(filepath.Join(in.Home(), inbox[4].file), filepath.Join(in.Home(), "cur", inbox[4].base+":2,DFa"))
		}, `^\* 5 FETCH \(.*FLAGS \(\\Flagged \\Draft \S+\).*\)$`},
		{"removal", func() error {
			return os.Remove(filepath.Join(in.Home(), inbox[9].file))
		}, `^\* 10 EXPUNGE$`},
		{"arrival", func() error {
			in.put(t, in.Home(), "1700000000.1_1.foreign:2,S", "Subject: foreign\n\nhello\n")
			return nil
		}, fmt.Sprintf(`^\* %d EXISTS$`, len(inbox))},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatal(err)
		}
		l := k.line()
		for strings.HasPrefix(l, "* FLAGS ") || strings.HasPrefix(l, "* OK [PERMANENTFLAGS ") {
			l = k.line() // a keyword that was not there before
		}
		if !regexp.MustCompile(s.want).MatchString(l) {
			t.Fatalf("after %s: %q, want %s", s.what, l, s.want)
		}
	}
	k.send("DONE\r\n")
	for l := k.line(); !strings.HasPrefix(l, "idle OK"); l = k.line() {
		if !regexp.MustCompile(`^\* \d+ RECENT$`).MatchString(l) {
			t.Errorf("after DONE: %q", l)
		}
	}
	after := k.box(mail.Inbox)
	if _, ok := after.flags[10]; ok || len(after.flags) != len(inbox) || after.flags[uint32(len(inbox)+1)] != `\Seen` {
		t.Errorf("UIDs afterwards: %v", after.flags)
	}
	k.logout()
}
