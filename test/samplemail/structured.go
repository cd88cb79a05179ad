package samplemail

import (
	"fmt"
	"html"
	"strings"
)

// sender of a newsletter, and what it is about.
type shop struct {
	person
	title string
	items []string
}

var shops = []shop{
	{person{"Harbour Books", "news@books.example.com"}, "New on our shelves", []string{
		"A history of lighthouses in forty maps", "The salt road, by two sisters", "Ten ways to fold a letter", "Moths of the northern islands"}},
	{person{"Velo & Co.", "hello@velo.example.net"}, "Spring service for your bicycle", []string{
		"Gears adjusted and chain cleaned", "New brake pads, fitted while you wait", "A bell that can be heard", "Winter tyres stored until October"}},
	{person{"Kino am Fluß", "programm@kino.example.org"}, "Das Programm der Woche", []string{
		"Der letzte Fährmann, Freitag 20 Uhr", "Kurzfilme für kleine Leute, Samstag 15 Uhr", "Stummfilm mit Klavier, Sonntag 18 Uhr", "Überraschung, Montag 21 Uhr"}},
	{person{"City Observatory", "stars@observatory.example.org"}, "This month in the sky", []string{
		"Saturn is back in the evening", "A partial eclipse for early risers", "Two comets, one of them visible", "Open night on the roof terrace"}},
}

// newsletter is multipart/alternative: a plain text and the same as a page.
func newsletter(g *gen, l *letter) {
	s := pick(g, shops)
	l.from, l.to = s.person, []person{owner}
	l.subject = fmt.Sprintf("%s (no. %d)", s.title, 20+g.count%80)
	l.charset, l.words = utf8Set, qWords
	if s.person.host() == "books.example.com" || s.person.host() == "kino.example.org" && g.chance(50) {
		l.folder = "Bücher & Musik"
	}
	items := some(g, s.items, 3)
	page := strings.Split(l.from.host(), ".")[0]
	var text, rows strings.Builder
	fmt.Fprintf(&text, "%s\n%s\n\n", s.title, strings.Repeat("=", len([]rune(s.title))))
	for i, item := range items {
		fmt.Fprintf(&text, "* %s\n  https://%s/%s/%d\n\n", item, l.from.host(), page, 100+g.count*3+i)
		fmt.Fprintf(&rows, newsletterRow, colours[i%len(colours)], l.from.host(), 100+g.count*3+i, html.EscapeString(item),
			html.EscapeString(strings.Join(g.paragraphs(pick(g, topics), 1), " ")))
	}
	unsubscribe := fmt.Sprintf("https://%s/unsubscribe?id=%08x", l.from.host(), uint32(g.src.Uint64()))
	text.WriteString("You get this because you asked for it. To stop it: " + unsubscribe + "\n")
	document := fmt.Sprintf(newsletterPage, html.EscapeString(l.subject), html.EscapeString(s.title), rows.String(), unsubscribe, l.from.host())
	l.body = multipart("alternative", textPart(text.String(), utf8Set, "quoted-printable"),
		&part{mediaType: `text/html; charset="UTF-8"`, encoding: "quoted-printable", data: []byte(document)})
	l.extra = append(l.extra,
		field{"List-Unsubscribe", "<" + unsubscribe + ">"},
		field{"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"},
		field{"Feedback-ID", fmt.Sprintf("%d:news:%s", g.count, page)})
}

var colours = []string{"#e8f0f7", "#f7efe8", "#eaf5ea"}

const newsletterRow = `<tr><td style="padding: 16px; background-color: %s; font-family: Georgia, serif">
<h2 style="margin: 0 0 8px"><a href="https://%s/item/%d" style="color: #14406b">%s</a></h2>
<p style="margin: 0; line-height: 1.5">%s</p></td></tr>
`

