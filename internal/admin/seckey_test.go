package admin

import (
	"strings"
	"testing"

	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/webauthn"
	"fantail/internal/login/webauthn/webauthntest"
)

// TestSecurityKeys lists and removes what was added in webmail.
func TestSecurityKeys(t *testing.T) {
	s := open(t, odd, `auth.virtual_uid = "1000"`, `auth.virtual_gid = "1000"`)
	store := factor.Open(s.path("auth/totp"))
	p, err := webauthn.PartyOf("https://mail.example.org")
	if err != nil {
		t.Fatal(err)
	}
	for _, label := range []string{"Blue", "Green", "Green"} {
		u, has, err := store.User("bob")
		if err != nil {
			t.Fatal(err)
		}
		c := webauthn.NewChallenge()
		made, err := webauthn.Register(webauthntest.New(t, label+string(rune('0'+len(has)))).Create(t, p.Origin, c), c, p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.AddKey("bob", label, u, made); err != nil {
			t.Fatal(err)
		}
	}
	out, _ := s.runs(exitOK, "", "seckey", "list", "Bob")
	if strings.Count(out, " never ") != 3 || strings.Count(out, "https://mail.example.org") != 3 || strings.Count(out, " Green\n") != 2 {
		t.Error(out)
	}
	if out, _ := s.runs(exitOK, "", "seckey", "list", "bob", "-j"); strings.Count(out, `"label":"Green"`) != 2 {
		t.Error(out)
	}
	if out := s.checks("bob"); !strings.Contains(out, "with a security key (3)") {
		t.Error(out)
	}
	s.runs(exitData, "", "seckey", "del", "bob", "Red")
	s.runs(exitData, "", "seckey", "del", "bob", "Green")
	s.runs(exitOK, "", "seckey", "del", "bob", "Blue")
	st, err := store.Status("bob")
	if err != nil || len(st.Keys) != 2 {
		t.Fatal(st, err)
	}
	s.runs(exitOK, "", "seckey", "del", "bob", st.Keys[0].ID)
	// An app beside it, and gone again.
	if out := s.adds(exitOK, codeOf, "bob"); len(strings.Split(strings.TrimSpace(out), "\n")) != 2 {
		t.Errorf("recovery codes a second time: %s", out)
	}
	if out := s.checks("bob"); !strings.Contains(out, "with a code or a security key (1)") {
		t.Error(out)
	}
	if out, _ := s.runs(exitOK, "", "totp", "del", "bob"); !strings.Contains(out, "its security keys") {
		t.Error(out)
	}
	if out, _ := s.runs(exitOK, "", "seckey", "del", "bob", "Green"); !strings.Contains(out, "last second factor") {
		t.Error(out)
	}
	if out, _ := s.runs(exitOK, "", "seckey", "list", "nobody-here"); strings.Contains(out, "example") {
		t.Error(out)
	}
}
