package nss

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/login/userdb"
)

// script makes a getent of a shell script.
func script(t *testing.T, d *DB, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "getent")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.getent = []string{path}
}

func TestSystem(t *testing.T) {
	d := Open()
	if _, err := d.tool(); err != nil {
		t.Skip(err)
	}
	u, err := d.User(t.Context(), "root")
	if err != nil || u != (User{"root", 0, 0, u.Home}) || u.Home == "" {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := d.Groups(t.Context(), u); err != nil {
		t.Error(err)
	}
	if g, err := d.GroupID(t.Context(), "mail"); err != nil || g == 0 {
		t.Errorf("%d, %v", g, err)
	}
	for _, name := range []string{"0", " 0", "no such user", "-i", "--", "--help", "+", "a:b", "", "a\nb", "..", "a/b"} {
		if u, err := d.User(t.Context(), name); !errors.Is(err, userdb.ErrUnknown) {
			t.Errorf("%q: %+v, %v", name, u, err)
		}
	}
	if _, err := d.GroupID(t.Context(), "8"); !errors.Is(err, userdb.ErrUnknown) {
		t.Errorf("a number as the name of a group: %v", err)
	}
}

func TestGetent(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         User
		err          error
	}{
		{"a user", `echo "ann:x:1000:100:Ann, of Kent:/home/ann:/bin/sh"`, User{"ann", 1000, 100, "/home/ann"}, nil},
		{"another spelling", `echo "Ann:x:1000:100::/home/ann:"`, User{"Ann", 1000, 100, "/home/ann"}, nil},
		{"another user", `echo "bob:x:1000:100::/home/bob:"`, User{}, userdb.ErrUnknown},
		{"no home", `echo "ann:x:1000:100::nowhere:"`, User{"ann", 1000, 100, ""}, nil},
		{"nobody", `exit 2`, User{}, userdb.ErrUnknown},
		{"usage", `exit 1`, User{}, userdb.ErrUnavailable},
		{"broken", `echo "ann:x:1000:100::/home/ann:"; exit 3`, User{}, userdb.ErrUnavailable},
		{"killed", `kill -9 $$`, User{}, userdb.ErrUnavailable},
		{"nothing", `exit 0`, User{}, userdb.ErrUnavailable},
		{"two lines", `echo "ann:x:1000:100::/home/ann:"; echo "ann:x:0:0::/:"`, User{}, userdb.ErrUnavailable},
		{"no end", `printf "ann:x:1000:100::/home/ann:"`, User{}, userdb.ErrUnavailable},
		{"too much", `yes`, User{}, userdb.ErrUnavailable},
		{"no uid", `echo "ann:x:4294967295:100::/home/ann:"`, User{}, userdb.ErrUnavailable},
		{"negative", `echo "ann:x:-2:100::/home/ann:"`, User{}, userdb.ErrUnavailable},
		{"short", `echo "ann:x:1000:100"`, User{}, userdb.ErrUnavailable},
		{"arguments", `[ "$*" = "-- passwd ann" ] && [ "$HOME$LANG" = "" ] || exit 1; exit 2`, User{}, userdb.ErrUnknown},
	} {
		d := Open()
		script(t, d, c.script)
		u, err := d.User(t.Context(), "ann")
		if !errors.Is(err, c.err) || u != c.want {
			t.Errorf("%s: %+v, %v", c.name, u, err)
		}
	}
}