const newsletterPage = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>%s</title>
<style>body { margin: 0; background: #fff } .foot { color: #666; font-size: 12px } @media (max-width: 600px) { table { width: 100%% !important } }</style></head>
<body><table role="presentation" width="600" align="center" cellspacing="0" cellpadding="0">
<tr><td style="padding: 24px"><h1>%s</h1></td></tr>
%s<tr><td class="foot" style="padding: 16px">You get this because you asked for it. <a href="%s">Stop it</a>.</td></tr>
</table><img src="https://%s/open.gif" width="1" height="1" alt=""></body></html>
`

// notice is what a machine writes: short, regular, always the same sender.
func notice(g *gen, l *letter) {
	n := 10000 + g.intn(89999)
	kinds := []struct {
		from          person
		subject, text string
	}{
		{person{"Parcel service", "tracking@parcel.example.com"}, "Parcel %d is on its way", "Your parcel %d has left the depot. It will be with you tomorrow between 9 and 12."},
		{person{"Harbour Books", "orders@books.example.com"}, "Your order %d", "Thank you for order %d.\n\n  1 x The salt road            18.50\n      Postage                   3.20\n      Total                    21.70"},
		{person{"", "root@backup.example.org"}, "[backup] run %d finished", "run %d\nfiles    48211\nnew        317\nerrors       0"},
		{person{"Library", "desk@library.example.org"}, "Reminder %d: please return", "Reminder %d\n\nThe following is due on Friday:\n  A history of lighthouses in forty maps"},
	}
	k := pick(g, kinds)
	l.from, l.to = k.from, []person{{"", owner.address}}
	l.subject = fmt.Sprintf(k.subject, n)
	l.body = textPart(fmt.Sprintf(k.text, n)+"\n", charset{"us-ascii", nil}, "7bit")
	l.extra = append(l.extra, field{"Auto-Submitted", "auto-generated"})
}

// withText puts a short text before what is attached.
func (g *gen) withText(l *letter, attachments ...*part) {
	t := g.someone(l)
	text := textPart(g.letterText(l.from, owner, t, 1), utf8Set, "quoted-printable")
	l.body = multipart("mixed", append([]*part{text}, attachments...)...)
}

func withPicture(g *gen, l *letter) {
	var files []*part
	for i := range 1 + g.intn(3) {
		files = append(files, attach(fmt.Sprintf(`image/png; name="lake-%d.png"`, i+1), g.picture(48+g.intn(64)),
			fmt.Sprintf(`; filename="lake-%d.png"`, i+1)))
	}
	g.withText(l, files...)
}

// inlinePicture is a page with a picture in it (RFC 2387, RFC 2392).
func inlinePicture(g *gen, l *letter) {
	t := g.someone(l)
	text := g.letterText(l.from, owner, t, 1)
	id := strings.Trim(g.messageID("pictures.example.net"), "<>")
	page := &part{mediaType: "text/html; charset=utf-8", encoding: "quoted-printable",
		data: []byte("<p>" + strings.ReplaceAll(html.EscapeString(text), "\n", "<br>\n") + "</p>\n<img src=\"cid:" + id + "\" alt=\"the hill\">\n")}
	img := &part{mediaType: "image/png", encoding: "base64", data: g.picture(64),
		extra: []field{{"Content-ID", "<" + id + ">"}, {"Content-Disposition", "inline; filename=hill.png"}}}
	related := multipart("related", page, img)
	related.mediaType += `; type="text/html"`
	l.body = multipart("alternative", textPart(text, utf8Set, "quoted-printable"), related)
}

func withPDF(g *gen, l *letter) {
	t := pick(g, topics)
	g.withText(l, attach("application/pdf", pdf(append([]string{t.subject, ""}, t.say...)), fmt.Sprintf("; filename=\"notes (%d).pdf\"; size=%d", g.count, 1000+g.count)))
}

func withCSV(g *gen, l *letter) {
	g.withText(l, &part{mediaType: "text/csv; charset=us-ascii; header=present", encoding: "base64", data: g.table(30 + g.intn(60)),
		extra: []field{{"Content-Disposition", "attachment; filename=levels.csv"}, {"Content-Description", "water levels"}}})
}

// extendedFilename names its file as RFC 2231 says, one in pieces.
func extendedFilename(g *gen, l *letter) {
	g.withText(l,
		attach("application/pdf", pdf([]string{"Übersicht"}), extended("filename", "Übersicht für das Jahr, endgültige Fassung (wirklich).pdf", utf8Set)),
		attach("image/png", g.picture(32), extended("filename", "naïve café.png", latin1)))
}

// wordFilename names its file by encoded words, which RFC 2047 forbids and
// many programs do.
func wordFilename(g *gen, l *letter) {
	name := bWords.encode("報告書 三月.pdf", utf8Set)
	g.withText(l, attach("application/pdf; name=\""+name+"\"", pdf([]string{"March"}), "; filename=\""+name+"\""))
}
