package htmlsafe

import (
	"strings"
	"testing"
)

// hostile are messages that try to run, load, submit, escape or deceive. Each
// must pass violations, and must still show the word "ok" unless it says gone.
var hostile = []struct {
	name, in string
	gone     bool
}{
	// Scripts.
	{"script", `<script>alert(1)</script>ok`, false},
	{"script, upper case", `<SCRIPT SRC=//evil.example/x.js></SCRIPT>ok`, false},
	{"script with junk in the tag", `<script/x/y src=x></script/z>ok`, false},
	{"script with a null", "<scr\x00ipt>alert(1)</scr\x00ipt>ok", false},
	{"script in script", `<scr<script>ipt>alert(1)</scr</script>ipt>ok`, false},
	{"unclosed script", `ok<script>alert(1)`, false},
	{"script that hides a comment end", `<script><!--<script></script>alert(1)--></script>ok`, false},
	{"svg script", `<svg><script>alert(1)</script></svg>ok`, false},
	{"svg script with entities", `<svg><script>&#97;lert(1)</script></svg>ok`, false},
	{"noscript breakout", `<noscript><p title="</noscript><img src=x onerror=alert(1)>">ok`, false},
	{"template", `<template><script>alert(1)</script></template>ok`, false},
	{"template with a shadow root", `<div>ok<template shadowrootmode=open><script>alert(1)</script></template></div>`, false},
	{"xml processing instruction", `<?xml version="1.0"?><?php echo 1 ?>ok`, false},
	{"cdata", `<![CDATA[<script>alert(1)</script>]]>ok`, false},
	{"conditional comment", `<!--[if gte IE 5]><script>alert(1)</script><![endif]-->ok`, false},
	{"downlevel revealed comment", `<![if !mso]>ok<![endif]>`, false},
	{"comment closed early", `<!--><img src=x onerror=alert(1)>-->ok`, false},
	{"comment closed with bang", `<!-- --!><img src=x onerror=alert(1)>ok`, false},
	{"comment never closed", `ok<!-- <img src=x onerror=alert(1)>`, false},

	// Event handlers.
	{"onerror", `<img src=x onerror=alert(1)>ok`, false},
	{"onerror without spaces", `<img/src=x/onerror=alert(1)>ok`, false},
	{"onload on body", `<body onload=alert(1)>ok`, false},
	{"onfocus autofocus", `<input autofocus onfocus=alert(1)>ok`, false},
	{"ontoggle", `<details open ontoggle=alert(1)>ok</details>`, false},
	{"handler with a slash", `<p/onclick=alert(1)>ok</p>`, false},
	{"handler with a newline", "<p\nonclick\n=\nalert(1)>ok</p>", false},
	{"handler in upper case", `<p ONMOUSEOVER=alert(1)>ok</p>`, false},
	{"quote in a quote", `<p title='"onclick="alert(1)'>ok</p>`, false},
	{"backtick", "<p title=`x`onclick=alert(1)>ok</p>", false},
	{"attribute with a bracket", `<p title="><script>alert(1)</script>">ok</p>`, false},
	{"duplicate attributes", `<a href="https://ok.example" href="javascript:alert(1)">ok</a>`, false},
	{"handler in a table cell", `<table><td onpointerenter=alert(1)>ok</table>`, false},
	{"popover target", `<p popover onbeforetoggle=alert(1)>ok</p>`, false},

	// URLs of links.
	{"javascript", `<a href="javascript:alert(1)">ok</a>`, false},
	{"javascript, mixed case", `<a href="JaVaScRiPt:alert(1)">ok</a>`, false},
	{"javascript with a tab", "<a href=\"java\tscript:alert(1)\">ok</a>", false},
	{"javascript with a newline entity", `<a href="java&NewLine;script&colon;alert(1)">ok</a>`, false},
	{"javascript with leading controls", "<a href=\"\x01\x02 javascript:alert(1)\">ok</a>", false},
	{"javascript by numbers", `<a href="&#x6A;&#97vascript:alert(1)">ok</a>`, false},
	{"vbscript", `<a href="vbscript:msgbox(1)">ok</a>`, false},
	{"data html", `<a href="data:text/html,<script>alert(1)</script>">ok</a>`, false},
	{"blob", `<a href="blob:https://evil.example/1">ok</a>`, false},
	{"file", `<a href="file:///etc/passwd">ok</a>`, false},
	{"view-source", `<a href="view-source:javascript:alert(1)">ok</a>`, false},
	{"own pages", `<a href="/logout">ok</a>`, false},
	{"protocol-relative", `<a href="//evil.example">ok</a>`, false},
	{"backslashes", `<a href="https:\\evil.example">ok</a>`, false},
	{"no host", `<a href="https:///evil.example">ok</a>`, false},
	{"quote in a URL", `<a href='https://x.example/"onclick="alert(1)'>ok</a>`, false},
	{"right-to-left override", "<a href=\"https://x.example/\u202e\">ok</a>", false},
	{"area", `<map><area href="javascript:alert(1)"></map>ok`, false},
	{"ping", `<a href="https://x.example" ping="https://evil.example">ok</a>`, false},
	{"download", `<a href="https://x.example" download="a.exe">ok</a>`, false},
	{"target and opener", `<a href="https://x.example" target=_top rel=opener>ok</a>`, false},
	{"xlink", `<a xlink:href="javascript:alert(1)">ok</a>`, false},
	{"button with formaction", `<form><button formaction="javascript:alert(1)">x</button></form>ok`, false},
	{"mailto in an image", `<img src="mailto:a@b.c">ok`, false},

	// Remote content.
	{"image", `<img src="https://evil.example/p.gif">ok`, false},
	{"srcset", `<img srcset="https://evil.example/p.gif 2x">ok`, false},
	{"picture", `<picture><source srcset="https://evil.example/p.gif"><img src=x></picture>ok`, false},
	{"lowsrc dynsrc", `<img lowsrc=//evil.example dynsrc=//evil.example longdesc=//evil.example>ok`, false},
	{"image alias", `<image src="https://evil.example/p.gif">ok`, false},
	{"background", `<table background="https://evil.example/p.gif"><td background=//evil.example>ok</table>`, false},
	{"body background", `<body background="https://evil.example/p.gif">ok`, false},
	{"stylesheet", `<link rel=stylesheet href="//evil.example/x.css">ok`, false},
	{"prefetch", `<link rel=dns-prefetch href="//evil.example"><link rel=preconnect href="//evil.example">ok`, false},
	{"base", `<base href="https://evil.example/"><a href="x">ok</a>`, false},
	{"meta refresh", `<meta http-equiv=refresh content="0;url=https://evil.example">ok`, false},
	{"meta csp", `<meta http-equiv=Content-Security-Policy content="default-src *">ok`, false},
	{"iframe", `<iframe src="https://evil.example"></iframe>ok`, false},
	{"iframe srcdoc", `<iframe srcdoc="<script>alert(1)</script>"></iframe>ok`, false},
	{"frameset", `<frameset><frame src="https://evil.example"></frameset>`, true},
	{"object", `<object data="https://evil.example"><embed src=x></object>ok`, false},
	{"embed", `<embed src="https://evil.example/x.swf">ok`, false},
	{"applet", `<applet code=X archive=//evil.example></applet>ok`, false},
	{"video poster", `<video poster="https://evil.example/p.gif"><source src=//evil.example></video>ok`, false},
	{"audio", `<audio src="https://evil.example/a" autoplay></audio>ok`, false},
	{"track", `<track src="https://evil.example/a">ok`, false},
	{"bgsound", `<bgsound src="https://evil.example/a">ok`, false},
	{"input image", `<input type=image src="https://evil.example/p.gif">ok`, false},
	{"blockquote cite", `<blockquote cite="https://evil.example">ok</blockquote>`, false},
	{"portal", `<portal src="https://evil.example"></portal>ok`, false},
	{"fenced frame", `<fencedframe src="https://evil.example"></fencedframe>ok`, false},
	{"manifest", `<html manifest="https://evil.example/m">ok`, false},
	{"data svg image", `<img src="data:image/svg+xml,<svg onload=alert(1)>">ok`, false},
	{"data image that is none", `<img src="data:image/png;base64,PHN2Zz4=">ok`, false},
	{"data image with a parameter", `<img src="data:image/png;x=y;base64,iVBORw0KGgo=">ok`, false},
	{"inline image that is svg", `<img src="cid:evil@x">ok`, false},
	{"inline image unknown", `<img src="cid:none@x">ok`, false},

	// Name spaces and parser differences.
	{"svg", `<svg onload=alert(1)><circle r=9></svg>ok`, false},
	{"svg use", `<svg><use href="data:image/svg+xml,<svg id=x onload=alert(1)>#x"/></svg>ok`, false},
	{"svg animate", `<svg><a><animate attributeName=href values="javascript:alert(1)"/><text>x</text></a></svg>ok`, false},
	{"svg set by", `<svg><set attributeName=onload to=alert(1) by=x></svg>ok`, false},
	{"svg feImage", `<svg><filter><feImage href="https://evil.example/p"/></filter></svg>ok`, false},
	{"svg foreignObject", `<svg><foreignObject><iframe src=//evil.example></iframe></foreignObject></svg>ok`, false},
	{"svg style", `<svg><style>@import url(https://evil.example)</style></svg>ok`, false},
	{"svg title breakout", `<svg></p><style><a title="</style><img src=x onerror=alert(1)>">ok`, false},
	{"math", `<math><maction actiontype="statusline#http://x" xlink:href="javascript:alert(1)">x</maction></math>ok`, false},
	{"math annotation", `<math><annotation-xml encoding="text/html"><img src=x onerror=alert(1)></annotation-xml></math>ok`, false},
	{"math mglyph style", `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=alert(1)&gt;">ok`, true},
	{"form in form", `<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>ok`, true},
	{"select breakout", `<select><style></select><img src=x onerror=alert(1)></style></select>ok`, false},
	{"table fostering", `<table><a href="javascript:alert(1)">ok<td></table>`, false},
	{"nested links", `<a href="https://a.example"><table><a href="javascript:alert(1)">ok</a></table></a>`, false},
	{"xmp", `<xmp><img src=x onerror=alert(1)></xmp>ok`, false},
	{"plaintext", `ok<plaintext><img src=x onerror=alert(1)>`, false},
	{"listing", "<listing>\n<img src=x onerror=alert(1)>ok</listing>", false},
	{"noembed", `<noembed><img src=x onerror=alert(1)></noembed>ok`, false},
	{"textarea breakout", `<textarea><p title="</textarea><img src=x onerror=alert(1)>">ok`, false},
	{"title breakout", `<title><p title="</title><img src=x onerror=alert(1)>">ok`, false},
	{"entity without semicolon", `<p>&ltscript&gtalert(1)&lt/script&gtok`, false},
	{"double encoding", `<p>&amp;lt;script&amp;gt; ok`, false},
	{"UTF-7", `+ADw-script+AD4-alert(1)+ADw-/script+AD4-ok`, false},
	{"overlong UTF-8", "\xc0\xbcscript\xc0\xbealert(1) ok", false},
	{"full-width brackets", `＜script＞alert(1)＜/script＞ok`, false},
	{"tag with a form feed", "<img\fsrc=x\fonerror=alert(1)>ok", false},
	{"tag without end", `ok<img src=x onerror=alert(1)`, false},
	{"custom element", `<x-y is=z onclick=alert(1)>ok</x-y>`, false},
	{"slot", `<slot onslotchange=alert(1)></slot>ok`, false},
	{"marquee", `<marquee onstart=alert(1)></marquee>ok`, false},
	{"dialog", `<dialog open>x</dialog>ok`, false},
	{"DOM clobbering", `<img name=body id=cookie><form id=location name=location>ok</form>`, false},
	{"contenteditable", `<p contenteditable autofocus tabindex=1 accesskey=x>ok</p>`, false},

	// CSS.
	{"css url", `<p style="background:url(https://evil.example/p)">ok</p>`, false},
	{"css url, escaped", `<p style="background:\75\72\6c(https://evil.example/p)">ok</p>`, false},
	{"css url, partly escaped", `<p style="background:u\72l('https://evil.example/p')">ok</p>`, false},
	{"css url, unclosed", `<p style="background:url(https://evil.example/p">ok</p>`, false},
	{"css url in a comment", `<p style="background:/*url(*/red/*)*/;color:url/**/(x)">ok</p>`, false},
	{"css url in list-style", `<ul style="list-style:url(https://evil.example/p)"><li>ok</ul>`, false},
	{"css url in border-image", `<p style="border-image:url(https://evil.example/p) 30">ok</p>`, false},
	{"css url in cursor", `<p style="cursor:url(https://evil.example/p),auto">ok</p>`, false},
	{"css url in content", `<style>p::after{content:url(https://evil.example/p)}</style><p>ok</p>`, false},
	{"css url as a fragment", `<p style="filter:url(#x);mask:url(#y);clip-path:url(#z)">ok</p>`, false},
	{"css image-set", `<p style="background:image-set('https://evil.example/p' 1x)">ok</p>`, false},
	{"css -webkit-image-set", `<p style="background:-webkit-image-set('https://evil.example/p' 1x)">ok</p>`, false},
	{"css cross-fade", `<p style="background:cross-fade(url(x),red)">ok</p>`, false},
	{"css src()", `<p style="background:src('https://evil.example/p')">ok</p>`, false},
	{"css paint", `<p style="background:paint(x)">ok</p>`, false},
	{"css element()", `<p style="background:-moz-element(#x)">ok</p>`, false},
	{"css @import", `<style>@import url(https://evil.example/x.css);@import 'https://evil.example/y';p{color:red}</style>ok`, false},
	{"css @import, escaped", `<style>@\69mport 'https://evil.example/y';p{color:red}</style>ok`, false},
	{"css @import in a comment trick", `<style>/**/@import/**/'https://evil.example/y';</style>ok`, false},
	{"css @font-face", `<style>@font-face{font-family:x;src:url(https://evil.example/f)}p{font-family:x}</style><p>ok</p>`, false},
	{"css @namespace", `<style>@namespace url(https://evil.example)</style>ok`, false},
	{"css @charset", `<style>@charset "UTF-7";p{color:red}</style>ok`, false},
	{"css @supports", `<style>@supports (display:grid){p{background:url(x)}}</style>ok`, false},
	{"css @layer", `<style>@layer x{p{background:url(x)}}</style>ok`, false},
	{"css @container", `<style>@container (width>1px){p{background:url(x)}}</style>ok`, false},
	{"css @property", `<style>@property --x{syntax:"<url>";initial-value:url(x);inherits:false}</style>ok`, false},
	{"css attribute selector", `<style>input[value^=a]{color:red}a[href*=token]{color:red}</style>ok`, false},
	{"css has and is", `<style>:has(p),:is(p),:not(p),::before{color:red}</style>ok`, false},
	{"css variables", `<style>:root{--x:url(https://evil.example)}p{background:var(--x)}</style>ok`, false},
	{"css env", `<p style="padding:env(x,url(y))">ok</p>`, false},
	{"css attr()", `<p style="width:attr(data-x px)">ok</p>`, false},
	{"css expression", `<p style="width:expression(alert(1))">ok</p>`, false},
	{"css expression, split", `<p style="width:exp/**/ression(alert(1))">ok</p>`, false},
	{"css behavior", `<p style="behavior:url(x.htc);-moz-binding:url(x.xml#x)">ok</p>`, false},
	{"css position", `<p style="position:fixed;top:0;left:0;z-index:9999">ok</p>`, false},
	{"css position, escaped", `<p style="position:\66ixed;p\6fsition:absolute">ok</p>`, false},
	{"css position, sticky", `<style>p{position:sticky!important;inset:0}</style><p>ok</p>`, false},
	{"css hides the page", `<style>body{display:none!important}</style>ok`, false},
	{"css transform", `<p style="transform:scale(100);animation:x 1s;transition:all 1s">ok</p>`, false},
	{"css breaks out of style", `<style>p{color:red}</style><img src=x onerror=alert(1)><style></style>ok`, false},
	{"css breaks out by a string", `<style>p{font-family:"</style><img src=x onerror=alert(1)>"}</style>ok`, false},
	{"css breaks out by escapes", `<style>p{font-family:"\3c/style\3e\3cimg src=x onerror=alert(1)\3e"}</style>ok`, false},
	{"css breaks out of an attribute", `<p style='font-family:"&quot;onclick=alert(1)&quot;"'>ok</p>`, false},
	{"css html comment", `<style><!-- p{background:url(x)} --></style>ok`, false},
	{"css bad string", "<style>p{font-family:'a\n;background:url(x)}</style>ok", false},
	{"css nested rule", `<style>p{color:red;a{background:url(x)}&:hover{background:url(y)}}</style>ok`, false},
	{"css null", "<p style=\"background:u\x00rl(x)\">ok</p>", false},
	{"css kelvin sign", "<style>bac\u212Aground{color:red}</style><p style=\"bac\u212Aground:url(x)\">ok</p>", false},
	{"css semicolon in parens", `<p style="color:rgb(1;background:url(x);2)">ok</p>`, false},
	{"css brace in an attribute", `<p style="color:red}*{background:url(x)">ok</p>`, false},
	{"css unicode range", `<p style="font:u+1-2;color:U+26">ok</p>`, false},
	{"css in an svg data URL", `<p style="background-image:url(data:image/svg+xml,%3Csvg%20onload=alert(1)%3E)">ok</p>`, false},
	{"css huge numbers", `<p style="width:99999999999999999999999999999999999px;margin:-1e999em">ok</p>`, false},
	{"css many functions", `<p style="width:` + strings.Repeat("calc(", 100) + `1px` + strings.Repeat(")", 100) + `">ok</p>`, false},
}

