package imap_test

import (
	"fmt"
	"strings"
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

// showFlags writes flags as a client does.
func showFlags(t testing.TB, f imap.Flags) string {
	return encode(t, false, func(e *wire.Encoder) { imap.WriteFlags(e, f.System, f.Keywords, false) })
}

func TestScanFlagList(t *testing.T) {
	many := func(n int) string {
		words := make([]string, n)
		for i := range words {
			words[i] = fmt.Sprint("k", i)
		}
		return "(" + strings.Join(words, " ") + ")"
	}
	long := strings.Repeat("k", mail.MaxKeyword)
	for _, c := range []struct{ in, want, err string }{
		{"()", "()", ""},
		{`(\Seen)`, `(\Seen)`, ""},
		{`(\sEEN \draft \SEEN)`, `(\Seen \Draft)`, ""},
		{`(\Recent)`, "()", ""},
		{`(\Seen \recent $Junk)`, `(\Seen $Junk)`, ""},
		{"($Forwarded NIL Work work)", "($Forwarded NIL Work)", ""},
		{`(\Foo)`, "", "syntax"},
		{`(\*)`, "", "syntax"},
		{`(\Seen`, "", "syntax"},
		{`\Seen`, "", "syntax"},
		{`("Work")`, "", "syntax"},
		{"(a]b)", "", "syntax"},
		{"(\xc3\xa4)", "", "syntax"},
		{"(a  b)", "", "syntax"},
		{"(" + long + ")", "(" + long + ")", ""},
		{"(" + long + "k)", "", "limit: keyword"},
		{many(100), many(100), ""},
		{many(101), "", "limit: number of keywords"},
	} {
		s := newScanner(t, c.in)
		f := imap.ScanFlagList(s)
		s.CRLF()
		if err := errorOf(s.Err()); err != c.err {
			t.Errorf("%.40s: %s, want %s", c.in, err, c.err)
		} else if got := showFlags(t, f); err == "" && got != c.want {
			t.Errorf("%.40s = %s, want %s", c.in, got, c.want)
		}
		inStep(t, s)
	}
}

func TestWriteFlags(t *testing.T) {
	got := encode(t, false, func(e *wire.Encoder) {
		imap.WriteFlags(e, mail.AllFlags, []mail.Keyword{"Work", "two words", "", "x\r\n* BYE", "$Junk"}, true)
	})
	if want := `(\Answered \Flagged \Deleted \Seen \Draft Work $Junk \Recent)`; got != want {
		t.Errorf("WriteFlags = %s, want %s", got, want)
	}
}

func showStore(t testing.TB, a imap.StoreArgs) string {
	sign := map[mail.Op]string{mail.Replace: "", mail.Add: "+", mail.Remove: "-"}[a.Op]
	silent := ""
	if a.Silent {
		silent = ".SILENT"
	}
	since := ""
	if a.UnchangedSince != nil {
		since = fmt.Sprintf(" (UNCHANGEDSINCE %d)", *a.UnchangedSince)
	}
	return fmt.Sprintf(" %s%s %sFLAGS%s %s", a.Set, since, sign, silent, showFlags(t, a.Flags))
}

func TestScanStore(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{` 1:* flags (\Seen)`, ` 1:* FLAGS (\Seen)`, ""},
		{` 1 +FLAGS.Silent ()`, ` 1 +FLAGS.SILENT ()`, ""},
		{` 1 -FLAGS \Seen $Junk`, ` 1 -FLAGS (\Seen $Junk)`, ""},
		{` 1 FLAGS \Recent`, ` 1 FLAGS ()`, ""},
		{` 1 FLAGS`, "", "syntax"},
		{` 1 FLAGS `, "", "syntax"},
		{` 1 +-FLAGS ()`, "", "syntax"},
		{` 1 FLAGS.LOUD ()`, "", "syntax"},
		{` 1 FLAGS () `, "", "syntax"},
		{` 1 FLAGS (\Seen) (\Draft)`, "", "syntax"},
		{` FLAGS ()`, "", "syntax"},
		{` 1 (UnchangedSince 5) FLAGS ()`, ` 1 (UNCHANGEDSINCE 5) FLAGS ()`, ""},
		{` 1 (UNCHANGEDSINCE 0) +FLAGS.SILENT $x`, ` 1 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($x)`, ""},
		{` 1 (UNCHANGEDSINCE 5 UNCHANGEDSINCE 5) FLAGS ()`, "", "syntax"},
		{` 1 (UNCHANGEDSINCE -1) FLAGS ()`, "", "syntax"},
		{` 1 (UNCHANGEDSINCE) FLAGS ()`, "", "syntax"},
		{` 1 (BLURDYBLOOP 5) FLAGS ()`, "", "syntax"},
		{` 1 () FLAGS ()`, "", "syntax"},
		{` 1 (UNCHANGEDSINCE 5)`, "", "syntax"},
	} {
		s := newScanner(t, c.in)
		a, err := imap.ScanStore(s)
		if errorOf(err) != c.err || err == nil && showStore(t, a) != c.want {
			t.Errorf("STORE%s = %s, %v; want %s, %s", c.in, showStore(t, a), err, c.want, c.err)
		}
		inStep(t, s)
	}
}

func FuzzScanStore(f *testing.F) {
	f.Add(` 1:*,7 +FLAGS.SILENT (\Seen $Junk NIL)`)
	f.Add(` 2 FLAGS \Deleted \Recent x`)
	f.Add(` 2 (UNCHANGEDSINCE 17) -FLAGS (\Deleted)`)
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanStore, func(a imap.StoreArgs) string { return showStore(t, a) })
	})
}
