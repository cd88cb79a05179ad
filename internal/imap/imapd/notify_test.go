package imapd_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fantail/internal/imap/imapd"
	"fantail/internal/store"
)

// newFolder makes a mailbox as another program does.
func newFolder(t testing.TB, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, "."+name)
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(path, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestNotifyTakesNoTimer is TestIdleTakesNoTimer between commands: what the kernel
// tells of the selected mailbox and of others is told on.
func TestNotifyTakesNoTimer(t *testing.T) {
	dir := newMaildir(t)
	box := newFolder(t, dir, "box")
	late := time.AfterFunc(10*time.Second, func() { panic("a session waits for something else than the kernel") })
	defer late.Stop()
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, dir)
		c.send("a SELECT INBOX\r\nb NOTIFY SET (selected (MessageNew (UID) MessageExpunge FlagChange)) " +
			"(personal (MessageNew MessageExpunge))\r\n")
		c.until("b OK")
		begin := time.Now()
		deliver(t, dir, "1100000004.M1P1.h", "Subject: new\n\n")
		c.until("* 4 FETCH (UID 4)")
		deliver(t, box, "1100000004.M1P1.h", "Subject: new\n\n")
		c.until("* STATUS box (MESSAGES 1 UIDNEXT 2)")
		if took := time.Since(begin); took != 0 {
			t.Errorf("told after %v", took)
		}
	})
}

// TestNotifyBurst: many messages at once are few responses, of which the last is true.
func TestNotifyBurst(t *testing.T) {
	const n = 500
	dir := newMaildir(t)
	box := newFolder(t, dir, "box")
	c := connect(t, dir)
	c.send("a NOTIFY SET (mailboxes box (MessageNew MessageExpunge))\r\n")
	c.until("a OK")
	begin := time.Now()
	for i := range n {
		deliver(t, box, fmt.Sprintf("1100000000.M%dP1.h", i), "Subject: new\n\n")
	}
	all := c.until(fmt.Sprintf("* STATUS box (MESSAGES %d ", n))
	most := 3 + int(time.Since(begin)/(100*time.Millisecond))
	if got := strings.Count(all, "STATUS"); got > most {
		t.Errorf("%d messages were %d responses in %v", n, got, time.Since(begin))
	}
}

// TestNotifyOverflow: RFC 5465 section 5.8: when more mailboxes would have to be
// watched than may be, the client is told, and it is as after NOTIFY NONE.
func TestNotifyOverflow(t *testing.T) {
	dir := newMaildir(t)
	for i := range 9 { // and INBOX
		newFolder(t, dir, fmt.Sprintf("box%d", i))
	}
	const set = "NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge))\r\n"
	acct, err := store.OpenAccount(dir, store.Options{Host: "test", Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	session := imapd.New(acct, far, imapd.Options{Log: quiet, Version: "test"})
	session.WatchAtMost(10)
	ended := make(chan error, 1)
	go func() { ended <- session.Serve(t.Context()) }()
	defer func() {
		if err := errors.Join(near.Close(), <-ended, acct.Close()); err != nil {
			t.Error(err)
		}
	}()
	c := &client{t, near, bufio.NewReader(near)}
	c.until("* PREAUTH")
	c.send("a SELECT INBOX\r\nb " + set)
	c.until("b OK")
	deliver(t, filepath.Join(dir, ".box7"), "1100000004.M1P1.h", "Subject: new\n\n")
	c.until("* STATUS box7 ")
	newFolder(t, dir, "more")
	c.until("* OK [NOTIFICATIONOVERFLOW] ")
	deliver(t, dir, "1100000004.M1P1.h", "Subject: new\n\n")
	c.send("c NOOP\r\n")
	if all := c.until("c OK"); strings.Contains(all, "* ") {
		t.Errorf("told after the overflow: %q", all)
	}
	c.send("d " + set)
	c.until("d NO [NOTIFICATIONOVERFLOW]")
	c.send("e NOTIFY SET (selected (MessageNew MessageExpunge))\r\n")
	if all := c.until("e OK"); !strings.Contains(all, "* 4 EXISTS\r\n") {
		t.Errorf("NOTIFY SET after the overflow: %q", all)
	}
}

// TestNotifyNoAccess: RFC 5465 sections 3.1 and 5.9: a mailbox that is there and cannot
// be read is told as such, and watched as soon as it can be.
func TestNotifyNoAccess(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("nothing is denied to root")
	}
	dir := newMaildir(t)
	box := newFolder(t, dir, "box")
	chmod := func(mode os.FileMode) {
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.Chmod(filepath.Join(box, sub), mode); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(box, 0o700); err != nil { // which the directory above tells
			t.Fatal(err)
		}
	}
	chmod(0)
	defer chmod(0o700)
	c := connect(t, dir)
	c.send("a NOTIFY SET (personal (MessageNew MessageExpunge))\r\n")
	if all := c.until("a OK"); !strings.Contains(all, `* LIST (\HasNoChildren \NoAccess) "." box`+"\r\n") {
		t.Errorf("NOTIFY: %q", all)
	}
	chmod(0o700)
	c.until(`* LIST (\HasNoChildren) "." box`)
	deliver(t, box, "1100000004.M1P1.h", "Subject: new\n\n")
	c.until("* STATUS box (MESSAGES 1 ")
}

// kernelWatches counts the directories that the process watches.
func kernelWatches(t *testing.T) (n int) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err == nil { // else it is closed meanwhile
			n += len(regexp.MustCompile(`(?m)^inotify wd:`).FindAll(b, -1))
		}
	}
	return n
}

