package compose

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"

	"fantail/internal/webmail/htmlsafe"
)

func TestFlow(t *testing.T) {
	word := strings.Repeat("w", 100)
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "\n"},
		{"lines", "a\nb\n", "a\nb\n\n"},
		{"trailing spaces", "a  \nb", "a\nb\n"},
		{"signature", "a\n-- \nAnn", "a\n-- \nAnn\n"},
		{"quoted signature", "> -- \n> Bob", "> -- \n> Bob\n"},
		{"stuffed", " a\n >b\nFrom c\n>From d", "  a\n  >b\n From c\n> From d\n"},
		{"quoted", ">>a\n> b\n>\n>>> ", ">> a\n> b\n>\n>>>\n"},
		{"quoted stuffing", ">  a\n> > b", ">  a\n> > b\n"},
		{"long word", word, word + "\n"},
		{"long word later", "a " + word + " b", "a \n" + word + " \nb\n"},
		{"dashes before a long word", "-- " + word, "-- " + word + "\n"},
		{"wrapped", strings.Repeat("abcdefghi ", 9) + "end", strings.Repeat("abcdefghi ", 7) + "\nabcdefghi abcdefghi end\n"},
		{"wrapped quote", "> " + strings.Repeat("abcdefghi ", 9) + "end", "> " + strings.Repeat("abcdefghi ", 7) + "\n> abcdefghi abcdefghi end\n"},
		{"wrapped before >", strings.Repeat("abcdefghi ", 7) + "abcd > abc", strings.Repeat("abcdefghi ", 7) + "abcd \n > abc\n"},
		{"wrapped before From", strings.Repeat("abcdefghi ", 7) + "abcd From abc", strings.Repeat("abcdefghi ", 7) + "abcd \n From abc\n"},
		{"no spaces", strings.Repeat("日本語", 50), strings.Repeat("日本語", 50) + "\n"},
		{"CRLF", "a\r\nb", "a\nb\n"},
	} {
		got := Flow(test.text)
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if back := Unflow(got, true, false); Flow(back) != got {
			t.Errorf("%s: back is %q", test.name, back)
		}
	}
}

