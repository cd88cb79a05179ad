package message

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestAttributes(t *testing.T) {
	for tag, want := range map[string]string{
		`<blockquote>`:                         "",
		`<blockquote type="cite">`:             "type=cite",
		`<BLOCKQUOTE TYPE=cite>`:               "TYPE=cite",
		`<blockquote type = 'cite' class=a/b>`: "type=cite class=a/b",
		`<blockquote/type=cite/>`:              "type=cite/",
		`<blockquote class="a > b" x y="1">`:   "class=a > b x= y=1",
		`<blockquote =a="b">`:                  "=a=b",
		`<blockquote type=>`:                   "type=",
		`<blockquote type="cite`:               "type=cite",
		`<blockquote type`:                     "type=",
		"<blockquote\ntype\n=\ncite\n>":        "type=cite",
	} {
		var got []string
		for key, value := range attributes([]byte(tag)) {
			got = append(got, fmt.Sprintf("%s=%s", key, value))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q has %q, want %q", tag, s, want)
		}
	}
}

// FuzzAttributes: they are those that x/net/html finds in the same tag.
func FuzzAttributes(f *testing.F) {
	for _, tag := range []string{`<p type="cite">`, `<p a=b c='d' e>`, "<p =a =b>", `<p a="<>" / b=c/>`, `<p a = >`, `<p a=b"c>`} {
		f.Add([]byte(tag))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.ContainsAny(b, "&\x00\r") { // which are replaced there
			return
		}
		z := html.NewTokenizer(bytes.NewReader(b))
		if kind := z.Next(); kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			return
		}
		raw := bytes.Clone(z.Raw())
		_, more := z.TagName()
		var want, got []string
		seen := make(map[string]bool)
		for more {
			var key, value []byte
			key, value, more = z.TagAttr()
			want = append(want, fmt.Sprintf("%s=%s", key, value))
		}
		for key, value := range attributes(raw) {
			name := bytes.Clone(key)
			for i, c := range name {
				name[i] = lower(c)
			}
			if !seen[string(name)] { // of several the first counts
				got = append(got, fmt.Sprintf("%s=%s", name, value))
			}
			seen[string(name)] = true
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%q has %q, want %q", raw, got, want)
		}
	})
}
