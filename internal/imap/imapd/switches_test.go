package imapd

import (
	"slices"
	"strings"
	"testing"

	"fantail/internal/imap/wire"
)

// The tables of switches have names that exist.
func TestSwitchesAreOfCapabilities(t *testing.T) {
	table := commandTable()
	for c, names := range commandsOf {
		row := slices.ContainsFunc(capabilities, func(r capability) bool { return r.name == c })
		for _, name := range names {
			if table[name] == nil && row {
				t.Errorf("%s has no command %s", c, name)
			}
			if table[name] != nil && !row && c != wire.CapID {
				t.Errorf("there is a command %s without %s", name, c)
			}
		}
	}
	for c := range commandsOf {
		if c != strings.ToUpper(c) {
			t.Errorf("%s is not in upper case", c)
		}
	}
}