func TestUnflow(t *testing.T) {
	for _, test := range []struct {
		name, body    string
		flowed, delsp bool
		want          string
	}{
		{"fixed", "a \r\nb\r\n", false, false, "a\nb"},
		{"fixed quotes", "> > a\n>> b\n>c\n> \n", false, false, ">> a\n>> b\n> c\n>"},
		{"fixed leading space", " a\n", false, false, " a"},
		{"fixed signature", "a\n-- \nb\n", false, false, "a\n-- \nb"},
		{"paragraph", "a \nb \nc\nd\n", true, false, "a b c\nd"},
		{"delsp", "日 \n本\n", true, true, "日本"},
		{"stuffed", " >a\n  b\n From\n", true, false, " >a\n b\nFrom"},
		{"depth wins", "> a \nb\n", true, false, "> a\nb"},
		{"depth wins twice", "> a \n>> b \n>> c\n", true, false, "> a\n>> b c"},
		{"signature ends a paragraph", "a \n-- \nb\n", true, false, "a\n-- \nb"},
		{"quoted signature", "> a \n> -- \n> b\n", true, false, "> a\n> -- \n> b"},
		{"quoted stuffing", ">> a \n>>b\n", true, false, ">> a b"},
		{"RFC 3676 section 4.5", "> > a\n", true, false, "> > a"},
		{"end", "a \n", true, false, "a"},
	} {
		if got := Unflow(test.body, test.flowed, test.delsp); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestQuote(t *testing.T) {
	if got, want := Quote("a\n\n> b\n-- "), "> a\n>\n>> b\n> -- "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

var flowSeeds = []string{
	"", "a\n> b\n>> c", "-- \nx", "> -- ", " >", "From x", strings.Repeat("word ", 50), "> " + strings.Repeat("word  ", 50),
	"-- " + strings.Repeat("x", 90) + " y", strings.Repeat(">", 90) + " a b c", strings.Repeat("-- ", 60), "a\r\nb\rc", "\x00\xff",
}

// FuzzFlow: what was wrapped is the same text when it is joined, and no line is longer
// than it needs to be.
func FuzzFlow(f *testing.F) {
	for _, s := range flowSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		wrapped := Flow(CleanText(s))
		text := Unflow(wrapped, true, false)
		if again := Flow(text); again != wrapped {
			t.Fatalf("%q\nis joined to %q\nand wrapped to %q", wrapped, text, again)
		}
		if back := Unflow(Flow(text), true, false); back != text {
			t.Fatalf("%q\nis read as %q", text, back)
		}
		for line := range strings.SplitSeq(wrapped, "\n") {
			q := splitQuote(line)
			if q.depth < 40 && utf8.RuneCountInString(line) > 78 && strings.Contains(strings.TrimRight(strings.TrimPrefix(q.text, signature), " "), " ") &&
				!strings.HasPrefix(q.text, " ") {
				t.Fatalf("line %q", line)
			}
		}
	})
}

// FuzzUnflow: whatever comes, what it says can be sent and read again.
func FuzzUnflow(f *testing.F) {
	for _, s := range flowSeeds {
		f.Add(s, true, false)
		f.Add(s, true, true)
		f.Add(s, false, false)
	}
	f.Fuzz(func(t *testing.T, s string, flowed, delsp bool) {
		text := Unflow(CleanText(s), flowed, delsp)
		if back := Unflow(Flow(text), true, false); back != text {
			t.Fatalf("%q\nis read as %q", text, back)
		}
	})
}

func TestToText(t *testing.T) {
	for _, test := range []struct{ name, html, want string }{
		{"divs", "<div>a</div><div><br></div><div>b<br></div><div>c</div>", "a\n\nb\nc"},
		{"paragraphs", "<p>a\n b</p><p>c</p>", "a b\n\nc"},
		{"inline", "a <b>bold</b>,<i> and</i> more", "a bold, and more"},
		{"quote", "Ann wrote:<blockquote>a<blockquote>b</blockquote></blockquote>c", "Ann wrote:\n> a\n>> b\n\nc"},
		{"quote with paragraphs", "<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"},
		{"list", "<ul><li>a<li>b<ol start=3><li>c</li><li>d</ol></ul>e", "* a\n* b\n  3. c\n  4. d\n\ne"},
		{"list with paragraphs", "<ul><li><p>a</p><p>b</p></li></ul>", "* a\n  b"},
		{"table", "<table><tr><th>a</th><th>b</th></tr><tr><td>c</td><td></td><td>d</td></tr></table>", "a | b\nc | d"},
		{"table of blocks", "<table><tr><td><p>a</p></td><td><p>b</p></td></tr></table>", "a\n\nb"},
		{"pre", "<pre>\n a\n\n  b</pre>c", " a\n\n  b\n\nc"},
		{"link", `see <a href="https://x.example/p">this</a>.`, "see this <https://x.example/p>."},
		{"link that is its text", `<a href="https://x.example/">x.example</a> <a href="mailto:a@b">a@b</a>`, "x.example a@b"},
		{"link to nowhere", `<a href="javascript:x">a</a><a href="#b">b</a><a>c</a>`, "abc"},
		{"hidden", "a<style>b</style><script>c</script><svg><text>d</text></svg><title>e</title>f", "af"},
		{"hidden, nested", "<template>a<template>b</template>c</template>d", "d"},
		{"entities", "a &amp; b&nbsp;&nbsp;c &lt;d>", "a & b  c <d>"},
		{"no quotation", "<div>&gt; a</div>", " > a"},
		{"image", `<img src=x alt="a dog"><img src=y>`, "[a dog]"},
		{"rule", "a<hr>b", "a\n\n--------------------\n\nb"},
		{"signature", "a<div>-- <br>Ann</div>", "a\n-- \nAnn"},
		{"unclosed", "<div><blockquote>a", "> a"},
		{"closed too often", "a</blockquote></ul></pre></div>b", "a\n\nb"},
		{"headings", "<h1>a</h1>b<h2>c</h2>", "a\n\nb\n\nc"},
	} {
		if got := ToText(test.html, LinksInline); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	got := ToText(`<a href="http://a.example">a</a> and <a href="http://b.example">b</a>`, LinksNoted)
	if want := "a [1] and b [2]\n\n[1] http://a.example\n[2] http://b.example"; got != want {
		t.Errorf("noted: %q, want %q", got, want)
	}
}

func TestToHTML(t *testing.T) {
	text := "Hi <b>,\n\n> a  b\n>> https://x.example/?a=b&c\n\n  indented\n-- \nAnn & Bob"
	want := `<div>Hi &lt;b&gt;,</div><div><br></div>` + openQuote + `<div>a&nbsp; b</div>` + openQuote +
		`<div><a href="https://x.example/?a=b&amp;c">https://x.example/?a=b&amp;c</a></div></blockquote></blockquote>` +
		`<div><br></div><div>&nbsp;&nbsp;indented</div><div>--&nbsp;</div><div>Ann &amp; Bob</div>`
	got := ToHTML(text)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if back := ToText(got, LinksInline); back != text {
		t.Errorf("back is %q, want %q", back, text)
	}
}

// TestToHTMLSize: marks of quotation cost one octet each, and no more than some tens of
// octets of HTML.
func TestToHTMLSize(t *testing.T) {
	text := strings.Repeat(strings.Repeat(">", maxQuotes)+"\n\n", 20_000)
	got := ToHTML(text)
	if len(got) > 20*len(text) || strings.Count(got, "<blockquote") != strings.Count(got, "</blockquote>") {
		t.Errorf("%d octets of text are %d of HTML", len(text), len(got))
	}
}

var htmlSeeds = []string{
	"<p>a<ul><li>b", "<table><tr><td>a<td>b", "<blockquote>a</blockquote>b", "<pre>\n\na\n</pre>", "<a href=http://x>y", "<svg/><svg>a</svg>b",
	`<img src="data:image/png;base64,iVBORw0KGgo="><img src=cid:x>`, `<div style="color:red;background:url(x)" class=a id=b onclick=c>d</div>`,
	"<plaintext>a</plaintext>", "<textarea></div>", "<li>a<li>b", "&#0;&#13;a\rb", "<br/><br></br>", "<b <i>>",
}

// FuzzToText: text of any HTML can be sent and read again.
func FuzzToText(f *testing.F) {
	for _, s := range htmlSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, links := range []Links{LinksInline, LinksNoted} {
			text := ToText(s, links)
			if CleanText(text) != text {
				t.Fatalf("text %q is not clean", text)
			}
			if wrapped := Flow(text); Flow(Unflow(wrapped, true, false)) != wrapped {
				t.Fatalf("text %q is not stable", text)
			}
		}
	})
}

