package login

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/test/site"
)

// full is a house whose accounts may have 20 messages, of which each has one, and which runs
// a program at 80 and 95 percent. What it says of each run is in a file for each account.
type full struct {
	*house
	lmtp    *mailServer
	submitd *site.Group
}

// byQuota makes one. The program is told by a file in the directory "ran" to do something
// else first.
func byQuota(t *testing.T, scope string) *full {
	t.Helper()
	address := freeAddress(t)
	h := build(t, func(h *house, config string) string {
		h.own(0o777, 0, "ran")
		program := "#!/bin/sh\n" +
			"if [ -e " + h.path("ran") + "/first-$FANTAIL_USER ]; then . " + h.path("ran") + "/first-$FANTAIL_USER; fi\n" +
			"echo \"$(id -u) $FANTAIL_BEFORE $FANTAIL_PERCENT of $FANTAIL_MESSAGES, $FANTAIL_LIMIT_MESSAGES\" >>" + h.path("ran") + "/$FANTAIL_USER\n"
		if err := os.WriteFile(h.path("bin", "full"), []byte(program), 0o755); err != nil {
			t.Fatal(err)
		}
		return config + fmt.Sprintf("[lmtp]\nlisten = [%q]\n[mail]\nquota = \"20 messages\"\nquota_warnings = [80, 95]\nquota_warning_message = false\nquota_warning_command = [%q]\nquota_warning_directory = %q\n[webmail]\nsubmit_directory = %q\n%s",
			address, h.path("bin", "full"), h.path("crossed"), h.path("submit"), strings.ReplaceAll(scope, "HOUSE", h.dir))
	})
	h.make("fantail/cmd/lmtpd", "fantail/cmd/deliver-session", "fantail/cmd/deliver", "fantail/cmd/submitd", "fantail/cmd/webmail-submit", "fantail/cmd/quota-command")
	f := &full{house: h}
	f.submitd = h.start("submitd", 0, "submit")
	h.front("lmtpd", 1)
	var err error
	if f.lmtp, err = dialLMTP(address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.lmtp.conn.Close() })
	return f
}

// bring brings so many messages by LMTP.
func (f *full) bring(n int, message string, to ...string) {
	f.Helper()
	for range n {
		replies, err := f.lmtp.send(message, to...)
		if err != nil {
			f.Fatal(err)
		}
		for _, r := range replies {
			if !strings.HasPrefix(r, "250 ") {
				f.Fatal(r)
			}
		}
	}
}

// pipe brings them by deliver, as an MTA starts it that is root.
func (f *full) pipe(n int, to string) {
	f.Helper()
	for range n {
		cmd := exec.Command(f.path("bin", "deliver"), "-c", f.path("fantail.toml"), "-d", to)
		cmd.Stdin = strings.NewReader("Subject: by a pipe\n\ntext\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			f.Fatalf("%v: %s", err, out)
		}
	}
}

// ran wants the program to have run so, and no further time within a while.
func (f *full) ran(account string, want ...string) {
	f.Helper()
	var got []string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && len(got) < len(want); time.Sleep(20 * time.Millisecond) {
		got = f.runs(account)
	}
	time.Sleep(300 * time.Millisecond)
	if got = f.runs(account); !slices.Equal(got, want) {
		f.Errorf("for %s it ran %q, want %q", account, got, want)
	}
	if err := os.Remove(f.path("ran", account)); err != nil && len(want) > 0 {
		f.Fatal(err)
	}
}

func (f *full) runs(account string) []string {
	f.Helper()
	text, err := os.ReadFile(f.path("ran", account))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		f.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")[:strings.Count(string(text), "\n")]
}

// log waits for the log of submitd to say something.
func (f *full) log(what string) {
	f.Helper()
	var text []byte
	for end := time.Now().Add(100 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		text, _ = os.ReadFile(f.submitd.Log("submitd"))
		if strings.Contains(string(text), what) {
			return
		}
	}
	f.Errorf("submitd does not say %q", what)
}

const (
	shortMail = "Subject: short\r\n\r\ntext\r\n"
	shared    = 400_000 // of this size accounts of one user get one file
)

