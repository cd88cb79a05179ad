package message

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPreview(t *testing.T) {
	alternative := "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>html\n--b\n\n%s\n--b--\n"
	html := "Content-Type: text/html; charset=utf-8\n\n"
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"text", "\n  Hello\r\n\r\n\tthere,\x00 all  ", "Hello there, all"},
		{"quoted", "\n> old\n>older\nnew\n> old\nmore\n-- \nsignature", "new more"},
		{"only quoted", "\n> old\n> > news\n-- \nsig", "old news"},
		{"only signature", "\n-- \nAnn\n", ""},
		{"signature in quoted-printable", "Content-Transfer-Encoding: quoted-printable\n\nHi\n-- \nAnn\n", "Hi"},
		{"dashes are none", "\n--\nHi -- you\n--x\n", "Hi -- you --x"},

		{"attribution", "\nOn Monday, Ann wrote:\n> old\nYes.\n", "Yes."},
		{"attribution below", "\nYes, as follows:\n\nAnn wrote:\n\n> old\n\nNo.\n", "Yes, as follows: No."},
		{"wrapped attribution", "\nYes.\n\nOn Mon, 1 Jan 2024 at 10:00, Ann Doe of Example\n<ann@example.org> wrote:\n> old\n", "Yes. On Mon, 1 Jan 2024 at 10:00, Ann Doe of Example"},
		{"attribution on two lines", "\nYes at 10.\n\nOn Mon, 1 Jan 2024 at 10:00, Ann Doe <ann@example.org>\nwrote:\n\n> old\n", "Yes at 10."},
		{"attribution in one paragraph", "\nYes at 10.\nAnn wrote:\n> old\n", "Yes at 10."},
		{"only attribution", "\nAm Montag schrieb Ann:\n> old\n", "old"},
		{"no attribution", "\nYes.\n> old\nSee:\nhere\n> old", "Yes. See: here"},
		{"each quote has one", "\na:\n> old\nb:\n> old\nc\n> x\n> y\n", "c"},
		{"wide colon", "\n\u597d\n\u4ed6\u5199\uff1a\n> old\n", "\u597d"},

		{"original message", "\nYes.\n\n-----Urspr\u00fcngliche Nachricht-----\nVon: x\n\nold\n", "Yes."},
		{"forwarded", "\n---------- Forwarded message ---------\nFrom: x\nSubject: y\n\nold\n", "old"},
		{"forwarded without end", "\n----- Forwarded -----\n" + strings.Repeat("line\n", maxHead) + "rest\n", "rest"},
		{"rule", "\nTitle\n=====\n\n----------\nText ----- x\n----- y\n", "Title Text ----- x ----- y"},
		{"signed", "\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHi\n-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n", "Hi"},
		{"encrypted", "\n-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----\n", ""},
		{"encrypted part", "Content-Type: multipart/encrypted; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\n\nnot this\n--b--\n", ""},
		{"enveloped", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMIAG\n", ""},
		{"unknown encoding", "Content-Transfer-Encoding: x-secret\n\nabc\n", ""},

		{"html", html + "<html><head><title>T</title><style>p{x:y}</style></head><body>\n<p>On<b>e</b> &amp;</p><script>if(a<b)</script><p>two<br>three<img src=x>&nbsp;&zwnj;&nbsp;&zwnj;four</body>", "One & two three four"},
		{"html closes what cannot be closed", html + "<style/>p{}</style><svg/>a<svg>b<br/></svg>c", "a c"},
		{"html table", html + "<table><tr><td>a</td><td>b</td></tr><tr><td>c", "a b c"},
		{"html reply", html + `<div>Yes at 10.</div><div class="gmail_quote"><div>Ann wrote:<br></div><blockquote class="gmail_quote"><div>old<blockquote>older</blockquote>old</div></blockquote></div>No.`, "Yes at 10. No."},
		{"html only quoted", html + `<blockquote type="cite">old</blockquote>`, "old"},
		{"html indented", html + `<blockquote style="margin:0">new</blockquote></blockquote>er`, "new er"},
		{"html forwarded", html + "<div>---------- Forwarded message ---------<br>From: <b>x</b><br>To: y<br></div><br><br>old", "old"},
		{"html signature", html + "Hi<br><span>-- </span><br>Ann", "Hi"},
		{"html preformatted", html + "Hi<pre>a\n&gt; old\nb\n-- \nAnn</pre>", "Hi a b"},
		{"html comment", html + "a<!-- b --><!--[if mso]>c<![endif]-->d", "ad"},
		{"html unclosed", html + "a<b", "a"},

		{"alternative", strings.Replace(alternative, "%s", "plain", 1), "plain"},
		{"empty alternative", strings.Replace(alternative, "%s", " ", 1), "html"},
		{"attachment", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment\n\nno\n--b\nContent-Type: image/png\n\nno\n--b\n\nyes\n--b--\n", "yes"},
		{"only attachments", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment\n\nno\n--b\nContent-Type: message/rfc822\n\n\nno\n--b--\n", ""},
		{"report", "Content-Type: multipart/report; boundary=b\n\n--b\n\nSorry\n--b\nContent-Type: message/delivery-status\n\nno\n--b\nContent-Type: text/rfc822-headers\n\nno\n--b--\n", "Sorry"},
		{"message", "Content-Type: message/rfc822\n\nSubject: x\n\nbody", "body"},
		{"charset", "Content-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: base64\n\nGyRCRnxLXBsoQg==\n", "\u65e5\u672c"},

		{"long", "\n" + strings.Repeat("\u00e4 ", 150), strings.TrimSuffix(strings.Repeat("\u00e4 ", 100), " ")},
		{"longer", "\nx" + strings.Repeat("\u00e4 ", 150), "x" + strings.TrimSuffix(strings.Repeat("\u00e4 ", 100), " ")},
		{"one line", "\n" + strings.Repeat("x", 9000), strings.Repeat("x", 200)},
		{"whole characters", "\n" + strings.Repeat("x", 198) + " e\u0301y", strings.Repeat("x", 198)},
		{"whole emoji", "\n" + strings.Repeat("x", 198) + "\U0001f469\u200d\U0001f4bb", strings.Repeat("x", 198)},
		{"only marks", "\n" + strings.Repeat("\u0301", 300), strings.Repeat("\u0301", 200)},
		{"invisible", "\na\u202eb\u200b \u200d \u2800c\ufeff", "ab c"},
	}
	for _, tt := range tests {
		got, err := Preview(parse(t, tt.in), strings.NewReader(tt.in))
		if err != nil || got != tt.want {
			t.Errorf("%s: %q, want %q: %v", tt.name, got, tt.want, err)
		}
	}
}

// countingAt counts the octets that are read.
type countingAt struct {
	io.ReaderAt
	n int64
}

func (c *countingAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

// TestPreviewBudget counts what is read of large messages.
func TestPreviewBudget(t *testing.T) {
	const large = 4 << 20
	repeat := func(s string) string { return strings.Repeat(s, large/len(s)) }
	parts := "Content-Type: multipart/mixed; boundary=b\n\n" + repeat("--b\nContent-Type: text/html\n\n<!--"+strings.Repeat(" ", 1<<20)+"\n")
	tests := []struct {
		name, in string
		most     int64
	}{
		{"text", "\n" + repeat("word "), 8 << 10},
		{"base64", "Content-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(repeat("word "))), 8 << 10},
		{"html", "Content-Type: text/html\n\n<style>" + repeat("p{a:b}")[:50<<10] + "</style>" + repeat("<p>word"), 60 << 10},
		{"blank", "\n" + repeat(" "), 40 << 10},
		{"quoted", "\n" + repeat("> a\n"), 40 << 10},
		{"style", "Content-Type: text/html\n\n<style>" + repeat("p{a:b}"), 140 << 10},
		{"base64 without text", "Content-Transfer-Encoding: base64\n\n" + repeat("!\n"), previewStored},
		{"soft breaks", "Content-Transfer-Encoding: quoted-printable\n\n" + repeat("=\n"), previewStored},
		{"empty parts", parts, previewStored},
	}
	for _, tt := range tests {
		r := countingAt{ReaderAt: strings.NewReader(tt.in)}
		if _, err := Preview(parse(t, tt.in), &r); err != nil {
			t.Fatal(err)
		}
		if r.n > tt.most {
			t.Errorf("%s: %d octets read, at most %d wanted", tt.name, r.n, tt.most)
		}
	}
}

func FuzzPreview(f *testing.F) {
	for _, s := range fuzzMessages {
		_, body, _ := strings.Cut(s, "\n\n")
		f.Add("plain", body)
		f.Add("html", body)
	}
	for _, s := range []string{
		"Yes.\n\nAnn wrote:\n> old\n> > older\nNo.\n-- \nsig", "-----BEGIN PGP SIGNED MESSAGE-----\n\na", "--- a ---\n--\n----",
		"e\u0301\u200d\U0001f469 \u202e\ufffd\xff",
	} {
		f.Add("plain", s)
		f.Add("html", strings.ReplaceAll(s, "\n", "<br>"))
	}
	f.Add("html", "<p>a<blockquote type=cite>b<blockquote>c</blockquote><pre>d\n> e</pre><style/>f</style>&nbsp;<svg>g")
	f.Fuzz(func(t *testing.T, subtype, body string) {
		p := &Part{Type: "text", Subtype: subtype, Encoding: "8bit", Body: Span{0, int64(len(body))}}
		got, err := Preview(p, strings.NewReader(body))
		if err != nil || !utf8.ValidString(got) || utf8.RuneCountInString(got) > previewChars {
			t.Fatalf("preview %q: %v", got, err)
		}
		if strings.TrimSpace(got) != got || strings.ContainsAny(got, "\r\n\t\x00") || strings.Contains(got, "  ") {
			t.Fatalf("preview %q has white space", got)
		}
	})
}
