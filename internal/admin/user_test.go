package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"fantail/internal/login/authd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/apppw"
	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/userdb"
)

// odd is a passwd-file with everything that must stay.
const odd = "# accounts\r\n\nbob:{PLAIN}b:5:5:Bob:/home/bob:/bin/sh:userdb_x=1\r\n" +
	"broken line\nbad:{PLAIN}x:many\nbob:{PLAIN}second:6:6\ncyn:{PLAIN}c"

// TestUserAdd: what is added is read back, and all else stays.
func TestUserAdd(t *testing.T) {
	s := open(t, odd)
	s.runs(exitOK, "secret word\n", "user", "add", "-stdin", "ann@example.org", "-uid", "1000", "-gid", "100", "-home", "/srv/ann",
		"-mail", "/srv/mail/ann/", "-without", "NOTIFY,COMPRESS=DEFLATE", "-expire", "14")
	text := s.read("passwd")
	added, ok := strings.CutPrefix(text, odd+"\n")
	if !ok || strings.Count(added, "\n") != 1 {
		t.Fatalf("the file is now\n%s", text)
	}
	records, _, err := userdb.ReadFile(s.path("passwd"))
	if err != nil {
		t.Fatal(err)
	}
	got := records[len(records)-1]
	want := userdb.User{Name: "ann@example.org", UID: 1000, GID: 100, Home: "/srv/ann", Mail: "/srv/mail/ann", IMAPWithout: "NOTIFY,COMPRESS=DEFLATE", POP3Expire: "14"}
	if got.User != want {
		t.Errorf("%+v, want %+v", got.User, want)
	}
	verifies(t, got.Password, "secret word")
	if !strings.HasPrefix(string(got.Password), "{CRYPT}$y$") {
		t.Errorf("the hash begins with %.10s", string(got.Password))
	}

	s.runs(exitOK, "x\n", "user", "add", "-stdin", "dan")
	if text := s.read("passwd"); !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, ":\n") {
		t.Errorf("the last line is not short: %q", text[len(text)-20:])
	}
}

func verifies(t *testing.T, field userdb.Secret, password string) {
	t.Helper()
	h, err := scheme.Parse(string(field))
	if err != nil || !h.Verify(password) || h.Verify(password+"x") {
		t.Errorf("%.20s is no hash of %q: %v", string(field), password, err)
	}
}

// TestUserAddRefused: what cannot be read back is not written.
func TestUserAddRefused(t *testing.T) {
	s := open(t, odd)
	for _, args := range [][]string{
		{"a:b"}, {"a/b"}, {""}, {"#ann"}, {"--", "-ann"}, {" ann"}, {"ann "}, {"a\nb"}, {"a\x00b"}, {"\xff"}, {strings.Repeat("n", 256)},
		{"Ann"}, {"ÄNN"}, {"bob"}, {"cyn"}, {"bad"}, {"broken line"},
		{"ann", "-home", "home"}, {"ann", "-home", "/a:b"}, {"ann", "-home", "/a\nroot:x"}, {"ann", "-mail", "/a b"}, {"ann", "-mail", "/a%u"},
		{"ann", "-without", "IMAP4rev1"}, {"ann", "-without", "NOTIFY x"}, {"ann", "-expire", "soon"}, {"ann", "-expire", "0"},
	} {
		s.runs(exitData, "secret\n", append([]string{"user", "add", "-stdin"}, args...)...)
	}
	for _, input := range []string{"", "\n", "a\x00b\n", strings.Repeat("x", 1025) + "\n"} {
		s.runs(exitData, input, "user", "add", "-stdin", "ann")
	}
	s.runs(exitUsage, "secret\n", "user", "add", "-stdin", "-s", "MD5", "ann")
	s.runs(exitUsage, "secret\n", "user", "add", "-stdin", "-uid", "-1", "ann")
	if s.read("passwd") != odd {
		t.Errorf("the file has changed:\n%s", s.read("passwd"))
	}
	if left, _ := filepath.Glob(s.path(".passwd*")); left != nil {
		t.Errorf("left: %q", left)
	}
}

// TestNewFile: the first account makes the file, and a failure leaves none.
func TestNewFile(t *testing.T) {
	s := open(t, "")
	if os.Geteuid() == 0 {
		if err := os.Chown(s.path("auth"), 54321, 54320); err != nil {
			t.Fatal(err)
		}
	}
	s.runs(exitData, "x\n", "user", "add", "-stdin", "-home", "/x\r", "ann")
	if _, err := os.Stat(s.path("passwd")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a failure leaves the file: %v", err)
	}
	s.runs(exitOK, "x\n", "user", "add", "-stdin", "ann")
	info, err := os.Stat(s.path("passwd"))
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if info.Mode() != 0o640 || os.Geteuid() == 0 && (st.Uid != 0 || st.Gid != 54320) {
		t.Errorf("mode %v, owner %d %d", info.Mode(), st.Uid, st.Gid)
	}
}

