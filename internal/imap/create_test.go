package imap_test

import (
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

func showCreate(t testing.TB, a imap.CreateArgs) string {
	name := encode(t, false, func(e *wire.Encoder) { imap.WriteMailbox(e, a.Mailbox) })
	if len(a.Uses) == 0 {
		return " " + name
	}
	return " " + name + " (USE " + list(a.Uses, func(u string) string { return u }) + ")"
}

func TestScanCreate(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{"box", "box", ""},
		{`"box."`, "box.", ""},
		{`box (USE (\Sent))`, `box (USE (\Sent))`, ""},
		{`box (use (\sent \DRAFTS \Sent \X-New))`, `box (USE (\Sent \Drafts \X-New))`, ""},
		{`box (USE (\Sent) USE (\Junk))`, `box (USE (\Sent \Junk))`, ""},
		{"box (USE ())", "box", ""},
		{"box ()", "", "syntax"},
		{"box (USE)", "", "syntax"},
		{`box (USE \Sent)`, "", "syntax"},
		{"box (PARTITION x)", "", "syntax"},
		{`box USE (\Sent)`, "", "syntax"},
		{`box (USE (\Sent)) x`, "", "syntax"},
		{`&AGE- (USE (\Sent))`, "", imap.ErrMailboxName.Error()},
	} {
		s := newScanner(t, " "+c.in)
		a, err := imap.ScanCreate(s)
		if errorOf(err) != c.err || err == nil && showCreate(t, a) != " "+c.want {
			t.Errorf("CREATE %s =%s, %v; want %s, %s", c.in, showCreate(t, a), err, c.want, c.err)
		}
		inStep(t, s)
	}
}

func FuzzScanCreate(f *testing.F) {
	f.Add(` "a &AOQ-" (USE (\Sent \Junk) USE (\X))`)
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanCreate, func(a imap.CreateArgs) string { return showCreate(t, a) })
	})
}
