package factor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fantail/internal/login/passdb"
)

// TestCodes has the test vectors of RFC 6238 appendix B, of which the last six digits.
func TestCodes(t *testing.T) {
	var secret [secretSize]byte
	copy(secret[:], "12345678901234567890")
	for second, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := codeOf(secret, second/30); got != want {
			t.Errorf("%d: %s, want %s", second, got, want)
		}
	}
	// RFC 4226 appendix D.
	for i, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := codeOf(secret, int64(i)); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
}

// store is a Store at a time.
func store(t *testing.T, dir string) (*Store, *time.Time) {
	t.Helper()
	now := time.Unix(1_800_000_000, 0)
	s := Open(dir)
	s.clock = func() time.Time { return now }
	return s, &now
}

// active is a Store in which ann has a second factor.
func active(t *testing.T) (s *Store, now *time.Time, k Secret, recovery []string) {
	t.Helper()
	s, now = store(t, filepath.Join(t.TempDir(), "auth", "totp"))
	k, err := s.Begin("Ann")
	if err != nil {
		t.Fatal(err)
	}
	codes, err := s.Confirm("ann", k.at(*now))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range codes {
		recovery = append(recovery, string(c))
	}
	*now = now.Add(time.Hour)
	return s, now, k, recovery
}

// at is the code of a time.
func (k Secret) at(now time.Time) string { return string(k.Code(now)) }

