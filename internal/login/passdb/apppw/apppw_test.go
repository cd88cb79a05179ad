package apppw

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

func store(t *testing.T) *Store {
	t.Helper()
	var log strings.Builder
	s := Open(filepath.Join(t.TempDir(), "apppw"), slog.New(slog.NewTextHandler(&log, nil)))
	now := time.Unix(20000*24*60*60+3600, 0)
	s.clock = func() time.Time { return now }
	t.Cleanup(func() {
		if log.Len() > 0 {
			t.Error(log.String())
		}
	})
	return s
}

// verify is what a login finds out.
func verify(t *testing.T, s *Store, name string, service wire.Service, password userdb.Secret) bool {
	t.Helper()
	owner, err := s.Owner(passdb.Query{Name: name, Service: service}, password)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return owner == strings.ToLower(name)
}

func TestLife(t *testing.T) {
	s := store(t)
	p, secret, err := s.Add("Ann@example.org", "Ann's phone", wire.IMAP, wire.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := s.Add("ann@example.org", "tablet", wire.Webmail)
	if err != nil || other.ID == p.ID {
		t.Fatalf("%+v, %v", other, err)
	}
	text := string(secret)
	plain := strings.ReplaceAll(text, "-", "")
	for _, c := range []struct {
		name     string
		service  wire.Service
		password string
		want     bool
	}{
		{"ann@example.org", wire.IMAP, text, true},
		{"ANN@example.org", wire.SMTP, text, true},
		{"ann@example.org", wire.IMAP, strings.ToUpper(text), true},
		{"ann@example.org", wire.IMAP, plain, true},
		{"ann@example.org", wire.IMAP, strings.ReplaceAll(text, "-", " "), true},
		{"ann@example.org", wire.POP3, text, false},
		{"ann@example.org", wire.Webmail, text, false},
		{"bob@example.org", wire.IMAP, text, false},
		{"ann", wire.IMAP, text, false},
		{"ann@example.org", wire.IMAP, plain[1:], false},
		{"ann@example.org", wire.IMAP, plain + "a", false},
		{"ann@example.org", wire.IMAP, strings.Repeat("a", secretText), false},
		{"ann@example.org", wire.IMAP, "", false},
		{"ann@example.org", wire.IMAP, strings.Repeat("-", 1000) + plain, false},
	} {
		if got := verify(t, s, c.name, c.service, userdb.Secret(c.password)); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
	list, err := s.List("ann@example.org")
	if err != nil || len(list) != 2 || list[0].ID != p.ID || list[0].Created != 20000 || list[0].Used != 20000 || list[1].Used != 0 || list[0].Label != "Ann's phone" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := s.Revoke("ann@example.org", "none"); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	if err := s.Revoke("bob", p.ID); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	if err := s.Revoke("ann@example.org", p.ID); err != nil {
		t.Error(err)
	}
	if verify(t, s, "ann@example.org", wire.IMAP, secret) {
		t.Error("a revoked one")
	}
	if list, err := s.List("ann@example.org"); err != nil || len(list) != 1 || list[0].ID != other.ID {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestOwner wants a password to be known whatever name comes with it.
func TestOwner(t *testing.T) {
	s := store(t)
	p, secret, err := s.Add("Ann", "phone", wire.IMAP)
	if err != nil {
		t.Fatal(err)
	}
	hash := p.hash
	owner := func(name string) string {
		t.Helper()
		account, err := s.Owner(passdb.Query{Name: name, Service: wire.IMAP}, secret)
		if err != nil {
			t.Error(err)
		}
		return account
	}
	for _, name := range []string{"ann", "ANN", "ann@example.org", "bob", "a/b", ""} {
		if got := owner(name); got != "ann" {
			t.Errorf("%q: it is %q's", name, got)
		}
	}
	// Without the owner's file it is the account's own name that finds it.
	if err := s.owners.remove(hash); err != nil {
		t.Fatal(err)
	}
	if got, other := owner("Ann"), owner("bob"); got != "ann" || other != "" {
		t.Errorf("it is %q's, and %q's", got, other)
	}
	// One that says something else gives nobody anything.
	if err := s.owners.add(hash, "bob"); err != nil {
		t.Fatal(err)
	}
	if got := owner("bob"); got != "" {
		t.Errorf("it is %q's", got)
	}
	if err := s.Revoke("ann", p.ID); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.owners.dir.File(fmt.Sprintf("%x", hash))); !errors.Is(err, os.ErrNotExist) {
		t.Error("something is left of it: ", err)
	}
	if err := os.WriteFile(s.owners.dir.File(fmt.Sprintf("%x", hash)), []byte("A\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Owner(passdb.Query{Name: "ann", Service: wire.IMAP}, secret); got != "" || err == nil {
		t.Errorf("of a broken file: %q, %v", got, err)
	}
}

// The day of the last use is written once a day, and not waited for.
func TestLastUse(t *testing.T) {
	s := store(t)
	_, secret, err := s.Add("ann", "phone", wire.IMAP)
	if err != nil {
		t.Fatal(err)
	}
	path := s.dir.File("ann")
	inode := func() os.FileInfo {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	at := s.clock()
	before := inode()
	for _, step := range []struct {
		wait   time.Duration
		busy   bool
		writes bool
	}{{0, false, true}, {time.Hour, false, false}, {24 * time.Hour, true, false}, {24 * time.Hour, false, true}} {
		now := at.Add(step.wait)
		s.clock = func() time.Time { return now }
		if step.busy {
			stop := errors.New("nothing is changed")
			if err := s.dir.Change("bob", true, func([]byte) ([]byte, error) {
				if !verify(t, s, "ann", wire.IMAP, secret) {
					t.Error("a login waits for the lock")
				}
				return nil, stop
			}); !errors.Is(err, stop) {
				t.Error(err)
			}
		} else if !verify(t, s, "ann", wire.IMAP, secret) {
			t.Error("not verified")
		}
		after := inode()
		if os.SameFile(before, after) == step.writes {
			t.Errorf("%+v: written %t", step, !step.writes)
		}
		before = after
	}
}

func TestRefused(t *testing.T) {
	s := store(t)
	for _, c := range []struct {
		account, label string
		services       []wire.Service
		want           error
	}{
		{"ann", "", []wire.Service{wire.IMAP}, ErrLabel},
		{"ann", "a\tb", []wire.Service{wire.IMAP}, ErrLabel},
		{"ann", "a\nb", []wire.Service{wire.IMAP}, ErrLabel},
		{"ann", " a", []wire.Service{wire.IMAP}, ErrLabel},
		{"ann", "\xff", []wire.Service{wire.IMAP}, ErrLabel},
		{"ann", strings.Repeat("ä", 101), []wire.Service{wire.IMAP}, ErrLabel},
		{"ann", "a", nil, ErrScope},
		{"ann", "a", []wire.Service{wire.IMAP, wire.IMAP}, ErrScope},
		{"ann", "a", []wire.Service{99}, ErrScope},
		{"a/b", "a", []wire.Service{wire.IMAP}, nil},
		{"", "a", []wire.Service{wire.IMAP}, nil},
	} {
		if p, _, err := s.Add(c.account, c.label, c.services...); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%+v: %+v, %v", c, p, err)
		}
	}
	if _, err := os.Stat(s.dir.Path); !errors.Is(err, os.ErrNotExist) {
		t.Error("what is refused leaves something: ", err)
	}
	full := &file{account: "ann"}
	for i := range Most {
		full.passwords = append(full.passwords, Password{ID: fmt.Sprintf("%08x", i), Services: scopes, Created: 1 << 31, Used: 1 << 31, Label: strings.Repeat("\U0001F600", 100)})
	}
	if len(full.format()) > maxFile {
		t.Errorf("%d octets", len(full.format()))
	}
	if err := s.dir.Change("ann", true, func([]byte) ([]byte, error) { return full.format(), nil }); err != nil {
		t.Fatal(err)
	}
	if list, err := s.List("ann"); err != nil || len(list) != Most {
		t.Errorf("%d, %v", len(list), err)
	}
	if _, _, err := s.Add("ann", "one more", wire.IMAP); !errors.Is(err, ErrMost) {
		t.Error(err)
	}
}

// A file that cannot be understood is an error for what looks like an app password, and
// is not written anew.
func TestBroken(t *testing.T) {
	s := store(t)
	_, secret, err := s.Add("ann", "phone", wire.IMAP)
	if err != nil {
		t.Fatal(err)
	}
	path := s.dir.File("ann")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line := string(good[bytes.IndexByte(good, '\n')+1:])
	for _, bad := range []string{
		"", "fantail-apppw 2 ann\n", "fantail-apppw 1 bob\n", "fantail-apppw 1 ann", "fantail-apppw 1 ANN\n", string(good) + "x\n", string(good) + line,
		string(good[:len(good)-1]), strings.Replace(string(good), "imap", "ldap", 1), strings.Repeat("x", maxFile+1),
	} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if owner, err := s.Owner(passdb.Query{Name: "ann", Service: wire.IMAP}, secret); owner != "" || err == nil || strings.Contains(err.Error(), line[14:40]) {
			t.Errorf("%.60q: %q, %v", bad, owner, err)
		}
		if owner, err := s.Owner(passdb.Query{Name: "ann", Service: wire.IMAP}, "her own"); owner != "" || err != nil {
			t.Errorf("%.60q: %q, %v", bad, owner, err)
		}
		if _, _, err := s.Add("ann", "tablet", wire.IMAP); err == nil {
			t.Errorf("%.60q is written anew", bad)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != bad {
			t.Errorf("%.60q has changed: %v", bad, err)
		}
	}
}

func TestConcurrent(t *testing.T) {
	s := store(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, _, err := s.Add("ann", fmt.Sprint("program ", i), wire.IMAP); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if list, err := s.List("ann"); err != nil || len(list) != 8 {
		t.Errorf("%d, %v", len(list), err)
	}
}

func TestSecret(t *testing.T) {
	text := formatSecret([secretSize]byte{0: 1, 15: 255})
	if want := "aeaa-aaaa-aaaa-aaaa-aaaa-aaaa-74"; text != want {
		t.Errorf("%q, want %q", text, want)
	}
	if _, ok := parseSecret(text[:len(text)-1] + "5"); ok {
		t.Error("bits that are in no secret")
	}
}

func FuzzParse(f *testing.F) {
	good := file{account: "ann", passwords: []Password{{ID: "0123abcd", Services: []wire.Service{wire.IMAP, wire.POP3}, Created: 20000, Label: "phone"}}}
	f.Add(good.format())
	f.Add([]byte("fantail-apppw 1 ann\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parse(text)
		if err == nil && !bytes.Equal(p.format(), text) {
			t.Errorf("%q is written as %q", text, p.format())
		}
	})
}

func FuzzSecret(f *testing.F) {
	f.Add("abcd-efgh-ijkl-mnop-qrst-uvwx-ya")
	f.Fuzz(func(t *testing.T, text string) {
		secret, ok := parseSecret(text)
		if !ok {
			return
		}
		if again, ok := parseSecret(formatSecret(secret)); !ok || again != secret {
			t.Errorf("%q", text)
		}
	})
}
