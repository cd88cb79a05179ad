package imap_test

import (
	"fmt"
	"strings"
	"testing"

	"fantail/internal/imap"
)

// showFetch writes the arguments of FETCH as a client does.
func showFetch(a imap.FetchArgs) string {
	return fmt.Sprintf(" %s %s%s", a.Set, list(a.Items, showItem), showModifiers(a.FetchModifiers))
}

func showModifiers(m imap.FetchModifiers) string {
	var words []string
	if m.ChangedSince != nil {
		words = append(words, fmt.Sprint("CHANGEDSINCE ", *m.ChangedSince))
	}
	if m.Vanished {
		words = append(words, "VANISHED")
	}
	if m.Partial != nil {
		words = append(words, "PARTIAL "+m.Partial.String())
	}
	if words == nil {
		return ""
	}
	return " (" + strings.Join(words, " ") + ")"
}

func showItem(i imap.FetchItem) string {
	name := i.Name
	if i.Partial != nil {
		name = strings.TrimSuffix(name, ">") + fmt.Sprintf(".%d>", i.Partial.Count)
	}
	if base, rest, ok := strings.Cut(name, "["); ok && i.Peek && i.Kind != imap.FetchBinarySize {
		name = base + ".PEEK[" + rest
	}
	if i.Lazy {
		name += " (LAZY)"
	}
	return name
}