func TestHostile(t *testing.T) {
	if len(hostile) < 100 {
		t.Fatalf("only %d cases", len(hostile))
	}
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			r := sanitize(t, c.in)
			for _, bad := range violations(r.HTML) {
				t.Errorf("%s\n in %s\nout %s", bad, c.in, r.HTML)
			}
			if ok := strings.Contains(r.HTML, "ok"); ok == c.gone {
				t.Errorf("the text is there: %v\n in %s\nout %s", ok, c.in, r.HTML)
			}
			settled(t, r.HTML)
		})
	}
}

// The words of hostile messages that stay visible are text, and only text.
func TestHostileText(t *testing.T) {
	for in, want := range map[string]string{
		`&lt;script&gt;alert(1)&lt;/script&gt;`:     `&lt;script&gt;alert(1)&lt;/script&gt;`,
		`<p>&lt;img src=x onerror=alert(1)&gt;`:     `<p>&lt;img src=x onerror=alert(1)&gt;</p>`,
		`<p style="position:fixed">x`:               `<p>x</p>`,
		`<style>body{display:none!important}`:       `<style>body{display:none}</style>`,
		`<p title='"><script>x</script>'>x`:         `<p title="&#34;&gt;&lt;script&gt;x&lt;/script&gt;">x</p>`,
		`<a href="https://x.example/%22'&quot;>">x`: `<a href="https://x.example/%22%27%22%3E"` + linkTail + `>x</a>`,
	} {
		if got := sanitize(t, in).HTML; got != want {
			t.Errorf("Sanitize(%q)\n got %s\nwant %s", in, got, want)
		}
	}
}
