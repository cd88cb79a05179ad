package imapd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCommandTable checks what the columns of the table must have in common.
func TestCommandTable(t *testing.T) {
	rfcs, err := os.ReadFile(filepath.Join("..", "..", "..", "doc", "rfc"))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]*command)
	for i := range commands {
		c := &commands[i]
		if seen[c.name] != nil {
			t.Errorf("%s has two rows", c.name)
		}
		seen[c.name] = c
		if (c.run == nil) != (c.in == 0) {
			t.Errorf("%s is permitted in %d and has a handler: %v", c.name, c.in, c.run != nil)
		}
		if c.law != 0 && c.in&selectedState == 0 {
			t.Errorf("%s has rules for a state in which it is not permitted", c.name)
		}
		if (c.law&usesUIDs != 0) != strings.HasPrefix(c.name, "UID ") {
			t.Errorf("%s has usesUIDs: %v", c.name, c.law&usesUIDs != 0)
		}
		number, _, ok := strings.Cut(c.rfc, " ")
		if !ok || !regexp.MustCompile(`(?m)^`+number+` `).Match(rfcs) {
			t.Errorf("%s is the law of RFC %q", c.name, c.rfc)
		}
	}
	// RFC 9051 section 6.4.9: what a command may do does not depend on how it names
	// messages.
	for name, c := range seen {
		plain := seen[strings.TrimPrefix(name, "UID ")]
		if plain == nil || plain == c {
			continue
		}
		if plain.law&writes != c.law&writes || plain.in != c.in {
			t.Errorf("%s and %s have other rules", plain.name, c.name)
		}
		if c.law&usesNumbers != 0 {
			t.Errorf("%s uses numbers", name)
		}
	}
	for _, name := range []string{"FETCH", "STORE", "SEARCH"} { // RFC 9051 section 7.5.1
		if seen[name].law&usesNumbers == 0 {
			t.Errorf("%s does not use numbers", name)
		}
	}
}