func TestGroups(t *testing.T) {
	ann := User{"ann", 1000, 100, ""}
	for _, c := range []struct {
		script string
		want   []uint32
		ok     bool
	}{
		{`echo "ann                   8 100 27 8"`, []uint32{8, 27}, true},
		{`echo "ann                  "`, nil, true},
		{`echo "anna 8"`, nil, false},
		{`echo "ann 8 x"`, nil, false},
		{`exit 3`, nil, false},
		{`exit 1`, []uint32{50, 51}, true}, // a getent that does not know initgroups
	} {
		d := Open()
		script(t, d, c.script)
		d.group = filepath.Join(t.TempDir(), "group")
		groups := "users:x:100:ann\nmail:x:50:bob,ann\nnone:x:52:anna\nbroken\n+::0:ann\nlast:x:51:ann\n"
		groups = strings.Replace(groups, "+::0:ann\n", "", 1)
		if err := os.WriteFile(d.group, []byte(groups), 0o600); err != nil {
			t.Fatal(err)
		}
		gids, err := d.Groups(t.Context(), ann)
		if !slices.Equal(gids, c.want) || (err == nil) != c.ok {
			t.Errorf("%s: %v, %v", c.script, gids, err)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	d := Open()
	d.getent, d.passwd, d.group = nil, filepath.Join(dir, "passwd"), filepath.Join(dir, "group")
	if _, err := d.User(t.Context(), "ann"); !errors.Is(err, userdb.ErrUnavailable) {
		t.Errorf("no file: %v", err)
	}
	if err := errors.Join(
		os.WriteFile(d.passwd, []byte("# users\nroot:x:0:0::/root:\n+ann:x:0:0::/:\nann:x:1000:100::/home/ann:/bin/sh\nbad:x:y\n"), 0o600),
		os.WriteFile(d.group, []byte("users:x:100:\nmail:x:8:ann\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	u, err := d.User(t.Context(), "ann")
	if err != nil || u != (User{"ann", 1000, 100, "/home/ann"}) {
		t.Errorf("%+v, %v", u, err)
	}
	if g, err := d.Groups(t.Context(), u); err != nil || !slices.Equal(g, []uint32{8}) {
		t.Errorf("%v, %v", g, err)
	}
	if g, err := d.GroupID(t.Context(), "mail"); err != nil || g != 8 {
		t.Errorf("%v, %v", g, err)
	}
	for name, want := range map[string]error{"bob": userdb.ErrUnknown, "+ann": userdb.ErrUnknown, "bad": userdb.ErrUnavailable, "# users": userdb.ErrUnavailable} {
		if _, err := d.User(t.Context(), name); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An answer is kept for a while; that there is nobody is not.
func TestKept(t *testing.T) {
	d := Open()
	now := time.Now()
	d.clock = func() time.Time { return now }
	count := filepath.Join(t.TempDir(), "count")
	script(t, d, fmt.Sprintf(`echo >> %s; [ "$3" = ann ] || exit 2; echo "ann:x:1000:100::/home/ann:"`, count))
	asked := func() int {
		text, _ := os.ReadFile(count) // none: nobody has asked
		return len(text)
	}
	for _, step := range []struct {
		name string
		wait time.Duration
		want int
	}{{"ann", 0, 1}, {"ann", fresh - 1, 1}, {"ann", 1, 2}, {"bob", 0, 3}, {"bob", 0, 4}} {
		now = now.Add(step.wait)
		if _, err := d.User(t.Context(), step.name); err != nil && step.name == "ann" {
			t.Fatal(err)
		}
		if got := asked(); got != step.want {
			t.Errorf("%+v: asked %d times", step, got)
		}
	}
	for n := range 2 * mostKept {
		keep(d, d.users, fmt.Sprint(n), User{})
	}
	if len(d.users) != mostKept {
		t.Errorf("%d are kept", len(d.users))
	}
}

func TestDeadline(t *testing.T) {
	d := Open()
	script(t, d, "sleep 60")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := d.User(ctx, "ann"); !errors.Is(err, userdb.ErrUnavailable) || time.Since(began) > 30*time.Second {
		t.Error(err)
	}
}

func FuzzParseUser(f *testing.F) {
	f.Add("ann:x:1000:100:Ann:/home/ann:/bin/sh")
	f.Add("::::::")
	f.Fuzz(func(t *testing.T, line string) {
		u, err := parseUser(line)
		if err != nil {
			return
		}
		if userdb.CheckName(u.Name) != nil || u.Home != "" && u.Home[0] != '/' || !strings.HasPrefix(line, u.Name+":") {
			t.Errorf("%q: %+v", line, u)
		}
	})
}

func FuzzParseGroup(f *testing.F) {
	f.Add("mail:x:8:ann,bob")
	f.Fuzz(func(t *testing.T, line string) {
		g, err := parseGroup(line)
		if err == nil && (g.name == "" || strings.ContainsAny(g.name+g.members, ":")) {
			t.Errorf("%q: %+v", line, g)
		}
	})
}

func FuzzParseGroups(f *testing.F) {
	f.Add("ann                   8 27", "ann", uint32(8))
	f.Fuzz(func(t *testing.T, line, name string, own uint32) {
		gids, err := parseGroups(line, name, own)
		if err == nil && (slices.Contains(gids, own) || len(gids) > mostGroups || !strings.HasPrefix(line, name)) {
			t.Errorf("%q: %v", line, gids)
		}
	})
}

func TestAccounts(t *testing.T) {
	d := Open()
	script(t, d, `case "$3" in ann) echo "ann:x:1000:100::/home/ann:";; low) echo "low:x:999:100::/:";; root) echo "root:x:0:0::/root:";; *) exit 2;; esac`)
	for _, c := range []struct {
		name  string
		first uint32
		want  userdb.User
		err   error
	}{
		{"ann", 1000, userdb.User{Name: "ann", UID: 1000, GID: 100, Home: "/home/ann", System: true}, nil},
		{"ANN", 1000, userdb.User{Name: "ann", UID: 1000, GID: 100, Home: "/home/ann", System: true}, nil},
		{"low", 1000, userdb.User{}, userdb.ErrUnknown},
		{"low", 999, userdb.User{Name: "low", UID: 999, GID: 100, Home: "/", System: true}, nil},
		{"root", 0, userdb.User{}, userdb.ErrUnknown},
		{"bob", 0, userdb.User{}, userdb.ErrUnknown},
	} {
		u, err := Accounts{d, c.first}.Lookup(t.Context(), c.name)
		if u != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s from %d: %+v, %v", c.name, c.first, u, err)
		}
	}
}
