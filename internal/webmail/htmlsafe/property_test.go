package htmlsafe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
	"golang.org/x/net/html"
)

// violations parses sanitised HTML as a browser does and returns what must not
// be in it. It has its own list of what may be there, so that a mistake in the
// tables of the package does not excuse itself.
func violations(out string) []string {
	var bad []string
	complain := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	doc, err := html.Parse(strings.NewReader(out))
	if err != nil {
		return []string{err.Error()}
	}
	for n := range doc.Descendants() {
		switch n.Type {
		case html.CommentNode, html.DoctypeNode, html.RawNode:
			complain("node of type %v: %q", n.Type, n.Data)
		case html.ElementNode:
			if n.Namespace != "" || !hasWord(harmlessElements, n.Data) {
				complain("element %s:%s", n.Namespace, n.Data)
			}
			for _, a := range n.Attr {
				for _, c := range attributeViolations(n.Data, a) {
					complain("<%s %s=%.200q>: %s", n.Data, a.Key, a.Val, c)
				}
			}
			if n.Data == "style" && n.FirstChild != nil {
				for _, c := range cssViolations(n.FirstChild.Data) {
					complain("sheet %.300q: %s", n.FirstChild.Data, c)
				}
			}
		}
	}
	return bad
}

const harmlessElements = "html head body style " +
	"p div span br hr h1 h2 h3 h4 h5 h6 a img table thead tbody tfoot tr td th caption col colgroup ul ol li dl dt dd blockquote " +
	"pre code tt kbd samp b strong i em u s strike del ins sub sup small big font center address abbr cite q dfn mark time var wbr"

const harmlessAttributes = "href src alt title dir lang width height align valign bgcolor color face size border cellpadding " +
	"cellspacing colspan rowspan span start type nowrap class id style target rel"

func attributeViolations(element string, a html.Attribute) []string {
	if a.Namespace != "" || !hasWord(harmlessAttributes, a.Key) {
		return []string{"attribute"}
	}
	ok := true
	switch a.Key {
	case "style":
		return cssViolations(a.Val)
	case "href":
		ok = element == "a" && (strings.HasPrefix(a.Val, "http://") || strings.HasPrefix(a.Val, "https://") ||
			strings.HasPrefix(a.Val, "mailto:") || strings.HasPrefix(a.Val, "tel:") || strings.HasPrefix(a.Val, "#m-"))
	case "src":
		ok = element == "img" && (strings.HasPrefix(a.Val, "data:image/png;base64,") || strings.HasPrefix(a.Val, "data:image/jpeg;base64,") ||
			strings.HasPrefix(a.Val, "data:image/gif;base64,") || strings.HasPrefix(a.Val, "data:image/webp;base64,"))
	case "target":
		ok = element == "a" && a.Val == "_blank"
	case "rel":
		ok = element == "a" && strings.HasPrefix(a.Val, "noopener noreferrer")
	case "id", "class":
		for w := range strings.FieldsSeq(a.Val) {
			ok = ok && (strings.HasPrefix(w, "m-") || w == "suspicious" && element == "a")
		}
	}
	if !ok {
		return []string{"value"}
	}
	return nil
}

// cssViolations looks at the tokens of sanitised CSS.
func cssViolations(src string) []string {
	var bad []string
	lower := strings.ToLower(src)
	for _, s := range []string{"url(", "\\", "<", "@import", "expression", "javascript", "/*", "var(", "attr(", "image-set", "behavior", "-moz-binding", "fixed;", "absolute", "sticky", "content:", "z-index"} {
		// "table-layout:fixed" is the one innocent use of the word.
		if strings.Contains(strings.ReplaceAll(lower, "table-layout:fixed", ""), s) {
			bad = append(bad, "contains "+s)
		}
	}
	l := css.NewLexer(parse.NewInputString(src))
	for depth := 0; ; {
		kind, text := l.Next()
		switch kind {
		case css.ErrorToken:
			if depth != 0 {
				bad = append(bad, "unbalanced braces")
			}
			return bad
		case css.LeftBraceToken:
			depth++
		case css.RightBraceToken:
			depth--
		case css.URLToken, css.BadURLToken, css.BadStringToken, css.CommentToken, css.CDOToken, css.CDCToken, css.LeftBracketToken,
			css.CustomPropertyNameToken, css.UnicodeRangeToken:
			bad = append(bad, "token "+string(text))
		case css.FunctionToken:
			if _, ok := functions[strings.TrimSuffix(string(text), "(")]; !ok {
				bad = append(bad, "function "+string(text))
			}
		case css.AtKeywordToken:
			if string(text) != "@media" {
				bad = append(bad, "at-rule "+string(text))
			}
		}
	}
}

