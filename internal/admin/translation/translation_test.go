package translation

import (
	"strings"
	"testing"
)

func TestResult(t *testing.T) {
	var r Result
	r.Set("mail.path", Quote("~/Maildir"), Origin{Name: "usual"}) // the default
	r.Set("mail.path", Quote("~/Mail"), Origin{Name: "location"})
	r.Set("imap.without", QuoteAll([]string{"SORT", `a"b\`}), Origin{Name: "off", File: "f", Line: 3})
	r.Set("pop3.lock_session", "false", Origin{Name: "the default, too"})
	r.Set("auth.sources", `["pam"]`, Origin{})
	r.Unset("auth.sources")
	r.Note(Origin{Name: "b", File: "second", Line: 2}, "%d things", 2)
	r.Note(Origin{Name: "z", File: "first", Line: 9}, "late")
	if r.IsGrave() {
		t.Error("nothing is grave yet")
	}
	r.Grave(Origin{Name: "a", File: "second", Line: 1}, "missed")
	r.Note(Origin{File: "first"}, "none of its lines")
	r.Sort()
	want := "[imap]\nwithout = [\"SORT\", \"a\\\"b\\\\\"]  # off\n\n[mail]\npath = \"~/Mail\"  # location\n"
	if got := r.TOML(); got != want {
		t.Errorf("%s", got)
	}
	var lines []string
	for _, n := range r.Notes {
		lines = append(lines, n.String())
	}
	want = "! a (second, line 1): missed\n  b (second, line 2): 2 things\n  first: none of its lines\n  z (first, line 9): late"
	if got := strings.Join(lines, "\n"); got != want || !r.IsGrave() {
		t.Errorf("%s", got)
	}
}

func TestQuote(t *testing.T) {
	if got := Quote("a\n\x7f\"\\é"); got != "\"a\\u000A\\u007F\\\"\\\\é\"" {
		t.Error(got)
	}
	if got := Short(strings.Repeat("é", 81)); got != strings.Repeat("é", 80)+"…" {
		t.Error(got)
	}
}
