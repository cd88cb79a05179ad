package imap_test

import (
	"fmt"
	"strings"
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

// showReturn writes return options as a client does, with a space before.
func showReturn(r *imap.SearchReturn) string {
	if r == nil {
		return ""
	}
	var words []string
	for _, o := range []struct {
		set  bool
		name string
	}{{r.Min, "MIN"}, {r.Max, "MAX"}, {r.All, "ALL"}, {r.Count, "COUNT"}, {r.Save, "SAVE"}} {
		if o.set {
			words = append(words, o.name)
		}
	}
	if r.Partial != nil {
		words = append(words, "PARTIAL "+r.Partial.String())
	}
	return " RETURN (" + strings.Join(words, " ") + ")"
}

func TestScanReturn(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{"RETURN () ALL", " RETURN (ALL)", ""},
		{"RETURN (MIN) ALL", " RETURN (MIN)", ""},
		{"return (count max ALL Min) ALL", " RETURN (MIN MAX ALL COUNT)", ""},
		{"RETURN (SAVE) ALL", " RETURN (SAVE)", ""},
		{"RETURN (SAVE SAVE) ALL", " RETURN (SAVE)", ""},
		{"RETURN (PARTIAL 1:500) ALL", " RETURN (PARTIAL 1:500)", ""},
		{"RETURN (COUNT PARTIAL -1:-100 SAVE) ALL", " RETURN (COUNT SAVE PARTIAL -1:-100)", ""},
		{"RETURN (PARTIAL 500:1) ALL", " RETURN (PARTIAL 500:1)", ""},
		{"RETURN (MIN) CHARSET UTF-8 ALL", " RETURN (MIN)", ""},
		{"RETURN (PARTIAL 1:5 ALL) ALL", "", "syntax"},         // RFC 9394 section 3.1
		{"RETURN (PARTIAL 1:5 PARTIAL 6:9) ALL", "", "syntax"}, // RFC 9394 section 3.1
		{"RETURN (PARTIAL 1) ALL", "", "syntax"},
		{"RETURN (PARTIAL 0:5) ALL", "", "syntax"},
		{"RETURN (PARTIAL 1:-5) ALL", "", "syntax"},
		{"RETURN (PARTIAL -1:5) ALL", "", "syntax"},
		{"RETURN (PARTIAL 1:*) ALL", "", "syntax"},
		{"RETURN (PARTIAL) ALL", "", "syntax"},
		{"RETURN (CONTEXT) ALL", "", "syntax"}, // not offered
		{"RETURN (MIN", "", "syntax"},
		{"RETURN MIN ALL", "", "syntax"},
		{"RETURN(MIN) ALL", "", "syntax"},
		{"RETURN (MIN)", "", "syntax"},
		{"RETURN ( MIN) ALL", "", "syntax"},
	} {
		s := newScanner(t, " "+c.in)
		a, err := imap.ScanSearch(s)
		if errorOf(err) != c.err || err == nil && showReturn(a.Return) != c.want {
			t.Errorf("SEARCH %s: %s, %v; want %s, %s", c.in, showReturn(a.Return), err, c.want, c.err)
		}
		inStep(t, s)
	}
	a, err := imap.ScanSearch(newScanner(t, " RETURN (SAVE) CHARSET X TEXT y"))
	if errorOf(err) != "unknown charset" || a.Return == nil || !a.Return.Save {
		t.Errorf("options before an unknown charset: %+v, %v", a.Return, err)
	}
}

func TestPartialRange(t *testing.T) {
	for _, c := range []struct {
		r      imap.PartialRange
		n      int
		lo, hi int
	}{
		{imap.PartialRange{From: 1, To: 500}, 1000, 0, 500},
		{imap.PartialRange{From: 500, To: 1}, 1000, 0, 500},
		{imap.PartialRange{From: 501, To: 1000}, 700, 500, 700},
		{imap.PartialRange{From: 24000, To: 24500}, 23764, 23764, 23764},
		{imap.PartialRange{From: 1, To: 1}, 1, 0, 1},
		{imap.PartialRange{From: 1, To: 1}, 0, 0, 0},
		{imap.PartialRange{From: 1, To: 100, Last: true}, 1000, 900, 1000},
		{imap.PartialRange{From: 100, To: 1, Last: true}, 50, 0, 50},
		{imap.PartialRange{From: 51, To: 60, Last: true}, 50, 0, 0},
		{imap.PartialRange{From: 4294967295, To: 4294967295, Last: true}, 50, 0, 0},
	} {
		lo, hi := c.r.Cut(c.n)
		if lo != c.lo || hi != c.hi {
			t.Errorf("%s of %d: from %d to %d, want %d to %d", c.r, c.n, lo, hi, c.lo, c.hi)
		}
	}
}

var sortNames = []string{"ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO"}

