package imap_test

import (
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

// showCopy writes the arguments of COPY as a client does.
func showCopy(t testing.TB, utf8 bool) func(imap.CopyArgs) string {
	return func(a imap.CopyArgs) string {
		name := encode(t, utf8, func(e *wire.Encoder) { imap.WriteMailbox(e, a.Mailbox) })
		return " " + a.Set.String() + " " + name
	}
}

func TestScanCopy(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{" 1 box", " 1 box", ""},
		{" 3,1:2,* \"a b\"", ` 3,1:2,* "a b"`, ""},
		{" 1 inbox", " 1 INBOX", ""},
		{" 1 {3}\r\nbox", " 1 box", ""},
		{" 1 Entw&APw-rfe", " 1 Entw&APw-rfe", ""},
		{" 1 &bad", "", imap.ErrMailboxName.Error()},
		{" 1", "", "syntax"},
		{" 1 ", "", "syntax"},
		{" box", "", "syntax"},
		{" 0 box", "", "syntax"},
		{" 1 box ", "", "syntax"},
		{" 1  box", "", "syntax"},
	} {
		s := newScanner(t, c.in)
		a, err := imap.ScanCopy(s)
		if errorOf(err) != c.err {
			t.Errorf("COPY%s: error %v, want %s", c.in, err, c.err)
		} else if err == nil && showCopy(t, false)(a) != c.want {
			t.Errorf("COPY%s = %+v, want %s", c.in, a, c.want)
		}
		inStep(t, s)
	}
}

func TestScanUIDExpunge(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{" 5:*", "5:*", ""},
		{"", "", "syntax"},
		{" ", "", "syntax"},
		{" 0", "", "syntax"},
		{" 1 2", "", "syntax"},
	} {
		s := newScanner(t, c.in)
		set, err := imap.ScanUIDExpunge(s)
		if errorOf(err) != c.err || err == nil && set.String() != c.want {
			t.Errorf("UID EXPUNGE%s = %s, %v; want %s, %s", c.in, set, err, c.want, c.err)
		}
		inStep(t, s)
	}
}

func FuzzScanCopy(f *testing.F) {
	f.Add(" 1:3,* INBOX", false)
	f.Add(" 7 \"a\\\"b\"", false)
	f.Add(" 1 {2}\r\nab", true)
	f.Add(" 1 \"\u00fc\"", true)
	f.Fuzz(func(t *testing.T, in string, utf8 bool) { fuzzScan(t, in, utf8, imap.ScanCopy, showCopy(t, utf8)) })
}

func FuzzScanUIDExpunge(f *testing.F) {
	f.Add(" 1:3,*")
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanUIDExpunge, func(set imap.SeqSet) string { return " " + set.String() })
	})
}