func TestScanFetch(t *testing.T) {
	ones := func(n int) string { return strings.TrimSuffix(strings.Repeat("1.", n), ".") }
	for _, c := range []struct{ in, want, err string }{
		{"flags", "(FLAGS)", ""},
		{"ALL", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)", ""},
		{"fast", "(FLAGS INTERNALDATE RFC822.SIZE)", ""},
		{"Full", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY)", ""},
		{"(ALL)", "", "syntax"}, // macros stand alone
		{"(UID flags UID FLAGS)", "(UID FLAGS)", ""},
		{"BODY", "(BODY)", ""},
		{"bodystructure", "(BODYSTRUCTURE)", ""},
		{"(RFC822 rfc822.header RFC822.TEXT)", "(RFC822 RFC822.HEADER RFC822.TEXT)", ""},
		{"body[]", "(BODY[])", ""},
		{"BODY.PEEK[]<0.100>", "(BODY.PEEK[]<0.100>)", ""},
		{"BODY[]<9223372036854775807.9223372036854775807>", "(BODY[]<9223372036854775807.9223372036854775807>)", ""},
		{"BODY[]<9223372036854775808.1>", "", "syntax"},
		{"BODY[]<0.0>", "", "syntax"},
		{"BODY[]<5>", "", "syntax"},
		{"BODY[]<.5>", "", "syntax"},
		{"BODY<0.5>", "", "syntax"},
		{"BODY.PEEK", "", "syntax"},
		{"(BODY[] BODY.PEEK[] BODY[])", "(BODY[] BODY.PEEK[])", ""},
		{"(BODY[]<0.5> BODY[]<0.6> BODY[]<0.5>)", "(BODY[]<0.5> BODY[]<0.6>)", ""},
		{"body[1.2.mime]", "(BODY[1.2.MIME])", ""},
		{"BODY[Text]", "(BODY[TEXT])", ""},
		{"BODY[3.header]", "(BODY[3.HEADER])", ""},
		{"BODY[MIME]", "", "syntax"},
		{"BODY[1.]", "", "syntax"},
		{"BODY[.1]", "", "syntax"},
		{"BODY[0]", "", "syntax"},
		{"BODY[1.0]", "", "syntax"},
		{"BODY[1", "", "syntax"},
		{"BODY[HEADER.FIELDS (from To)]", "(BODY[HEADER.FIELDS (from To)])", ""},
		{`BODY[1.HEADER.FIELDS.NOT ("x" {2}` + "\r\nyz nil)]<3.4>", `(BODY[1.HEADER.FIELDS.NOT (x yz "nil")]<3.4>)`, ""},
		{`BODY[HEADER.FIELDS ("a\"b" a])]`, `(BODY[HEADER.FIELDS ("a\"b" "a]")])`, ""},
		{"BODY[HEADER.FIELDS ()]", "", "syntax"},
		{"BODY[HEADER.FIELDS]", "", "syntax"},
		{`BODY[HEADER.FIELDS ("")]`, "", "syntax"},
		{`BODY[HEADER.FIELDS ("a b")]`, "", "syntax"},
		{"BODY[HEADER.FIELDS ({4}\r\na\r\nb)]", "", "syntax"},
		{"BODY[HEADER.FIELDS (a:b)]", "", "syntax"},
		{"BODY[" + ones(100) + "]", "(BODY[" + ones(100) + "])", ""},
		{"BODY[" + ones(101) + "]", "", "limit: length of a part number"},
		{"BODY[HEADER.FIELDS (" + strings.Repeat("a ", 500) + "a)]", "", "limit: number of field names"},
		{"()", "", "syntax"},
		{"(FLAGS )", "", "syntax"},
		{"FLAGS UID", "", "syntax"},
		{"binary[1]", "(BINARY[1])", ""},
		{"(BINARY[] Binary.Peek[1.2]<3.4> BINARY.SIZE[3])", "(BINARY[] BINARY.PEEK[1.2]<3.4> BINARY.SIZE[3])", ""},
		{"BINARY", "", "syntax"},
		{"BINARY[TEXT]", "", "syntax"},
		{"BINARY[1.MIME]", "", "syntax"},
		{"BINARY[1.]", "", "syntax"},
		{"BINARY[0]", "", "syntax"},
		{"BINARY.SIZE[1]<0.5>", "", "syntax"},
		{"BINARY[1]<0.0>", "", "syntax"},
		{"BINARY[" + ones(101) + "]", "", "limit: length of a part number"},
		{"savedate", "(SAVEDATE)", ""},
		{"(EMAILID THREADID)", "(EMAILID THREADID)", ""},
		{"PREVIEW", "(PREVIEW)", ""},
		{"preview (lazy)", "(PREVIEW (LAZY))", ""},
		{"(PREVIEW (LAZY LAZY) UID)", "(PREVIEW (LAZY) UID)", ""},
		{"(PREVIEW PREVIEW (LAZY) PREVIEW)", "(PREVIEW PREVIEW (LAZY))", ""},
		{"PREVIEW (LAZY", "", "syntax"},
		{"PREVIEW (LAZIER)", "", "syntax"},
		{"PREVIEW (LAZY FUZZY)", "", "syntax"},
		{"PREVIEW ()", "", "syntax"},
		{"(PREVIEW (FUZZY))", "", "syntax"},
		{"modseq", "(MODSEQ)", ""},
		{"(FLAGS) (CHANGEDSINCE 5)", "(FLAGS) (CHANGEDSINCE 5)", ""},
		{"all (changedsince 9223372036854775807)", "(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE) (CHANGEDSINCE 9223372036854775807)", ""},
		{"FLAGS (VANISHED CHANGEDSINCE 0)", "(FLAGS) (CHANGEDSINCE 0 VANISHED)", ""},
		{"FLAGS (CHANGEDSINCE 5 VANISHED)", "(FLAGS) (CHANGEDSINCE 5 VANISHED)", ""},
		{"(FLAGS) (PARTIAL -1:-3)", "(FLAGS) (PARTIAL -1:-3)", ""},
		{"FLAGS (partial 5:1 CHANGEDSINCE 5)", "(FLAGS) (CHANGEDSINCE 5 PARTIAL 5:1)", ""},
		{"FLAGS (PARTIAL 1:2 PARTIAL 1:2)", "", "syntax"},
		{"FLAGS (PARTIAL 1:*)", "", "syntax"},
		{"FLAGS (VANISHED)", "", "syntax"}, // RFC 7162 section 3.2.6
		{"FLAGS (CHANGEDSINCE 9223372036854775808)", "", "syntax"},
		{"FLAGS (CHANGEDSINCE 5 CHANGEDSINCE 5)", "", "syntax"},
		{"FLAGS (CHANGEDSINCE)", "", "syntax"},
		{"FLAGS (CHANGEDSINCE (5))", "", "syntax"},
		{"FLAGS (CHANGEDSINCE *)", "", "syntax"},
		{"FLAGS (BLURDYBLOOP)", "", "syntax"},
		{"FLAGS ()", "", "syntax"},
		{"FLAGS ", "", "syntax"},
	} {
		s := newScanner(t, " 1:* "+c.in)
		a, err := imap.ScanFetch(s)
		if got := showFetch(a); errorOf(err) != c.err || err == nil && got != " 1:* "+c.want {
			t.Errorf("FETCH %.60s = %s, %v; want %s, %s", c.in, got, err, c.want, c.err)
		}
		inStep(t, s)
	}
}

