package pam

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

	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

// users know everybody but those whose names begin with "x".
type users struct{}

func (users) Lookup(_ context.Context, name string) (userdb.User, error) {
	if strings.HasPrefix(name, "x") {
		return userdb.User{}, userdb.ErrUnknown
	}
	return userdb.User{Name: strings.ToLower(name), UID: 1000, System: true}, nil
}

func (u users) Look(ctx context.Context, name string) (userdb.User, bool, error) {
	user, err := u.Lookup(ctx, name)
	return user, false, err
}

func (users) Ask(context.Context) {}

var directory string

func TestMain(m *testing.M) {
	var err error
	if directory, err = os.MkdirTemp("", "pam-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(directory)
	os.Exit(code)
}

// built is pam-helper with PAM.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(directory, "pam-helper")
	cmd := exec.Command("go", "build", "-tags", "pam", "-o", path, "fantail/cmd/pam-helper")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, err
})

func helper(t testing.TB) string {
	t.Helper()
	if _, err := os.Stat("/usr/include/security/pam_appl.h"); err != nil {
		t.Skip("there are no headers of PAM: ", err)
	}
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// source is PAM with a configuration of its own.
func source(t testing.TB, config string) *Source {
	t.Helper()
	dir := t.TempDir()
	s := New(helper(t), users{})
	s.helper = append(s.helper, "-d", dir)
	if err := os.WriteFile(filepath.Join(dir, "fantail"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// script makes a program and returns its path.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// checked is a configuration in which a program reads the password.
func checked(program, account string) string {
	return "auth [success=1 default=ignore] pam_exec.so expose_authtok quiet " + program + `
auth requisite pam_deny.so
auth required pam_permit.so
account required ` + account + "\n"
}

func TestPassword(t *testing.T) {
	// The password arrives as it is, with NUL behind it.
	secret := script(t, `[ "$(tr -d '\0')" = "pass wörd" ]`)
	for _, c := range []struct {
		name, config string
		right, wrong error
		account      error
	}{
		{"permit", "auth required pam_permit.so\naccount required pam_permit.so\n", nil, nil, nil},
		{"deny", "auth required pam_deny.so\naccount required pam_permit.so\n", passdb.ErrWrong, passdb.ErrWrong, nil},
		{"checked", checked(secret, "pam_permit.so"), nil, passdb.ErrWrong, nil},
		{"account denied", checked(secret, "pam_deny.so"), passdb.ErrDisabled, passdb.ErrWrong, passdb.ErrDisabled},
		{"account expired", checked(secret, "pam_debug.so acct=acct_expired"), passdb.ErrExpired, passdb.ErrWrong, passdb.ErrExpired},
		{"password expired", checked(secret, "pam_debug.so acct=new_authtok_reqd"), passdb.ErrExpired, passdb.ErrWrong, passdb.ErrExpired},
		{"permission denied", checked(secret, "pam_debug.so acct=perm_denied"), passdb.ErrDisabled, passdb.ErrWrong, passdb.ErrDisabled},
		{"account unavailable", checked(secret, "pam_debug.so acct=system_err"), userdb.ErrUnavailable, passdb.ErrWrong, userdb.ErrUnavailable},
		{"unknown to PAM", "auth required pam_debug.so auth=user_unknown\naccount required pam_permit.so\n", userdb.ErrUnknown, userdb.ErrUnknown, nil},
		{"unavailable", "auth required pam_debug.so auth=authinfo_unavail\naccount required pam_permit.so\n", userdb.ErrUnavailable, userdb.ErrUnavailable, nil},
		{"expired without a right password", "auth required pam_debug.so auth=acct_expired\naccount required pam_permit.so\n", passdb.ErrWrong, passdb.ErrWrong, nil},
		{"no such module", "auth required pam_none.so\naccount required pam_none.so\n", userdb.ErrUnavailable, userdb.ErrUnavailable, userdb.ErrUnavailable},
		{"nothing about accounts", "auth required pam_permit.so\n", passdb.ErrDisabled, passdb.ErrDisabled, passdb.ErrDisabled},
	} {
		s := source(t, c.config)
		q := passdb.Query{Name: "Ann", Remote: netip.MustParseAddr("192.0.2.1")}
		for _, proof := range []struct {
			what string
			ask  func() (userdb.User, error)
			want error
		}{
			{"right", func() (userdb.User, error) { return s.Password(t.Context(), q, "pass wörd") }, c.right},
			{"wrong", func() (userdb.User, error) { return s.Password(t.Context(), q, "pass wörd ") }, c.wrong},
			{"certificate", func() (userdb.User, error) { return s.Certificate(t.Context(), q) }, c.account},
		} {
			u, err := proof.ask()
			if proof.want == nil && (err != nil || u.Name != "ann") || proof.want != nil && (!errors.Is(err, proof.want) || u != (userdb.User{})) {
				t.Errorf("%s, %s: %+v, %v", c.name, proof.what, u, err)
			}
		}
	}
}

// The helper's environment is empty; modules see the account, the service and the
// client's address, and cannot speak to authd.
func TestWhatModulesSee(t *testing.T) {
	t.Setenv("SECRET", "of authd")
	file := filepath.Join(t.TempDir(), "seen")
	program := script(t, "env | grep -E '^(PAM_(USER|RHOST|SERVICE)|SECRET)=' | sort > "+file+"; echo y; echo y > /proc/$PPID/fd/1; exit 1")
	s := source(t, "auth [success=1 default=ignore] pam_exec.so "+program+"\nauth requisite pam_deny.so\nauth required pam_permit.so\naccount required pam_permit.so\n")
	q := passdb.Query{Name: "ann", Remote: netip.MustParseAddr("fe80::1%eth0")}
	if _, err := s.Password(t.Context(), q, "secret"); !errors.Is(err, passdb.ErrWrong) {
		t.Error(err)
	}
	seen, err := os.ReadFile(file)
	if want := "PAM_RHOST=fe80::1\nPAM_SERVICE=fantail\nPAM_USER=ann\n"; err != nil || string(seen) != want {
		t.Errorf("%q, %v", seen, err)
	}
}

func TestWho(t *testing.T) {
	s := source(t, "auth required pam_permit.so\naccount required pam_permit.so\n")
	if _, err := s.Password(t.Context(), passdb.Query{Name: "x"}, "secret"); !errors.Is(err, userdb.ErrUnknown) {
		t.Error(err)
	}
	for _, password := range []userdb.Secret{"", "a\x00b", userdb.Secret(strings.Repeat("a", passdb.MaxPassword+1))} {
		if _, err := s.Password(t.Context(), passdb.Query{Name: "ann"}, password); !errors.Is(err, passdb.ErrWrong) {
			t.Errorf("%d octets: %v", len(password), err)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A name that nobody knows has PAM asked for one that cannot be.
func TestDecoy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "seen")
	s := source(t, "auth required pam_exec.so "+script(t, `echo "$PAM_USER" > `+file)+"\naccount required pam_permit.so\n")
	s.Decoy(t.Context(), passdb.Query{Name: "root"}, "secret")
	if seen, err := os.ReadFile(file); err != nil || string(seen) != decoy+"\n" {
		t.Errorf("%q, %v", seen, err)
	}
}

// A module that hangs costs its own check only, and not for ever.
func TestHangingModule(t *testing.T) {
	s := source(t, "auth required pam_exec.so "+script(t, "exec sleep 5")+"\naccount required pam_permit.so\n")
	s.deadline = 500 * time.Millisecond
	began := time.Now()
	_, err := s.Password(t.Context(), passdb.Query{Name: "ann"}, "secret")
	if took := time.Since(began); !errors.Is(err, userdb.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || took > 4*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Password(ctx, passdb.Query{Name: "ann"}, "secret"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(s.turns) != 0 {
		t.Errorf("%d turns are taken", len(s.turns))
	}
}

// Nothing but one octet and a good end is an answer.
func TestOtherHelpers(t *testing.T) {
	for text, want := range map[string]error{
		"printf y":                nil,
		"printf n":                passdb.ErrWrong,
		"printf y; exit 1":        userdb.ErrUnavailable,
		"printf yy":               userdb.ErrUnavailable,
		"echo y":                  userdb.ErrUnavailable,
		"printf Y":                userdb.ErrUnavailable,
		"exit 0":                  userdb.ErrUnavailable,
		"printf y; kill -9 $$":    userdb.ErrUnavailable,
		"yes y | head -c 1000000": userdb.ErrUnavailable,
		`[ "$#$SECRET" = 0 ] && [ "$(tr '\0' '|')" = 'Pann||secret|' ] && printf y`: nil,
	} {
		s := New(script(t, text), users{})
		u, err := s.Password(t.Context(), passdb.Query{Name: "ann"}, "secret")
		if want == nil && (err != nil || u.Name != "ann") || want != nil && (!errors.Is(err, want) || u != (userdb.User{})) {
			t.Errorf("%s: %+v, %v", text, u, err)
		}
	}
	s := New(filepath.Join(t.TempDir(), "none"), users{})
	if _, err := s.Password(t.Context(), passdb.Query{Name: "ann"}, "secret"); !errors.Is(err, userdb.ErrUnavailable) {
		t.Error(err)
	}
	if err := s.Check(t.Context()); err == nil {
		t.Error("a helper that is not there")
	}
}

// pam_unix knows the system's own passwords.
func TestUnix(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can ask for everybody")
	}
	s := source(t, "auth required pam_unix.so nodelay\naccount required pam_unix.so\n")
	// Debian's user without a password: whatever is said is wrong.
	if _, err := s.Password(t.Context(), passdb.Query{Name: "daemon"}, "secret"); !errors.Is(err, passdb.ErrWrong) {
		t.Error(err)
	}
	if _, err := s.Certificate(t.Context(), passdb.Query{Name: "daemon"}); err != nil {
		t.Error(err)
	}
	if _, err := s.Password(t.Context(), passdb.Query{Name: "no-such-user"}, "secret"); !errors.Is(err, userdb.ErrUnknown) {
		t.Error(err)
	}
}
