package hostile

import (
	"fmt"
	"strings"
)

// scripts are elements that run, written in ways that parsers read differently.
func scripts(c *class) {
	for _, v := range []variant{
		{"plain", `<script>RUN</script>`},
		{"dialog", `<script>alert('CANARY')</script>`},
		{"prompt", `<script>prompt('CANARY');confirm('CANARY')</script>`},
		{"external", `<script src=CANARY></script>`},
		{"external without scheme", `<SCRIPT SRC=NEAR></SCRIPT>`},
		{"module", `<script type=module>import'CANARY'</script>`},
		{"module from elsewhere", `<script type=module src=CANARY></script>`},
		{"import map", `<script type=importmap>{"imports":{"x":"CANARY"}}</script><script type=module>import 'x'</script>`},
		{"speculation rules", `<script type=speculationrules>{"prefetch":[{"urls":["CANARY"],"eagerness":"immediate"}]}</script>`},
		{"slash for a space", `<script/x/y>RUN</script/z>`},
		{"space before the end", "<script\t>RUN</script\n>"},
		{"null in the name", "<scr\x00ipt>RUN</scr\x00ipt>"},
		{"null before the name", "<\x00script>RUN</script>"},
		{"script within a name", `<scr<script>ipt>RUN</scr</script>ipt>`},
		{"never closed", `<script>RUN;//`},
		{"closed in a comment", `<script><!--<script></script>RUN--></script>`},
		{"behind a comment that closes early", `<!--><script>RUN</script>-->`},
		{"behind a comment that closes with a bang", `<!-- --!><script>RUN</script>`},
		{"conditional comment", `<!--[if gte mso 9]><script>RUN</script><![endif]-->`},
		{"revealed conditional", `<![if !mso]><script>RUN</script><![endif]>`},
		{"processing instruction", `<?xml-stylesheet type="text/xsl" href="CANARY"?><script>RUN</script>`},
		{"document type with an entity", `<!DOCTYPE html [<!ENTITY x SYSTEM "CANARY">]><script>RUN</script>&x;`},
		{"in a table", `<table><script>RUN</script><tr><script>RUN</script><td>x</table>`},
		{"in a select", `<select><script>RUN</script></select>`},
		{"in a shadow root", `<div><template shadowrootmode=open><script>RUN</script></template></div>`},
		{"in an object", `<object><script>RUN</script></object>`},
		{"in svg", `<svg><script>RUN</script></svg>`},
		{"in svg, by href", `<svg><script href=CANARY /></svg>`},
		{"in svg, by xlink", `<svg><script xlink:href=CANARY /></svg>`},
		{"in svg, with entities", `<svg><script>&#40;new&#40;Image&#41;&#41;.src=&apos;CANARY&apos;</script></svg>`},
		{"in a nested document", `<iframe srcdoc="<script>RUN</script>"></iframe>`},
		{"nested twice", `<iframe srcdoc="&lt;iframe srcdoc=&quot;&amp;lt;script&amp;gt;BARE&amp;lt;/script&amp;gt;&quot;&gt;"></iframe>`},
		{"with text of a closing style", `<style></style ><script>RUN</script>`},
		{"in the second body", `</body></html><body><script>RUN</script>`},
		{"before the document", `<script>RUN</script><!doctype html><html><head><title>x</title></head><body>`},
		{"full-width brackets", `＜script＞RUN＜/script＞`},
		{"entities", `&lt;script&gt;RUN&lt;/script&gt;`},
		{"entities twice", `&amp;lt;script&amp;gt;RUN&amp;lt;/script&amp;gt;`},
		{"entities without semicolons", `&ltscript&gtRUN&lt/script&gt`},
		{"data element", `<xml id=x><x><![CDATA[<script>RUN</script>]]></x></xml><span datasrc=#x datafld=x dataformatas=html></span>`},
	} {
		c.html(v.name, v.text)
	}
}

