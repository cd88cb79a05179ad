package imap_test

import (
	"fmt"
	"strings"
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mutf7"
)

// showList writes the arguments of LIST as a client does.
func showList(t testing.TB, a imap.ListArgs, utf8 bool) string {
	name := func(v string) string {
		if !utf8 {
			v = mutf7.Encode(v)
		}
		return encode(t, utf8, func(e *wire.Encoder) { e.String(v) })
	}
	options := func(on ...any) string {
		var words []string
		for i := 0; i < len(on); i += 2 {
			if on[i].(bool) {
				words = append(words, on[i+1].(string))
			}
		}
		return "(" + strings.Join(words, " ") + ")"
	}
	switch {
	case a.Root:
		return fmt.Sprintf(` %s ""`, name(a.Reference))
	case !a.Extended && len(a.Patterns) == 0: // it was in no encoding of names
		return fmt.Sprintf(" %s %s", name(a.Reference), encode(t, utf8, func(e *wire.Encoder) { e.String("&\xff") }))
	case !a.Extended:
		return fmt.Sprintf(" %s %s", name(a.Reference), name(a.Patterns[0]))
	}
	patterns := list(a.Patterns, name)
	if len(a.Patterns) == 0 {
		patterns = `("")`
	}
	status := ""
	if len(a.ReturnStatus) > 0 {
		status = "STATUS " + list(a.ReturnStatus, func(i imap.StatusItem) string { return string(i) })
	}
	return fmt.Sprintf(" %s %s %s RETURN %s",
		options(a.Subscribed, "SUBSCRIBED", a.RecursiveMatch, "RECURSIVEMATCH", a.SpecialUse, "SPECIAL-USE"),
		name(a.Reference), patterns,
		options(a.ReturnSubscribed, "SUBSCRIBED", a.ReturnChildren, "CHILDREN", a.ReturnSpecialUse, "SPECIAL-USE",
			status != "", status))
}

func TestScanList(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{`"" *`, `"" "*"`, ""},
		{`"" ""`, `"" ""`, ""},
		{`a. {3}` + "\r\nb]%", `"a." "b]%"`, ""},
		{`"" Entw&APw-rfe.%`, `"" "Entw&APw-rfe.%"`, ""},
		// RFC 9051 section 6.3.9: what is in no encoding of names matches nothing, silently.
		{`"" "a&b"`, `"" {2}` + "\r\n&\xff", ""},
		{`"a&b" *`, `"" {2}` + "\r\n&\xff", ""},
		{`"" "&AGE-"`, `"" {2}` + "\r\n&\xff", ""},          // not the shortest form
		{"\"\" \"\xc3\xbc\"", `"" "&APw-"`, ""},             // unasked UTF-8
		{"\"\" \"\xc3\xbc&x\"", `"" {2}` + "\r\n&\xff", ""}, // the name of no mailbox
		{`"" (a& b)`, `() "" ("b") RETURN ()`, ""},
		{`"" ("")`, `() "" ("") RETURN ()`, ""}, // no special meaning in the extended syntax
		{`() a ""`, `() "a" ("") RETURN ()`, ""},
		{`(subscribed remote recursivematch) "" *`, `(SUBSCRIBED RECURSIVEMATCH) "" ("*") RETURN ()`, ""},
		{`(SPECIAL-USE) "" (INBOX Sent.%) return (children special-use subscribed)`, `(SPECIAL-USE) "" ("INBOX" "Sent.%") RETURN (SUBSCRIBED CHILDREN SPECIAL-USE)`, ""},
		{`() "" (a)`, `() "" ("a") RETURN ()`, ""},
		{`"" * RETURN ()`, `() "" ("*") RETURN ()`, ""},
		{`(RECURSIVEMATCH) "" *`, "", "syntax"}, // RFC 5258 section 3.1
		{`(REMOTE RECURSIVEMATCH) "" *`, "", "syntax"},
		{`(SPECIAL-USE RECURSIVEMATCH) "" *`, "", "syntax"}, // RFC 6154 section 6: not a base option
		{`(UNHEARD-OF) "" *`, "", "syntax"},
		{`"" ()`, "", "syntax"},
		{`"" * RETURN (STATUS (messages SIZE) children status (UIDNEXT SIZE))`, `() "" ("*") RETURN (CHILDREN STATUS (MESSAGES SIZE UIDNEXT))`, ""},
		{`"" * RETURN (STATUS)`, "", "syntax"},
		{`"" * RETURN (STATUS ())`, "", "syntax"},
		{`"" * RETURN (STATUS (FOO))`, "", "syntax"},
		{`"" * RETURN (STATUS(MESSAGES))`, "", "syntax"},
		{`"" * RETURN`, "", "syntax"},
		{`"" * CHILDREN`, "", "syntax"},
		{`""`, "", "syntax"},
		{`"" a b`, "", "syntax"},
		{`"" "` + strings.Repeat("x", 1025) + `"`, "", "limit: pattern"},
		{`"` + strings.Repeat("x", 1000) + `" "` + strings.Repeat("x", 25) + `"`, "", "limit: pattern"},
		{`"" (` + strings.Repeat(strings.Repeat("x", 1000)+" ", 8) + strings.Repeat("x", 193) + `)`, "", "limit: pattern"},
		{`"" (` + strings.Repeat("a ", 64) + `a)`, "", "limit: number of patterns"},
	} {
		s := newScanner(t, " "+c.in)
		a, err := imap.ScanList(s)
		if errorOf(err) != c.err {
			t.Errorf("LIST %.60q: %v, want %q", c.in, err, c.err)
		} else if err == nil && showList(t, a, false) != " "+c.want {
			t.Errorf("LIST %.60q =%s, want %s", c.in, showList(t, a, false), c.want)
		}
		inStep(t, s)
	}
}

