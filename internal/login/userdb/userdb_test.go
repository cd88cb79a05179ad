package userdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, text string) (*File, *bytes.Buffer) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	return Open(path, slog.New(slog.NewTextHandler(&log, nil))), &log
}

const sample = `# accounts
alice:{PLAIN}secret:1000:1000:Alice A.:/home/alice:/bin/sh:userdb_mail=maildir:~/mail nodelay
bob:$6$salt$hash:1001:1001::/home/bob::

carol:{SHA256-CRYPT}$5$x$y::::::userdb_imap_without=NOTIFY,COMPRESS=DEFLATE
dave:x:0:0::/root:/bin/bash:userdb_mail_path=/var/mail/dave userdb_quota_rule=*:storage=1G
erik:x::::/home/erik::allow_nets=10.0.0.0/8
frida:x:vmail:1000::/home/frida
gus:x:1:1::home/gus
hal:x:1:1::/home/hal::userdb_mail=mbox:~/mail
ida:x:1:1::/home/ida::userdb_mail=maildir:~/mail:LAYOUT=fs
jon:x:1:1::::userdb_mail=maildir:~/mail
kim:x:1:1::/home/kim::userdb_mail=maildir:/mail/%u
bob:other:1:1::/home/other
:nobody
lee@example.org:pw:-1:4294967296
nat:pw::::::userdb_imap_without=IMAP4rev1
pat:pw::::::userdb_pop3_expire=14
ray:pw::::::userdb_pop3_expire=soon
qua:pw::::::userdb_quota=2GB,1000messages userdb_quota_rule= userdb_quota_rule2=Trash:storage=+10%
rob:pw::::::userdb_quota_rule=Trash:storage=+10%
sam:pw::::::userdb_quota_rule=*:storage=+10%
tom:pw::::::userdb_quota_rule=*:storage=1G userdb_quota=2GB
mia:pw:::::` + "\r\n"

