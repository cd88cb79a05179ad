package shadow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// hash is that of "secret", by SHA-512 with few rounds.
const hash = "$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/"

const today = 20000

func source(t *testing.T, text string) *Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shadow")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := New(path, users{}, passdb.NewHashing(2, passdb.HashingMemory))
	s.clock = func() time.Time { return time.Unix(today*24*60*60+3600, 0) }
	return s
}

func TestPassword(t *testing.T) {
	none := errors.New("a success")
	for _, c := range []struct {
		line        string // behind the name
		right       error  // of the right password
		wrong       error
		certificate error
	}{
		{hash + ":19000:0:99999:7:::", none, passdb.ErrWrong, none},
		{hash + ":::::::", none, passdb.ErrWrong, none},
		{hash + ":-1:-1:-1:-1:-1:-1:", none, passdb.ErrWrong, none},
		{"!" + hash + ":19000:0:99999:7:::", passdb.ErrWrong, passdb.ErrWrong, none},
		{"*:19000:0:99999:7:::", passdb.ErrWrong, passdb.ErrWrong, none},
		{"!:19000:0:99999:7:::", passdb.ErrWrong, passdb.ErrWrong, none},
		{":19000:0:99999:7:::", passdb.ErrWrong, passdb.ErrWrong, none},
		{"x:19000:0:99999:7:::", passdb.ErrWrong, passdb.ErrWrong, none},
		{"{PLAIN}secret:19000:0:99999:7:::", passdb.ErrWrong, passdb.ErrWrong, none},
		{"$99$secret:19000:0:99999:7:::", userdb.ErrUnavailable, userdb.ErrUnavailable, none},
		{hash + ":0:0:99999:7:::", passdb.ErrExpired, passdb.ErrWrong, none},
		{hash + ":19990:0:10:7:::", none, passdb.ErrWrong, none},
		{hash + ":19989:0:10:7:::", passdb.ErrExpired, passdb.ErrWrong, none},
		{hash + ":19989:0:10:7:1::", none, passdb.ErrWrong, none},
		{hash + ":19988:0:10:7:1::", passdb.ErrExpired, passdb.ErrWrong, none},
		{hash + ":19000:0:99999:7::20001:", none, passdb.ErrWrong, none},
		{hash + ":19000:0:99999:7::20000:", passdb.ErrExpired, passdb.ErrWrong, passdb.ErrExpired},
		{hash + ":19000:0:99999:7::0:", passdb.ErrExpired, passdb.ErrWrong, passdb.ErrExpired},
		{hash + ":19000:0:99999", userdb.ErrUnavailable, userdb.ErrUnavailable, userdb.ErrUnavailable},
		{hash + ":soon:0:99999:7:::", userdb.ErrUnavailable, userdb.ErrUnavailable, userdb.ErrUnavailable},
	} {
		s := source(t, "other:"+hash+":19000:0:99999:7:::\nann:"+c.line+"\nann:"+hash+":19000:0:99999:7:::\n")
		for _, proof := range []struct {
			what string
			ask  func(q passdb.Query) (userdb.User, error)
			want error
		}{
			{"right", func(q passdb.Query) (userdb.User, error) { return s.Password(t.Context(), q, "secret") }, c.right},
			{"wrong", func(q passdb.Query) (userdb.User, error) { return s.Password(t.Context(), q, "Secret") }, c.wrong},
			{"certificate", func(q passdb.Query) (userdb.User, error) { return s.Certificate(t.Context(), q) }, c.certificate},
		} {
			u, err := proof.ask(passdb.Query{Name: "Ann"})
			if proof.want == none {
				if err != nil || u.Name != "ann" || !u.System {
					t.Errorf("%s, %s: %+v, %v", c.line, proof.what, u, err)
				}
				continue
			}
			if !errors.Is(err, proof.want) || u != (userdb.User{}) {
				t.Errorf("%s, %s: %+v, %v", c.line, proof.what, u, err)
			}
			if strings.Contains(fmt.Sprint(err), "rounds") {
				t.Errorf("the hash is in %v", err)
			}
		}
	}
}

func TestWho(t *testing.T) {
	s := source(t, "ann:"+hash+":19000:0:99999:7:::\nx:"+hash+":19000:0:99999:7:::\n")
	for _, name := range []string{"x", "bob"} {
		if _, err := s.Password(t.Context(), passdb.Query{Name: name}, "secret"); !errors.Is(err, userdb.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Lookup(t.Context(), name); !errors.Is(err, userdb.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Password(t.Context(), passdb.Query{Name: "ann"}, "secret"); !errors.Is(err, userdb.ErrUnavailable) {
		t.Error(err)
	}
	if err := s.Check(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// Names without a password of their own have the same decoy each time, and one that is
// a hash.
func TestDecoy(t *testing.T) {
	text := "root:*:19000::::::\nempty::19000::::::\n"
	s := source(t, text)
	if d := s.decoy(text, "ann"); d != "" {
		t.Errorf("the decoy is %q", string(d))
	}
	for i := range 20 {
		text += fmt.Sprintf("user%d:$6$%d:19000::::::\n", i, i)
	}
	seen := make(map[userdb.Secret]bool)
	for i := range 100 {
		name := fmt.Sprint("nobody", i)
		d := s.decoy(text, name)
		if d != s.decoy(text, strings.ToUpper(name)) || !strings.HasPrefix(string(d), "$6$") {
			t.Fatalf("the decoys of %s differ, or are none", name)
		}
		seen[d] = true
	}
	if len(seen) < 10 {
		t.Errorf("%d decoys for 100 names", len(seen))
	}
}

func FuzzParse(f *testing.F) {
	f.Add("ann:$y$j9T$salt$hash:19000:0:99999:7:30:20000:")
	f.Add("ann:*:::::::")
	f.Fuzz(func(t *testing.T, line string) {
		e, err := parse(line)
		if err != nil {
			return
		}
		if !strings.HasPrefix(line, e.name+":"+string(e.hash)+":") {
			t.Errorf("%q: %q", line, e.name)
		}
		_ = e.locked()
		if e.expired(e.expire, false) == nil && e.expire != none {
			t.Errorf("%q does not expire on its day", line)
		}
	})
}