// TestLinear wants hostile markup to cost time in proportion to its length: sixteen
// times as much in less than a hundred times the time.
func TestLinear(t *testing.T) {
	for _, piece := range []string{
		"<blockquote>a", "<ul><li>a", "<ol>", "<a href=http://x>", "<template>", "<pre>\n", "<td>a", "<br>", "<b>", "a ", "&lt;", "<a href='",
		"<p>", "<svg>", "</div>", "<img alt=a>", "<!--", "<div style='a;'>",
	} {
		cost := func(n int) time.Duration {
			src := strings.Repeat(piece, n)
			best := time.Hour
			for range 3 {
				begin := time.Now()
				ToText(src, LinksNoted)
				if _, _, err := Markup(src, nil, "x"); err != nil {
					t.Fatal(err)
				}
				best = min(best, time.Since(begin))
			}
			return best
		}
		if small, big := cost(2000), cost(32000); big > 100*small && big > time.Second {
			t.Errorf("%q: %v, then %v", piece, small, big)
		}
	}
}

func TestMarkup(t *testing.T) {
	inline := []File{{ID: "a b@x"}, {ID: "pic@x"}}
	inline[0].ID = "pic2@x"
	for _, test := range []struct{ name, html, want string }{
		{"plain", "<div>a &amp; b</div>", "<div>a &amp; b</div>"},
		{"names", `<div class="a" id="b" onclick="c" style="color:red">d</div>`, `<div style="color:red">d</div>`},
		{"sheets", "<style>p{}</style><link rel=stylesheet href=x>a", "a"},
		{"document", "<!DOCTYPE html><html><head><title>t</title></head><body>a</body></html>", "a"},
		{"remote image", `<img src="https://x.example/p.gif" alt="logo"><img src="//x">`, "[logo]"},
		{"inline image", `<img src="cid:pic@x"><img src="cid:other@x">`, `<img src="cid:pic@x">`},
		{"background", `<p style="color:red; background:URL(//x); width:1px;a:im\age(x)">a</p>`, `<p style="color:red;width:1px">a</p>`},
		{"link", `<a href="https://x.example/?a&b" target=_blank rel=x>a</a>`, `<a href="https://x.example/?a&amp;b">a</a>`},
		{"script link", `<a href="javascript:x">a</a>`, `<a>a</a>`},
		{"quote", `<blockquote class="m-gmail_quote">a</blockquote>`, openQuote + "a</blockquote>"},
		{"quote with a style", `<blockquote style="x:y">a</blockquote>`, `<blockquote type="cite" style="x:y">a</blockquote>`},
		{"form", `<form><input value=x><button>a</button></form>`, "a"},
		{"comment", "a<!-- b -->c", "ac"},
	} {
		got, _, err := Markup(test.html, inline, "x")
		if err != nil || got != test.want {
			t.Errorf("%s: %q, %v, want %q", test.name, got, err, test.want)
		}
	}
	// A picture that is pasted twice is sent once.
	src := `<img src="data:image/png;base64,iVBORw0KGgo="><img src="data:image/png;base64,iVBORw0KGgo=">`
	got, files, err := Markup(src, inline, "example.org")
	if err != nil || len(files) != 3 || files[2].Type != "image/png" || strings.Count(got, "cid:"+files[2].ID) != 2 {
		t.Errorf("pasted: %q, %d files, %v", got, len(files), err)
	}
	if plainFiles(t, files[2:])[0].content != "\x89PNG\r\n\x1a\n" {
		t.Error("the picture has changed")
	}
}