// fires are elements that call a handler by themselves. ON is the attribute.
var fires = []variant{
	{"img onerror", `<img src=x: ON>`},
	{"img onload", `<img src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==" ON>`},
	{"svg onload", `<svg ON></svg>`},
	{"svg image onerror", `<svg><image href=x: ON /></svg>`},
	{"svg animate onbegin", `<svg><animate attributeName=x dur=1s ON /></svg>`},
	{"svg animate onend", `<svg><animate attributeName=x dur=0.01s ON /></svg>`},
	{"svg style onload", `<svg><style ON></style></svg>`},
	{"math autofocus onfocus", `<math tabindex=0 autofocus ON></math>`},
	{"body onload", `<body ON>`},
	{"body onpageshow", `<body ON>`},
	{"body onfocus", `<body ON>`},
	{"frameset onload", `<frameset ON>`},
	{"input autofocus onfocus", `<input autofocus ON>`},
	{"input image onerror", `<input type=image src=x: ON>`},
	{"select autofocus onfocus", `<select autofocus ON></select>`},
	{"textarea autofocus onfocus", `<textarea autofocus ON></textarea>`},
	{"button autofocus onfocus", `<button autofocus ON>x</button>`},
	{"a autofocus onfocus", `<a href=# autofocus ON>x</a>`},
	{"div autofocus onfocus", `<div tabindex=0 autofocus ON>x</div>`},
	{"unknown autofocus onfocus", `<x-y tabindex=0 autofocus ON>x</x-y>`},
	{"details ontoggle", `<details open ON>x</details>`},
	{"video onerror", `<video src=x: ON></video>`},
	{"video source onerror", `<video><source src=x: ON></video>`},
	{"audio onloadstart", `<audio src=x: ON></audio>`},
	{"track onerror", `<video><track default src=x: ON></video>`},
	{"iframe onload", `<iframe ON></iframe>`},
	{"object onerror", `<object data=x: ON></object>`},
	{"embed onload", `<embed src="data:text/html,x" ON>`},
	{"style onload", `<style ON>x{}</style>`},
	{"link onload", `<link rel=stylesheet href="data:text/css,x" ON>`},
	{"link onerror", `<link rel=stylesheet href=x: ON>`},
	{"script onerror", `<script src=x: ON></script>`},
	{"marquee onstart", `<marquee ON>x</marquee>`},
	{"div onanimationstart", `<style>@keyframes k{to{color:red}}</style><div style="animation:k 1s" ON>x</div>`},
	{"div ontransitionrun", `<style>@starting-style{div{color:blue}}div{color:red;transition:color 1s}</style><div ON>x</div>`},
	{"p oncontentvisibilityautostatechange", `<p style="display:block;content-visibility:auto" ON>x</p>`},
	{"div onscroll", `<div style="overflow:scroll;height:9px" ON><p id=x style="margin-top:99px" tabindex=0 autofocus>x</div>`},
	{"dialog onbeforetoggle", `<dialog id=d popover ON>x</dialog>`},
	{"slot onslotchange", `<div><template shadowrootmode=open><slot ON></slot></template>x</div>`},
	{"form onsubmit", `<form ON><input type=submit autofocus></form>`},
}

// handlers are attributes that run, on what calls them and in all ways to write one.
func handlers(c *class) {
	for _, v := range fires {
		i := strings.LastIndexByte(v.name, ' ')
		c.html(v.name, strings.ReplaceAll(v.text, "ON", v.name[i+1:]+`="RUN"`))
	}
	for _, v := range []variant{
		{"no space before", `<img src="x:"onerror="RUN">`},
		{"slashes", `<img/src=x:/onerror=BARE>`},
		{"newlines", "<img\nsrc=x:\nonerror\n=\nBARE>"},
		{"form feeds", "<img\fsrc=x:\fonerror=BARE>"},
		{"vertical tabs", "<img\vsrc=x:\vonerror=BARE>"},
		{"upper case", `<IMG SRC=x: ONERROR="RUN">`},
		{"backticks", "<img src=`x:`onerror=BARE>"},
		{"entities in the value", `<img src=x: onerror="&#40;new&lpar;Image&#x29;&#x29;.src='CANARY'">`},
		{"a quote within quotes", `<img src='x:"onerror="BARE"'><p title='"onload=BARE'>x`},
		{"an unbalanced quote", `<img src="x:" title="a"b" onerror="RUN">`},
		{"a second attribute of the name", `<img src=x: title=a onerror="RUN" onerror=x>`},
		{"a bracket in a value before", `<img title=">" src=x: onerror="RUN">`},
		{"an equals sign before", `<img =src=x: src=x: onerror="RUN">`},
		{"a null in the name", "<img src=x: on\x00error=BARE>"},
		{"a null before the name", "<img src=x: \x00onerror=BARE>"},
		{"a non-breaking space before", "<img src=x:\u00a0onerror=BARE onerror=BARE>"},
		{"a name space before", `<img src=x: x:onerror="RUN" xml:onerror="RUN">`},
		{"never closed", `<img src=x: onerror="RUN" `},
		{"an element never closed", `<img src=x: onerror="RUN`},
		{"on the alias of img", `<image src=x: onerror="RUN">`},
		{"in a closing tag", `<p></p/onclick=BARE><img src=x: onerror="RUN">`},
		{"for a pointer", `<p style="position:fixed;inset:0" onpointerenter="RUN" onmouseover="RUN" onmousemove="RUN">x`},
		{"for a key", `<p accesskey=x tabindex=0 onclick="RUN" onkeydown="RUN" contenteditable autofocus>x`},
	} {
		c.html(v.name, v.text)
	}
}

