package admin

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestQuota(t *testing.T) {
	uid := 54321
	if os.Geteuid() != 0 {
		uid = os.Geteuid()
	}
	s := open(t, "", `mail.quota = "1kB, 10 messages"`)
	account := func(name, field string) string {
		return fmt.Sprintf("%s:{PLAIN}x:%d:%[2]d::%s::%s\n", name, uid, s.path("home/"+name), field)
	}
	s.write("passwd", account("ann", "")+account("bob", "userdb_quota=none")+account("cyn", "userdb_quota=2kB")+account("dan", ""))
	if err := os.Chmod(s.path("passwd"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ann", "bob", "cyn"} {
		dir := s.path("home/" + name + "/Maildir")
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "new/1.a.h"), make([]byte, 850), 0o600); err != nil {
			t.Fatal(err)
		}
		err := filepath.Walk(s.path("home/"+name), func(path string, _ os.FileInfo, err error) error {
			if err == nil && os.Geteuid() == 0 {
				err = os.Lchown(path, uid, uid)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	out, _ := s.runs(exitOK, "", "quota")
	want := "NAME  FULL  OCTETS  LIMIT  MESSAGES  LIMIT\n" +
		"ann   85%   850     1000   1         10\n" +
		"cyn   42%   850     2000   1         -\n" +
		"dan   0%    0       1000   0         10\n"
	if out != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
	out, _ = s.runs(exitOK, "", "quota", "-o", "80", "-j")
	if want := `{"name":"ann","octets":850,"octets_limit":1000,"messages":1,"messages_limit":10,"percent":85}` + "\n"; out != want {
		t.Errorf("got %s", out)
	}
	if out, _ = s.runs(exitOK, "", "quota", "bob"); !strings.Contains(out, "\nbob   -     -       -      -         -\n") {
		t.Errorf("got %q", out)
	}
	if out, _ = s.runs(exitOK, "", "quota", "-o", "86"); strings.Contains(out, "ann") {
		t.Errorf("got %q", out)
	}
	if _, err := os.Stat(s.path("home/dan")); !os.IsNotExist(err) {
		t.Error("a Maildir was made")
	}
	s.runs(exitNoUser, "", "quota", "nobody")
	// One of whom it cannot be found out does not keep the others from it.
	if err := os.RemoveAll(s.path("home/ann/Maildir/cur")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("home/ann/Maildir/cur"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, says := s.runs(exitFound, "", "quota"); !strings.Contains(out, "cyn") || !strings.Contains(says, "ann: ") {
		t.Errorf("got %s%s", out, says)
	}
}
