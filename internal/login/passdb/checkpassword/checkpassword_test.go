package checkpassword

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

var directory string

func TestMain(m *testing.M) {
	var err error
	if directory, err = os.MkdirTemp("", "checkpassword-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(directory)
	os.Exit(code)
}

// built is checkpassword-reply.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(directory, "checkpassword-reply")
	out, err := exec.Command("go", "build", "-o", path, "fantail/cmd/checkpassword-reply").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, errors.Join(err, os.Chmod(directory, 0o755))
})

// users are ann and root's friends.
type users struct{}

func (users) Lookup(_ context.Context, name string) (userdb.User, error) {
	if name != "ann" {
		return userdb.User{}, userdb.ErrUnknown
	}
	return userdb.User{Name: "ann", UID: 1000, GID: 100, Home: "/home/ann", System: true}, nil
}

// source is a program of the shell, which has read what it is asked.
func source(t *testing.T, text string) *Source {
	t.Helper()
	reply, err := built()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "program")
	text = "#!/bin/sh\nasked=$(tr '\\0' '\\n' <&3)\nname=$(echo \"$asked\" | sed -n 1p)\npassword=$(echo \"$asked\" | sed -n 2p)\n" + text + "\n"
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Command: []string{path, "an argument"}, Reply: reply, Users: users{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// ask is how a program says that there is nobody else.
const ask = `[ "$name" = ann ] || exit 3; [ "$password" = "pass wörd" ] || exit 1; shift; `

func TestPassword(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       userdb.User
		err        error
	}{
		{"let in", ask + `exec "$@"`, userdb.User{Name: "ann", UID: -1, GID: -1}, nil},
		{"all is said", ask + `USER=Ann HOME=/h EXTRA="userdb_uid userdb_gid userdb_mail userdb_quota_rule" userdb_quota_rule="*:1" userdb_uid=7 userdb_gid=8 userdb_mail="maildir:~/M" exec env USER=Ann HOME=/h EXTRA="userdb_uid userdb_gid userdb_mail userdb_quota_rule" userdb_uid=7 userdb_gid=8 userdb_mail="maildir:~/M" "$@"`,
			userdb.User{Name: "Ann", UID: 7, GID: 8, Home: "/h", Mail: "/h/M"}, nil},
		{"another home", ask + `exec env HOME=/h EXTRA=userdb_home userdb_home=/v "$@"`, userdb.User{Name: "ann", UID: -1, GID: -1, Home: "/v"}, nil},
		{"it leaves something running", ask + `sleep 5 & exec "$@"`, userdb.User{Name: "ann", UID: -1, GID: -1}, nil},
		{"a restriction", ask + `exec env EXTRA=allow_nets allow_nets=::1 "$@"`, userdb.User{}, userdb.ErrUnavailable},
		{"no home", ask + `exec env HOME=h "$@"`, userdb.User{}, userdb.ErrUnavailable},
		{"no uid", ask + `exec env EXTRA=userdb_uid userdb_uid=ann "$@"`, userdb.User{}, userdb.ErrUnavailable},
		{"no name", ask + `exec env USER=a:b "$@"`, userdb.User{}, userdb.ErrUnavailable},
		{"too much is said", ask + `exec env HOME=/$(head -c 5000 /dev/zero | tr '\0' x) "$@"`, userdb.User{}, userdb.ErrUnavailable},
		{"it does not run its argument", ask + `exit 0`, userdb.User{}, userdb.ErrUnavailable},
		{"it makes the reply up", ask + `printf 'USER=ann\0' >&4`, userdb.User{}, userdb.ErrUnavailable},
		{"it chatters", ask + `head -c 100000 /dev/zero >&4`, userdb.User{}, userdb.ErrUnavailable},
		{"trouble", ask + `echo no database >&2; exit 111`, userdb.User{}, userdb.ErrUnavailable},
		{"misuse", ask + `exit 2`, userdb.User{}, userdb.ErrUnavailable},
		{"killed", ask + `kill -KILL $$`, userdb.User{}, userdb.ErrUnavailable},
		{"the others", ask + `[ "$SERVICE/$PROTO/$TCPREMOTEIP" = smtp/TCP/192.0.2.1 ] && [ "$(pwd)" = / ] && [ -z "$HOME$USER$AUTHORIZED" ] || exit 111
			for fd in /proc/self/fd/*; do case ${fd##*/} in [01234]) ;; *) [ ! -e "/proc/$$/fd/${fd##*/}" ] || [ "${fd##*/}" -ge 10 ] || exit 111;; esac; done
			exec "$@"`, userdb.User{Name: "ann", UID: -1, GID: -1}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := source(t, c.text)
			q := passdb.Query{Name: "ann", Service: wire.SMTP, Remote: netip.MustParseAddr("192.0.2.1")}
			u, err := s.Password(t.Context(), q, "pass wörd")
			if diff := cmp.Diff(c.want, u); diff != "" || !errors.Is(err, c.err) {
				t.Errorf("%v, want %v\n%s", err, c.err, diff)
			}
			if err != nil && strings.Contains(err.Error(), "wörd") {
				t.Errorf("the password is in %v", err)
			}
			for _, wrong := range []userdb.Secret{"x", "", "pass wörd\x00", userdb.Secret(strings.Repeat("x", 600))} {
				if u, err := s.Password(t.Context(), q, wrong); !errors.Is(err, passdb.ErrWrong) || u != (userdb.User{}) {
					t.Errorf("%q: %+v, %v", string(wrong), u, err)
				}
			}
			q.Name = "bob"
			if u, err := s.Password(t.Context(), q, "pass wörd"); !errors.Is(err, userdb.ErrUnknown) {
				t.Errorf("%+v, %v", u, err)
			}
			if len(s.turns) > 0 {
				t.Error("a turn is still taken")
			}
		})
	}
}

