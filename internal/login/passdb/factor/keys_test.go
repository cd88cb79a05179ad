package factor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fantail/internal/login/webauthn"
	"fantail/internal/login/webauthn/webauthntest"
)

const origin = "https://mail.example.org"

// add gives ann a key.
func add(t *testing.T, s *Store, label string) (*webauthntest.Key, []string) {
	t.Helper()
	u, has, err := s.User("ann")
	if err != nil || len(u.Handle) != handleSize {
		t.Fatal(u, err)
	}
	k, c := webauthntest.New(t, label), webauthn.NewChallenge()
	p, err := webauthn.PartyOf(origin)
	if err != nil {
		t.Fatal(err)
	}
	made, err := webauthn.Register(k.Create(t, origin, c), c, p)
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := s.AddKey("Ann", label, u, made)
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := s.User("ann"); err != nil || string(again.Handle) != string(u.Handle) || len(has) > 0 && len(secrets) > 0 {
		t.Errorf("%x, not %x, %v", again.Handle, u.Handle, err)
	}
	if _, err := s.AddKey("ann", "again", u, made); !errors.Is(err, ErrKnown) {
		t.Error(err)
	}
	var codes []string
	for _, c := range secrets {
		codes = append(codes, string(c))
	}
	return k, codes
}

func TestKeys(t *testing.T) {
	s, now := store(t, filepath.Join(t.TempDir(), "auth", "totp"))
	blue, recovery := add(t, s, "Blue key")
	if len(recovery) != RecoveryCodes {
		t.Errorf("%d recovery codes", len(recovery))
	}
	green, none := add(t, s, "Grün, tab")
	if none != nil {
		t.Errorf("other recovery codes: %d", len(none))
	}
	if w, err := s.Wanted("ann"); err != nil || w.App || len(w.Keys) != 2 || !w.Any() {
		t.Errorf("%+v, %v", w, err)
	}
	try := func(k *webauthntest.Key) (bool, error) {
		again, clock := store(t, s.dir.Path) // authd was started anew
		*clock = *now
		c := webauthn.NewChallenge()
		return again.VerifyKey(t.Context(), "ANN", c, k.Get(t, origin, c))
	}
	for range 2 {
		for _, k := range []*webauthntest.Key{blue, green} {
			if ok, err := try(k); !ok || err != nil {
				t.Errorf("%t, %v", ok, err)
			}
		}
	}
	if ok, err := try(webauthntest.New(t, "of another")); ok || err != nil {
		t.Errorf("another's key: %t, %v", ok, err)
	}
	// The counter is kept: what was heard once is void, whatever the challenge.
	c := webauthn.NewChallenge()
	heard := blue.Get(t, origin, c)
	if ok, err := s.VerifyKey(t.Context(), "ann", c, heard); !ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
	if ok, err := s.VerifyKey(t.Context(), "ann", c, heard); ok || !errors.Is(err, webauthn.ErrRefused) {
		t.Errorf("%t, %v", ok, err)
	}
	if ok, err := s.VerifyKey(t.Context(), "ann", c, blue.Get(t, "https://evil.example", c)); ok || !errors.Is(err, webauthn.ErrRefused) {
		t.Errorf("%t, %v", ok, err)
	}
	if ok, err := s.VerifyKey(t.Context(), "ann", c, []byte("{}")); ok || !errors.Is(err, webauthn.ErrRefused) {
		t.Errorf("%t, %v", ok, err)
	}
	if ok, err := s.Verify(t.Context(), "ann", recovery[0]); !ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
	if ok, err := s.Verify(t.Context(), "ann", recovery[0]); ok || err != nil {
		t.Errorf("a recovery code again: %t, %v", ok, err)
	}
	if ok, err := s.Verify(t.Context(), "ann", "123456"); ok || err != nil {
		t.Errorf("a code without an app: %t, %v", ok, err)
	}
	st, err := s.Status("ann")
	if err != nil || len(st.Keys) != 2 || st.Keys[1].Label != "Grün, tab" || st.Recovery != RecoveryCodes-1 || st.Keys[0].Used != dayOf(s.today()) || !st.Active() {
		t.Fatalf("%+v, %v", st, err)
	}
	// An app beside them brings no further recovery codes.
	secret, err := s.Begin("ann")
	if err != nil {
		t.Fatal(err)
	}
	if codes, err := s.Confirm("ann", secret.at(*now)); err != nil || codes != nil {
		t.Errorf("%v, %v", codes, err)
	}
	if err := s.RemoveKey("ann", st.Keys[0].ID); err != nil {
		t.Error(err)
	}
	if ok, err := try(blue); ok || err != nil {
		t.Errorf("a key that was removed: %t, %v", ok, err)
	}
	if err := s.RemoveKey("ann", st.Keys[0].ID); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	if err := s.RemoveApp("ann"); err != nil {
		t.Error(err)
	}
	if st, err := s.Status("ann"); err != nil || len(st.Keys) != 1 || st.App || st.Recovery != RecoveryCodes-1 {
		t.Errorf("%+v, %v", st, err)
	}
	if err := s.RemoveKey("ann", st.Keys[1].ID); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.File("ann")); !errors.Is(err, os.ErrNotExist) {
		t.Error("something is left:", err)
	}
	if _, err := try(green); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

func TestKeyLimits(t *testing.T) {
	s, _ := store(t, t.TempDir())
	for _, label := range []string{"", " x", "a\tb", "a\nb", "\xff", strings.Repeat("x", MaxLabel+1), "a\u2028b"} {
		if _, err := s.AddKey("ann", label, webauthn.User{}, webauthn.Credential{}); !errors.Is(err, ErrLabel) {
			t.Errorf("%q: %v", label, err)
		}
	}
	for i := range MostKeys {
		add(t, s, fmt.Sprint("key ", i))
	}
	u, has, err := s.User("ann")
	if err != nil || len(has) != MostKeys {
		t.Error(len(has), err)
	}
	if _, err := s.AddKey("ann", "one more", u, webauthn.Credential{ID: []byte("x")}); !errors.Is(err, ErrMost) {
		t.Error(err)
	}
}
