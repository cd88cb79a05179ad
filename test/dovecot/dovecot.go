// Package dovecot runs the programs of an installed Dovecot 2.3 on a Maildir, as
// the partner of tests: what it writes we must read, and the other way round.
// There is no master process and no network: a session program speaks IMAP on a
// pipe, and doveadm works for the user that it runs as.
package dovecot

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	session = "/usr/lib/dovecot/imap"
	nobody  = 65534
	// patience is how long one run may take.
	patience = 30 * time.Second
)

// Account is a user of Dovecot with one Maildir.
type Account struct {
	Maildir string // its path; made by New
	t       testing.TB
	home    string
	conf    string
	user    syscall.Credential // whom Dovecot runs as, if root tests
	guest   bool               // the Maildir is somebody else's
}

// New makes an account whose Maildir is configured by options, such as
// ":LAYOUT=fs", and by settings, lines of dovecot.conf. It skips the test where
// Dovecot is not installed.
func New(t testing.TB, options, settings string) *Account {
	t.Helper()
	a := setUp(t, "", options, settings)
	for _, dir := range []string{"", "cur", "new", "tmp"} {
		if err := os.Mkdir(filepath.Join(a.Maildir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// On makes an account whose Maildir is there, and whose user others are, too: nothing in it
// changes its owner.
func On(t testing.TB, maildir string, user syscall.Credential, settings string) *Account {
	t.Helper()
	a := setUp(t, maildir, "", settings)
	a.user, a.guest = user, true
	if os.Geteuid() == 0 {
		if err := os.Chown(a.home, int(user.Uid), int(user.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// setUp makes the account but for its Maildir, which has a place of its own if it is "".
func setUp(t testing.TB, maildir, options, settings string) *Account {
	t.Helper()
	if _, err := os.Stat(session); err != nil {
		t.Skip("Dovecot is not installed: ", err)
	}
	// Not t.TempDir: only its owner may enter, and Dovecot refuses to be root.
	home, err := os.MkdirTemp("", "dovecot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	if maildir == "" {
		maildir = filepath.Join(home, "Maildir")
	}
	a := &Account{Maildir: maildir, t: t, home: home, conf: filepath.Join(home, "conf"), user: syscall.Credential{Uid: nobody, Gid: nobody}}
	conf := fmt.Sprintf("mail_location = maildir:%s%s\nssl = no\nlog_path = %s\n%s\n", a.Maildir, options, a.log(), settings)
	if err := os.WriteFile(a.conf, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *Account) log() string { return filepath.Join(a.home, "log") }

// Tunnel is a command that speaks IMAP as the account, for programs that can start it as its
// user.
func (a *Account) Tunnel() string {
	return fmt.Sprintf("env USER=nobody HOME=%s %s -c %s", a.home, session, a.conf)
}

// IMAP gives commands, without tags, to one session, and returns the lines of
// its answer. Each command must be answered OK. A command may contain a
// non-synchronizing literal.
func (a *Account) IMAP(commands ...string) []string {
	a.t.Helper()
	var in bytes.Buffer
	for n, c := range append(commands, "LOGOUT") {
		fmt.Fprintf(&in, "a%d %s\r\n", n, c)
	}
	out := a.run(&in, session, "-c", a.conf)
	lines := strings.Split(strings.TrimSuffix(out, "\r\n"), "\r\n")
	for n, c := range commands {
		tag := fmt.Sprintf("a%d ", n)
		for _, l := range lines {
			if answer, ok := strings.CutPrefix(l, tag); ok && !strings.HasPrefix(answer, "OK") {
				a.t.Errorf("Dovecot: %.100q: %s", c, answer)
			}
		}
	}
	return lines
}

// Append is the command that appends a message to INBOX. Line ends are CRLF.
func Append(message string) string {
	return fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(message), message)
}

// Doveadm runs doveadm with arguments and returns its standard output.
func (a *Account) Doveadm(args ...string) string {
	a.t.Helper()
	return a.run(strings.NewReader(""), "doveadm", append([]string{"-c", a.conf}, args...)...)
}

// run lets a program have the Maildir, whoever has written in it before.
func (a *Account) run(in io.Reader, program string, args ...string) string {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"USER=nobody", "HOME=" + a.home, "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if os.Geteuid() == 0 {
		if !a.guest {
			a.own()
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &a.user}
	}
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &errs // a pipe: Dovecot cannot wait for a file
	if err := cmd.Run(); err != nil {
		a.t.Fatalf("%s %q: %v\n%s%s", program, args, err, errs.String(), a.complaints())
	}
	if c := a.complaints(); c != "" {
		a.t.Errorf("Dovecot complains:\n%s", c)
	}
	return out.String()
}

// own gives everything to the user that Dovecot runs as.
func (a *Account) own() {
	a.t.Helper()
	err := filepath.WalkDir(a.home, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
	if err != nil {
		a.t.Fatal(err)
	}
}

// complaints are the lines of Dovecot's log that are more than information.
func (a *Account) complaints() string {
	text, err := os.ReadFile(a.log())
	if err != nil {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		for _, level := range []string{"Warning:", "Error:", "Fatal:", "Panic:"} {
			if strings.Contains(line, level) {
				b.WriteString(line)
				break
			}
		}
	}
	return b.String()
}
