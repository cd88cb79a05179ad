package login

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// fantail runs the admin's tool as a user, and wants its exit status.
func (h *house) fantail(uid uint32, status int, input string, args ...string) (out, says string) {
	h.Helper()
	if _, err := os.Stat(h.path("bin", "fantail")); err != nil {
		if out, err := exec.Command("go", "build", "-o", h.path("bin")+"/", "fantail/cmd/fantail").CombinedOutput(); err != nil {
			h.Fatalf("build fantail: %v\n%s", err, out)
		}
	}
	cmd := exec.Command(h.path("bin", "fantail"), append([]string{"-c", h.path("fantail.toml")}, args...)...)
	var outBuf, errBuf bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &outBuf, &errBuf
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != status {
		h.Errorf("%q: %v, want status %d\n%s%s", args, err, status, &outBuf, &errBuf)
	}
	return outBuf.String(), errBuf.String()
}

// TestWho: an admin sees the sessions, ends those of an account whoever has their
// connections, and nobody else can.
func TestWho(t *testing.T) {
	h := build(t)
	clear, bob := h.dial(h.imap), h.dial(h.imap)
	conn, err := tls.Dial("tcp", h.imaps, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	carried := h.talk(conn)
	for _, say := range []func(string, string) string{clear, carried} { // the session has the first one's socket
		say("a LOGIN ann secret", "a OK")
	}
	bob("a LOGIN bob secret", "a OK")
	carried("b SELECT INBOX", "b OK")
	carried("c IDLE", "+")

	run := []string{"-S", h.path("run")}
	out, _ := h.fantail(0, 0, "", append([]string{"who"}, run...)...)
	lines := strings.Split(out, "\n")
	if len(lines) != 4 || !regexp.MustCompile(`^ann +imap +\d+ +2 +20\d\d-\d\d-\d\d \d\d:\d\d +127\.0\.0\.1 \(2\)$`).MatchString(lines[1]) || !strings.HasPrefix(lines[2], "bob ") {
		t.Errorf("who says\n%s", out)
	}
	if out, _ := h.fantail(0, 0, "", append([]string{"who", "-j", "bob"}, run...)...); strings.Count(out, "\n") != 1 || !strings.Contains(out, `"remote":"127.0.0.1"`) {
		t.Errorf("who -j bob says\n%s", out)
	}
	for _, uid := range []uint32{virtualUID, frontUID, authdUID} {
		h.fantail(uid, 77, "", append([]string{"kick", "ann"}, run...)...)
	}
	if out, _ := h.fantail(0, 0, "", append([]string{"kick", "ann"}, run...)...); out != "ended 2 of ann\n" {
		t.Errorf("kick says %q", out)
	}
	clear(silent, "* BYE")
	carried(silent, "* BYE")
	bob("b NOOP", "b OK")
	h.fantail(0, 67, "", append([]string{"kick", "ann"}, run...)...)
	h.dial(h.imap)("a LOGIN ann secret", "a OK") // which is no lock
}

// TestKickShared: where accounts share a program, one of them is sent away and the other
// goes on.
func TestKickShared(t *testing.T) {
	h := build(t, func(h *house, config string) string {
		return config + fmt.Sprintf("[session]\nscope = \"uid\"\nfence = %q\n", h.path("mail"))
	})
	ann, bob := h.dial(h.imap), h.dial(h.imap)
	ann("a LOGIN ann secret", "a OK")
	bob("a LOGIN bob secret", "a OK")
	out, _ := h.fantail(0, 0, "", "who", "-S", h.path("run"))
	rows := regexp.MustCompile(`(?m)^(ann|bob) +imap +(\d+) +1 `).FindAllStringSubmatch(out, -1)
	if len(rows) != 2 || rows[0][2] != rows[1][2] {
		t.Errorf("they do not share a program:\n%s", out)
	}
	h.fantail(0, 0, "", "kick", "ann", "-S", h.path("run"))
	ann(silent, "* BYE")
	bob("b NOOP", "b OK")
	if out, _ := h.fantail(0, 0, "", "who", "-S", h.path("run")); strings.Contains(out, "ann") || !strings.Contains(out, "bob") {
		t.Error(out)
	}
}

// TestAccounts: what an admin changes counts for the daemons that run.
func TestAccounts(t *testing.T) {
	h := build(t)
	h.own(0o700, virtualUID, "mail", "dan")
	h.fantail(0, 0, "first\n", "user", "add", "dan", "-stdin", "-uid", "54003", "-gid", "54000", "-home", h.path("mail", "dan"))
	info, err := os.Stat(h.path("passwd"))
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != authdUID || info.Mode() != 0o400 {
		t.Errorf("the passwd-file has the owner %d, the mode %v", st.Uid, info.Mode())
	}
	h.dial(h.imap)("a LOGIN dan first", "a OK")
	h.fantail(0, 0, "second\n", "passwd", "dan", "-stdin")
	h.dial(h.imap)("a LOGIN dan second", "a OK")
	h.dial(h.imap)("a LOGIN dan first", "a NO [AUTHENTICATIONFAILED]")

	secret, _ := h.fantail(0, 0, "", "apppw", "add", "dan", "-for", "imap")
	h.dial(h.imap)("a LOGIN dan "+strings.TrimSpace(secret), "a OK")
	if err := filepath.WalkDir(h.path("auth"), func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != authdUID {
			t.Errorf("%s is not authd's", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if out, _ := h.fantail(0, 0, "", "apppw", "list", "dan"); strings.Contains(out, "never") {
		t.Errorf("its use is not noted: %s", out)
	}
	out, _ := h.fantail(0, 0, "", "user", "show", "dan")
	for _, want := range []string{"uid      54003\n", "gid      54000\n", "mail     " + h.path("mail", "dan", "Maildir") + "\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	h.fantail(0, 0, "", "user", "del", "dan")
	h.dial(h.imap)("a LOGIN dan second", "a NO [AUTHENTICATIONFAILED]")
	h.dial(h.imap)("a LOGIN dan "+strings.TrimSpace(secret), "a NO [AUTHENTICATIONFAILED]")
	// The file is authd's alone: nobody else learns or changes anything.
	h.fantail(frontUID, 77, "", "user", "list")
	h.fantail(frontUID, 77, "x\n", "passwd", "ann", "-stdin")
}
