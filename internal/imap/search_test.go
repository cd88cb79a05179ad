package imap_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"fantail/internal/imap"
	"fantail/internal/mail"
)

// showSearch writes a key as a client does, with the names of flags that keys
// have.
func showSearch(t testing.TB, q *imap.Search) string {
	date := func(name string) string { return name + " " + q.Date.Format("2-Jan-2006") }
	keys := func() string {
		var words []string
		for _, k := range q.Keys {
			words = append(words, showSearch(t, k))
		}
		return strings.Join(words, " ")
	}
	switch q.Op {
	case imap.SearchAll:
		return "ALL"
	case imap.SearchAnd:
		return "(" + keys() + ")"
	case imap.SearchOr:
		return strings.Repeat("OR ", len(q.Keys)-1) + keys()
	case imap.SearchNot:
		return "NOT " + keys()
	case imap.SearchSeq:
		return q.Set.String()
	case imap.SearchUID:
		return "UID " + q.Set.String()
	case imap.SearchFlag:
		return strings.ToUpper(flagNames[q.Flag])
	case imap.SearchKeyword:
		return "KEYWORD " + string(q.Keyword)
	case imap.SearchRecent:
		return "RECENT"
	case imap.SearchLarger:
		return fmt.Sprint("LARGER ", q.Number)
	case imap.SearchSmaller:
		return fmt.Sprint("SMALLER ", q.Number)
	case imap.SearchHeader:
		return "HEADER " + quoted(t, q.Field) + " " + quoted(t, q.Text)
	case imap.SearchBody:
		return "BODY " + quoted(t, q.Text)
	case imap.SearchEmailID:
		return "EMAILID " + q.Text
	case imap.SearchThreadID:
		return "THREADID " + q.Text
	case imap.SearchText:
		return "TEXT " + quoted(t, q.Text)
	}
	if name, ok := map[imap.SearchOp]string{
		imap.SearchOlder: "OLDER", imap.SearchYounger: "YOUNGER", imap.SearchModSeq: "MODSEQ",
	}[q.Op]; ok {
		return fmt.Sprint(name, " ", q.Number)
	}
	return date(map[imap.SearchOp]string{
		imap.SearchSavedBefore: "SAVEDBEFORE", imap.SearchSavedOn: "SAVEDON", imap.SearchSavedSince: "SAVEDSINCE",
		imap.SearchBefore: "BEFORE", imap.SearchOn: "ON", imap.SearchSince: "SINCE",
		imap.SearchSentBefore: "SENTBEFORE", imap.SearchSentOn: "SENTON", imap.SearchSentSince: "SENTSINCE",
	}[q.Op])
}

var flagNames = map[mail.Flags]string{
	mail.Seen: "seen", mail.Answered: "answered", mail.Flagged: "flagged", mail.Deleted: "deleted", mail.Draft: "draft",
}