// TestOwnerStays: mode and owner of the file, and that it is elsewhere, stay.
func TestOwnerStays(t *testing.T) {
	s := open(t, "")
	s.write("accounts", odd)
	if err := errors.Join(os.Symlink("accounts", s.path("passwd")), os.Chmod(s.path("accounts"), 0o604)); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(s.path("accounts"), 54321, 54320); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Stat(s.path("accounts"))
	if err != nil {
		t.Fatal(err)
	}
	s.runs(exitOK, "x\n", "user", "add", "-stdin", "ann")
	after, err := os.Stat(s.path("accounts"))
	if err != nil {
		t.Fatal(err)
	}
	a, b := before.Sys().(*syscall.Stat_t), after.Sys().(*syscall.Stat_t)
	if a.Mode != b.Mode || a.Uid != b.Uid || a.Gid != b.Gid || os.SameFile(before, after) {
		t.Errorf("%v %d %d, and it was %v %d %d", after.Mode(), b.Uid, b.Gid, before.Mode(), a.Uid, a.Gid)
	}
	if target, err := os.Readlink(s.path("passwd")); target != "accounts" || err != nil {
		t.Errorf("the link is now %q, %v", target, err)
	}
}

// TestTogether: nothing that several change at once is lost.
func TestTogether(t *testing.T) {
	s := open(t, "")
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			s.runs(exitOK, "x\n", "user", "add", "-stdin", "-s", "PLAIN", fmt.Sprintf("user%d", n))
		})
	}
	all.Wait()
	records, problems, err := userdb.ReadFile(s.path("passwd"))
	if err != nil || len(records) != 8 || len(problems) > 0 {
		t.Errorf("%d accounts, %v, %v", len(records), problems, err)
	}
}

// TestPasswd: only the field changes.
func TestPasswd(t *testing.T) {
	for name, c := range map[string]struct {
		line   int
		prefix string
		suffix string
	}{
		"bob": {2, "bob:", ":5:5:Bob:/home/bob:/bin/sh:userdb_x=1\r\n"},
		"Bob": {2, "bob:", ":5:5:Bob:/home/bob:/bin/sh:userdb_x=1\r\n"},
		"cyn": {6, "cyn:", ""},
		"bad": {4, "bad:", ":many\n"},
	} {
		s := open(t, odd)
		s.runs(exitOK, "new\r\n", "passwd", name, "-stdin", "-s", "ssha512")
		lines, before := strings.SplitAfter(s.read("passwd"), "\n"), strings.SplitAfter(odd, "\n")
		line := lines[c.line]
		field, ok := strings.CutSuffix(strings.TrimPrefix(line, c.prefix), c.suffix)
		if !ok || !strings.HasPrefix(field, "{SSHA512}") || strings.ContainsAny(field, ":\r\n") {
			t.Errorf("%s: %q", name, line)
		}
		verifies(t, userdb.Secret(field), "new")
		lines[c.line] = before[c.line]
		if !slices.Equal(lines, before) {
			t.Errorf("%s: more has changed: %q", name, lines)
		}
	}
	s := open(t, odd)
	s.runs(exitNoUser, "new\n", "passwd", "-stdin", "nobody-here")
	s.runs(exitData, "\n", "passwd", "-stdin", "bob")
	if _, says := s.runs(exitOK, "new\n", "passwd", "-stdin", "broken line"); !strings.Contains(s.read("passwd"), "\nbroken line:{CRYPT}$y$") {
		t.Errorf("a line without fields: %s", says)
	}
}

// TestSCRAM: where clients may use SCRAM, passwords are kept for it.
func TestSCRAM(t *testing.T) {
	for mechanisms, want := range map[string]string{
		`["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"]`: "{SCRAM-SHA-256}",
		`["PLAIN", "SCRAM-SHA-1"]`:                       "{SCRAM-SHA-1}",
		`["PLAIN"]`:                                      "{CRYPT}$y$",
	} {
		s := open(t, "", "auth.mechanisms = "+mechanisms)
		s.runs(exitOK, "x\n", "user", "add", "-stdin", "ann")
		if text := s.read("passwd"); !strings.HasPrefix(text, "ann:"+want) {
			t.Errorf("%s: %s", mechanisms, text)
		}
	}
}

