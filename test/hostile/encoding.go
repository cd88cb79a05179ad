package hostile

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf16"
)

// attack is the HTML that the messages of charsets hide.
const attack = `<img src="CANARY" onerror="RUN"><script>RUN</script>`

// charsets are octets that mean one thing in one character set and another in another.
func charsets(c *class) {
	type coded struct{ name, charset, octets, meaning string }
	list := func() []coded {
		armed := c.arm(attack) // the next message's own
		return []coded{
			{"UTF-7, declared", "utf-7", utf7(armed), armed},
			{"UTF-7, not declared", "utf-8", utf7(armed), utf7(armed)},
			{"UTF-7 by meta", "", `<meta charset=utf-7>` + utf7(armed), utf7(armed)},
			{"UTF-7 by a mark", "", "+/v8-" + utf7(armed), utf7(armed)},
			{"UTF-16, declared", "utf-16", "\xff\xfe" + utf16le(armed), armed},
			{"UTF-16, big end, without a mark", "utf-16be", utf16be(armed), armed},
			{"UTF-16, little end, as UTF-8", "utf-8", utf16le(armed), armed},
			{"UTF-16 by a mark, as UTF-8", "utf-8", "\xff\xfe" + utf16le(armed), armed},
			{"UTF-16 by a mark, as Latin 1", "iso-8859-1", "\xfe\xff" + utf16be(armed), armed},
			{"UTF-32", "utf-32le", utf32le(armed), armed},
			{"UTF-8 by a mark, as UTF-16", "utf-16", "\xef\xbb\xbf" + armed, armed},
			{"mark within", "utf-8", "<sc\xef\xbb\xbfript>x</script>\xef\xbb\xbf" + armed, armed},
			{"overlong, two octets", "utf-8", strings.NewReplacer("<", "\xc0\xbc", ">", "\xc0\xbe").Replace(armed), armed},
			{"overlong, three octets", "utf-8", strings.NewReplacer("<", "\xe0\x80\xbc", ">", "\xe0\x80\xbe").Replace(armed), armed},
			{"half a character before a quote", "utf-8", "<p title=\"\xc3\">" + armed, armed},
			{"half a character before a bracket", "utf-8", "<p \xe2\x80>" + armed + "\xf0<img\xf0 src=x:\xf0>", armed},
			{"surrogates", "utf-8", "\xed\xa0\xbc\xed\xb0\xbc" + armed, armed},
			{"ISO-2022-JP, escape", "iso-2022-jp", "<p title=\"\x1b$B\">\x1b(B" + armed + `">x`, armed},
			{"ISO-2022-JP, yen", "iso-2022-jp", "<p title=\"\x1b(J\\\">" + armed, armed},
			{"ISO-2022-JP, not declared", "us-ascii", "<p title=\"\x1b$B\">\x1b(B" + armed, armed},
			{"ISO-2022-JP, never ended", "iso-2022-jp", armed + "\x1b$B" + armed, armed},
			{"ISO-2022-KR", "iso-2022-kr", "\x1b$)C\x0e" + armed + "\x0f" + armed, armed},
			{"ISO-2022-CN", "iso-2022-cn", "\x1b$)A\x0e" + armed + "\x0f" + armed, armed},
			{"HZ", "hz-gb-2312", "~{" + armed + "~}" + armed + "~\n", armed},
			{"Shift_JIS eats a quote", "shift_jis", "<p title=\"\x81\" " + `onclick=BARE>` + armed, armed},
			{"EUC-JP eats a quote", "euc-jp", "<p title=\"\x8f\xa1\">" + armed, armed},
			{"Big5 eats a bracket", "big5", "<p title=\"\xa1\">" + armed + "\xa1\\", armed},
			{"GB18030, four octets", "gb18030", "<p title=\"\x810\x810\">\x81\"" + armed, armed},
			{"GBK eats a quote", "gbk", "<p title=\"\x81\">" + armed, armed},
			{"EUC-KR eats a quote", "euc-kr", "<p title=\"\xa1\">" + armed, armed},
			{"x-user-defined", "x-user-defined", armed + "\xff\xbc", armed},
			{"replacement", "replacement", armed, armed},
			{"EBCDIC", "ibm037", "L\xa2\x83\x99\x89\x97\xa3n", armed},
			{"unknown", `x"><script>`, armed, armed},
			{"with a comment", `utf-8 (<script>)`, armed, armed},
			{"meta says another", "utf-8", `<meta http-equiv=content-type content="text/html; charset=utf-7">` + utf7(armed) + armed, armed},
			{"meta says UTF-16", "utf-8", `<meta charset=utf-16>` + armed, armed},
			{"xml says another", "", `<?xml version="1.0" encoding="utf-7"?>` + utf7(armed) + armed, armed},
			{"control characters", "utf-8", "<img\x00src=x:\x0bonerror\x1f=x\x7f>\x85\x9b\u0085\u009b" + armed, armed},
		}
	}
	for i := range list() {
		x := list()[i]
		field := "Content-Type: text/html"
		if x.charset != "" {
			field += `; charset="` + strings.ReplaceAll(x.charset, `"`, `\"`) + `"`
		}
		// In base64, so that no octet is lost on the way.
		octets := base64.StdEncoding.EncodeToString([]byte(c.arm(x.octets)))
		c.htmlWith(x.name, field+"\nContent-Transfer-Encoding: base64", wrapped(octets), x.meaning)
	}
	for _, v := range []variant{
		{"quoted-printable brackets", "quoted-printable\x00" + strings.NewReplacer("=", "=3D", "<", "=3C", ">", "=3e").Replace(attack)},
		{"quoted-printable, broken", "quoted-printable\x00<img =\nsrc=3D=\n\"CANARY\"=ZZ=3\n =0A=00onerror=3DBARE>"},
		{"base64 with junk", "base64\x00PHNjcmlwdD5hbGVydCgx!!!KTwvc2Ny aXB0Pg==\n<script>RUN</script>"},
		{"uuencode", "x-uuencode\x00begin 644 x\n" + attack + "\nend"},
		{"unknown encoding", "x-<script>\x00" + attack},
		{"two encodings", "base64, 8bit\x00" + attack},
	} {
		encoding, body, _ := strings.Cut(v.text, "\x00")
		c.htmlWith(v.name, "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: "+encoding, c.arm(body), attack)
	}
}

