package imap_test

import (
	"slices"
	"strings"
	"testing"

	"fantail/internal/imap"
)

func TestScanEnable(t *testing.T) {
	for _, c := range []struct{ args, want, err string }{
		{" CONDSTORE", "CONDSTORE", ""},
		{" utf8=accept X-FOO", "utf8=accept X-FOO", ""},
		{"", "", "syntax"},
		{" ", "", "syntax"},
		{" A ", "", "syntax"},
		{" \"A\"", "", "syntax"},
		{strings.Repeat(" A", 100), strings.TrimSpace(strings.Repeat("A ", 100)), ""},
		{strings.Repeat(" A", 101), "", "limit: number of capabilities"},
	} {
		names, err := imap.ScanEnable(newScanner(t, c.args))
		if got := errorOf(err); got != c.err {
			t.Errorf("%.20q: error %q, want %q", c.args, got, c.err)
		}
		if err == nil && !slices.Equal(names, strings.Fields(c.want)) {
			t.Errorf("%.20q: %q", c.args, names)
		}
	}
}
