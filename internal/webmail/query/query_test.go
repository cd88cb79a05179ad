package query

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// kinds returns the kinds of notes.
func kinds(notes []Note) []NoteKind {
	var list []NoteKind
	for _, n := range notes {
		list = append(list, n.Kind)
	}
	return list
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		in, want string
		notes    []NoteKind
	}{
		{"", "", nil},
		{" \t\n ", "", nil},
		{"river", "river", nil},
		{"  two   words ", "two words", nil},
		{`"two   words"`, `"two words"`, nil},
		{`"one"`, "one", nil},
		{`""`, "", nil},
		{"“curly quotes” „deutsche“", `"curly quotes" deutsche`, nil},
		{`"say \"hi\" c:\\dir c:\dir"`, `"say \"hi\" c:\\dir c:\\dir"`, nil},
		{"from:ann", "from:ann", nil},
		{"FROM:Ann", "from:Ann", nil},
		{"from: ann", "from:ann", nil},
		{`from: "Ann Lee"`, `from:"Ann Lee"`, nil},
		{`from:"Ann Lee"x`, `from:"Ann Lee" x`, nil},
		{"subject:re:x", "subject:re:x", nil},
		{"subject:-x", "subject:-x", nil},
		{"from:(ann OR bob)", "from:ann OR from:bob", nil},
		{"from:(ann bob subject:x)", "from:ann from:bob subject:x", nil},
		{"-from:(ann bob)", "-(from:ann from:bob)", nil},
		{"subject:((a OR b) c)", "subject:a OR subject:b subject:c", nil},
		{"-river", "-river", nil},
		{"-(a b)", "-(a b)", nil},
		{"-(-a)", "a", nil},
		{"-(-(a b))", "a b", nil},
		{`-"a b"`, `-"a b"`, nil},
		{"a - b", "a b", nil},
		{"--option", `"--option"`, nil},
		{"well-known", "well-known", nil},
		{"a OR b c", "a OR b c", nil},
		{"a OR (b c)", "a OR (b c)", nil},
		{"(a OR b) c", "a OR b c", nil},
		{"(a OR (b OR c))", "a OR b OR c", nil},
		{"a (b (c d))", "a b c d", nil},
		{"a OR -b", "a OR -b", nil},
		{"a AND b", "a b", nil},
		{"a or b and c", "a or b and c", nil},
		{`"OR" "AND"`, `"OR" "AND"`, nil},
		{"ORacle ANDy", "ORacle ANDy", nil},
		{"a(b)c", "a b c", nil},
		{`a"b c"d`, `a "b c" d`, nil},
		{"https://example.org/x", "https://example.org/x", nil},
		{"12:30 Re: x", "12:30 Re: x", nil},
		{`"from:ann"`, `"from:ann"`, nil},
		{"is:Unread is:starred is:replied is:draft", "is:unread is:flagged is:answered is:draft", nil},
		{"has:attachments filename:x.pdf", "has:attachment filename:x.pdf", nil},
		{"larger:10M smaller:500K", "larger:10M smaller:500k", nil},
		{"larger:1.5mb", "larger:1536k", nil},
		{"larger:1,5g", "larger:1536M", nil},
		{"larger:1024 larger:1000 larger:0", "larger:1k larger:1000 larger:0", nil},
		{"before:2024-5-6 after:2024/05 older:2023 newer:today", "before:2024-05-06 after:2024-05 before:2023 after:today", nil},
		{"older_than:2d newer_than:03W before:6m after:1y before:Yesterday", "older_than:2d newer_than:3w before:6m after:1y before:yesterday", nil},
		{"list:golang in:Archive/2024 label:work", "list:golang in:Archive/2024 label:work", nil},

		{"from:", `"from:"`, []NoteKind{MissingValue}},
		{"(from:)", `"from:"`, []NoteKind{MissingValue}},
		{"from: OR b", `"from:" OR b`, []NoteKind{MissingValue}},
		{`from:""`, `"from:"`, []NoteKind{MissingValue}},
		{"from:()", "", nil},
		{"frm:ann", `"frm:ann"`, []NoteKind{UnknownOperator}},
		{"is:purple", `"is:purple"`, []NoteKind{BadValue}},
		{"has:(attachment teeth)", `has:attachment "has:teeth"`, []NoteKind{BadValue}},
		{"larger:many", `"larger:many"`, []NoteKind{BadValue}},
		{"larger:9999999G", `"larger:9999999G"`, []NoteKind{BadValue}},
		{"larger:1.5", `"larger:1.5"`, []NoteKind{BadValue}},
		{"larger:-1", `"larger:-1"`, []NoteKind{BadValue}},
		{"before:2024-02-30", `"before:2024-02-30"`, []NoteKind{BadValue}},
		{"before:2024-13", `"before:2024-13"`, []NoteKind{BadValue}},
		{"before:0001", `"before:0001"`, []NoteKind{BadValue}},
		{"before:soon before:d before:5h", `"before:soon" "before:d" "before:5h"`, []NoteKind{BadValue, BadValue, BadValue}},
		{`"open`, "open", []NoteKind{OpenQuote}},
		{`a "`, "a", []NoteKind{OpenQuote}},
		{"(a OR b", "a OR b", []NoteKind{OpenParenthesis}},
		{"a) b", "a b", []NoteKind{ExtraClosing}},
		{"OR a", "a", []NoteKind{LoneOr}},
		{"a OR", "a", []NoteKind{LoneOr}},
		{"(a OR) b", "a b", []NoteKind{LoneOr}},
		{"a OR OR b", "a b", []NoteKind{LoneOr}},
		{"() OR b", "b", []NoteKind{LoneOr}},
		{"a\xffb \x00c", "a\ufffdb c", nil},
	} {
		tree := Parse(c.in)
		if got := tree.String(); got != c.want {
			t.Errorf("%q is %q, want %q", c.in, got, c.want)
		}
		if got := kinds(tree.Notes); !slices.Equal(got, c.notes) {
			t.Errorf("%q has notes %q, want %q", c.in, got, c.notes)
		}
		checkStable(t, c.in)
	}
}

