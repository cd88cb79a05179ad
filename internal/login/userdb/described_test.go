package userdb

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDescribed(t *testing.T) {
	for _, c := range []struct {
		d    Described
		want User
		err  string // part of it; "": none
	}{
		{Described{Name: "ann"}, User{Name: "ann", UID: -1, GID: -1}, ""},
		{Described{"ann", "0", "5", "/home/ann", "maildir:~/mail", "*:storage=1"}, User{Name: "ann", UID: 0, GID: 5, Home: "/home/ann", Mail: "/home/ann/mail", Quota: "1KiB"}, ""},
		{Described{Name: "ann", Quota: "much"}, User{}, "quota: "},
		{Described{Name: "ann", Mail: "/mail/ann"}, User{Name: "ann", UID: -1, GID: -1, Mail: "/mail/ann"}, ""},
		{Described{Name: ""}, User{}, "not a login name"},
		{Described{Name: "a/b"}, User{}, "not a login name"},
		{Described{Name: "ann", UID: "-1"}, User{}, "uid is not a number"},
		{Described{Name: "ann", GID: "2147483648"}, User{}, "gid is not a number"},
		{Described{Name: "ann", Home: "home"}, User{}, "home is not an absolute path"},
		{Described{Name: "ann", Mail: "~/mail"}, User{}, "mail is not an absolute path"},
		{Described{Name: "ann", Mail: "mbox:/x"}, User{}, "mail is not an absolute path"},
		{Described{Name: "ann", Home: "/a\x00"}, User{}, "home is not an absolute path"},
	} {
		u, err := c.d.User()
		if u != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%+v: %+v, %v", c.d, u, err)
		}
	}
}

func TestReadSecret(t *testing.T) {
	for _, c := range []struct {
		text string
		mode os.FileMode
		want string // "": an error
	}{
		{"secret\n", 0o640, "secret"},
		{"secret", 0o600, "secret"},
		{" secret \r\n", 0o600, " secret "},
		{"secret", 0o644, ""},
		{"", 0o600, ""},
		{"\n", 0o600, ""},
		{"a\nb\n", 0o600, ""},
		{strings.Repeat("x", maxSecret+1), 0o600, ""},
	} {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		s, err := ReadSecret(path)
		if string(s) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%.20q %o: %q, %v", c.text, c.mode, string(s), err)
		}
	}
	if _, err := ReadSecret(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there")
	}
}