// TestBecomes wants a program to tell the account's user by becoming it.
func TestBecomes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root becomes somebody else")
	}
	s := source(t, `exec setpriv --reuid 54321 --regid 54322 --clear-groups "$2"`)
	u, err := s.Password(t.Context(), passdb.Query{Name: "ann"}, "x")
	if diff := cmp.Diff(userdb.User{Name: "ann", UID: 54321, GID: 54322}, u); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestLookup(t *testing.T) {
	const knows = `[ "$AUTHORIZED" = 1 ] && [ -z "$password" ] || exit 1
		case $name in ann) exec env AUTHORIZED=2 HOME=/v "$2";; bob) exec "$2";; eve) exit 111;; *) exit 3;; esac`
	for _, c := range []struct {
		name, text, who string
		lookup          bool
		want            userdb.User
		err             error
	}{
		{"asked", knows, "ann", true, userdb.User{Name: "ann", UID: -1, GID: -1, Home: "/v"}, nil},
		{"unknown", knows, "zoe", true, userdb.User{}, userdb.ErrUnknown},
		{"no name", knows, "a/b", true, userdb.User{}, userdb.ErrUnknown},
		{"it does not say 2", knows, "bob", true, userdb.User{}, userdb.ErrUnavailable},
		{"trouble", knows, "eve", true, userdb.User{}, userdb.ErrUnavailable},
		{"it asks for the password", "exit 1", "ann", true, userdb.User{}, userdb.ErrUnavailable},
		{"a user of the system", `exit 111`, "ann", false, userdb.User{Name: "ann", UID: 1000, GID: 100, Home: "/home/ann", System: true}, nil},
		{"no user of the system", `exec "$2"`, "bob", false, userdb.User{}, userdb.ErrUnavailable},
	} {
		s := source(t, c.text)
		s.o.Lookup = c.lookup
		u, err := s.Lookup(t.Context(), c.who)
		if diff := cmp.Diff(c.want, u); diff != "" || !errors.Is(err, c.err) || errors.Is(err, userdb.ErrUnknown) != (c.err == userdb.ErrUnknown) {
			t.Errorf("%s: %v, want %v\n%s", c.name, err, c.err, diff)
		}
	}
}

// TestHangs wants a program that hangs to be ended, with what it has started, and to
// keep only so many from their turn.
func TestHangs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	s := source(t, "sleep 60 & echo $! >"+file+"; wait")
	s.deadline = 500 * time.Millisecond
	s.turns = make(chan struct{}, 2)
	var wg sync.WaitGroup
	began := time.Now()
	for range 4 {
		wg.Go(func() {
			if _, err := s.Password(context.Background(), passdb.Query{Name: "ann"}, "x"); !errors.Is(err, userdb.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	for len(s.turns) > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		t.Fatal(err)
	}
	for unix.Kill(pid, 0) == nil { // gone or about to be
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			break
		}
		if time.Since(began) > 30*time.Second {
			t.Fatal("what it has started still runs")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestNoProgram(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a source without a program")
	}
	s, err := New(Options{Command: []string{"/nonexistent"}, Reply: "/etc/passwd"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); !errors.Is(err, os.ErrNotExist) || !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
	if _, err := s.Password(t.Context(), passdb.Query{Name: "ann"}, "x"); !errors.Is(err, userdb.ErrUnavailable) {
		t.Error(err)
	}
}
