package htmlsafe

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLinkify(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []Segment
	}{
		{"", nil},
		{"no link", []Segment{{"no link", ""}}},
		{"see https://example.org/a.", []Segment{{"see ", ""}, {"https://example.org/a", "https://example.org/a"}, {".", ""}}},
		{"(http://example.org/x_(y))", []Segment{{"(", ""}, {"http://example.org/x_(y)", "http://example.org/x_%28y%29"}, {")", ""}}},
		{"<https://example.org>", []Segment{{"<", ""}, {"https://example.org", "https://example.org"}, {">", ""}}},
		{"www.example.org, ok", []Segment{{"www.example.org", "https://www.example.org"}, {", ok", ""}}},
		{"HTTPS://EXAMPLE.ORG/X", []Segment{{"HTTPS://EXAMPLE.ORG/X", "https://EXAMPLE.ORG/X"}}},
		{"ask joe.doe+x@mail.example.org!", []Segment{{"ask ", ""}, {"joe.doe+x@mail.example.org", "mailto:joe.doe+x@mail.example.org"}, {"!", ""}}},
		{"joe@localhost", []Segment{{"joe@localhost", ""}}},
		{"http://", []Segment{{"http://", ""}}},
		{"ftp://example.org", []Segment{{"ftp://example.org", ""}}},
		{"javascript:alert(1)", []Segment{{"javascript:alert(1)", ""}}},
		{"awww.example.org", []Segment{{"awww.example.org", ""}}},
		{"a\nhttps://x.example\nb", []Segment{{"a\n", ""}, {"https://x.example", "https://x.example"}, {"\nb", ""}}},
		{"https://bücher.example/ä", []Segment{{"https://bücher.example/ä", "https://bücher.example/ä"}}},
		// A mail address followed by markup: the classic hole of linkifiers that
		// edit strings.
		{"a@a.co?]<img/src=x/onerror=x>", []Segment{{"a@a.co", "mailto:a@a.co"}, {"?]<img/src=x/onerror=x>", ""}}},
		{`http://a.example/"onclick="x`, []Segment{{"http://a.example/", "http://a.example/"}, {`"onclick="x`, ""}}},
		// A name that looks like a host, and letters that nobody sees.
		{"http://www.bank.example@evil.example/", []Segment{{"http://www.bank.example@evil.example/", ""}}},
		{"http://a.example/?a=b@c.example", []Segment{{"http://a.example/?a=b@c.example", "http://a.example/?a=b@c.example"}}},
		{"http://a.example/\u3164x", []Segment{{"http://a.example/", "http://a.example/"}, {"\u3164x", ""}}},
		{"http://a.example/\u2800x", []Segment{{"http://a.example/", "http://a.example/"}, {"\u2800x", ""}}},
		// A character that reverses the text ends the address.
		{"http://a.example/\u202egpj.exe", []Segment{{"http://a.example/", "http://a.example/"}, {"\u202egpj.exe", ""}}},
	} {
		if d := cmp.Diff(c.want, Linkify(c.in)); d != "" {
			t.Errorf("Linkify(%q): %s", c.in, d)
		}
	}
}

func TestLinkifyLinearTime(t *testing.T) {
	for _, unit := range []string{"a@b.co,", "http://a.b,", "www.", "@", "http://", "a@", "(", "http://a.b "} {
		start := time.Now()
		Linkify(strings.Repeat(unit, (1<<20)/len(unit)))
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%q repeated took %v", unit, d)
		}
	}
}