func TestLife(t *testing.T) {
	s, now := store(t, filepath.Join(t.TempDir(), "auth", "totp"))
	wanted := func(want bool) {
		t.Helper()
		if got, err := s.Wanted("ANN"); got.Any() != want || got.App != want || err != nil {
			t.Errorf("wanted: %+v, %v", got, err)
		}
	}
	wanted(false)
	if _, err := s.Status("ann"); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	if _, err := s.Confirm("ann", "000000"); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	first, err := s.Begin("Ann")
	if err != nil {
		t.Fatal(err)
	}
	k, err := s.Begin("Ann") // she has closed the window
	if err != nil || k == first {
		t.Fatal(k == first, err)
	}
	wanted(false)
	if ok, err := s.Verify(t.Context(), "ann", k.at(*now)); ok || !errors.Is(err, ErrNone) {
		t.Errorf("a secret that is not in force: %t, %v", ok, err)
	}
	for _, wrong := range []string{first.at(*now), "", "12345", k.at(now.Add(time.Minute))} {
		if _, err := s.Confirm("ann", wrong); !errors.Is(err, ErrCode) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	wanted(false)
	codes, err := s.Confirm("ann", k.at(*now))
	if err != nil || len(codes) != RecoveryCodes {
		t.Fatalf("%d codes, %v", len(codes), err)
	}
	wanted(true)
	if _, err := s.Confirm("ann", k.at(now.Add(Period))); !errors.Is(err, ErrActive) {
		t.Error(err)
	}
	if _, err := s.Begin("ann"); !errors.Is(err, ErrActive) {
		t.Error(err)
	}
	if st, err := s.Status("ann"); err != nil || !st.App || st.Pending || st.Recovery != RecoveryCodes || st.Created.Unix() != 1_800_000_000/secondsOfDay*secondsOfDay {
		t.Errorf("%+v, %v", st, err)
	}
	if ok, err := s.Verify(t.Context(), "ann", k.at(*now)); ok || err != nil {
		t.Errorf("the code that confirmed: %t, %v", ok, err)
	}
	newer, err := s.Renew("ann")
	if err != nil || len(newer) != RecoveryCodes || newer[0] == codes[0] {
		t.Errorf("%v", err)
	}
	if ok, err := s.Verify(t.Context(), "ann", string(codes[0])); ok || err != nil {
		t.Errorf("a recovery code of before: %t, %v", ok, err)
	}
	if err := s.Remove("ann"); err != nil {
		t.Error(err)
	}
	wanted(false)
	if err := s.Remove("ann"); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	if _, err := s.Renew("ann"); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

// TestVerify wants a code to be good in its period and the next ones, once, also after a
// restart.
func TestVerify(t *testing.T) {
	s, now, k, recovery := active(t)
	at := *now
	code := func(d time.Duration) string { return k.at(at.Add(d)) }
	for _, c := range []struct {
		name, code string
		later      time.Duration
		want       bool
	}{
		{"too old", code(-61 * time.Second), 0, false},
		{"too new", code(61 * time.Second), 0, false},
		{"the one before", code(-Period), 0, true},
		{"again", code(-Period), 0, false},
		{"now, with a space", code(0)[:3] + " " + code(0)[3:], 0, true},
		{"again", code(0), 0, false},
		{"the next one", code(Period), 0, true},
		{"again, when it is the current one", code(Period), Period, false},
		{"one before the last used", code(0), Period, false},
		{"nothing", "", Period, false},
		{"five digits", code(2 * Period)[1:], Period, false},
		{"recovery", recovery[3], Period, true},
		{"recovery again", recovery[3], Period, false},
		{"another one", strings.ToUpper(strings.ReplaceAll(recovery[0], "-", "")), Period, true},
		{"half of one", recovery[1][:9], Period, false},
		{"two", recovery[1] + recovery[2], Period, false},
		{"very long", strings.Repeat("1", 1000), Period, false},
		{"a later one", code(2 * Period), 2 * Period, true},
	} {
		again, clock := store(t, s.dir.Path) // authd was started anew
		*clock = at.Add(c.later)
		if ok, err := again.Verify(t.Context(), "Ann", c.code); ok != c.want || err != nil {
			t.Errorf("%s: %t, %v", c.name, ok, err)
		}
	}
	if st, err := s.Status("ann"); err != nil || st.Recovery != RecoveryCodes-2 {
		t.Errorf("%+v, %v", st, err)
	}
	if ok, err := s.Verify(t.Context(), "bob", code(0)); ok || !errors.Is(err, ErrNone) {
		t.Errorf("bob: %t, %v", ok, err)
	}
}

// TestGuessing wants codes to be looked at seldom once many were wrong, and recovery codes
// always.
func TestGuessing(t *testing.T) {
	s, now, k, recovery := active(t)
	wrong := k.at(now.Add(time.Hour))
	try := func(code string) error {
		_, err := s.Verify(t.Context(), "ann", code)
		return err
	}
	for range freeWrong {
		if err := try(wrong); err != nil {
			t.Error(err)
		}
	}
	if err := try(k.at(*now)); !errors.Is(err, passdb.ErrLater) {
		t.Error(err)
	}
	*now = now.Add(slow)
	if err := try(wrong); err != nil {
		t.Error(err)
	}
	if err := try(wrong); !errors.Is(err, passdb.ErrLater) {
		t.Error(err)
	}
	if ok, err := s.Verify(t.Context(), "ann", recovery[0]); !ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
	if ok, err := s.Verify(t.Context(), "ann", k.at(*now)); !ok || err != nil { // begins anew
		t.Errorf("%t, %v", ok, err)
	}
}

// TestOnce wants one of many who send the same code at once to be let in.
func TestOnce(t *testing.T) {
	s, now, k, recovery := active(t)
	for _, code := range []string{k.at(*now), recovery[0]} {
		var in atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				ok, err := s.Verify(t.Context(), "ann", code)
				if err != nil {
					t.Error(err)
				}
				if ok {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		if in.Load() != 1 {
			t.Errorf("%d were let in by one code", in.Load())
		}
	}
}

// TestWaits wants who cannot have the lock to give up in time.
func TestWaits(t *testing.T) {
	s, now, k, _ := active(t)
	err := s.dir.Change("bob", true, func([]byte) ([]byte, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if ok, err := s.Verify(ctx, "ann", k.at(*now)); ok || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%t, %v", ok, err)
		}
		return nil, nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestURI(t *testing.T) {
	s, _ := store(t, t.TempDir())
	k, err := s.Begin("jürg b@example.org")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(string(k.URI("Example & Sons")))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Example & Sons:jürg b@example.org" || q.Get("issuer") != "Example & Sons" ||
		q.Get("digits") != "6" || q.Get("period") != "30" || q.Get("algorithm") != "SHA1" || q.Get("secret") != strings.ReplaceAll(string(k.Typed()), " ", "") {
		t.Errorf("%s", u)
	}
	if octets, err := upper.DecodeString(q.Get("secret")); err != nil || !bytes.Equal(octets, k.secret[:]) {
		t.Error(err)
	}
}

// TestBroken wants a file that cannot be understood to be an error, and to stay.
func TestBroken(t *testing.T) {
	s, now, k, _ := active(t)
	path := s.dir.File("ann")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(good)
	for _, bad := range []string{
		"", "fantail-factors 2 ann\n", strings.Replace(text, "factors 2", "factors 3", 1), strings.Replace(text, "ann", "bob", 1), strings.Replace(text, "ann", "ANN", 1),
		strings.Replace(text, "active", "Active", 1), text + "x\n", text[:len(text)-1], strings.Replace(text, "\t", " ", 1), text + strings.Repeat("recovery\t"+strings.Repeat("a", 64)+"\n", 40),
		text + "handle\t" + strings.Repeat("ab", 16) + "\n", strings.Replace(text, "factors 2", "totp 1", 1), text + text[len("fantail-factors 2 ann\n"):],
		strings.Repeat("x", maxFile+1),
	} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if yes, err := s.Wanted("ann"); err == nil {
			t.Errorf("%.60q: %+v", bad, yes)
		}
		if ok, err := s.Verify(t.Context(), "ann", k.at(*now)); ok || err == nil || errors.Is(err, ErrNone) {
			t.Errorf("%.60q: %t, %v", bad, ok, err)
		}
		if _, err := s.Begin("ann"); err == nil {
			t.Errorf("%.60q is written anew", bad)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != bad {
			t.Errorf("%.60q has changed: %v", bad, err)
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
}

// TestLegacy reads a file of before there were security keys, and writes it anew.
func TestLegacy(t *testing.T) {
	s, now, k, _ := active(t)
	old := fmt.Sprintf("fantail-totp 1 ann\nactive\t%x\t20000\t7\n%x\n%x\n", k.secret, sha256.Sum256([]byte("aaaabbbbccccdddd")), sha256.Sum256([]byte("aaaabbbbccccdddf")))
	if err := os.WriteFile(s.File("ann"), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	if st, err := s.Status("ann"); err != nil || !st.App || st.Recovery != 2 || st.Created.Unix() != 20000*secondsOfDay {
		t.Errorf("%+v, %v", st, err)
	}
	for _, code := range []string{k.at(*now), "aaaa-bbbb-cccc-dddd"} {
		if ok, err := s.Verify(t.Context(), "ann", code); !ok || err != nil {
			t.Errorf("%s: %t, %v", code, ok, err)
		}
	}
	if st, err := s.Status("ann"); err != nil || !st.App || st.Recovery != 1 {
		t.Errorf("%+v, %v", st, err)
	}
	if text, err := os.ReadFile(s.File("ann")); err != nil || !strings.HasPrefix(string(text), magic) {
		t.Errorf("%s, %v", text, err)
	}
}

func FuzzParse(f *testing.F) {
	app := "active\t3132333435363738393031323334353637383930\t20000\t60000000\n"
	f.Add([]byte("fantail-totp 1 ann\n" + app + strings.Repeat("ab", 32) + "\n"))
	f.Add([]byte("fantail-factors 2 ann\napp\t" + app + "handle\t" + strings.Repeat("ab", 16) +
		"\nkey\tab\ta0\t7\thttps://mail.example.org\tcopied\tusb,nfc\t20000\t0\tBlue key\nrecovery\t" + strings.Repeat("ab", 32) + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parse(text)
		if err != nil {
			return
		}
		again := p.format()
		if bytes.HasPrefix(text, []byte(magic)) && !bytes.Equal(again, text) {
			t.Errorf("%q is written as %q", text, again)
		}
		if q, err := parse(again); err != nil || !reflect.DeepEqual(p, q) {
			t.Errorf("%q is read as %+v, and then as %+v: %v", text, p, q, err)
		}
	})
}