// utf7 writes all but letters and digits in base64 (RFC 2152).
func utf7(s string) string {
	var out strings.Builder
	for _, r := range s {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" /.:", r) {
			out.WriteRune(r)
			continue
		}
		out.WriteString("+" + base64.RawStdEncoding.EncodeToString([]byte(utf16be(string(r)))) + "-")
	}
	return out.String()
}

func utf16be(s string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return string(out)
}

func utf16le(s string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

func utf32le(s string) string {
	var out []byte
	for _, r := range s {
		out = append(out, byte(r), byte(r>>8), byte(r>>16), 0)
	}
	return string(out)
}

// wrapped cuts a text into lines of 76 characters.
func wrapped(s string) string {
	var out strings.Builder
	for len(s) > 76 {
		out.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return out.String() + s
}

// svgFile is a picture that is a program.
const svgFile = `<svg xmlns="http://www.w3.org/2000/svg" onload="RUN"><image href="CANARY"/><script>RUN</script></svg>`

// inlineImages are parts of the message that its HTML shows.
func inlineImages(c *class) {
	for _, v := range []struct{ name, id, kind, content, html string }{
		{"svg", "a@x", "image/svg+xml", svgFile, `<img src="cid:a@x"><object data="cid:a@x"></object><iframe src="cid:a@x"></iframe><embed src="cid:a@x">`},
		{"svg that says png", "a@x", "image/png", svgFile, `<img src="cid:a@x"><iframe src="cid:a@x"></iframe>`},
		{"html that says png", "a@x", "image/png", `<script>RUN</script>`, `<img src="cid:a@x"><iframe src="cid:a@x"></iframe>`},
		{"html after the sign of png", "a@x", "image/png", "\x89PNG\r\n\x1a\n<script>RUN</script>", `<img src="cid:a@x"><iframe src="cid:a@x"></iframe>`},
		{"html after the sign of gif", "a@x", "image/gif", "GIF89a/*<script>RUN</script>*/=1;", `<img src="cid:a@x"><script src="cid:a@x"></script>`},
		{"script", "a@x", "text/javascript", `RUN`, `<script src="cid:a@x"></script>`},
		{"style sheet", "a@x", "text/css", `@import 'CANARY';`, `<link rel=stylesheet href="cid:a@x"><style>@import 'cid:a@x';p{background:url(cid:a@x)}</style>`},
		{"name with markup", `a"><img src=CANARY>@x`, "image/png", "x", `<img src="cid:a%22%3E%3Cimg%20src=CANARY%3E@x">`},
		{"name that is a script", "javascript:RUN", "image/png", "x", `<img src="cid:javascript:RUN"><a href="cid:javascript:RUN">x</a>`},
		{"name that is an address", "CANARY", "image/png", "x", `<img src="cid:CANARY"><img src="CID:CANARY"><img src="cid://CANARY"><img src="cid: CANARY">`},
		{"name that climbs", "../../act", "image/png", "x", `<img src="cid:../../act"><img src="cid:%2e%2e%2fact"><img src="cid:..\..\act">`},
		{"no such name", "a@x", "image/png", "x", `<img src="cid:none"><img src="cid:"><img src="cid:%00"><img src="mid:x/a@x">`},
		{"one name for two", "a@x", "message/external-body; access-type=URL; url=\"CANARY\"", "Content-Type: image/png\nContent-ID: <a@x>\n\n", `<img src="cid:a@x">`},
		{"by location", "a@x", "image/png\nContent-Location: CANARY\nContent-Base: CANARY/", "x", `<img src="CANARY"><img src="x">`},
	} {
		html := c.arm(v.html) + "<p>" + Last
		body := c.arm("--b\nContent-Type: text/html; charset=utf-8\n\n" + html + "\n--b\nContent-ID: <" + v.id + ">\nContent-Type: " + v.kind +
			"\nContent-Transfer-Encoding: 8bit\n\n" + v.content + "\n--b--\n")
		c.add(Message{Name: v.name, HTML: html}, c.head(v.name)+"Content-Type: multipart/related; boundary=b\n\n"+body)
	}
	for _, v := range []variant{
		{"data, svg", `<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image href='CANARY'/></svg>">`},
		{"data, svg in base64", `<object data="data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIG9ubG9hZD0iYWxlcnQoMSkiLz4="></object>`},
		{"data, svg that says png", `<img src="data:image/png,<svg xmlns='http://www.w3.org/2000/svg' onload='BARE'/>">`},
		{"data, no type", `<iframe src="data:,<script>BARE</script>"></iframe><img src="data:,x"><iframe src="data:;charset=utf-7,+ADw-script+AD4-BARE"></iframe>`},
		{"data, html that says png", `<iframe src="data:image/png;,text/html,<script>BARE</script>"></iframe><img src="data:image/png;text/html;base64,PHNjcmlwdD4=">`},
		{"data, xml with a style sheet", `<iframe src="data:text/xml,<?xml-stylesheet href='CANARY' type='text/xsl'?><x/>"></iframe>`},
		{"data, too many pixels", `<img src="data:image/png;base64,` + base64.StdEncoding.EncodeToString([]byte(largePNG)) + `">`},
		{"blob", `<img src="blob:null/x"><iframe src="blob:CANARY"></iframe>`},
	} {
		c.html(v.name, v.text)
	}
}

// largePNG is the head of a picture of 30,000 by 30,000 points.
const largePNG = "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x75\x30\x00\x00\x75\x30\x08\x06\x00\x00\x00\x92\xd3\x0f\xd2"

// bombs are small mail that is large once it is read.
func bombs(c *class) {
	for _, v := range []variant{
		{"deep elements", strings.Repeat("<div>", 400)},
		{"too deep", strings.Repeat("<div>", 4000)},
		{"deep formatting", strings.Repeat("<b><i><u><s><a href=#x><font>", 200)},
		{"deep tables", strings.Repeat("<table><tr><td>", 150)},
		{"deep quotes", strings.Repeat("<blockquote>", 300)},
		{"deep svg", strings.Repeat("<svg><g>", 2000)},
		{"deep style", `<style>` + strings.Repeat("@media all{", 2000) + `p{background:url(CANARY)}</style>`},
		{"deep functions", `<p style="width:` + strings.Repeat("calc(", 5000) + `1px">x`},
		{"many attributes", "<p " + strings.Repeat("a b c ", 300) + "onclick=BARE>x"},
		{"many cells", "<table>" + strings.Repeat("<td colspan=1000 rowspan=65534>x", 300) + "</table>"},
		{"many columns", "<table><colgroup span=1000>" + strings.Repeat("<col span=1000>", 300) + "<tr><td colspan=9999999999>x</table>"},
		{"many frames", strings.Repeat(`<iframe srcdoc="x"></iframe>`, 500)},
		{"many selectors", "<style>" + strings.Repeat("a b>c d>e f,", 2000) + "p{color:red}</style>" + strings.Repeat("<p>x", 500)},
		{"many descendants", "<style>" + strings.Repeat("* ", 60) + "{color:red}</style>" + strings.Repeat("<div>", 300) + "x"},
		{"one long word", "<p>" + strings.Repeat("x", 300_000)},
		{"one long line of links", "<p>" + strings.Repeat("http://a.example/", 5000)},
		{"one long address", `<a href="http://a.example/` + strings.Repeat("a", 200_000) + `">x</a><img src="CANARY/` + strings.Repeat("a", 100_000) + `">`},
		{"marks on marks", "<p>e" + strings.Repeat("\u0301", 20_000)},
		{"directions in directions", "<p>" + strings.Repeat("\u202e\u2067x", 5000)},
		{"one large number", `<p style="width:` + strings.Repeat("9", 50_000) + `px">x<ol start=` + strings.Repeat("9", 5000) + `><li>x</ol>`},
		{"never closed", strings.Repeat("<a title='", 5000)},
		{"entities", strings.Repeat("&amp;&#x1F600;&#0;&CounterClockwiseContourIntegral;", 5000)},
	} {
		c.heavy(v.name, v.text)
	}
	deep := strings.Builder{}
	for i := range 300 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	for _, v := range []struct{ name, fields, body string }{
		{"deep parts", "Content-Type: multipart/mixed; boundary=b\n", "--b\n" + deep.String() + "\n<script>RUN</script>"},
		{"deep messages", "Content-Type: message/rfc822\n", strings.Repeat("Content-Type: message/rfc822\n\n", 500)},
		{"many parts", "Content-Type: multipart/mixed; boundary=b\n", strings.Repeat("--b\nContent-Type: text/html\n\n<script>RUN</script>\n", 2000)},
		{"many files", "Content-Type: multipart/mixed; boundary=b\n", strings.Repeat("--b\nContent-Disposition: attachment; filename=\"<img src=CANARY>.html\"\n\nx\n", 500)},
		{"many people", "To: " + strings.Repeat("<img src=CANARY> <a@b.example>,\n ", 5000) + "x@y.example\nContent-Type: text/plain\n", "x"},
		{"long subject", "Subject: " + strings.Repeat("<img src=CANARY> ", 20_000) + "\n", "x"},
		{"long text", "Content-Type: text/plain; format=flowed\n", strings.Repeat("> <img src=CANARY> http://a.example/<x> \n", 20_000)},
		{"deep text quotes", "Content-Type: text/plain\n", strings.Repeat(strings.Repeat(">", 5000)+" x\n", 20)},
		{"deep comments", "From: " + strings.Repeat("(", 50_000) + " <a@b.example>\nTo: " + strings.Repeat("x:", 20_000) + ";\n", "x"},
	} {
		c.add(Message{Name: v.name, Heavy: true}, c.arm(c.head(v.name)+v.fields+"\n"+v.body))
	}
}