// TestNotifyLetsGo: whatever ends a NOTIFY ends its watches, and of the sessions of one
// account each has its own.
func TestNotifyLetsGo(t *testing.T) {
	dir := newMaildir(t)
	newFolder(t, dir, "box")
	acct, err := store.OpenAccount(dir, store.Options{Host: "test", Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	before := kernelWatches(t)
	const set = "b NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge MailboxName))\r\n"
	for i, end := range []string{"NOTIFY NONE", "NOTIFY SET (selected NONE)", "LOGOUT", "FOO", "hang up"} {
		c, ended := begun(t.Context(), t, acct)
		other, otherEnded := begun(t.Context(), t, acct)
		for _, x := range []*client{c, other} {
			x.send("a EXAMINE INBOX\r\n" + set)
			x.until("b OK")
		}
		if kernelWatches(t) < before+6 {
			t.Fatalf("%d directories are watched", kernelWatches(t)-before)
		}
		switch end {
		case "hang up":
			c.conn.Close()
		case "LOGOUT":
			c.send("c LOGOUT\r\n")
			c.until("c OK")
		default:
			c.send("c " + end + "\r\n")
			c.until("c ")
			c.conn.Close()
		}
		<-ended
		deliver(t, filepath.Join(dir, ".box"), fmt.Sprintf("110000000%d.M1P1.h", i), "Subject: new\n\n")
		other.until(fmt.Sprintf("* STATUS box (MESSAGES %d ", i+1))
		other.send("c LOGOUT\r\n")
		other.until("c OK")
		<-otherEnded
		acct.Tidy()
		// Of what is left the mailbox that was selected keeps new and cur for itself.
		if n := kernelWatches(t); n > before+2 {
			t.Errorf("after %s %d directories are watched still", end, n-before)
		}
	}
	if err := acct.Close(); err != nil {
		t.Error(err)
	}
}

// TestNotifyAfterStatus: what the client was told by STATUS, it knows. If it is as it
// was before afterwards, that is news.
func TestNotifyAfterStatus(t *testing.T) {
	dir := newMaildir(t)
	box := newFolder(t, dir, "box")
	c := connect(t, dir)
	deliver(t, box, "1100000001.M1P1.h", "Subject: new\n\n")
	c.send("a NOTIFY SET (mailboxes box (MessageNew MessageExpunge FlagChange))\r\n")
	c.until("a OK")
	// The next change is told only some time after this.
	deliver(t, box, "1100000002.M1P1.h", "Subject: new\n\n")
	c.until("* STATUS box (MESSAGES 2 UIDNEXT 3 UNSEEN 2)")
	seen, unseen := filepath.Join(box, "cur", "1100000001.M1P1.h:2,S"), filepath.Join(box, "cur", "1100000001.M1P1.h:2,")
	if err := os.Rename(filepath.Join(box, "new", "1100000001.M1P1.h"), seen); err != nil {
		t.Fatal(err)
	}
	c.send("b STATUS box (UNSEEN)\r\n")
	c.until("* STATUS box (UNSEEN 1)")
	c.until("b OK")
	if err := os.Rename(seen, unseen); err != nil {
		t.Fatal(err)
	}
	if all := c.until("* STATUS box (UIDVALIDITY "); !strings.Contains(all, " UNSEEN 2)") {
		t.Errorf("told %q", all)
	}
}