// schemes are those that browsers and systems act on.
var schemes = []string{
	"javascript:RUN", "vbscript:msgbox", "livescript:RUN", "mocha:RUN", "data:text/html,<script>RUN</script>", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
	"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='BARE'/>", "data:text/xml,<x xmlns='http://www.w3.org/1999/xhtml'><script>BARE</script></x>",
	"data:application/xhtml+xml,<html xmlns='http://www.w3.org/1999/xhtml'><script>BARE</script></html>",
	"blob:CANARY", "filesystem:CANARY/temporary/x", "view-source:CANARY", "feed:javascript:RUN", "jar:CANARY!/x", "file:///etc/passwd", "about:blank#", "chrome://settings", "resource://x",
	"ms-settings:x", "search-ms:query=x&crumb=location:NEAR", "intent:NEAR#Intent;scheme=http;end", "ws:NEAR", "ftp:NEAR", "gopher:NEAR", "cid:", "mid:x@y/z", "x-apple:x", "mhtml:CANARY!x",
}

// spellings of "javascript:" that URL parsers and hasty filters read differently.
var spellings = []string{
	"JaVaScRiPt:", "java\tscript:", "java\nscript:", "java\rscript:", "\x01\x02 javascript:", "java&Tab;script:", "java&NewLine;script&colon;", "&#106avascript:", "&#x6A;avascript:",
	"&#0000106&#0000097vascript:", "java\x00script:", "\ufeffjavascript:", "\u00a0javascript:", "\u2028javascript:", "java\u00adscript:", "java\u200bscript:", "\u202ejavascript:", "javascript&#58", "javascript&#x3a;",
	"javascript\u003a", "%6aavascript:", "java%0ascript:", "jav&#x0D;ascript:", "ｊavascript:", "javascript：", "javascrıpt:", "java\\script:", "url(javascript:", "//javascript:", "javascript://%0a", "/javascript:",
}

// urls are addresses that run or lead where no mail has business, where a click follows
// them and where nobody needs to click.
func urls(c *class) {
	quote := strings.NewReplacer(`"`, "&quot;").Replace
	for i, s := range schemes {
		name, _, _ := strings.Cut(s, ":")
		c.html(fmt.Sprintf("scheme %d, %s", i+1, name), fmt.Sprintf(`<a href="%[1]s">a</a><iframe src="%[1]s"></iframe><img src="%[1]s"><a xlink:href="%[1]s">b</a><area href="%[1]s">`, quote(s)))
	}
	for i, s := range spellings {
		c.html(fmt.Sprintf("javascript, spelling %d", i+1), fmt.Sprintf(`<a href="%[1]sBARE">a</a><iframe src="%[1]sBARE"></iframe><form action="%[1]sBARE"><button formaction="%[1]sBARE">x</button></form>`, s))
	}
	for _, v := range []variant{
		{"own pages", `<a href="/logout">a</a><a href="../act">b</a><img src="/logout"><img src="x"><img src="?"><img src="#">`},
		{"without a scheme", `<a href="NEAR">a</a><img src="NEAR">`},
		{"backslashes", `<a href="http:\\x.example">a</a><img src="\\x.example/y"><img src="/\x.example/y">`},
		{"user and password", `<a href="http://www.bank.example@evil.example/">www.bank.example</a>`},
		{"other text than address", `<a href="https://evil.example/">https://www.bank.example/login</a>`},
		{"look-alike letters", `<a href="https://xn--80ak6aa92e.com/">apple.com</a>`},
		{"right-to-left override", "<a href=\"https://x.example/\u202egpj.exe\">a</a>"},
		{"shapeless letters", "<a href=\"https://x.example/\u3164\u115f\u2800y\">www.bank\u200b.example</a>"},
		{"a base", `<base href="CANARY/"><img src="x"><a href="y">a</a>`},
		{"a base of a script", `<base href="javascript:RUN//"><a href="x">a</a><iframe src="x"></iframe>`},
		{"a base that opens elsewhere", `<base target=_top><a href="http://x.example">a</a>`},
		{"refresh", `<meta http-equiv=refresh content="0;url=CANARY">`},
		{"refresh, upper case", `<META HTTP-EQUIV="Refresh" CONTENT="0; URL='CANARY'">`},
		{"refresh to a script", `<meta http-equiv=refresh content="0;url=javascript:RUN">`},
		{"refresh to data", `<meta http-equiv=refresh content="0;url=data:text/html,<script>BARE</script>">`},
		{"refresh in a template", `<noscript><meta http-equiv=refresh content="0;url=CANARY"></noscript>`},
	} {
		c.html(v.name, v.text)
	}
}
