package hostile

import (
	"fmt"
	"strings"
)

// pictured are the properties that can load something.
var pictured = strings.Fields("background background-image list-style list-style-image border-image border-image-source cursor mask mask-image " +
	"mask-border-source -webkit-mask -webkit-mask-image -webkit-mask-box-image -webkit-mask-box-image-source -webkit-border-image clip-path -webkit-clip-path " +
	"shape-outside filter -webkit-filter backdrop-filter offset-path marker marker-start marker-mid fill stroke behavior -moz-binding -webkit-box-reflect " +
	"content src symbols layer-background-image -moz-border-image --x")

// addresses are the ways to write url() so that a browser understands it. U is the address.
var addresses = []variant{
	{"no quotes", `url(U)`}, {"double quotes", `url(&quot;U&quot;)`}, {"single quotes", `url('U')`}, {"upper case", `URL(U)`}, {"spaces", `url(  U  )`},
	{"first letter escaped", `\75rl(U)`}, {"all escaped", `\75\72\6c(U)`}, {"six digits", `\000075\000072\00006c(U)`}, {"escaped with a space", `u\72 l(U)`},
	{"plain escape", `ur\l(U)`}, {"never closed", `url(U`}, {"never closed, quoted", `url('U`}, {"newline in the string", "url('U/\\\nx')"},
	{"escapes in the address", `url(\68ttp:N)`}, {"no scheme", `url(N)`}, {"important", `url(U)!important`}, {"important, spaced", `url(U) ! important`},
	{"after a colour", `red url(U) no-repeat`}, {"second layer", `linear-gradient(red,blue),url(U)`}, {"after a comment", `/**/url(U)`}, {"after half a comment", `/*url(x)*/url(U)/*`},
	{"image-set", `image-set('U' 1x)`}, {"image-set of url", `image-set(url(U) 1x,url(U) 2x)`}, {"-webkit-image-set", `-webkit-image-set(url(U) 1x)`},
	{"image-set, escaped", `im\61ge-set('U' 1x)`}, {"cross-fade", `cross-fade(url(U),red 50%)`}, {"-webkit-cross-fade", `-webkit-cross-fade(url(U),url(U),50%)`}, {"src()", `src('U')`},
	{"image()", `image('U')`}, {"element()", `element(#x),url(U)`}, {"paint()", `paint(x),url(U)`}, {"var with a default", `var(--none,url(U))`},
	{"env with a default", `env(none,url(U))`}, {"attr as an address", `attr(title type(<url>),url(U))`}, {"if()", `if(else:url(U))`}, {"light-dark", `light-dark(url(U),url(U))`},
	{"in a gradient", `linear-gradient(url(U),red)`}, {"in calc", `calc(1px + url(U))`}, {"url-prefix", `url-prefix(U)`}, {"data that refers", `url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'%3E%3Cimage href='U'/%3E%3C/svg%3E")`},
	{"url with modifiers", `url('U' crossorigin(anonymous))`}, {"comment instead of a space", `url/**/(U)`},
}

// cssURLs load by style: every property, and every way to write an address.
func cssURLs(c *class) {
	for i, p := range pictured {
		use, value := "x", "url(CANARY)"
		switch {
		case p == "--x":
			use = `<p style="background:var(--x)">x</p>`
		case strings.HasSuffix(p, "border-image"), strings.HasSuffix(p, "box-image"):
			value += " 1"
		}
		if i%2 == 0 {
			c.html(p+" in an attribute", fmt.Sprintf(`<div style="display:list-item;width:9px;height:9px;border:1px solid;%s:%s">%s</div>`, p, value, use))
		} else {
			c.html(p+" in a sheet", fmt.Sprintf(`<style>div{display:list-item;width:9px;height:9px;border:1px solid;%s:%s}</style><div>%s</div>`, p, value, use))
		}
	}
	for _, a := range addresses {
		value := strings.NewReplacer("URL", "URL", "U", "CANARY", "N", "NEAR").Replace(a.text)
		c.html("url, "+a.name, `<div style="width:9px;height:9px;background:`+strings.ReplaceAll(value, `"`, "&quot;")+`">x</div>`)
	}
}