// TestQuotaCommand: whatever way mail comes and goes, the administrator's program runs once
// for each percentage that is crossed, as the account's user.
func TestQuotaCommand(t *testing.T) {
	for name, scope := range map[string]string{
		"a program for each account": "",
		"a program for all of a uid": "[session]\nscope = \"uid\"\nfence = \"HOUSE/mail\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			f := byQuota(t, scope)
			virtual, carol := fmt.Sprint(virtualUID), fmt.Sprint(carolUID)

			f.bring(14, shortMail, "ann")
			f.ran("ann")
			f.bring(1, shortMail, "ann")
			f.ran("ann", virtual+" 0 80 of 16, 20")
			f.bring(4, shortMail, "ann")
			f.ran("ann", virtual+" 80 95 of 19, 20")

			f.pipe(15, "bob")
			f.ran("bob", virtual+" 0 80 of 16, 20")
			f.pipe(3, "bob")
			f.ran("bob", virtual+" 80 95 of 19, 20")

			for account, had := range map[string]int{"ann": 20, "bob": 19} {
				say := f.dial(f.imap)
				say("a LOGIN "+account+" secret", "a OK")
				say("b SELECT INBOX", fmt.Sprintf("* %d EXISTS", had))
				say(`c STORE 1:* +FLAGS.SILENT (\Deleted)`, "c OK")
				say("d EXPUNGE", "d OK")
				f.ran(account, virtual+" 95 0 of 0, 20")
			}

			say := f.dial(f.imap)
			say("a LOGIN carol secret", "a OK")
			say("b SELECT INBOX", "b OK")
			grow := func(n int) {
				for range n {
					say("c APPEND INBOX {4+}\r\na: b", "c OK")
				}
			}
			grow(15)
			f.ran("carol", carol+" 0 80 of 16, 20")
			grow(3)
			f.ran("carol", carol+" 80 95 of 19, 20")
			say(`d STORE 1:2 +FLAGS.SILENT (\Deleted)`, "d OK")
			say("d EXPUNGE", "d OK")
			f.ran("carol", carol+" 95 80 of 17, 20")

			// Two accounts of one user by one process, with one file.
			f.bring(15, shortMail, "ann", "bob")
			f.ran("ann")
			f.bring(1, "Subject: large\r\n\r\n"+strings.Repeat("0123456789\r\n", shared/12), "ann", "bob")
			f.ran("ann", virtual+" 0 80 of 16, 20")
			f.ran("bob", virtual+" 0 80 of 16, 20")

			if left, err := filepath.Glob(f.path("crossed", "*")); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// TestQuotaCommandLater: what is crossed while submitd is not there is told when it is.
func TestQuotaCommandLater(t *testing.T) {
	f := byQuota(t, "")
	f.submitd.Stop(5 * time.Second)
	f.bring(15, shortMail, "ann")
	f.pipe(15, "bob")
	f.pipe(3, "bob")
	f.ran("ann")
	f.ran("bob")
	f.submitd = f.start("submitd", 0, "submit")
	f.ran("bob", fmt.Sprint(virtualUID)+" 0 80 of 16, 20", fmt.Sprint(virtualUID)+" 80 95 of 19, 20")
	f.ran("ann", fmt.Sprint(virtualUID)+" 0 80 of 16, 20")
	// If nothing is left that says so but the Maildir, the next session does.
	f.submitd.Stop(5 * time.Second)
	f.pipe(15, "carol")
	for _, path := range must(filepath.Glob(f.path("crossed", "*"))) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	f.submitd = f.start("submitd", 0, "submit")
	f.ran("carol")
	f.dial(f.imap)("a LOGIN carol secret", "a OK")
	f.ran("carol", fmt.Sprint(carolUID)+" 0 80 of 16, 20")
}

// TestQuotaCommandLies: who says that there is something to do for another user's account is
// not believed, and who says it of his own account makes nothing run.
func TestQuotaCommandLies(t *testing.T) {
	f := byQuota(t, "")
	for name, uid := range map[string]int{"carol": virtualUID, "nobody": virtualUID, "root": 0, "daemon": 1, "ann": virtualUID} {
		path, unfinished := f.path("crossed", "x"+name), f.path("crossed", ".new-"+name)
		if err := errors.Join(os.WriteFile(unfinished, []byte(name+"\n"), 0o600), os.Chown(unfinished, uid, gid), os.Rename(unfinished, path)); err != nil {
			t.Fatal(err)
		}
	}
	f.log("the account carol is uid ")
	f.log("there is no account nobody")
	f.log("the superuser has no sessions")
	f.log("uid 1 is below the first one")
	for _, name := range []string{"ann", "carol"} {
		f.ran(name)
	}
	if list := must(filepath.Glob(f.path("ran", "*"))); len(list) > 0 {
		t.Errorf("it ran: %v", list)
	}
}

// TestQuotaCommandStopped: a program that says too much, or hangs, is stopped, with what it
// has started; it is not run again for that, and for the next crossing it is.
func TestQuotaCommandStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("waits a minute for a program that hangs")
	}
	f := byQuota(t, "")
	first := func(account, script string) {
		if err := os.WriteFile(f.path("ran", "first-"+account), []byte(script), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	first("carol", "sleep 1234567\n")
	first("ann", "sleep 7654321 & yes\n")
	f.bring(15, shortMail, "carol")
	f.bring(15, shortMail, "ann")
	f.log("it says too much")
	first("ann", "")
	f.bring(3, shortMail, "ann")
	f.ran("ann", fmt.Sprint(virtualUID)+" 80 95 of 19, 20")
	f.bring(3, shortMail, "carol") // while the other one runs
	first("carol", "")
	f.log("it takes too long")
	f.ran("carol", fmt.Sprint(carolUID)+" 80 95 of 19, 20")
	for _, dir := range must(filepath.Glob("/proc/[0-9]*")) {
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // it may have ended
		if a := string(args); a == "sleep\x001234567\x00" || a == "sleep\x007654321\x00" {
			t.Errorf("%s is still there: %q", dir, a)
		}
	}
}

// TestQuotaCommandAlone: where one user runs everything a front has a submitd of its own,
// which keeps nothing of what is due; and what he delivers on a pipe is heard there, too.
func TestQuotaCommandAlone(t *testing.T) {
	f := byQuota(t, "")
	f.own(0o700, carolUID, "alone")
	passwd := fmt.Sprintf("carol:{PLAIN}secret:%d:%d::%s::\n", carolUID, gid, f.path("mail", "carol"))
	config, err := os.ReadFile(f.path("fantail.toml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(f.path("front"), f.path("alone"), f.path("passwd"), f.path("alone", "passwd"), f.path("auth"), f.path("alone"),
		f.path("crossed"), f.path("alone", "crossed"), f.path("submit"), f.path("alone", "submit")).Replace(string(config))
	f.write("alone/fantail.toml", text)
	f.write("alone/passwd", passwd)
	g := &site.Group{Dir: f.path("alone"), Owner: &syscall.Credential{Uid: carolUID, Gid: gid}}
	if err := g.Start("imapd", f.path("bin", "imapd"), "-c", f.path("alone", "fantail.toml")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(g.Tail("imapd"))
		}
		g.Stop(5 * time.Second)
	})
	at := ""
	for end := time.Now().Add(20 * time.Second); at == "" && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		text, _ := os.ReadFile(g.Log("imapd"))
		if m := regexp.MustCompile(`msg=listening proto=imap address=(\S+)`).FindSubmatch(text); m != nil {
			at = string(m[1])
		}
	}
	say := f.dial(at)
	say("a LOGIN carol secret", "a OK")
	say("b SELECT INBOX", "b OK")
	for range 15 {
		say("c APPEND INBOX {4+}\r\na: b", "c OK")
	}
	carol := fmt.Sprint(carolUID)
	f.ran("carol", carol+" 0 80 of 16, 20")
	for range 3 {
		cmd := exec.Command(f.path("bin", "deliver"), "-c", f.path("alone", "fantail.toml"), "-d", "carol")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: carolUID, Gid: gid}}
		cmd.Stdin = strings.NewReader("Subject: by a pipe\n\ntext\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	f.ran("carol", carol+" 80 95 of 19, 20")
	if _, err := os.Stat(f.path("alone", "submit")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it keeps what is due: %v", err)
	}
}

// write writes a file of carol's.
func (f *full) write(name, text string) {
	f.Helper()
	path := f.path(filepath.FromSlash(name))
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chown(path, carolUID, gid)); err != nil {
		f.Fatal(err)
	}
}