// TestUserDel: all lines of the account go, and its app passwords, and nothing else.
func TestUserDel(t *testing.T) {
	s := open(t, odd, `auth.virtual_uid = "1000"`, `auth.virtual_gid = "1000"`)
	if err := os.Mkdir(s.path("mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.runs(exitOK, "", "apppw", "add", "bob", "phone")
	out, _ := s.runs(exitOK, "", "user", "del", "bob")
	for _, want := range []string{"its mail stays in /home/bob/Maildir\n", "revoked its app passwords: 1\n", "fantail kick bob"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if got := s.read("passwd"); got != "# accounts\r\n\nbroken line\nbad:{PLAIN}x:many\ncyn:{PLAIN}c" {
		t.Errorf("%q", got)
	}
	if list, _ := s.runs(exitOK, "", "apppw", "list", "bob"); strings.Contains(list, "phone") {
		t.Errorf("app passwords: %s", list)
	}
	if _, says := s.runs(exitNoUser, "", "user", "del", "bob"); !strings.Contains(says, "no source of accounts knows bob") {
		t.Error(says)
	}
}

// TestUserShow: what authd says is what is shown.
func TestUserShow(t *testing.T) {
	s := open(t, odd)
	uid, gid := 5, 5
	if os.Geteuid() != 0 { // everything is of one user
		uid, gid = os.Geteuid(), os.Getegid()
		s.write("passwd", strings.Replace(odd, ":5:5:", fmt.Sprintf(":%d:%d:", uid, gid), 1))
	}
	out, _ := s.runs(exitOK, "", "user", "show", "Bob", "-j")
	var a authd.Answer
	if err := json.Unmarshal([]byte(out), &a); err != nil {
		t.Fatal(err)
	}
	if a.Source != "passwd-file" || a.Name != "bob" || a.UID != uint32(uid) || a.GID != uint32(gid) || a.Home != "/home/bob" || a.Mail != "/home/bob/Maildir" {
		t.Errorf("%+v", a)
	}
	if out, _ := s.runs(exitOK, "", "user", "show", "bob"); !strings.Contains(out, "source   passwd-file\n") || strings.Contains(out, "refused") {
		t.Error(out)
	}
	if _, says := s.runs(exitUnavailable, "", "user", "show", "bad"); !strings.Contains(says, "uid is not a number") || strings.Contains(says, "level=") {
		t.Error(says)
	}
	s.runs(exitNoUser, "", "user", "show", "a/b")
	if _, says := s.runs(exitNoUser, "", "user", "show", "root"); !strings.Contains(says, "with the uid 0, and accounts begin at 500") || !strings.Contains(says, "config session.first_uid") {
		t.Error(says)
	}
	s.runs(exitNoUser, "", "user", "show", "nobody-here")
}

func TestUserList(t *testing.T) {
	if _, says := open(t, "").runs(exitIO, "", "user", "list"); !strings.Contains(says, "user add NAME") {
		t.Error(says)
	}
	s := open(t, odd+"\ndan:{DES}x\neve:\nfay:{PLAIN}x::::::allow_nets=10.0.0.0/8\n")
	out, says := s.runs(exitOK, "", "user", "list")
	for _, want := range []string{
		"NAME         UID  GID  HOME       MAIL  PROBLEM\n", "bob          5    5    /home/bob  -     -\n",
		"uid is not a number\n", "eve          -    -    -          -     it has no password\n", "{DES} is not supported\n", "\"allow_nets\" is not supported\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for _, want := range []string{"/passwd:5: account bad: uid", "/passwd:6: account bob exists already"} {
		if !strings.Contains(says, want) {
			t.Errorf("no %q in\n%s", want, says)
		}
	}
	if out, _ := s.runs(exitOK, "", "user", "list", "-j"); !strings.HasPrefix(out, `{"name":"bob","uid":5,"gid":5,"home":"/home/bob"}`+"\n") {
		t.Error(out)
	}
}

// TestAppPasswords: authd takes what is made here.
func TestAppPasswords(t *testing.T) {
	s := open(t, odd, `auth.virtual_uid = "1000"`, `auth.virtual_gid = "1000"`)
	secret, _ := s.runs(exitOK, "", "apppw", "add", "Bob", "the phone", "-for", "imap,smtp")
	store := apppw.Open(s.path("auth/apppw"), slog.New(slog.DiscardHandler))
	for service, want := range map[wire.Service]bool{wire.IMAP: true, wire.POP3: false} {
		owner, err := store.Owner(passdb.Query{Name: "bob", Service: service, Remote: netip.Addr{}}, userdb.Secret(strings.TrimSpace(secret)))
		if (owner == "bob") != want || err != nil {
			t.Errorf("%s: %q, %v", service, owner, err)
		}
	}
	out, _ := s.runs(exitOK, "", "apppw", "list", "bob")
	fields := strings.Fields(strings.Split(out, "\n")[1])
	if len(fields) != 6 || fields[2] == "never" || fields[3] != "imap,smtp" || fields[4]+" "+fields[5] != "the phone" {
		t.Errorf("%q", out)
	}
	if out, _ := s.runs(exitOK, "", "apppw", "list", "bob", "-j"); !strings.Contains(out, `"label":"the phone","services":["imap","smtp"]`) {
		t.Error(out)
	}
	s.runs(exitOK, "", "apppw", "add", "bob", "the phone")
	s.runs(exitData, "", "apppw", "del", "bob", "the phone") // which?
	s.runs(exitData, "", "apppw", "del", "bob", "none")
	s.runs(exitOK, "", "apppw", "del", "bob", fields[0])
	s.runs(exitOK, "", "apppw", "del", "bob", "the phone")
	if out, _ := s.runs(exitOK, "", "apppw", "list", "bob"); strings.Count(out, "\n") != 1 {
		t.Error(out)
	}
	s.runs(exitNoUser, "", "apppw", "add", "nobody-here")
	s.runs(exitUsage, "", "apppw", "add", "bob", "-for", "ftp")
	s.runs(exitData, "", "apppw", "add", "bob", "-for", "imap,imap")
	s.runs(exitData, "", "apppw", "add", "bob", "a\nb")
	s.runs(exitNoUser, "", "apppw", "list", "a/b")
}
