package imap_test

import (
	"fmt"
	"strings"
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

// showSelect writes the arguments of SELECT as a client does.
func showSelect(t testing.TB, a imap.SelectArgs) string {
	var params []string
	if a.CondStore {
		params = append(params, "CONDSTORE")
	}
	if q := a.QResync; q != nil {
		p := fmt.Sprintf("QRESYNC (%d %d", q.UIDValidity, q.ModSeq)
		if q.Known != nil {
			p += " " + q.Known.String()
		}
		if q.Numbers != nil {
			p += fmt.Sprintf(" (%s %s)", q.Numbers, q.UIDs)
		}
		params = append(params, p+")")
	}
	out := " " + encode(t, false, func(e *wire.Encoder) { imap.WriteMailbox(e, a.Mailbox) })
	if len(params) > 0 {
		out += " (" + strings.Join(params, " ") + ")"
	}
	return out
}

func TestScanSelect(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{` inbox`, ` INBOX`, ""},
		{` "a b" (condstore)`, ` "a b" (CONDSTORE)`, ""},
		{` {1}` + "\r\n" + `x (CONDSTORE CONDSTORE)`, ` x (CONDSTORE)`, ""},
		{` x (QRESYNC (67890007 90060115194045000))`, ` x (QRESYNC (67890007 90060115194045000))`, ""},
		{` x (QRESYNC (1 2 41,43:211,214:541))`, ` x (QRESYNC (1 2 41,43:211,214:541))`, ""},
		{` x (QRESYNC (1 2 7:1) CONDSTORE)`, ` x (CONDSTORE QRESYNC (1 2 7:1))`, ""},
		{` x (qresync (1 0 1:9 (3,5:6 4:6)))`, ` x (QRESYNC (1 0 1:9 (3,5:6 4:6)))`, ""},
		{` x (QRESYNC (1 2 (1 2)))`, ` x (QRESYNC (1 2 (1 2)))`, ""}, // both are optional
		{` x (QRESYNC (0 2))`, "", "syntax"},
		{` x (QRESYNC (01 2))`, "", "syntax"},
		{` x (QRESYNC (1 9223372036854775808))`, "", "syntax"},
		{` x (QRESYNC (4294967296 2))`, "", "syntax"},
		{` x (QRESYNC (1))`, "", "syntax"},
		{` x (QRESYNC 1)`, "", "syntax"},
		{` x (QRESYNC)`, "", "syntax"},
		{` x (QRESYNC (1 2 *))`, "", "syntax"},
		{` x (QRESYNC (1 2 1:*))`, "", "syntax"},
		{` x (QRESYNC (1 2 1:9 (1 *)))`, "", "syntax"},
		{` x (QRESYNC (1 2 1:9 (1:2 5)))`, "", "syntax"},
		{` x (QRESYNC (1 2 1:9 (2,1 5,6)))`, "", "syntax"},
		{` x (QRESYNC (1 2 1:9 (1:2 6:5)))`, "", "syntax"},
		{` x (QRESYNC (1 2 1:9 (1,1 5,6)))`, "", "syntax"},
		{` x (QRESYNC (1 2 1:9 (1)))`, "", "syntax"},
		{` x (QRESYNC (1 2 1:9 ()))`, "", "syntax"},
		{` x (QRESYNC (1 2 1:9 (1 1) ))`, "", "syntax"},
		{` x (QRESYNC (1 2) QRESYNC (1 2))`, "", "syntax"},
		{` x (BLURDYBLOOP)`, "", "syntax"},
		{` x ()`, "", "syntax"},
		{` x `, "", "syntax"},
		{` x CONDSTORE`, "", "syntax"},
		{``, "", "syntax"},
	} {
		s := newScanner(t, c.in)
		a, err := imap.ScanSelect(s)
		if errorOf(err) != c.err || err == nil && showSelect(t, a) != c.want {
			t.Errorf("SELECT%s = %s, %v; want %s, %s", c.in, showSelect(t, a), err, c.want, c.err)
		}
		inStep(t, s)
	}
}

func FuzzScanSelect(f *testing.F) {
	f.Add(` INBOX (QRESYNC (67890007 90060115194045000 1:29997 (5000,7500,9000,9990:9999 15000,22500,27000,29970:29979)))`)
	f.Add(` "x" (CONDSTORE QRESYNC (1 0))`)
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanSelect, func(a imap.SelectArgs) string { return showSelect(t, a) })
	})
}
