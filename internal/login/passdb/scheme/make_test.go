package scheme

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMake(t *testing.T) {
	if !slices.Contains(Names(), Default) {
		t.Fatal("the default is not made")
	}
	for _, name := range Names() {
		field, err := Make(strings.ToLower(name), right)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		h, err := Parse(field)
		if err != nil || !h.Verify(right) {
			t.Errorf("%s: %s: %v", name, field, err)
		}
		if strings.ContainsAny(field, ": \t\r\n") || strings.Contains(field, right) {
			t.Errorf("%s does not fit a passwd-file", field)
		}
		if c := h.Cost(); c.Memory > 65<<20 || c.Time > 250*time.Millisecond {
			t.Errorf("%s costs %+v", name, c)
		}
		if h.Cost().Time < 10*time.Millisecond && name != "PLAIN" {
			if again, err := Make(name, right); again == field || err != nil {
				t.Errorf("%s has the same salt twice: %v", name, err)
			}
		}
	}
}

func TestMakePlain(t *testing.T) {
	for password, want := range map[string]string{
		"secret":   "{PLAIN}secret",
		"a}b$1$":   "{PLAIN}a}b$1$",
		"a:b":      "{PLAIN.b64}YTpi",
		" x":       "{PLAIN.b64}IHg=",
		"a\tb":     "{PLAIN.b64}YQli",
		"line\n":   "{PLAIN.b64}bGluZQo=",
		"\u00e4":   "{PLAIN.b64}w6Q=",
		"\xff\x7f": "{PLAIN.b64}/38=",
	} {
		field, err := Make("PLAIN", password)
		if field != want || err != nil {
			t.Errorf("%q: %s, %v", password, field, err)
		}
		if ok, err := Verify(field, password); !ok || err != nil {
			t.Errorf("%q is not in %s: %v", password, field, err)
		}
	}
}

func TestMakeRefuses(t *testing.T) {
	for _, test := range []struct{ name, password string }{
		{"", right}, {"SSHA", right}, {"MD5-CRYPT", right}, {"ROT13", right},
		{Default, ""}, {Default, "a\x00b"}, {Default, strings.Repeat("x", MaxPassword+1)},
	} {
		if field, err := Make(test.name, test.password); err == nil || field != "" || strings.Contains(err.Error(), right) {
			t.Errorf("%s: %s, %v", test.name, field, err)
		}
	}
}