func TestScanSearch(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{"ALL", "(ALL)", ""},
		{"all seen", "(ALL SEEN)", ""},
		{"ANSWERED DELETED DRAFT FLAGGED SEEN", "(ANSWERED DELETED DRAFT FLAGGED SEEN)", ""},
		{"UNANSWERED UNDELETED UNDRAFT UNFLAGGED UNSEEN", "(NOT ANSWERED NOT DELETED NOT DRAFT NOT FLAGGED NOT SEEN)", ""},
		{"NEW OLD RECENT", "((RECENT NOT SEEN) NOT RECENT RECENT)", ""},
		{"2,4:* UID 7", "(2,4:* UID 7)", ""},
		{"*", "(*)", ""},
		{"KEYWORD $Junk UNKEYWORD nil", "(KEYWORD $Junk NOT KEYWORD nil)", ""},
		{`KEYWORD \Seen`, "", "syntax"},
		{`KEYWORD "x"`, "", "syntax"},
		{"KEYWORD " + strings.Repeat("k", 256), "", "limit: keyword"},
		{"BEFORE 1-Feb-1994 ON \"2-Feb-1994\" SINCE 03-Feb-1994", "(BEFORE 1-Feb-1994 ON 2-Feb-1994 SINCE 3-Feb-1994)", ""},
		{"SENTBEFORE 1-Feb-1994 SENTON 2-Feb-1994 SENTSINCE 3-Feb-1994", "(SENTBEFORE 1-Feb-1994 SENTON 2-Feb-1994 SENTSINCE 3-Feb-1994)", ""},
		{"SINCE yesterday", "", "syntax"},
		{"LARGER 5000000000 SMALLER 0", "(LARGER 5000000000 SMALLER 0)", ""},
		{"LARGER -1", "", "syntax"},
		{"FROM a TO b CC c BCC d SUBJECT e", `(HEADER "FROM" "a" HEADER "TO" "b" HEADER "CC" "c" HEADER "BCC" "d" HEADER "SUBJECT" "e")`, ""},
		{`HEADER Message-ID "<x@y>"`, `(HEADER "Message-ID" "<x@y>")`, ""},
		{`HEADER X ""`, `(HEADER "X" "")`, ""},
		{"TEXT {3}\r\na\"b BODY \"a\\\"b\"", `(TEXT "a\"b" BODY "a\"b")`, ""},
		{"SUBJECT \"\xc3\xa4\"", "(HEADER \"SUBJECT\" {2}\r\n\xc3\xa4)", ""},
		{"SUBJECT {1}\r\n\xe4", "", "syntax"},
		{"CHARSET UTF-8 SUBJECT {2}\r\n\xc3\xa4", "(HEADER \"SUBJECT\" {2}\r\n\xc3\xa4)", ""},
		{"charset us-ascii TEXT x", `(TEXT "x")`, ""},
		{`CHARSET "utf-8" ALL`, "(ALL)", ""},
		{"CHARSET KOI8-R TEXT {1+}\r\n\xe4", "", "unknown charset"},
		{"CHARSET UTF-8", "", "syntax"},
		{"NOT SEEN", "(NOT SEEN)", ""},
		{"NOT NOT SEEN", "(SEEN)", ""},
		{"NOT (SEEN DELETED)", "(NOT (SEEN DELETED))", ""},
		{"OR SEEN DELETED", "(OR SEEN DELETED)", ""},
		{"OR 1 OR 2 OR 3 4", "(OR OR OR 1 2 3 4)", ""},
		{"OR OR 1 2 3", "(OR OR 1 2 3)", ""},
		{"OR (1 2) NOT OR 3 4", "(OR (1 2) NOT OR 3 4)", ""},
		{"OR SEEN", "", "syntax"},
		{"NOT", "", "syntax"},
		{"()", "", "syntax"},
		{"(SEEN", "", "syntax"},
		{"SEEN ", "", "syntax"},
		{"NOTSEEN", "", "syntax"},
		{"FUZZY SUBJECT x", "", "syntax"}, // not offered
		{"$ UID $ UID 1,$", "($ UID $ UID 1,$)", ""},
		{"OLDER 60 YOUNGER 4294967295", "(OLDER 60 YOUNGER 4294967295)", ""},
		{"OLDER 0", "", "syntax"},
		{"YOUNGER 4294967296", "", "syntax"},
		{"SAVEDBEFORE 1-Feb-1994 SAVEDON 2-Feb-1994 SAVEDSINCE 3-Feb-1994 SAVEDATESUPPORTED",
			"(SAVEDBEFORE 1-Feb-1994 SAVEDON 2-Feb-1994 SAVEDSINCE 3-Feb-1994 ALL)", ""},
		{"MODSEQ 620162338", "(MODSEQ 620162338)", ""},
		{"EMAILID M6d99ac3275bb4e THREADID T_-9", "(EMAILID M6d99ac3275bb4e THREADID T_-9)", ""},
		{"EMAILID a.b", "", "syntax"},
		{`EMAILID "a"`, "", "syntax"},
		{"THREADID " + strings.Repeat("t", 256), "", "syntax"},
		{"MODSEQ 0", "(MODSEQ 0)", ""},
		{`MODSEQ "/flags/\\draft" all 620162338 SEEN`, "(MODSEQ 620162338 SEEN)", ""},
		{`MODSEQ "/flags/\\draft" both 620162338`, "", "syntax"},
		{`MODSEQ "/flags/\\draft" 620162338`, "", "syntax"},
		{"MODSEQ 9223372036854775808", "", "syntax"},
		{strings.Repeat("(", 49) + "1" + strings.Repeat(")", 49), strings.Repeat("(", 50) + "1" + strings.Repeat(")", 50), ""},
		{strings.Repeat("(", 50) + "1" + strings.Repeat(")", 50), "", "limit: nesting"},
		{strings.Repeat("OR ", 51) + "1", "", "limit: nesting"},
		{strings.Repeat("NOT ", 5000) + "SEEN", "(SEEN)", ""},
		{strings.Repeat("OR SEEN ", 1500) + "SEEN", "(" + strings.Repeat("OR ", 1500) + strings.Repeat("SEEN ", 1500) + "SEEN)", ""},
		{strings.Repeat("SEEN ", 2000) + "SEEN", "", "limit: number of search keys"},
		{strings.Repeat("UNSEEN ", 1000) + "SEEN", "", "limit: number of search keys"},
	} {
		s := newScanner(t, " "+c.in)
		q, err := imap.ScanSearch(s)
		if errorOf(err) != c.err {
			t.Errorf("SEARCH %.60q: %v, want %q", c.in, err, c.err)
		} else if err == nil && showSearch(t, q.Key) != c.want {
			t.Errorf("SEARCH %.60q = %.200q, want %.200q", c.in, showSearch(t, q.Key), c.want)
		}
		inStep(t, s)
	}
}

func TestSearchCharset(t *testing.T) {
	_, err := imap.ScanSearch(newScanner(t, " CHARSET X-Klingon TEXT q"))
	var bad *imap.BadCharset
	if !errors.As(err, &bad) || bad.Name != "X-Klingon" {
		t.Errorf("unknown charset: %v", err)
	}
	s := newScanner(t, " CHARSET UTF-8 TEXT q")
	s.UTF8 = true // RFC 6855 section 3
	if _, err := imap.ScanSearch(s); errorOf(err) != "syntax" {
		t.Errorf("CHARSET in a session with UTF-8: %v", err)
	}
}

func FuzzScanSearch(f *testing.F) {
	f.Add(" CHARSET UTF-8 OR NOT SEEN OR 1:* (FROM {1}\r\nx BEFORE 1-Feb-1994)")
	f.Add(` NEW HEADER "a b" "" UNKEYWORD x LARGER 5 NOT NOT NOT TEXT q`)
	f.Add(" UID 5:* OR OR 1 2 OR 3 4")
	f.Add(" NOT UNKEYWORD 0 NOT (NOT SEEN) NOT UNSEEN")
	f.Add(" RETURN (PARTIAL -1:-100 MIN SAVE COUNT MAX) OLDER 5 UID $,1 MODSEQ \"/flags/x\" priv 5")
	f.Add(" RETURN () CHARSET utf-8 SAVEDON 1-Feb-1994")
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, imap.ScanSearch, func(a imap.SearchArgs) string { return showReturn(a.Return) + " " + showOuter(t, a.Key) })
	})
}

// showOuter leaves out the parentheses around the whole, which would become a
// key of their own.
func showOuter(t testing.TB, q *imap.Search) string {
	v := showSearch(t, q)
	return v[1 : len(v)-1]
}
