package htmlsafe

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// png is the smallest picture that ImageType recognises.
const png = "\x89PNG\r\n\x1a\n....IHDR"

// pngURL is png as a data: URL.
const pngURL = "data:image/png;base64,iVBORw0KGgouLi4uSUhEUg=="

const linkTail = ` target="_blank" rel="noopener noreferrer nofollow ugc"`

func sanitize(t *testing.T, in string) Result {
	t.Helper()
	r, err := Sanitize(in, Options{Image: func(id string) ([]byte, bool) {
		switch id {
		case "pic@x":
			return []byte(png), true
		case "evil@x":
			return []byte("<svg onload=alert(1)>"), true
		}
		return nil, false
	}})
	if err != nil {
		t.Fatalf("Sanitize(%.100q): %v", in, err)
	}
	return r
}

// What mail is made of must survive.
func TestKept(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain words", `hello`, `hello`},
		{"paragraphs", `<p>a<p>b`, `<p>a</p><p>b</p>`},
		{"whole document", `<!doctype html><html><head><title>t</title></head><body><p>x</p></body></html>`, `<p>x</p>`},
		{"entities", `&lt;b&gt; &amp; &nbsp;&euro;`, "&lt;b&gt; &amp; \u00a0€"},
		{"nesting", `<b><i>x</b>y</i>`, `<b><i>x</i></b><i>y</i>`},
		{"table", `<table width=600 bgcolor=FFF><tr><td align=CENTER colspan=2>x`, `<table bgcolor="#fff" width="600"><tbody><tr><td align="center" colspan="2">x</td></tr></tbody></table>`},
		{"font", `<font color=red size=+2 face="Arial, 'Times New Roman'">x</font>`, `<font color="red" face="Arial,Times New Roman" size="+2">x</font>`},
		{"center", `<center>x</center>`, `<center>x</center>`},
		{"unknown element", `<foo><o:p>x</o:p></foo>`, `x`},
		{"form is unwrapped", `<form action=/x><p>x</p><input name=q></form>`, `<p>x</p>`},
		{"link", `<a href="https://example.org/a?b=c&d=e#f">x</a>`, `<a href="https://example.org/a?b=c&amp;d=e#f"` + linkTail + `>x</a>`},
		{"mail link", `<a href=mailto:a@example.org>x</a>`, `<a href="mailto:a@example.org"` + linkTail + `>x</a>`},
		{"telephone", `<a href=tel:+49123>x</a>`, `<a href="tel:+49123"` + linkTail + `>x</a>`},
		{"fragment", `<a href="#top">x</a><h1 id=top>y</h1>`, `<a href="#m-top">x</a><h1 id="m-top">y</h1>`},
		{"old anchor", `<a name=top>y</a>`, `<a id="m-top">y</a>`},
		{"data image", `<img src="` + pngURL + `" alt=x>`, `<img alt="x" src="` + pngURL + `">`},
		{"inline image", `<img src="cid:pic@x">`, `<img src="` + pngURL + `">`},
		{"inline image, encoded", `<img src="cid:pic%40x">`, `<img src="` + pngURL + `">`},
		{"lists", `<ol type=A start=3><li>x</ol>`, `<ol start="3" type="A"><li>x</li></ol>`},
		{"pre keeps its newline", "<pre>\n\nx</pre>", "<pre>\n\nx</pre>"},
		{"direction", `<p dir=RTL lang=ar>x`, `<p dir="rtl" lang="ar">x</p>`},
		{"class and id", `<p class="a b" id=c>x`, `<p class="m-a m-b" id="m-c">x</p>`},
		{"body colours", `<body bgcolor=#FFFFFF text=black style="margin:0">x`, `<div style="color:black;background-color:#ffffff;margin:0">x</div>`},
		{"colours", `<p style="color:RED!important;background:rgb(1 2 3 / 50%)">x`, `<p style="color:red!important;background:rgb(1 2 3 / 50%)">x</p>`},
		{"calc", `<p style="width:calc(100% - 2 * 8px)">x`, `<p style="width:calc(100% - 2 * 8px)">x</p>`},
		{"gradient", `<p style="background-image:linear-gradient(to right,red,#fff 20%)">x`, `<p style="background-image:linear-gradient(to right,red,#fff 20%)">x</p>`},
		{"font stack", `<p style='font:bold 12px/1.5 "Segoe UI",Arial'>x`, `<p style="font:bold 12px / 1.5 &#39;Segoe UI&#39;,arial">x</p>`},
		{"style sheet", `<style>.a, p > b:first-child { color : red } @media (max-width:600px){td{width:100%!important}}</style>x`,
			`<style>.m-a,p>b:first-child{color:red}@media (max-width:600px){td{width:100%!important}}</style>x`},
		{"media attribute", `<style media="screen and (min-width: 10px)">p{color:red}</style>x`, `<style>@media screen and (min-width:10px){p{color:red}}</style>x`},
		{"style in the body", `<p>x</p><style>p{color:red}</style>`, `<style>p{color:red}</style><p>x</p>`},
		{"one bad declaration", `<p style="color:red;position:fixed;width:10px">x`, `<p style="color:red;width:10px">x</p>`},
		{"one bad selector", `<style>p,[x],b{color:red}</style>x`, `<style>p,b{color:red}</style>x`},
		{"comment between tokens", `<p style="border:1px/**/solid/**/red">x`, `<p style="border:1px solid red">x</p>`},
		{"clamped", `<p style="width:1e9px;margin-left:-99999em">x`, `<p style="width:5000px;margin-left:-300em">x</p>`},
		{"exponents", `<p style="width:1.5e1px;line-height:12e-1">x`, `<p style="width:15px;line-height:1.2">x</p>`},
		{"blockquote", `<blockquote type=cite cite="http://x">q</blockquote>`, `<blockquote type="cite">q</blockquote>`},
		{"spacer", `a<img width=1 height=1 src=` + pngURL + `>b`, `ab`},
		{"control characters", "a\x01b\u0085c\x7f", "abc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := sanitize(t, c.in).HTML; got != c.want {
				t.Errorf("Sanitize(%q)\n got %s\nwant %s", c.in, got, c.want)
			}
		})
	}
}

