package imap_test

import (
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

func TestScanQuota(t *testing.T) {
	for _, c := range []struct {
		scan          func(*wire.Scanner) (string, error)
		in, want, err string
	}{
		{imap.ScanGetQuota, `""`, "", ""},
		{imap.ScanGetQuota, `"User quota"`, "User quota", ""},
		{imap.ScanGetQuota, "{3}\r\na b", "a b", ""},
		{imap.ScanGetQuota, "INBOX", "INBOX", ""},
		{imap.ScanGetQuota, "", "", "syntax"},
		{imap.ScanGetQuota, "a b", "", "syntax"},
		{imap.ScanGetQuotaRoot, "inbox", "INBOX", ""},
		{imap.ScanGetQuotaRoot, "&AOQ-", "ä", ""},
		{imap.ScanGetQuotaRoot, "&AGE-", "", imap.ErrMailboxName.Error()},
		{imap.ScanGetQuotaRoot, "(a)", "", "syntax"},
	} {
		s := newScanner(t, " "+c.in)
		got, err := c.scan(s)
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

func FuzzScanGetQuotaRoot(f *testing.F) {
	f.Add(` "a &AOQ-"`)
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanGetQuotaRoot, func(name string) string {
			return " " + encode(t, false, func(e *wire.Encoder) { imap.WriteMailbox(e, name) })
		})
	})
}