func showSort(t testing.TB, a imap.SortArgs) string {
	var by []string
	for _, c := range a.By {
		name := sortNames[c.Key]
		if c.Reverse {
			name = "REVERSE " + name
		}
		by = append(by, name)
	}
	return fmt.Sprintf("%s (%s) UTF-8 %s", showReturn(a.Return), strings.Join(by, " "), showOuter(t, a.Key))
}

func TestScanSort(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{"(SUBJECT) UTF-8 SINCE 1-Feb-1994", " (SUBJECT) UTF-8 SINCE 1-Feb-1994", ""},
		{"(subject reverse date) us-ascii ALL", " (SUBJECT REVERSE DATE) UTF-8 ALL", ""},
		{"(ARRIVAL CC DATE FROM SIZE SUBJECT TO DISPLAYFROM DISPLAYTO) UTF-8 1:5", " (ARRIVAL CC DATE FROM SIZE SUBJECT TO DISPLAYFROM DISPLAYTO) UTF-8 1:5", ""},
		{"RETURN (MIN ALL) (SIZE) \"utf-8\" ALL", " RETURN (MIN ALL) (SIZE) UTF-8 ALL", ""},
		{"(SUBJECT) X-Klingon ALL", "", "unknown charset"},
		{"() UTF-8 ALL", "", "syntax"},
		{"(REVERSE) UTF-8 ALL", "", "syntax"},
		{"(REVERSE REVERSE DATE) UTF-8 ALL", "", "syntax"},
		{"(SENDER) UTF-8 ALL", "", "syntax"},
		{"SUBJECT UTF-8 ALL", "", "syntax"},
		{"(SUBJECT) ALL", "", "syntax"},
		{"(SUBJECT) UTF-8", "", "syntax"},
		{"(SUBJECT) UTF-8 ", "", "syntax"},
		{"(" + strings.Repeat("SIZE ", 32) + "SIZE) UTF-8 ALL", "", "limit: number of sort criteria"},
	} {
		s := newScanner(t, " "+c.in)
		a, err := imap.ScanSort(s)
		if errorOf(err) != c.err || err == nil && showSort(t, a) != c.want {
			t.Errorf("SORT %s: %v, want %s, %s", c.in, err, c.want, c.err)
		}
		inStep(t, s)
	}
}

var threadNames = []string{"ORDEREDSUBJECT", "REFERENCES", "REFS"}

func showThread(t testing.TB, a imap.ThreadArgs) string {
	return fmt.Sprintf(" %s UTF-8 %s", threadNames[a.Algorithm], showOuter(t, a.Key))
}

func TestScanThread(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{"ORDEREDSUBJECT UTF-8 SINCE 5-Mar-2000", " ORDEREDSUBJECT UTF-8 SINCE 5-Mar-2000", ""},
		{"references us-ascii TEXT gewp", ` REFERENCES UTF-8 TEXT "gewp"`, ""},
		{"REFS UTF-8 ALL", " REFS UTF-8 ALL", ""},
		{"REFS KOI8-R ALL", "", "unknown charset"},
		{"JWZ UTF-8 ALL", "", "syntax"},
		{"REFS UTF-8", "", "syntax"},
		{"RETURN (ALL) REFS UTF-8 ALL", "", "syntax"},
	} {
		s := newScanner(t, " "+c.in)
		a, err := imap.ScanThread(s)
		if errorOf(err) != c.err || err == nil && showThread(t, a) != c.want {
			t.Errorf("THREAD %s: %v, want %s, %s", c.in, err, c.want, c.err)
		}
		inStep(t, s)
	}
}

func FuzzScanSort(f *testing.F) {
	f.Add(" (SUBJECT REVERSE DATE) UTF-8 ALL")
	f.Add(" RETURN (PARTIAL 1:5 COUNT) (DISPLAYFROM REVERSE SIZE) {5}\r\nutf-8 OR 1 SEEN")
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanSort, func(a imap.SortArgs) string { return showSort(t, a) })
	})
}

func FuzzScanThread(f *testing.F) {
	f.Add(" REFERENCES UTF-8 SINCE 5-Mar-2000")
	f.Add(" orderedsubject \"us-ascii\" (NOT 1)")
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanThread, func(a imap.ThreadArgs) string { return showThread(t, a) })
	})
}

// FuzzPartialRange: what is cut lies within the results.
func FuzzPartialRange(f *testing.F) {
	f.Add("1:500", 1000)
	f.Add("-1:-100", 7)
	f.Fuzz(func(t *testing.T, in string, n int) {
		p, err := func(s *wire.Scanner) (imap.PartialRange, error) {
			p := imap.ScanPartialRange(s)
			s.CRLF()
			return p, s.Err()
		}(newScanner(t, strings.NewReplacer("\r", "", "\n", "").Replace(in)))
		if err != nil || n < 0 {
			return
		}
		lo, hi := p.Cut(n)
		if lo < 0 || hi < lo || hi > n || int64(hi-lo) > int64(max(p.From, p.To)-min(p.From, p.To))+1 {
			t.Errorf("%s of %d: from %d to %d", p, n, lo, hi)
		}
	})
}
