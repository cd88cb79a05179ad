package admin

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// damaged is an account's mail in which a size is wrong and a link lies among messages.
func (s *site) damaged(name string, uid int) {
	s.Helper()
	dir := s.path("home/" + name + "/Maildir")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.Chmod(dir, 0o700)); err != nil {
		s.Fatal(err)
	}
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			s.Fatal(err)
		}
	}
	for file, text := range map[string]string{
		"cur/01.a.h,S=3:2,S": "Subject: a\n\n", "cur/02.a.h:2,F": "Subject: b\n\n",
		"dovecot-uidlist": "3 V7 N9 G0123456789abcdef0123456789abcdef\n5 :01.a.h,S=3\n6 :02.a.h\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			s.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/shadow", filepath.Join(dir, "cur/03.a.h:2,")); err != nil {
		s.Fatal(err)
	}
	s.own(name, uid)
}

// own gives what an account has to its user.
func (s *site) own(name string, uid int) {
	s.Helper()
	err := filepath.Walk(s.path("home/"+name), func(path string, _ os.FileInfo, err error) error {
		if err == nil && os.Geteuid() == 0 {
			err = os.Lchown(path, uid, uid)
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
}

// TestFsck: findings of all accounts, for people and for scripts, and the statuses of
// fsck(8).
func TestFsck(t *testing.T) {
	uid := 54321
	if os.Geteuid() != 0 {
		uid = os.Geteuid()
	}
	s := open(t, "")
	account := func(name string) string {
		return fmt.Sprintf("%s:{PLAIN}x:%d:%[2]d::%s::\n", name, uid, s.path("home/"+name))
	}
	s.write("passwd", account("ann")+account("bob")+account("cyn"))
	if err := os.Chmod(s.path("passwd"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.damaged("ann", uid)
	s.damaged("bob", uid)
	all := []string{"ann", "bob", "cyn"} // cyn has no mail yet

	want := []string{
		"%s: cur/01.a.h,S=3:2,S: the name says S=3, and the file has 12 octets",
		"%s: cur/03.a.h:2,: it is a symbolic link, and no message",
		"%s: 1 mailbox, 2 messages: 2 to be mended",
	}
	sorted := func(out string) []string {
		lines := strings.Split(strings.TrimSpace(out), "\n")
		slices.Sort(lines)
		return lines
	}
	expect := func(when, out string, lines []string, names ...string) {
		t.Helper()
		var want []string
		for _, name := range names {
			for _, l := range lines {
				want = append(want, fmt.Sprintf(l, name))
			}
		}
		if len(names) > 1 {
			want = append(want, "3 accounts: ")
		}
		slices.Sort(want)
		if got := sorted(out); !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%s: got\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	out, _ := s.runs(fsckLeft, "", append([]string{"fsck", "-n"}, all...)...)
	expect("a dry run", out, want, "ann", "bob")
	if _, err := os.Lstat(s.path("home/ann/Maildir/fantail-lost+found")); err == nil {
		t.Error("a dry run has made a directory")
	}

	out, _ = s.runs(fsckMended, "", append([]string{"fsck", "-j"}, "ann")...)
	var kinds []string
	for l := range strings.Lines(out) {
		var f struct{ Name, Kind, State, Path, Problem, Done string }
		if err := json.Unmarshal([]byte(l), &f); err != nil || f.Name != "ann" {
			t.Errorf("%q: %v", l, err)
		}
		kinds = append(kinds, f.Kind+" "+f.State)
	}
	slices.Sort(kinds)
	if got := strings.Join(kinds, ", "); got != " , not-a-file mended, size mended" {
		t.Errorf("got %q\n%s", got, out)
	}
	if to, err := os.Readlink(s.path("home/ann/Maildir/fantail-lost+found/cur-03.a.h:2,")); to != "/etc/shadow" {
		t.Errorf("%q, %v", to, err)
	}

	mended := []string{
		"%s: cur/01.a.h,S=3:2,S: the name says S=3, and the file has 12 octets; renamed to 01.a.h,G=",
		"%s: cur/03.a.h:2,: it is a symbolic link, and no message; moved to fantail-lost+found/cur-03.a.h:2,",
		"%s: 1 mailbox, 2 messages: 2 mended",
	}
	out, _ = s.runs(fsckMended, "", "fsck", "bob")
	expect("it mends", out, mended, "bob")
	if text := s.read("home/bob/Maildir/dovecot-uidlist"); !strings.HasPrefix(text, "3 V7 N9 G0123456789abcdef0123456789abcdef\n5 :01.a.h,G=") {
		t.Errorf("%q", text)
	}
	out, _ = s.runs(exitOK, "", "fsck", "-f", "bob")
	if out != "bob: 1 mailbox, 2 messages: clean\n" {
		t.Errorf("again: %q", out)
	}
	out, _ = s.runs(exitOK, "", append([]string{"fsck"}, all...)...)
	expect("all of them", out, []string{"%s: 1 mailbox, 2 messages: clean"}, "ann", "bob")
	if _, err := os.Lstat(s.path("home/cyn")); err == nil {
		t.Error("a Maildir was made")
	}

	for status, args := range map[int]string{fsckUsage: "fsck -n -r", fsckFailed: "fsck nobody@example.org"} {
		s.runs(status, "", strings.Fields(args)...)
	}
	s.runs(fsckUsage, "", "fsck", "-x")

	// What is root's is told, and is not touched; the others come after it.
	if os.Geteuid() != 0 {
		return
	}
	err := errors.Join(os.Lchown(s.path("home/ann/Maildir/cur/02.a.h:2,F"), 0, 0), os.Chmod(s.path("home/ann/Maildir/cur/02.a.h:2,F"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	out, _ = s.runs(fsckLeft, "", append([]string{"fsck"}, all...)...)
	if !strings.Contains(out, "ann: cur/02.a.h:2,F: it belongs to uid 0, and this account cannot read it; not mended\n    chown -hR 54321:54321 '"+s.path("home/ann/Maildir/cur/02.a.h:2,F")+"'\n") ||
		!strings.Contains(out, "bob: 1 mailbox, 2 messages: clean\n") {
		t.Errorf("got\n%s", out)
	}
	if info, err := os.Lstat(s.path("home/ann/Maildir/cur/02.a.h:2,F")); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
}

// TestFsckOwn: an ordinary user examines his own mail, and nobody is asked whose that is.
func TestFsckOwn(t *testing.T) {
	u, err := user.Current()
	if os.Geteuid() == 0 {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Skip(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	s := open(t, "")
	s.damaged("own", uid)
	s.write("fantail.toml", s.read("fantail.toml")+"\nmail.path = \""+s.path("home/own/Maildir")+"\"\n")
	run := func(args ...string) (string, int) {
		cmd := exec.Command(filepath.Join(installed(t), "fantail"), append([]string{"-c", s.path("fantail.toml"), "fsck"}, args...)...)
		cmd.Env = []string{"HOME=" + s.path("home/own")}
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		}
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	if out, status := run(); status != fsckMended || !strings.HasSuffix(out, "\n"+u.Username+": 1 mailbox, 2 messages: 2 mended\n") {
		t.Errorf("%d\n%s", status, out)
	}
	if out, status := run("-n"); status != exitOK || out != u.Username+": 1 mailbox, 2 messages: clean\n" {
		t.Errorf("again: %d\n%s", status, out)
	}
}

// TestFsckHostile: a Maildir that its user has filled with links makes root do nothing:
// what they lead to stays as it is.
func TestFsckHostile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can do harm")
	}
	s := open(t, "")
	const uid = 54321
	s.write("passwd", fmt.Sprintf("eve:{PLAIN}x:%d:%[1]d::%s::\n", uid, s.path("home/eve")))
	if err := os.Chmod(s.path("passwd"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.damaged("eve", uid)
	roots := s.path("roots")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(roots, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(roots, "cur/1.x,S=9:2,")
	if err := os.WriteFile(secret, []byte("root's\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	maildir := s.path("home/eve/Maildir")
	for name, to := range map[string]string{
		".Stolen": roots, "fantail-webmail": roots, "fantail-lost+found": roots, "dovecot-keywords": secret,
		"dovecot-uidlist.lock": secret, "maildirsize": secret, "fantail.log": secret, "fantail.text": secret,
	} {
		if err := os.Symlink(to, filepath.Join(maildir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.own("eve", uid)
	for range 2 {
		Program{}.Main([]string{"-c", s.path("fantail.toml"), "fsck", "-f", "-r", "eve"}, os.Stdin, new(strings.Builder), new(strings.Builder))
	}
	info, err := os.Stat(secret)
	text, _ := os.ReadFile(secret)
	if err != nil || info.Mode().Perm() != 0o644 || string(text) != "root's\n" {
		t.Errorf("%v, %v, %q", info, err, text)
	}
	if info, err := os.Stat(roots); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
	for _, sub := range []string{"cur", "new", "tmp"} {
		entries, err := os.ReadDir(filepath.Join(roots, sub))
		if want := map[string]int{"cur": 1}[sub]; err != nil || len(entries) != want {
			t.Errorf("%s: %v, %v", sub, entries, err)
		}
	}
}

// TestFsckListen: what imap-session says is not believed to be sane.
func TestFsckListen(t *testing.T) {
	for _, c := range []struct {
		says  string
		whole bool
		wrong bool
		out   string
	}{
		{"", false, false, ""},
		{`{"summary":{"mailboxes":1}}` + "\n", true, false, ""},
		{`{"at":{"mailbox":"x"}}` + "\n", false, false, ""},
		{"what?\n", false, true, ""},
		{`{"finding":{`, false, true, ""},
		{strings.Repeat("x", mostLine+1) + "\n", false, true, ""},
		{`{"finding":{"kind":"size","state":"left","path":"cur/\u001b[2J","problem":"\n\u202ex","next":"rm\nx"}}` + "\n", false, false,
			`ann: cur/\x1b[2J: \n\u202ex; not mended` + "\n    rm\\nx\n"},
	} {
		var out strings.Builder
		r := &fsckRun{fsckVerb: new(fsckVerb), t: &tool{out: &out}, at: func(string) {}}
		var sum tally
		whole, err := r.listen("ann", bufio.NewReaderSize(strings.NewReader(c.says), mostLine), &sum)
		if whole != c.whole || (err != nil) != c.wrong || out.String() != c.out {
			t.Errorf("%.40q: %t, %v, %q", c.says, whole, err, out.String())
		}
	}
}