// cssRules are what only sheets have: at-rules, selectors, and ways out of the sheet.
func cssRules(c *class) {
	for _, v := range []variant{
		{"@import url", `<style>@import url(CANARY);</style>`},
		{"@import string", `<style>@import 'CANARY';</style>`},
		{"@import in upper case", `<style>@IMPORT "CANARY" screen;</style>`},
		{"@import, escaped", `<style>@\69mport 'CANARY';</style>`},
		{"@import with escapes in it", `<style>@im\port '\68ttp:NEAR';</style>`},
		{"@import after @charset", `<style>@charset "utf-7";@import 'CANARY';</style>`},
		{"@import after a comment", `<style><!-- /**/@import/**/'CANARY';--></style>`},
		{"@import in a layer", `<style>@import url(CANARY) layer(x) supports(display:grid);</style>`},
		{"@import in the second sheet", `<style>p{}</style><div><style>@import 'CANARY';</style></div>`},
		{"@import with a media attribute", `<style media="all" type="text/css">@import 'CANARY';</style>`},
		{"@import without an end", `<style>@import url(CANARY`},
		{"@font-face", `<style>@font-face{font-family:f;src:url(CANARY)}p{font-family:f}</style><p>x`},
		{"@font-face with a range", `<style>@font-face{font-family:f;src:url(CANARY);unicode-range:U+61}p{font-family:f}</style><p>a`},
		{"@font-face by local name", `<style>@font-face{font-family:f;src:local(x),url(CANARY) format("woff2")}p{font:12px f}</style><p>x`},
		{"@namespace", `<style>@namespace url(CANARY);p{background:url(CANARY)}</style><p>x`},
		{"@supports", `<style>@supports (display:grid){p{background:url(CANARY)}}</style><p>x`},
		{"@layer", `<style>@layer x{p{background:url(CANARY)}}</style><p>x`},
		{"@container", `<style>body{container-type:inline-size}@container (width>1px){p{background:url(CANARY)}}</style><p>x`},
		{"@scope", `<style>@scope (body){p{background:url(CANARY)}}</style><p>x`},
		{"@starting-style", `<style>@starting-style{p{background:url(CANARY)}}p{transition:background 1s}</style><p>x`},
		{"@keyframes", `<style>@keyframes k{from,to{background:url(CANARY)}}p{animation:k 9s}</style><p>x`},
		{"@page", `<style>@page{background:url(CANARY);@top-left{content:url(CANARY)}}</style><p>x`},
		{"@counter-style", `<style>@counter-style c{system:cyclic;symbols:url(CANARY)}li{list-style:c}</style><li>x`},
		{"@property", `<style>@property --x{syntax:"<image>";initial-value:url(CANARY);inherits:false}p{background:var(--x)}</style><p>x`},
		{"@document", `<style>@-moz-document url-prefix(){p{background:url(CANARY)}}@document domain(x){p{background:url(CANARY)}}</style><p>x`},
		{"@media", `<style>@media all{p{background:url(CANARY)}}</style><p>x`},
		{"@media that asks", `<style>@media (width:100px){p{background:url(CANARY/w100)}}@media (min-width:1px){p{background:url(CANARY/w1)}}</style><p>x`},
		{"@media nested", `<style>@media all{@media all{@media all{p{background:url(CANARY)}}}}</style><p>x`},
		{"attribute selectors", `<style>p[title^=a]{background:url(CANARY/a)}a[href*=x]{background:url(CANARY/x)}input[value$=y]{background:url(CANARY/y)}</style><p title=a>x<a href="#x">x</a>`},
		{"state selectors", `<style>a:visited{background:url(CANARY/v)}p:hover{background:url(CANARY/h)}p:target{background:url(CANARY/t)}:root{background:url(CANARY/r)}</style><p>x`},
		{"has, is and not", `<style>:has(p),:is(p),:not(b),:where(p){background:url(CANARY)}</style><p>x`},
		{"pseudo-elements", `<style>p::before{content:url(CANARY/b)}p::after{content:url(CANARY/a)}p::first-line{background:url(CANARY/l)}li::marker{content:url(CANARY/m)}p::selection{background:url(CANARY/s)}</style><p>x<li>y`},
		{"text as content", `<style>p::before{content:"Signed by your bank" attr(title)}</style><p title=x>x`},
		{"nested rules", `<style>body{color:red;& p{background:url(CANARY)}p &{color:red}@media all{background:url(CANARY)}}</style><p>x`},
		{"variables", `<style>:root{--x:url(CANARY);--y:var(--x)}p{background:var(--y)}</style><p>x`},
		{"variables in a loop", `<style>:root{--a:var(--b);--b:var(--a)}p{background:var(--a,url(CANARY))}</style><p>x`},
		{"way out by a string", `<style>p{font-family:"</style><img src='CANARY'>"}</style><p>x`},
		{"way out by a comment", `<style>/*</style><img src='CANARY'>*/</style>`},
		{"way out by escapes", `<style>p{font-family:"\3c/style\3e\3cimg src='CANARY'\3e"}</style><p>x`},
		{"way out by an address", `<style>p{background:url(</style><img/src='CANARY'>)}</style>`},
		{"way out of an attribute", `<p style='font-family:"&quot;onclick=BARE&quot;x"'>x`},
		{"way out by a brace", `<p style="color:red}*{background:url(CANARY)">x</p>`},
		{"broken string", "<style>p{font-family:'a\n;background:url(CANARY)}</style><p>x"},
		{"broken block", `<style>a{b{c:(]}}p{background:url(CANARY)}</style><p>x`},
		{"broken rule before", `<style>@x;p{};;}{p{background:url(CANARY)}</style><p>x`},
		{"html comment signs", `<style><!-- p{background:url(CANARY)} --></style><p>x`},
		{"semicolon in brackets", `<p style="color:rgb(1;background:url(CANARY);2)">x</p><p style="x:[;background:url(CANARY)]">y</p>`},
		{"null in a name", "<p style=\"back\x00ground:url(CANARY);background:u\x00rl(CANARY)\">x</p>"},
		{"kelvin sign", "<style>bac\u212Aground{}p{bac\u212Aground:url(CANARY)}</style><p>x"},
		{"expression", `<p style="width:expression(RUN);xss:exp/**/ression(RUN);width:\65xpression(RUN)">x</p>`},
		{"binding", `<p style="-moz-binding:url(CANARY#x);behavior:url(CANARY)">x</p>`},
		{"script in css", `<style type="text/javascript">RUN</style><p style="background:url(javascript:RUN);list-style:url('vbscript:x')">x</p>`},
		{"other style languages", `<style type="text/jss">x</style><style type="text/less">@import "CANARY";</style><link rel=stylesheet/less href="CANARY">`},
	} {
		c.html(v.name, v.text)
	}
}

