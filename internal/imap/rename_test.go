package imap_test

import (
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

func showNames(t testing.TB, names ...string) (out string) {
	for _, n := range names {
		out += " " + encode(t, false, func(e *wire.Encoder) { imap.WriteMailbox(e, n) })
	}
	return out
}

func showRename(t testing.TB, a imap.RenameArgs) string { return showNames(t, a.From, a.To) }

func TestScanRename(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{` a b`, ` a b`, ""},
		{` inbox "In Box"`, ` INBOX "In Box"`, ""},
		{` {1}` + "\r\n" + `x {3}` + "\r\n" + `nil`, ` x "nil"`, ""},
		{` Entw&APw-rfe &AOkA4g-`, ` Entw&APw-rfe &AOkA4g-`, ""},
		{` a`, "", "syntax"},
		{` a `, "", "syntax"},
		{` a b c`, "", "syntax"},
		{` a  b`, "", "syntax"},
		{` a &Jj`, "", imap.ErrMailboxName.Error()},
		{``, "", "syntax"},
	} {
		s := newScanner(t, c.in)
		a, err := imap.ScanRename(s)
		if errorOf(err) != c.err || err == nil && showRename(t, a) != c.want {
			t.Errorf("RENAME%s = %s, %v; want %s, %s", c.in, showRename(t, a), err, c.want, c.err)
		}
		inStep(t, s)
	}
}

func TestScanOneMailbox(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{` Inbox`, ` INBOX`, ""},
		{` NIL`, ` "NIL"`, ""},
		{``, "", "syntax"},
		{` a b`, "", "syntax"},
	} {
		s := newScanner(t, c.in)
		name, err := imap.ScanOneMailbox(s)
		if errorOf(err) != c.err || err == nil && showNames(t, name) != c.want {
			t.Errorf("DELETE%s = %s, %v; want %s, %s", c.in, showNames(t, name), err, c.want, c.err)
		}
		inStep(t, s)
	}
}

func FuzzScanRename(f *testing.F) {
	f.Add(` INBOX Old/2020`)
	f.Add(" \"a\\\"b\" {4+}\r\n&AOk")
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanRename, func(a imap.RenameArgs) string { return showRename(t, a) })
	})
}

func FuzzScanOneMailbox(f *testing.F) {
	f.Add(` INBOX`)
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanOneMailbox, func(name string) string { return showNames(t, name) })
	})
}
