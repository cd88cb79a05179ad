package imap_test

import (
	"testing"

	"fantail/internal/imap"
)

func TestScanGetQuota(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{`""`, "", ""},
		{`"User quota"`, "User quota", ""},
		{"{3}\r\na b", "a b", ""},
		{"INBOX", "INBOX", ""},
		{"", "", "syntax"},
		{"a b", "", "syntax"},
	} {
		s := newScanner(t, " "+c.in)
		got, err := imap.ScanGetQuota(s)
		if errorOf(err) != c.err || err == nil && got != c.want {
			t.Errorf("%q: %q, %v; want %q, %s", c.in, got, err, c.want, c.err)
		}
		inStep(t, s)
	}
}

func FuzzScanGetQuota(f *testing.F) {
	f.Add(` "User quota"`)
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanGetQuota, func(root string) string { return " " + quoted(t, root) })
	})
}
