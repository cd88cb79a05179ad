package wire_test

import (
	"strings"
	"testing"

	"fantail/internal/imap/wire"
)

// Turning off what the second revision consists of turns that off, and so on.
func TestWithout(t *testing.T) {
	for _, tc := range []struct{ off, want string }{
		{"idle", "IDLE IMAP4REV2"},
		{"ESEARCH", "ESEARCH SEARCHRES PARTIAL IMAP4REV2"},
		{"Enable", "ENABLE IMAP4REV2 QRESYNC UTF8=ACCEPT"},
		{"condstore", "CONDSTORE QRESYNC"},
		{"imap4REV2", "IMAP4REV2"},
		{"X-NOTHING", "X-NOTHING"},
		{"SORT QUOTA", "SORT ESORT SORT=DISPLAY QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE"},
		{"", ""},
	} {
		off := wire.Without(strings.Fields(tc.off)...)
		want := strings.Fields(tc.want)
		for _, c := range want {
			if !off[c] {
				t.Errorf("without %s there is %s", tc.off, c)
			}
		}
		if len(off) != len(want) {
			t.Errorf("without %s: %v", tc.off, off)
		}
	}
}
