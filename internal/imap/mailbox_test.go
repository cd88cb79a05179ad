package imap_test

import (
	"fmt"
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/ident"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

func TestMailbox(t *testing.T) {
	for _, c := range []struct {
		in   string
		utf8 bool
		name string
		out  string
		err  string
	}{
		{"iNbOx", false, mail.Inbox, "INBOX", ""},
		{`"inbox"`, false, mail.Inbox, "INBOX", ""},
		{"{5}\r\nINBox", false, mail.Inbox, "INBOX", ""},
		{"inbox.a", false, "inbox.a", "inbox.a", ""},
		{"nil", false, "nil", `"nil"`, ""},
		{`""`, false, "", `""`, ""},
		{"a]", false, "a]", "a]", ""},
		{`"two words"`, false, "two words", `"two words"`, ""},
		{"&AOQ-", false, "ä", "&AOQ-", ""},
		{`"R&-D"`, false, "R&D", "R&-D", ""},
		{"~peter/mail/&ZeVnLIqe-/&U,BTFw-", false, "~peter/mail/日本語/台北", "~peter/mail/&ZeVnLIqe-/&U,BTFw-", ""}, // RFC 3501 section 5.1.3
		{"R&D", false, "", "", imap.ErrMailboxName.Error()},
		{"&AGE-", false, "", "", imap.ErrMailboxName.Error()},
		{"&AOQ", false, "", "", imap.ErrMailboxName.Error()},
		{"\"\xc3\xa4\"", false, "ä", "&AOQ-", ""}, // unasked
		{"\"\xc3\xa4&-\"", false, "ä&", "&AOQ-&-", ""},
		{"\"\xc3\xa4&x\"", false, "", "", imap.ErrMailboxName.Error()},
		{"\"\xc3\"", false, "", "", "syntax"},
		{"\"\xc3\xa4\"", true, "ä", `"ä"`, ""},
		{"{2}\r\n\xc3\xa4", true, "ä", `"ä"`, ""},
		{"&AOQ-", true, "&AOQ-", `&AOQ-`, ""}, // RFC 6855 section 3: no modified UTF-7 any more
		{"{1}\r\n\xe4", true, "", "", imap.ErrMailboxName.Error()},
		{"a%", false, "", "", "syntax"},
		{"a b", false, "", "", "syntax"},
		{"", false, "", "", "syntax"},
	} {
		s := newScanner(t, c.in)
		s.UTF8 = c.utf8
		name := imap.ScanMailbox(s)
		s.CRLF()
		if err := errorOf(s.Err()); err != c.err || err == "" && name != c.name {
			t.Errorf("%q = %q, %q; want %q, %q", c.in, name, err, c.name, c.err)
			continue
		}
		inStep(t, s)
		if c.err != "" {
			continue
		}
		if out := encode(t, c.utf8, func(e *wire.Encoder) { imap.WriteMailbox(e, name) }); out != c.out {
			t.Errorf("%q is written as %s, want %s", name, out, c.out)
		}
	}
}

func TestScanStatus(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{"inbox (messages UNSEEN)", "INBOX [MESSAGES UNSEEN]", ""},
		{"a (UIDNEXT UIDVALIDITY RECENT UIDNEXT)", "a [UIDNEXT UIDVALIDITY RECENT]", ""},
		{"a ()", "", "syntax"},
		{"a MESSAGES", "", "syntax"},
		{"a (MESSAGES", "", "syntax"},
		{"a (HIGHESTMODSEQ DELETED SIZE APPENDLIMIT MAILBOXID DELETED-STORAGE)", "a [HIGHESTMODSEQ DELETED SIZE APPENDLIMIT MAILBOXID DELETED-STORAGE]", ""},
		{"a (X-SIZE)", "", "syntax"},
	} {
		s := newScanner(t, " "+c.in)
		name, items, err := imap.ScanStatus(s)
		if got := fmt.Sprint(name, " ", items); errorOf(err) != c.err || err == nil && got != c.want {
			t.Errorf("STATUS %s = %s, %v; want %s, %s", c.in, got, err, c.want, c.err)
		}
		inStep(t, s)
	}
}

func FuzzScanStatus(f *testing.F) {
	type status struct {
		name  string
		items []imap.StatusItem
	}
	scan := func(s *wire.Scanner) (status, error) {
		name, items, err := imap.ScanStatus(s)
		return status{name, items}, err
	}
	f.Add(` "a &AOQ-" (MESSAGES RECENT)`)
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, scan, func(a status) string {
			name := encode(t, false, func(e *wire.Encoder) { imap.WriteMailbox(e, a.name) })
			return " " + name + " " + list(a.items, func(i imap.StatusItem) string { return string(i) })
		})
	})
}

func TestScanID(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		{"NIL", "[]", ""},
		{"nil", "[]", ""},
		{"()", "[]", ""},
		{`("name" "x" "version" NIL)`, "[{name x} {version }]", ""},
		{"({4}\r\nname {1}\r\nx)", "[{name x}]", ""},
		{`("name")`, "", "syntax"},
		{`("name" x)`, "", "syntax"},
		{`(NIL "x")`, "", "syntax"},
		{`("name" "x" )`, "", "syntax"},
		{`"name" "x"`, "", "syntax"},
		{"", "", "syntax"},
	} {
		s := newScanner(t, " "+c.in)
		fields, err := ident.Scan(s)
		if got := fmt.Sprint(fields); errorOf(err) != c.err || err == nil && got != c.want {
			t.Errorf("ID %q = %s, %v; want %s, %s", c.in, got, err, c.want, c.err)
		}
		inStep(t, s)
	}
}

// TestIDLimits: the limits of RFC 2971 section 3.3.
func TestIDLimits(t *testing.T) {
	pairs := func(n, name, value int) string {
		words := make([]string, 2*n)
		for i := range words {
			words[i] = fmt.Sprintf(`"%0*d"`, []int{name, value}[i%2], 0)
		}
		return " " + list(words, func(w string) string { return w })
	}
	for _, c := range []struct {
		n, name, value int
		ok             bool
	}{{30, 30, 1024, true}, {31, 1, 1, false}, {1, 31, 1, false}, {1, 1, 1025, false}} {
		if _, err := ident.Scan(newScanner(t, pairs(c.n, c.name, c.value))); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func FuzzScanID(f *testing.F) {
	f.Add(` ("name" "Thunderbird" "version" NIL)`)
	f.Fuzz(func(t *testing.T, in string) {
		fuzzScan(t, in, false, ident.Scan, func(fields []ident.Field) string {
			return " " + list(fields, func(p ident.Field) string { return quoted(t, p.Name) + " " + quoted(t, p.Value) })
		})
	})
}