// settled checks that sanitising a result again changes nothing.
func settled(t *testing.T, out string) {
	t.Helper()
	again, err := Sanitize(out, Options{})
	if err != nil {
		t.Errorf("second pass: %v\n%.500s", err, out)
		return
	}
	if again.HTML != out {
		t.Errorf("not idempotent:\n first %.1000s\nsecond %.1000s", out, again.HTML)
	}
}

func FuzzSanitize(f *testing.F) {
	for _, m := range corpus() {
		if !m.Heavy {
			f.Add(m.HTML)
		}
	}
	for _, c := range hostile {
		f.Add(c.in)
	}
	for _, s := range []string{
		`<table><tr><td><a href=x><table><a href=y>`, `<style>p{color:red}</style><p style="width:calc(1px + 2px)">`,
		`<b><p></b><i></p>`, "<pre>\n\n\nx", `<body bgcolor=red><p>`, `<select><option><b>x`, `<a><b><a><b>`, `<font size=+1>`,
		`<p>a<table>b<tr>c<td>d`, `<ul><li><ul></li></ul>`, `<nobr><p><nobr>`, `<h1><h2>x</h1>`, `<img src=cid:x width=1>`, `</p></br>`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if len(in) > 1<<16 {
			return
		}
		r, err := Sanitize(in, Options{})
		if err != nil {
			return
		}
		if bad := violations(r.HTML); len(bad) > 0 {
			t.Fatalf("%q\n in %q\nout %q", bad, in, r.HTML)
		}
		settled(t, r.HTML)
		if r, err = Sanitize(in, Options{Dark: true, Scheme: Dark}); err != nil {
			return // what it adds was too much
		}
		if bad := violations(r.HTML); len(bad) > 0 {
			t.Fatalf("%q\n in %q\ndark %q", bad, in, r.HTML)
		}
		settled(t, r.HTML)
	})
}

func FuzzCSS(f *testing.F) {
	for _, s := range []string{
		"p{color:red}", "@media (max-width:1px){a{width:calc(1px + (2px))}}", "a{b{c:d}}", `p{font-family:"a b",c}`, "@import 'x';p{}",
		"p{background:u\\72l(x)}", "<!-- p{color:red} -->", "a:hover>b *{margin:-1e9em}", "p{color:rgb(1 2 3/4%)!important}", "}{", "a{;;color:red;",
		"p{color:red;@media x{a{color:red}}}", "p{background:url(", "p{content:'\\", "@media screen{@media print{p{color:red}}}", "p{width:1\\65 3px}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if len(in) > 1<<16 {
			return
		}
		sheet, attr := &styler{}, &styler{}
		out, style := sheet.sheets([]styleSheet{{text: in}, {media: in, text: "p{color:red}"}}), attr.declarations(in)
		for _, bad := range append(cssViolations(out), cssViolations(style)...) {
			t.Fatalf("%s\n in %q\nout %q %q", bad, in, out, style)
		}
		if again := (&styler{}).sheets([]styleSheet{{text: out}}); again != out && sheet.err == nil {
			t.Fatalf("not idempotent:\n first %q\nsecond %q", out, again)
		}
		if again := (&styler{}).declarations(style); again != style && attr.err == nil {
			t.Fatalf("not idempotent:\n first %q\nsecond %q", style, again)
		}
	})
}

func FuzzLinkify(f *testing.F) {
	for _, s := range []string{
		"see https://example.org/a?b=c. Or www.example.org!", "a@example.org,b@example.org", "<http://x.y/>", "a@a.co?]<img/src=x/onerror=alert(1)>",
		"http://a.b/(c)", "javascript:alert(1)//http://a.b", "http://a\u202eb.c", "www.\x00a.b", "HTTP://A.B", "http://a.b\"onmouseover=x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var joined strings.Builder
		for _, s := range Linkify(in) {
			joined.WriteString(s.Text)
			if s.Text == "" {
				t.Fatalf("empty segment in %q", in)
			}
			if s.URL == "" {
				continue
			}
			if !strings.HasPrefix(s.URL, "https://") && !strings.HasPrefix(s.URL, "http://") && !strings.HasPrefix(s.URL, "mailto:") {
				t.Fatalf("%q gives scheme of %q", in, s.URL)
			}
			if strings.ContainsAny(s.URL, "<>\"'` \t\r\n\x00\\") {
				t.Fatalf("%q gives %q", in, s.URL)
			}
		}
		if joined.String() != in {
			t.Fatalf("joined %q, want %q", joined.String(), in)
		}
	})
}
