package samplemail

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// embedded gives a whole message as a part.
func (g *gen) embedded(fill func(*gen, *letter)) (*letter, *part) {
	l := &letter{g: g, date: g.date.Add(-26 * time.Hour), id: g.messageID("mail.example.com")}
	fill(g, l)
	return l, &part{mediaType: "message/rfc822", data: l.render()}
}

// forward has another message within, itself with an attachment.
func forward(g *gen, l *letter) {
	inner, p := g.embedded(withPDF)
	p.extra = []field{{"Content-Disposition", "inline"}}
	g.withText(l, p)
	l.subject = "Fwd: " + inner.subject
}

// digest is RFC 2046's: its parts are messages without saying so.
func digest(g *gen, l *letter) {
	var parts []*part
	for range 4 {
		_, p := g.embedded(listMessage)
		p.mediaType = ""
		parts = append(parts, p)
	}
	l.from, l.to = developersList, []person{owner}
	l.subject = fmt.Sprintf("Fantail-devel digest, vol. %d", g.count)
	l.folder = "Projects.Fantail"
	d := multipart("digest", parts...)
	l.body = multipart("mixed", textPart("In this digest:\n\n   4 messages\n", utf8Set, "7bit"), d)
}

// invitation is to a meeting (RFC 5545, RFC 6047).
func invitation(g *gen, l *letter) {
	t := g.someone(l)
	l.subject = "Invitation: " + t.subject
	start := g.date.AddDate(0, 0, 7).Truncate(time.Hour)
	const stamp = "20060102T150405Z"
	event := strings.Join([]string{
		"BEGIN:VCALENDAR", "PRODID:-//Example//Calendar 1.0//EN", "VERSION:2.0", "METHOD:REQUEST", "BEGIN:VEVENT",
		"UID:" + strings.Trim(l.id, "<>"), "DTSTAMP:" + g.date.UTC().Format(stamp), "DTSTART:" + start.UTC().Format(stamp),
		"DTEND:" + start.Add(90*time.Minute).UTC().Format(stamp), "SUMMARY:" + t.subject, "LOCATION:Room 2.07\\, second floor",
		"ORGANIZER:mailto:" + l.from.address, "ATTENDEE;RSVP=TRUE;PARTSTAT=NEEDS-ACTION:mailto:" + owner.address,
		"END:VEVENT", "END:VCALENDAR", "",
	}, "\r\n")
	text := textPart(fmt.Sprintf("%s\n%s\nRoom 2.07\n", t.subject, start.Format("Monday, 2 January 2006, 15:04 MST")), utf8Set, "7bit")
	l.body = multipart("mixed",
		multipart("alternative", text, &part{mediaType: "text/calendar; charset=utf-8; method=REQUEST", encoding: "base64", data: []byte(event)}),
		attach(`application/ics; name="invite.ics"`, []byte(event), `; filename="invite.ics"`))
}

// deliveryReport is what a mail server answers when it could not deliver
// (RFC 3462, RFC 3464).
func deliveryReport(g *gen, l *letter) {
	to := fmt.Sprintf("nobody%d@example.com", g.intn(100))
	_, original := g.embedded(func(g *gen, l *letter) {
		sent(g, l)
		l.to, l.crlf = []person{{"", to}}, false
	})
	l.from = person{"Mail Delivery System", "MAILER-DAEMON@mail.example.org"}
	l.to = []person{{"", owner.address}}
	l.subject = "Undelivered Mail Returned to Sender"
	l.extra = append(l.extra, field{"Auto-Submitted", "auto-replied"})
	head, _, _ := bytes.Cut(original.data, []byte("\n\n"))
	status := fmt.Sprintf("Reporting-MTA: dns; mail.example.org\nArrival-Date: %s\n\nFinal-Recipient: rfc822; %s\nAction: failed\nStatus: 5.1.1\n"+
		"Diagnostic-Code: smtp; 550 5.1.1 <%s>: no such mailbox\n", g.date.Format(time.RFC1123Z), to, to)
	l.body = multipart("report",
		textPart("I could not deliver your message to\n\n    <"+to+">\n\nThe other server says that there is no such mailbox.\n", charset{"us-ascii", nil}, "7bit"),
		&part{mediaType: "message/delivery-status", data: []byte(status)},
		&part{mediaType: "text/rfc822-headers", data: append(head, '\n')})
	l.body.mediaType += "; report-type=delivery-status"
}

// signed is multipart/signed (RFC 3156). Nobody holds a key for the
// signature: it has only the shape of one.
func signed(g *gen, l *letter) {
	t := g.someone(l)
	text := textPart(g.letterText(l.from, owner, t, 2), utf8Set, "quoted-printable")
	armour := "-----BEGIN PGP SIGNATURE-----\n\n" + string(base64Lines(g.noise(171))) + "=" + "AbCd" + "\n-----END PGP SIGNATURE-----\n"
	l.body = multipart("signed", text, &part{mediaType: `application/pgp-signature; name="signature.asc"`, data: []byte(armour),
		extra: []field{{"Content-Description", "OpenPGP digital signature"}}})
	l.body.mediaType += `; micalg=pgp-sha256; protocol="application/pgp-signature"`
	l.body.preamble = ""
}

// oddMIME is legal and rarely seen: comments in the header, a group as
// recipient, an empty part, a part without a header, text after the end.
func oddMIME(g *gen, l *letter) {
	t := g.someone(l)
	l.to, l.cc = nil, nil
	l.extra = append(l.extra, field{"To", "undisclosed-recipients:;"}, field{"Content-Language", "en, de"},
		field{"Comments", "a \"quoted \\\\ pair\" and (nested (comments))"})
	l.body = &part{
		mediaType: "Multipart/Mixed (two and a half parts)",
		preamble:  "", epilogue: "After the last boundary nobody looks.\n",
		parts: []*part{
			{data: []byte(g.letterText(l.from, owner, topic{t.subject, t.say}, 1))},
			{mediaType: "TEXT/PLAIN", data: nil},
			{mediaType: "application/octet-stream; name=unnamed", encoding: "BASE64", data: nil},
		},
	}
}
