package message

import (
	"fmt"
	"strings"
	"testing"
)

// outline writes a tree as one line per part: type, body size, body lines.
func outline(p *Part) string {
	var b strings.Builder
	var walk func(p *Part, indent string)
	walk = func(p *Part, indent string) {
		fmt.Fprintf(&b, "%s%s/%s %d %d\n", indent, p.Type, p.Subtype, p.BodySize, p.BodyLines)
		for _, c := range p.Parts {
			walk(c, indent+" ")
		}
		if p.Message != nil {
			walk(p.Message, indent+" ")
		}
	}
	walk(p, "")
	return b.String()
}

// parse parses s or ends the test.
func parse(t testing.TB, s string) *Part {
	t.Helper()
	p, err := Parse(strings.NewReader(s), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStructure(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want string
	}{
		{"empty", "", "text/plain 0 0\n"},
		{"no header", "\nbody\n", "text/plain 6 1\n"},
		{"no body", "Subject: x\n", "text/plain 0 0\n"},
		{"no line end", "Subject: x", "text/plain 0 0\n"},
		{"text", "Subject: x\n\na\nb", "text/plain 4 1\n"},
		{"mbox line", "From a@b Mon Jan 1 00:00:00 2020\nNo colon\n at: all\nContent-Type: text/html\n\nx\n", "text/html 3 1\n"},
		{"leading blank", " x: y\nContent-Type: text/html\n\n", "text/html 0 0\n"},
		{
			"parts", `Content-Type: multipart/mixed; boundary=b

pre
--b

line1
line2
--b

--b
Content-Type: text/html
--b
--b

x

--b--
epilogue
--b

y
`, `multipart/mixed 107 19
 text/plain 12 1
 text/plain 0 0
 text/html 0 0
 text/plain 0 0
 text/plain 3 1
`,
		},
		{
			"messages", `Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/rfc822

Subject: inner

--b
Content-Type: message/rfc822

Subject: inner
--b
Content-Type: message/rfc822
--b
Content-Type: message/rfc822

Subject: inner

text
--b--
`, `multipart/mixed 211 18
 message/rfc822 18 2
  text/plain 0 0
 message/rfc822 16 1
  text/plain 0 0
 message/rfc822 0 0
  text/plain 0 0
 message/rfc822 22 2
  text/plain 4 0
`,
		},
		{
			"prefix", `Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/mixed; boundary=bb

--bb

in
--bbb

in2
--b

outer
--bb

hm
--b--trailing garbage
--b

x
`, `multipart/mixed 136 19
 multipart/mixed 24 5
  text/plain 2 0
  text/plain 3 0
 text/plain 5 0
 text/plain 2 0
`,
		},
		{
			"digest", `Content-Type: multipart/digest; boundary=b

--b

Subject: inner

text
--b
Content-Type: text/plain

t
--b
Content-Type: foo

t
--b--
`, `multipart/digest 103 14
 message/rfc822 22 2
  text/plain 4 0
 text/plain 1 0
 text/plain 1 0
`,
		},
		{"unused boundary", "Content-Type: multipart/mixed; boundary=b\n\nx\n", "multipart/mixed 3 1\n"},
		{"no boundary", "Content-Type: multipart/mixed\n\n--\n\nx\n", "multipart/mixed 9 3\n"},
		{"delimiter at end", "Content-Type: multipart/mixed; boundary=b\n\n--b", "multipart/mixed 3 0\n"},
		{"delimiter line at end", "Content-Type: multipart/mixed; boundary=b\n\n--b\n", "multipart/mixed 5 1\n text/plain 0 0\n"},
		{"first content type", "Content-Type: multipart/mixed; boundary=b\nContent-Type: text/html\n\n--b\n\nx", "multipart/mixed 8 2\n text/plain 1 0\n"},
	}
	for _, tt := range tests {
		if got := outline(parse(t, tt.in)); got != tt.want {
			t.Errorf("%s:\n%swant\n%s", tt.name, got, tt.want)
		}
		crlf := strings.ReplaceAll(tt.in, "\n", "\r\n")
		if got := outline(parse(t, crlf)); got != tt.want {
			t.Errorf("%s with CRLF:\n%swant\n%s", tt.name, got, tt.want)
		}
	}
}