// TestEditedHTML: what the editor gives goes through htmlsafe first.
func TestEditedHTML(t *testing.T) {
	const edited = `<div class=x>a<br></div><blockquote type="cite" style="` + quoteStyle + `"><div>b</div></blockquote><img src="cid:pic@x" onerror=x>`
	safe, err := htmlsafe.Sanitize(edited, htmlsafe.Options{KeepReferences: true})
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := Markup(safe.HTML, []File{{ID: "pic@x"}}, "x")
	if want := "<div>a<br></div>" + openQuote + `<div>b</div></blockquote><img src="cid:pic@x">`; err != nil || got != want {
		t.Errorf("got\n%s, %v, want\n%s", got, err, want)
	}
}

// FuzzMarkup: cleaning twice changes nothing, and nothing loads from elsewhere.
func FuzzMarkup(f *testing.F) {
	for _, s := range htmlSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, files, err := Markup(s, nil, "x")
		if err != nil {
			t.Skip()
		}
		twice, _, err := Markup(once, files, "x")
		if err != nil || twice != once {
			t.Fatalf("%q\nbecomes %q, %v", once, twice, err)
		}
		z := html.NewTokenizer(strings.NewReader(once))
		for z.Next() != html.ErrorToken {
			token := z.Token()
			if token.Type == html.TextToken {
				continue
			}
			if !sentElements[token.Data] {
				t.Fatalf("element %s in %q", token.Data, once)
			}
			for _, a := range token.Attr {
				loads := a.Key == "src" && !strings.HasPrefix(a.Val, "cid:") || a.Key == "style" && strings.Contains(strings.ToLower(a.Val), "url")
				if !sentAttributes[a.Key] || loads {
					t.Fatalf("%s=%q in %q", a.Key, a.Val, once)
				}
			}
		}
	})
}