func TestCounts(t *testing.T) {
	r := sanitize(t, `<img src=https://a.example/x.png alt=logo><img src=//t.example/o width=1 height=1><img src=HTTP://t.example/o width=0 height=1>`)
	if r.Remote != 3 || r.Trackers != 2 {
		t.Errorf("remote %d, trackers %d, want 3 and 2", r.Remote, r.Trackers)
	}
	if want := `<img alt="logo">`; r.HTML != want {
		t.Errorf("got %s, want %s", r.HTML, want)
	}
	if r := sanitize(t, `<style>@media (prefers-color-scheme:dark){p{color:#fff}}</style>`); !r.DarkAware {
		t.Error("a sheet for dark screens was not noticed")
	}
}

func TestSuspicious(t *testing.T) {
	for _, c := range []struct{ name, in, host string }{
		{"other domain", `<a href="https://evil.example.net/">www.bank.com</a>`, "evil.example.net"},
		{"other domain with scheme", `<a href="https://evil.net/">https://bank.com/login</a>`, "evil.net"},
		{"other domain, split by elements", `<a href="https://evil.net/">www.<b>bank</b>.com</a>`, "evil.net"},
		{"userinfo", `<a href="https://www.bank.com@evil.net/">x</a>`, "evil.net"},
		{"punycode", `<a href="https://xn--80ak6aa92e.com/">x</a>`, "xn--80ak6aa92e.com"},
		{"Cyrillic", `<a href="https://аррӏе.com/">x</a>`, "xn--80ak6aa92e.com"},
		{"address", `<a href="http://192.0.2.1/">bank.com</a>`, "192.0.2.1"},
		{"other domain with invisible letters", "<a href=\"https://evil.net/\">www.\u200bba\u00adnk.com\u3164</a>", "evil.net"},
		{"other domain behind words", `<a href="https://evil.net/">Log in at https://bank.com/ now</a>`, "evil.net"},
		{"its own domain, then another", `<a href="https://evil.net/">evil.net www.bank.com</a>`, "evil.net"},
		{"a name behind words", `<a href="https://evil.net/">see report.zip</a>`, ""},
		{"same domain", `<a href="https://login.bank.com/">www.bank.com</a>`, ""},
		{"words", `<a href="https://login.bank.com/">Log in. Now</a>`, ""},
		{"file name", `<a href="https://bank.com/">report.xlsx</a>`, ""},
		{"mail address", `<a href="https://bank.com/">joe@example.com</a>`, ""},
		{"deep public suffix", `<a href="https://a.co.uk/">b.co.uk</a>`, "a.co.uk"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := sanitize(t, c.in)
			if c.host == "" {
				if len(r.Suspicious) > 0 || strings.Contains(r.HTML, "suspicious") {
					t.Errorf("unfounded suspicion: %+v %s", r.Suspicious, r.HTML)
				}
				return
			}
			if len(r.Suspicious) != 1 || r.Suspicious[0].Host != c.host {
				t.Fatalf("got %+v, want host %s", r.Suspicious, c.host)
			}
			if !strings.Contains(r.HTML, `class="suspicious"`) || !strings.Contains(r.HTML, c.host) {
				t.Errorf("the link does not say so: %s", r.HTML)
			}
		})
	}
	if r := sanitize(t, `<p class=suspicious>x</p>`); r.HTML != `<p>x</p>` {
		t.Errorf("a message can use our class: %s", r.HTML)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct{ name, in string }{
		{"bytes", strings.Repeat("x", maxInput+1)},
		{"tags", strings.Repeat("<b>", maxTags+1)},
		{"closing tags", strings.Repeat("</p>", maxTags+1)},
		{"attributes", "<p " + attributeList(maxAttributes+10) + ">"},
		{"depth", strings.Repeat("<div>", 600)},
		{"nodes", strings.Repeat("<br>", maxNodes+1)},
		{"css", "<style>" + strings.Repeat("p{color:red}", maxStyle/12+1) + "</style>"},
		{"selectors", "<style>" + strings.Repeat("a,", maxSelectors+1) + "b{color:red}</style>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Sanitize(c.in, Options{}); !errors.Is(err, ErrTooComplex) {
				t.Errorf("got %v, want ErrTooComplex", err)
			}
		})
	}
	big := "\x89PNG\r\n\x1a\n" + strings.Repeat("x", maxDataImage)
	r, err := Sanitize("<img src=cid:a alt=a>", Options{Image: func(string) ([]byte, bool) { return []byte(big), true }})
	if err != nil || r.HTML != `<img alt="a">` {
		t.Errorf("large inline image: %.100s %v", r.HTML, err)
	}
	big = big[:maxDataImage]
	r, err = Sanitize(strings.Repeat("<img src=cid:a>", 100), Options{Image: func(string) ([]byte, bool) { return []byte(big), true }})
	if n := strings.Count(r.HTML, "src="); err != nil || n != 5 {
		t.Errorf("%d large inline images, want 5 (%v)", n, err)
	}
}

