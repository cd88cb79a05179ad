package htmlsafe

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// long is more than is shown of a quotation, and unlike what messages say themselves.
var long = strings.Repeat("quoted words ", 40)

// What is folded, of messages of many programs: § stands for the quotation.
func TestFold(t *testing.T) {
	for _, c := range []struct {
		name, in string
		folded   string // how the text begins that is folded; "": nothing is
	}{
		{"Gmail", `<div dir="ltr">Yes.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Monday Ann wrote:<br></div><blockquote class="gmail_quote" style="margin:0">§</blockquote></div>`, "On Monday Ann wrote:"},
		{"Thunderbird", `<p>Yes.</p><div class="moz-cite-prefix">Ann wrote:<br></div><blockquote type="cite" cite="mid:x"><p>§</p></blockquote>`, "§"},
		{"Apple", `<div>Yes.</div><div><br><blockquote type="cite"><div>On Monday, Ann wrote:</div><br><div>§</div></blockquote></div>`, "On Monday, Ann wrote:"},
		{"no mark but a colon", `<p>Yes.</p><p>Am Montag schrieb Ann:</p><blockquote>§</blockquote>`, "§"},
		{"Outlook for Windows", `<div class="WordSection1"><p class="MsoNormal">Yes.</p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"><p class="MsoNormal"><b><span>Von:</span></b><span> Ann<br></span></p></div></div><p>§</p></div>`, "Von: Ann"},
		{"Outlook on the web", `<div>Yes.</div><hr style="display:inline-block" tabindex="-1"><div id="divRplyFwdMsg"><b>From:</b> Ann</div><div>§</div>`, "From: Ann"},
		{"Outlook for phones", `<div>Yes.</div><div id="ms-outlook-mobile-reference-message"><p>§</p></div>`, "§"},
		{"Yahoo", `<div>Yes.</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div>On Monday:</div><div>§</div></div>`, "On Monday:"},
		{"Proton", `<div>Yes.</div><div class="protonmail_quote">On Monday<br><blockquote type="cite">§</blockquote></div>`, "On Monday"},
		{"Zimbra", `<div>Yes.<hr id="zwchr"><b>From: </b>Ann<br>§</div>`, "From: Ann"},
		{"in a cell", `<table><tr><td>Yes.<blockquote type=cite>§</blockquote></td></tr></table>`, "§"},
		{"long among the answers", `<blockquote type=cite>§</blockquote><p>Yes.</p>`, "§"},

		{"short", `<p>Yes.</p><blockquote type=cite>one line</blockquote>`, ""},
		{"nothing else", `<div class="gmail_quote"><div class="gmail_attr">Forwarded:<br></div>§</div>`, ""},
		{"nothing but a line before", `<p>On Monday Ann wrote:</p><blockquote type=cite>§</blockquote>`, ""},
		{"a quotation of literature", `<p>I have read this.</p><blockquote>§</blockquote>`, ""},
		{"a box", `<p>Yes.</p><div style="border:none;border-top:solid #E1E1E1 1pt"><p>§</p></div>`, ""},
		{"a row", `<table><tr class="gmail_quote"><td>§</td></tr></table>Yes.`, ""},
	} {
		r, err := Sanitize(strings.ReplaceAll(c.in, "§", long), Options{Fold: "<more>"})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := html.Parse(strings.NewReader(r.HTML))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for n := range doc.Descendants() {
			if n.Data == "details" && n.Type == html.ElementNode {
				if attributeOf(n, "class") != quoteClass || n.FirstChild.Data != "summary" || textOf(n.FirstChild) != "<more>" || got != "" {
					t.Errorf("%s: %s", c.name, r.HTML)
				}
				got = strings.TrimPrefix(textOf(n), "<more>")
			}
		}
		if want := strings.ReplaceAll(c.folded, "§", "quoted words"); !strings.HasPrefix(got, want) || (got == "") != (want == "") || strings.Contains(got, "Yes.") {
			t.Errorf("%s: folded is %.60q, want %q\n%s", c.name, got, want, r.HTML)
		}
		if !strings.Contains(strings.Replace(r.HTML, got, "", 1), "Yes.") && c.folded != "" {
			t.Errorf("%s: what is new is missing", c.name)
		}
	}
}

// Folding loses nothing and lets nothing in.
func TestFoldHarmless(t *testing.T) {
	for _, m := range corpus() {
		if m.Heavy {
			continue
		}
		in := "<p>own words</p><div class=gmail_quote>" + long + m.HTML
		plain, err1 := Sanitize(in, Options{})
		r, err2 := Sanitize(in, Options{Fold: "more"})
		if err1 != nil || err2 != nil {
			continue
		}
		out := strings.NewReplacer(`<details class="wm-quote"><summary>more</summary>`, "", "</details>", "").Replace(r.HTML)
		if out != plain.HTML {
			t.Errorf("%.200q changes:\n%.500s\n%.500s", m.HTML, out, plain.HTML)
		}
	}
}