func TestBudgets(t *testing.T) {
	words := strings.Repeat("a ", MaxTerms+5)
	tree := Parse(words)
	if n := len(tree.Chips()); n != MaxTerms || !slices.Equal(kinds(tree.Notes), []NoteKind{TooMany}) {
		t.Errorf("%d words give %d terms and notes %q", MaxTerms+5, n, kinds(tree.Notes))
	}
	deep := strings.Repeat("(", MaxDepth) + "((a) b)" + strings.Repeat(")", MaxDepth) + " c"
	if tree := Parse(deep); tree.String() != "a b c" || !slices.Equal(kinds(tree.Notes), []NoteKind{TooDeep, TooDeep}) {
		t.Errorf("deep parentheses are %q with notes %q", tree, kinds(tree.Notes))
	}
	long := Parse(strings.Repeat("ä", MaxLength))
	if got := kinds(long.Notes); !slices.Equal(got, []NoteKind{TooLong}) || long.String() != strings.Repeat("ä", MaxLength/2) {
		t.Errorf("a long query is cut to %d octets with notes %q", len(long.String()), got)
	}
}

func TestChips(t *testing.T) {
	const q = `-from:"Ann Lee" (x OR -in:Sent) "a b"`
	want := []Chip{
		{From, "Ann Lee", true, 1, 15},
		{Anywhere, "x", false, 17, 18},
		{In, "Sent", true, 23, 30},
		{Anywhere, "a b", false, 32, 37},
	}
	tree := Parse(q)
	if d := cmp.Diff(want, tree.Chips()); d != "" {
		t.Error(d)
	}
	for i, want := range []string{
		`x OR -in:Sent "a b"`,
		`-from:"Ann Lee" -in:Sent "a b"`,
		`-from:"Ann Lee" x "a b"`,
		`-from:"Ann Lee" x OR -in:Sent`,
	} {
		if got := tree.Without(i); got != want {
			t.Errorf("without %d: %q, want %q", i, got, want)
		}
	}
	if got := tree.Without(4); got != tree.String() {
		t.Errorf("without a term that is not there: %q", got)
	}
	if got := Parse("").Without(0); got != "" {
		t.Errorf("nothing without a term is %q", got)
	}
}

func TestNotePosition(t *testing.T) {
	n := Parse("ä frm:x is:purple").Notes
	want := []Note{{UnknownOperator, 3, 6, "frm"}, {BadValue, 9, 18, "is:purple"}}
	if d := cmp.Diff(want, n); d != "" {
		t.Error(d)
	}
}