// TestKeepReferences: pictures of what somebody writes stay references, all others are
// treated as ever.
func TestKeepReferences(t *testing.T) {
	r, err := Sanitize(`<img src="CID:a@b"><img src="https://x.example/p.gif" alt="p">`, Options{KeepReferences: true})
	if want := `<img src="cid:a@b"><img alt="p">`; err != nil || r.HTML != want {
		t.Errorf("%q, %v, want %q", r.HTML, err, want)
	}
}

func attributeList(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d=1", i)
	}
	return b.String()
}

// Nothing that fits into the limits takes long. The bound is far above what a
// slow machine needs and far below what quadratic work would take.
func TestLinearTime(t *testing.T) {
	const half = maxInput / 2
	fill := func(s string) string { return strings.Repeat(s, half/len(s)) }
	for name, in := range map[string]string{
		"open tags":         strings.Repeat("<b>", 90_000),
		"formatting":        strings.Repeat("<a><b><i><font>", 20_000),
		"misnested":         strings.Repeat("<b><p></b>", 9_000),
		"tables":            strings.Repeat("<table><td>", 250),
		"style rgb":         `<p style="color:` + fill("rgb(") + `">`,
		"style commas":      `<p style="font-family:` + fill("a,") + `">`,
		"style parens":      `<p style="` + fill("(") + `">`,
		"style braces":      `<style>` + strings.Repeat("{", maxStyle/2) + `</style>`,
		"style at":          `<style>` + strings.Repeat("@a{", maxStyle/3) + `</style>`,
		"style media":       `<style>` + strings.Repeat("@media all{", maxStyle/11) + `</style>`,
		"style media query": `<style>@media ` + strings.Repeat("(", maxStyle/2) + `{}</style>`,
		"style nested":      `<style>` + strings.Repeat("a{b", maxStyle/3) + `</style>`,
		"style comments":    `<style>` + strings.Repeat("/*", maxStyle/2) + `</style>`,
		"style url":         `<style>` + strings.Repeat("url(", maxStyle/4) + `</style>`,
		"style escapes":     `<style>` + strings.Repeat(`\u`, maxStyle/2) + `</style>`,
		"style important":   `<p style="` + strings.Repeat("color:red!important;", maxStyle/20) + `">`,
		"entities":          fill("&amp"),
		"links":             strings.Repeat("<a href=http://a.b>www.c.com", 9_000),
		"nested links":      strings.Repeat("<a href=//a><table><td>", 100) + fill("x "),
		"comments":          fill("<!--"),
		"attributes":        fill("<p a=b "),
	} {
		t.Run(name, func(t *testing.T) {
			// Work is told by what it allocates: clocks are no judges. A loop that
			// allocates nothing and never ends meets the limit of go test.
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := Sanitize(in, Options{}); err != nil && !errors.Is(err, ErrTooComplex) {
				t.Error(err)
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 512*uint64(len(in))+16<<20 {
				t.Errorf("%d octets allocate %d", len(in), n)
			}
		})
	}
}

// TestRemote holds which pictures of other hosts stay when they are wanted.
func TestRemote(t *testing.T) {
	for in, want := range map[string]string{
		`<img src="https://a.example.com/x?y=1&z">`:                            `<img src="https://a.example.com/x?y=1&amp;z">`,
		`<img src="HTTP://a.example.com/x y">`:                                 `<img src="https://a.example.com/x%20y">`,
		`<img src="//a.example.com:8443">`:                                     `<img src="https://a.example.com:8443">`,
		`<img src="https://bücher.example.com/">`:                              `<img src="https://bücher.example.com/">`,
		`<img src="https://a.example.com/" width=1 height=1>`:                  ``,
		`<img src="https://a.example.com/" width=0 height=0>`:                  ``,
		`<img src="https://a.example.com/x" srcset="https://b/ 2x" onerror=x>`: `<img src="https://a.example.com/x">`,
		`<img src="https://localhost/">`:                                       ``,
		`<img src="https://printer.local/">`:                                   ``,
		`<img src="https://a.internal./">`:                                     ``,
		`<img src="https://a../">`:                                             ``,
		`<img src="https://192.0.2.1/">`:                                       ``,
		`<img src="https://2130706433/">`:                                      ``,
		`<img src="https://0x7f.0.0.1/">`:                                      ``,
		`<img src="https://a.0x7f/">`:                                          ``,
		`<img src="https://[::1]/">`:                                           ``,
		`<img src="https://u:p@a.example.com">`:                                ``,
		`<img src="https:a.example.com">`:                                      ``,
		`<img src="https://a.example.com\@b">`:                                 ``,
		`<img src="ftp://a.example.com/">`:                                     ``,
		`<img src="javascript:x">`:                                             ``,
		`<img src="/x">`:                                                       ``,
		`<p style="background:url(https://a.example.com/)">x</p>`:              `<p>x</p>`,
	} {
		r, err := Sanitize(in, Options{Remote: true})
		if err != nil || r.HTML != want {
			t.Errorf("%s\ngot  %s %v\nwant %s", in, r.HTML, err, want)
		}
		if again, err := Sanitize(r.HTML, Options{Remote: true}); err != nil || again.HTML != r.HTML {
			t.Errorf("%s again: %s %v", in, again.HTML, err)
		}
	}
}
