package webmail

import (
	"os"
	"strings"
	"testing"

	"fantail/internal/locale"
)

// What the help on keys says is what the script does.
func TestKeys(t *testing.T) {
	script, err := os.ReadFile("../../web/src/app/keys.js")
	if err != nil {
		t.Fatal(err)
	}
	english := locale.Match("en", "")
	names := map[string]string{"↓": "ArrowDown", "↑": "ArrowUp", "Del": "Delete", "Esc": "Escape"}
	for _, g := range keyMap {
		if !english.Has("keys." + g.Name) {
			t.Errorf("keys.%s is not in the catalogue", g.Name)
		}
		for _, k := range g.Keys {
			if !english.Has("keys." + k.Name) {
				t.Errorf("keys.%s is not in the catalogue", k.Name)
			}
			for _, text := range k.Keys {
				for _, one := range strings.Split(text, " / ") {
					if name, ok := names[one]; ok {
						one = name
					}
					if one == "Shift" || one == "Enter" { // which browsers do
						continue
					}
					if !strings.Contains(string(script), "'"+one+"':") {
						t.Errorf("keys.js has no %q", one)
					}
				}
			}
		}
	}
}