func TestDateTime(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	now := time.Date(2026, 3, 31, 14, 30, 0, 0, zone)
	for _, c := range []struct {
		value string
		want  time.Time
	}{
		{"2024", time.Date(2024, 1, 1, 0, 0, 0, 0, zone)},
		{"2024-05-17", time.Date(2024, 5, 17, 0, 0, 0, 0, zone)},
		{"today", time.Date(2026, 3, 31, 0, 0, 0, 0, zone)},
		{"yesterday", time.Date(2026, 3, 30, 0, 0, 0, 0, zone)},
		{"2d", time.Date(2026, 3, 29, 14, 30, 0, 0, zone)},
		{"3w", time.Date(2026, 3, 10, 14, 30, 0, 0, zone)},
		{"6m", time.Date(2025, 10, 1, 14, 30, 0, 0, zone)}, // there is no September 31
		{"1y", time.Date(2025, 3, 31, 14, 30, 0, 0, zone)},
	} {
		term := &Term{Value: c.value}
		if !byDate(term) {
			t.Errorf("%s is no date", c.value)
		} else if got := term.date.time(now); !got.Equal(c.want) {
			t.Errorf("%s is %v, want %v", c.value, got, c.want)
		}
	}
}

func TestTyping(t *testing.T) {
	for _, c := range []struct {
		in      string // | is the cursor
		want    Typing
		suggest []string
	}{
		{"|", Typing{"", "", 0, 0}, nil},
		{"fr|om", Typing{"", "fr", 0, 2}, []string{"from:"}},
		{"a is:|", Typing{Is, "", 5, 5}, []string{"unread", "read", "flagged", "answered", "draft"}},
		{"a is:un|", Typing{Is, "un", 5, 7}, []string{"unread"}},
		{`from:"ann l|`, Typing{From, "ann l", 5, 11}, nil},
		{"-(la|", Typing{"", "la", 2, 4}, []string{"label:", "larger:"}},
		{"a |", Typing{"", "", 2, 2}, nil},
		{"-|", Typing{"", "", 1, 1}, nil},
	} {
		s, _, _ := strings.Cut(c.in, "|")
		got := At(strings.Replace(c.in, "|", "", 1), len(s))
		if got != c.want {
			t.Errorf("%q: %+v, want %+v", c.in, got, c.want)
		}
		if c.want.Prefix == "" && c.want.Operator == "" {
			if n := len(got.Suggest()); n != len(operators) {
				t.Errorf("%q: %d suggestions", c.in, n)
			}
		} else if s := got.Suggest(); !slices.Equal(s, c.suggest) {
			t.Errorf("%q: suggests %q, want %q", c.in, s, c.suggest)
		}
	}
}

// checkStable wants the normal form to parse to the same tree, without notes.
func checkStable(t *testing.T, s string) {
	t.Helper()
	first := Parse(s)
	normal := first.String()
	if len(normal) > MaxLength {
		return // operators before groups are written once for each of their words
	}
	again := Parse(normal)
	if again.String() != normal || len(again.Notes) > 0 {
		t.Errorf("%q is %q, which is %q with %v", s, normal, again, again.Notes)
	}
	a, b := first.Chips(), again.Chips()
	if !slices.EqualFunc(a, b, func(x, y Chip) bool {
		return x.Operator == y.Operator && x.Value == y.Value && x.Negated == y.Negated
	}) {
		t.Errorf("%q has the terms %v, its normal form %v", s, a, b)
	}
	for _, c := range a {
		if c.Pos < 0 || c.End <= c.Pos || c.End > len(s) {
			t.Errorf("%q: %v is nowhere", s, c)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", `from:"Ann Lee" -(a OR b) c`, "from:(a OR -subject:(b c)) OR d", "larger:1.5M before:2024-5 is:starred", "((((", "))))",
		`"\"\\`, "a OR OR -- - -( -OR AND", "“x” „y“ from:“z”", "in: x has: attachment", "\xff\x00\u202e",
		strings.Repeat("(", 40) + "a" + strings.Repeat(")", 40),
	} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, cursor int) {
		checkStable(t, s)
		tree := Parse(s)
		for i := range tree.Chips() {
			checkStable(t, tree.Without(i))
		}
		if typing := At(s, cursor); typing.Pos > typing.End || typing.End > len(s) {
			t.Errorf("%q at %d: %+v", s, cursor, typing)
		}
		tree.Plan(Options{Now: time.Unix(1e9, 0), Mailboxes: everyUse})
	})
}

func TestLinearTime(t *testing.T) {
	for _, unit := range []string{"a ", "(", "()", "-", "- ", "OR ", "a OR ", "\"", "from:", "from: ", "from:(", "x:", "\\", ")", "is:x ", "ä"} {
		s := strings.Repeat(unit, MaxLength/len(unit))
		start := time.Now()
		for range 20 {
			_ = Parse(s).String()
			At(s, len(s))
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%q repeated took %v", unit, d)
		}
	}
}