func TestScanBasicList(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{`"" *`, `"" "*"`, ""},
		{`#news. %`, `"#news." "%"`, ""},
		{`() "" *`, "", "syntax"},
		{`"" (a)`, "", "syntax"},
		{`"" * RETURN ()`, "", "syntax"},
	} {
		s := newScanner(t, " "+c.in)
		a, err := imap.ScanBasicList(s)
		if errorOf(err) != c.err || err == nil && showList(t, a, false) != " "+c.want {
			t.Errorf("LSUB %s = %+v, %v; want %s, %s", c.in, a, err, c.want, c.err)
		}
		inStep(t, s)
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a.b.c", true},
		{"%", "a", true},
		{"%", "a.b", false},
		{"%.%", "a.b", true},
		{"%.%", "a.b.c", false},
		{"a.*", "a.b.c", true},
		{"a.*", "a", false},
		{"a*", "a", true},
		{"a.%", "a.", true},
		{"*c", "a.b.c", true},
		{"%c", "a.b.c", false},
		{"*%b", "a.ab", true},
		{"%*b", "a.ab", true},
		{"", "", true},
		{"", "a", false},
		{"a", "A", false},
		{"inbox", "INBOX", true},
		{"In*", "INBOX", true},
		{"%bOx", "INBOX", true},
		{"inbox.%", "INBOX.a", true},
		{"inbox.a", "INBOX.A", false},
		{"inboxes", "INBOXES", false},
		{"x.inbox", "x.INBOX", false},
		{"Entwürf%", "Entwürfe", true},
		{strings.Repeat("*a", 400), strings.Repeat("a", 250) + "b", false}, // not exponential
	} {
		if got := imap.Match(c.pattern, c.name, '.'); got != c.want {
			t.Errorf("Match(%.20q, %.20q) = %v", c.pattern, c.name, got)
		}
	}
}

func TestMatchNested(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"%", "v1.2", true}, {"%", "a/b", false}, {"a/%", "a/v1.2", true}, {"%/b", "a/b", true},
		{"inbox/%", "INBOX/a", true}, {"inbox.%", "INBOX.a", false},
	} {
		if got := imap.Match(c.pattern, c.name, '/'); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}

func TestMatches(t *testing.T) {
	a := imap.ListArgs{Reference: "a.", Patterns: []string{"b", "c%"}}
	for name, want := range map[string]bool{"a.b": true, "a.cd": true, "b": false, "a.c.d": false} {
		if a.Matches(name, '.') != want {
			t.Errorf("Matches(%s) = %v", name, !want)
		}
	}
}

// naiveMatch tries every way there is.
func naiveMatch(pattern, name string, delimiter byte) bool {
	if pattern == "" {
		return name == ""
	}
	switch c := pattern[0]; c {
	case '*', '%':
		for i := 0; ; i++ {
			if naiveMatch(pattern[1:], name[i:], delimiter) {
				return true
			}
			if i == len(name) || c == '%' && name[i] == delimiter {
				return false
			}
		}
	default:
		return name != "" && name[0] == c && naiveMatch(pattern[1:], name[1:], delimiter)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("%.b*c", "a.bxc")
	f.Add("*%*", "a.b")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(name) > 12 || strings.Count(pattern, "*")+strings.Count(pattern, "%") > 6 || strings.HasPrefix(name, "INBOX") {
			return
		}
		for _, delimiter := range []byte("./") {
			if got, want := imap.Match(pattern, name, delimiter), naiveMatch(pattern, name, delimiter); got != want {
				t.Fatalf("Match(%q, %q, %q) = %v", pattern, name, delimiter, got)
			}
		}
	})
}

func FuzzScanList(f *testing.F) {
	f.Add(` (SUBSCRIBED RECURSIVEMATCH) "" (INBOX "a&AOQ-.%") RETURN (CHILDREN)`, false)
	f.Add(" \"\" \"\xc3\xa4*\"", true)
	f.Add(` "" ("" &) RETURN (STATUS (MESSAGES SIZE))`, false)
	f.Fuzz(func(t *testing.T, in string, utf8 bool) {
		if strings.Contains(in, "\x00") && utf8 {
			return // a name that cannot be shown: no store has it
		}
		fuzzScan(t, in, utf8, imap.ScanList, func(a imap.ListArgs) string { return showList(t, a, utf8) })
	})
}