func TestFetchItemLimit(t *testing.T) {
	items := func(n int) string {
		words := make([]string, n)
		for i := range words {
			words[i] = fmt.Sprintf("BODY[%d]", i+1)
		}
		return " 1 (" + strings.Join(words, " ") + ")"
	}
	if a, err := imap.ScanFetch(newScanner(t, items(100))); err != nil || len(a.Items) != 100 {
		t.Errorf("100 items: %d, %v", len(a.Items), err)
	}
	if _, err := imap.ScanFetch(newScanner(t, items(101))); errorOf(err) != "limit: number of data items" {
		t.Errorf("101 items: %v", err)
	}
}

// TestFetchItems: what is not in the name of an item.
func TestFetchItems(t *testing.T) {
	for _, c := range []struct {
		in   string
		name string // RFC 9051 section 7.5.2: as the response has it
		peek bool
		kind imap.SectionKind
	}{
		{"RFC822", "RFC822", false, imap.SectionAll},
		{"RFC822.HEADER", "RFC822.HEADER", true, imap.SectionHeader}, // RFC 3501 section 6.4.5: does not set \Seen
		{"RFC822.TEXT", "RFC822.TEXT", false, imap.SectionText},
		{"BODY[1.MIME]<7.9>", "BODY[1.MIME]<7>", false, imap.SectionMIME},
		{"BODY.PEEK[TEXT]", "BODY[TEXT]", true, imap.SectionText},
		{"BODY.PEEK[HEADER.FIELDS (a)]", "BODY[HEADER.FIELDS (a)]", true, imap.SectionFields},
		{"BODY[HEADER.FIELDS.NOT (a)]", "BODY[HEADER.FIELDS.NOT (a)]", false, imap.SectionNot},
	} {
		a, err := imap.ScanFetch(newScanner(t, " 1 "+c.in))
		if err != nil {
			t.Fatalf("%s: %v", c.in, err)
		}
		i := a.Items[0]
		if i.Kind != imap.FetchSection || i.Name != c.name || i.Peek != c.peek || i.Section.Kind != c.kind {
			t.Errorf("%s = %+v", c.in, i)
		}
	}
}

func FuzzScanFetch(f *testing.F) {
	f.Add(` 1:* (UID BODY.PEEK[1.2.HEADER.FIELDS.NOT ("a\"b" nil)]<0.9> RFC822.SIZE)`)
	f.Add(" 1 FULL")
	f.Add(" 1:4 (BINARY.PEEK[1.2]<0.9> BINARY[] BINARY.SIZE[1] SAVEDATE EMAILID THREADID PREVIEW (LAZY))")
	f.Add(" 1 PREVIEW (LAZY) (CHANGEDSINCE 5)")
	f.Add(" 7 BODY[TEXT]")
	f.Add(" 1:* (UID MODSEQ) (VANISHED CHANGEDSINCE 12345)")
	f.Fuzz(func(t *testing.T, in string) { fuzzScan(t, in, false, imap.ScanFetch, showFetch) })
}