func TestLookup(t *testing.T) {
	f, log := open(t, sample)
	for _, tc := range []struct {
		name string
		want User
		err  error
	}{
		{"alice", User{"alice", 1000, 1000, "/home/alice", "/home/alice/mail", "", "", "", false, ""}, nil},
		{"Alice", User{"alice", 1000, 1000, "/home/alice", "/home/alice/mail", "", "", "", false, ""}, nil},
		{"bob", User{"bob", 1001, 1001, "/home/bob", "", "", "", "", false, ""}, nil},
		{"carol", User{"carol", -1, -1, "", "", "NOTIFY,COMPRESS=DEFLATE", "", "", false, ""}, nil},
		{"dave", User{"dave", 0, 0, "/root", "/var/mail/dave", "", "", "1GiB", false, ""}, nil},
		{"erik", User{"erik", -1, -1, "/home/erik", "", "", "", "", false, ""}, nil},
		{"frida", User{}, ErrUnavailable},
		{"pat", User{"pat", -1, -1, "", "", "", "14", "", false, ""}, nil},
		{"ray", User{}, ErrUnavailable},
		{"qua", User{"qua", -1, -1, "", "", "", "", "2GB, 1000 messages", false, ""}, nil},
		{"rob", User{"rob", -1, -1, "", "", "", "", "", false, ""}, nil},
		{"sam", User{}, ErrUnavailable},
		{"tom", User{}, ErrUnavailable},
		{"gus", User{}, ErrUnavailable},
		{"hal", User{}, ErrUnavailable},
		{"ida", User{}, ErrUnavailable},
		{"jon", User{}, ErrUnavailable},
		{"kim", User{}, ErrUnavailable},
		{"lee@example.org", User{}, ErrUnavailable},
		{"nat", User{}, ErrUnavailable},
		{"mia", User{"mia", -1, -1, "", "", "", "", "", false, ""}, nil},
		{"nobody", User{}, ErrUnknown},
		{"", User{}, ErrUnknown},
		{"# accounts", User{}, ErrUnknown},
	} {
		got, err := f.Lookup(tc.name)
		if !errors.Is(err, tc.err) || err == nil && got != tc.want {
			t.Errorf("%q: %+v, %v", tc.name, got, err)
		}
	}
	r, err := f.Record("erik")
	if err != nil || r.Refused == nil || !strings.Contains(r.Refused.Error(), "allow_nets") {
		t.Errorf("a restriction that is not supported: %+v, %v", r, err)
	}
	if r, err := f.Record("bob"); err != nil || r.Password != "$6$salt$hash" || r.Refused != nil {
		t.Errorf("bob: %q, %v", string(r.Password), err)
	}
	if n := strings.Count(log.String(), "passwd-file line"); n != 14 { // lines 7 to 17, 19, 22 and 23
		t.Errorf("%d problems:\n%s", n, log)
	}
	for _, secret := range []string{"{PLAIN}", "other", "hash"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
}

func TestReloadWhenChanged(t *testing.T) {
	f, _ := open(t, "alice:a")
	past := time.Now().Add(-time.Hour)
	touch := func(at time.Time) {
		t.Helper()
		if err := os.Chtimes(f.path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	touch(past)
	password := func(name string) string {
		r, err := f.Record(name)
		if err != nil {
			return err.Error()
		}
		return string(r.Password)
	}
	if got := password("alice"); got != "a" || !f.settled {
		t.Fatalf("%s", got)
	}
	before := f.info
	if password("alice"); f.info != before {
		t.Error("read again without a change")
	}
	if err := os.WriteFile(f.path, []byte("alice:b"), 0o600); err != nil {
		t.Fatal(err)
	}
	touch(past.Add(time.Minute))
	if got := password("alice"); got != "b" {
		t.Errorf("after a change: %s", got)
	}
	// Just written: the next write within the same tick must be seen too.
	touch(time.Now())
	if got := password("alice"); got != "b" || f.settled {
		t.Errorf("%s", got)
	}
	info, err := os.Stat(f.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.path, []byte("alice:c"), 0o600); err != nil {
		t.Fatal(err)
	}
	touch(info.ModTime())
	if got := password("alice"); got != "c" {
		t.Errorf("after a change within a tick: %s", got)
	}
	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Record("alice"); !errors.Is(err, ErrUnavailable) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	if f.Decoy(1) != "" {
		t.Error("a decoy of a file that is gone")
	}
	if err := f.Check(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("check: %v", err)
	}
}

func TestNotAFile(t *testing.T) {
	f := Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if _, err := f.Lookup("alice"); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(big, slog.New(slog.DiscardHandler)).Lookup("alice"); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

func TestDecoy(t *testing.T) {
	f, _ := open(t, "a:1\nb:2\nc:3\n")
	if f.Decoy(0) != "" {
		t.Error("a decoy before the first look-up")
	}
	if _, err := f.Lookup("x"); !errors.Is(err, ErrUnknown) {
		t.Fatal(err)
	}
	seen := make(map[Secret]bool)
	for n := range uint64(10) {
		d := f.Decoy(n)
		if again := f.Decoy(n); d != again {
			t.Error("changes")
		}
		seen[d] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d different decoys", len(seen))
	}
}

func TestLongLines(t *testing.T) {
	for _, n := range []int{maxLine - 1, maxLine, maxLine + 1, 3*maxLine + 5} {
		var problems []int
		text := "a:1\nlong:" + strings.Repeat("x", n-len("long:")) + "\nb:2"
		p, err := parse(strings.NewReader(text), func(line int, _ error) { problems = append(problems, line) })
		_, long := p.records["long"]
		if err != nil || p.records["a"].Password != "1" || p.records["b"].Password != "2" ||
			long != (n < maxLine) || !long && !cmp.Equal(problems, []int{2}) {
			t.Errorf("%d octets: %v %v %v", n, p.names, problems, err)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "alice@example.org": true, "Zoë": true, "-n": true, "a b": true, "a+b": true, strings.Repeat("x", 255): true,
		"": false, "a\x00": false, "a\nb": false, "a\x7f": false, "a:b": false, "../x": false, "\xff": false,
		"a\u0085b": false, "a\u2028b": false, strings.Repeat("x", 256): false,
	} {
		if (CheckName(name) == nil) != ok {
			t.Errorf("%q", name)
		}
	}
}

func TestSecretIsRedacted(t *testing.T) {
	s := Secret("hunter2")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "p", s, "r", Record{Password: s})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "p", s, "r", Record{Password: s})
	j, err := json.Marshal(map[string]any{"p": s})
	if err != nil {
		t.Fatal(err)
	}
	out := log.String() + string(j) + fmt.Sprint(s, &s) + fmt.Sprintf("%v %+v %#v %q %s %x %d %v", s, s, s, s, s, s, s, Record{Password: s})
	if strings.Contains(out, "hunter2") || strings.Contains(out, fmt.Sprintf("%x", "hunter2")) {
		t.Error(out)
	}
}

// Whatever a file holds: records have legal names and usable paths, the number
// of lines is the number of records and problems at most.
func FuzzParse(f *testing.F) {
	f.Add(sample)
	f.Add("a:b:c:d:e:f:g:h:i\n\n\x00:\n")
	f.Fuzz(func(t *testing.T, text string) {
		problems := 0
		p, err := parse(strings.NewReader(text), func(int, error) { problems++ })
		if err != nil {
			t.Fatal(err)
		}
		if len(p.names) != len(p.records) || len(p.names)+problems > 2*(strings.Count(text, "\n")+1) {
			t.Fatalf("%d names, %d records, %d problems", len(p.names), len(p.records), problems)
		}
		for name, r := range p.records {
			if r.Name != name || CheckName(name) != nil {
				t.Fatalf("name %q of %q", r.Name, name)
			}
			if r.broken == nil && (r.Mail != "" && !filepath.IsAbs(r.Mail) || r.Home != "" && !filepath.IsAbs(r.Home) || r.UID < -1 || r.GID < -1) {
				t.Fatalf("%+v", r)
			}
		}
	})
}
