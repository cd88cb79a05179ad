package admin

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// expiring is an account's mail: three messages, of which POP3 has retrieved two, long
// ago, and one of these is flagged.
func (s *site) expiring(name string, uid int) {
	s.Helper()
	dir := s.path("home/" + name + "/Maildir")
	if err := os.MkdirAll(filepath.Join(dir, "cur"), 0o755); err != nil {
		s.Fatal(err)
	}
	old := time.Now().Add(-40 * 24 * time.Hour).Unix()
	for path, text := range map[string]string{
		"cur/01.a.h:2,S": "Subject: a\n\n", "cur/02.a.h:2,FS": "Subject: b\n\n", "cur/03.a.h:2,": "Subject: c\n\n",
		"dovecot-uidlist":        "3 V7 N9 G0123456789abcdef0123456789abcdef\n1 :01.a.h\n2 :02.a.h\n3 :03.a.h\n",
		"fantail-pop3-retrieved": fmt.Sprintf("fantail-pop3-retrieved 1 V7\n1 %d\n2 %d\n", old, old),
	} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			s.Fatal(err)
		}
	}
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

func (s *site) mail(name string) (files []string) {
	s.Helper()
	entries, err := os.ReadDir(s.path("home/" + name + "/Maildir/cur"))
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range entries {
		files = append(files, e.Name())
	}
	return files
}

func TestExpire(t *testing.T) {
	uid := 54321
	if os.Geteuid() != 0 {
		uid = os.Geteuid()
	}
	s := open(t, "", "pop3.expire = 30", "pop3.expire_least = 7")
	account := func(name, field string) string {
		return fmt.Sprintf("%s:{PLAIN}x:%d:%[2]d::%s::%s\n", name, uid, s.path("home/"+name), field)
	}
	s.write("passwd", account("ann", "")+account("bob", "userdb_pop3_expire=never")+account("cyn", "userdb_pop3_expire=60")+
		account("dan", "")+account("eve", ""))
	if err := os.Chmod(s.path("passwd"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ann", "bob", "cyn", "eve"} {
		s.expiring(name, uid)
	}
	if err := os.Remove(s.path("home/eve/Maildir/fantail-pop3-retrieved")); err != nil {
		t.Fatal(err)
	}
	whole := []string{"01.a.h:2,S", "02.a.h:2,FS", "03.a.h:2,"}

	out, _ := s.runs(exitOK, "", "expire", "-n")
	want := []string{
		"ann: UID 1 goes, retrieved ", "ann: UID 2 stays: flagged, retrieved ", "ann: UID 3 stays: not retrieved by POP3",
		"ann: 1 of 3 messages would go; 1 not retrieved by POP3, 1 flagged",
		"cyn: UID 1 stays, retrieved ", "cyn: UID 2 stays, retrieved ", "cyn: UID 3 stays: not retrieved by POP3",
		"cyn: 0 of 3 messages would go; 1 not retrieved by POP3, 2 retrieved a short time ago",
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if !slices.EqualFunc(lines, want, strings.HasPrefix) {
		t.Errorf("got\n%s", out)
	}
	if got := s.mail("ann"); !slices.Equal(got, whole) {
		t.Errorf("a dry run has changed it: %v", got)
	}

	out, _ = s.runs(exitOK, "", "expire", "bob", "eve")
	if out != "bob: mail stays for ever\neve: 0 of 3 messages gone; 3 not retrieved by POP3\n" {
		t.Errorf("got\n%s", out)
	}
	out, _ = s.runs(exitOK, "", "expire")
	if !strings.Contains(out, "ann: 1 of 3 messages gone; ") || strings.Contains(out, "bob") || strings.Contains(out, "dan") {
		t.Errorf("got\n%s", out)
	}
	if got := s.mail("ann"); !slices.Equal(got, whole[1:]) {
		t.Errorf("left: %v", got)
	}
	for _, name := range []string{"bob", "cyn", "eve"} {
		if got := s.mail(name); !slices.Equal(got, whole) {
			t.Errorf("%s: left: %v", name, got)
		}
	}
	if _, err := os.Stat(s.path("home/dan")); !os.IsNotExist(err) {
		t.Error("a Maildir was made")
	}
	s.runs(exitNoUser, "", "expire", "nobody@example.org")

	// One account of which something is wrong does not keep the others from it.
	s.expiring("ann", uid)
	if err := os.WriteFile(s.path("home/ann/Maildir/dovecot-uidlist"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(s.path("home/ann/Maildir/cur")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("home/ann/Maildir/cur"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, says := s.runs(exitFound, "", "expire")
	if !strings.Contains(says, "fantail: ann: ") || !strings.Contains(out, "cyn: 0 of 3") {
		t.Errorf("got\n%s%s", out, says)
	}
}

func TestExpireNever(t *testing.T) {
	s := open(t, "ann:{PLAIN}x\n")
	if out, _ := s.runs(exitOK, "", "expire"); !strings.HasPrefix(out, "mail stays for ever: ") {
		t.Errorf("%q", out)
	}
}