// cssLayout draws over what is not the message's, or hides what is.
func cssLayout(c *class) {
	for _, v := range []variant{
		{"fixed", `<div style="position:fixed;top:0;left:0;width:100vw;height:100vh;z-index:2147483647;background:white">Log in again</div>`},
		{"fixed, escaped", `<div style="p\6fsition:\66ixed;inset:0">x</div>`},
		{"fixed by variable", `<style>:root{--p:fixed}div{position:var(--p);inset:0}</style><div>x</div>`},
		{"fixed, important", `<style>div{position:fixed!important;position:absolute ! important;position:sticky}</style><div>x</div>`},
		{"absolute", `<div style="position:absolute;top:-9999px;left:-9999px;width:99999px;height:99999px">x</div>`},
		{"moved by margins", `<div style="margin:-99999px 0 0 -1e9em;width:1e30px">x</div>`},
		{"moved by transform", `<div style="transform:scale(999) translate(-50%,-50%);rotate:9deg;scale:9;translate:9px;zoom:9">x</div>`},
		{"hides the page", `<style>html,body,*{display:none!important;visibility:hidden;opacity:0}</style>`},
		{"hides a warning", `<style>a{display:none}a::after{content:none!important}a.suspicious{font-size:0}</style><a href="https://evil.example">bank.com</a>`},
		{"large print", `<p style="font-size:99999px;line-height:99999;letter-spacing:99999px;text-indent:-99999px">x`},
		{"a cursor elsewhere", `<p style="cursor:none;pointer-events:none;caret-color:transparent;user-select:none">x`},
		{"top layer", `<div popover=manual id=p style="overlay:auto!important;view-transition-name:x;anchor-name:--x">x</div>`},
		{"many shadows", `<p style="box-shadow:` + strings.Repeat("0 0 999px red,", 300) + `0 0 1px red">x`},
		{"many filters", `<p style="filter:` + strings.Repeat("blur(99px) ", 300) + `">x`},
		{"animation", `<style>@keyframes k{to{margin:0 0 0 99px}}p{animation:k 1ms infinite;transition:all 1ms}</style><p>x`},
		{"numbers", `<p style="width:1e999px;height:-1e-999px;margin:calc(1px/0);padding:infinity;border-width:NaNpx;order:99999999999999999999">x`},
	} {
		c.html(v.name, v.text)
	}
}
