package browser

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"mime"
	"strings"
	"time"

	"fantail/internal/mail"
	"fantail/test/samplemail"
)

// letter is a message of the mailbox that the pictures show.
type letter struct {
	ago     time.Duration
	folder  string // "" is the inbox
	flags   mail.Flags
	from    string // a name, and an address in <>
	subject string
	id, ref string // of a conversation
	fields  string // further ones
	body    string // with the fields that say what it is; "" before the first line is plain text
}

const me = "Robin Falk <demo@example.org>"

// mailbox is what came in the last days: what people write, what shops and lists send, in
// several scripts, and what mail programs make of it. The first four are what the screens
// open.
func mailbox() []samplemail.Message {
	const day = 24 * time.Hour
	list := []letter{
		{ago: 12 * time.Minute, from: "Ann Lee <ann@example.org>", subject: "Budget for the workshop, second draft with the numbers that we talked about on Monday", body: attachments(
			"Content-Type: text/plain; charset=utf-8; format=flowed\n\nHello Robin,\n\nhere is the second draft. The room costs a little more than we thought, \nbut lunch is included; see https://example.org/rooms/42?half=day&n=12 and \nwrite to rooms@example.org if it has to be moved.\n\n"+
				"> Could we keep it under 2,000?\n>> That is what the committee said.\n>> They meet again in May.\n> I would rather ask now.\n\nYes, I have asked.\n\nAnn\n-- \nAnn Lee, Example Ltd\nhttps://example.org/~ann\n",
			file("application/pdf", "Budget, draft 2.pdf", bytes.Repeat([]byte("%PDF-1.4\n"), 14000)), file("text/csv", "rooms.csv", bytes.Repeat([]byte("room,price\n"), 310)))},
		{ago: 47 * time.Minute, from: "نور الهدى حداد <nour@example.org>", subject: "موعد الاجتماع يوم الخميس", body: "مرحبا روبن،\n\nهل يناسبك أن نلتقي يوم الخميس الساعة 14:00 في المكتبة؟ العنوان هنا: https://example.org/place\n\nمع التحية،\nنور\n"},
		{ago: 2 * time.Hour, from: "Garden Weekly <news@news.example>", subject: "What to plant before the frost", fields: "List-Id: Garden Weekly <weekly.news.example>\nList-Unsubscribe: <https://news.example/leave?u=7>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n", body: "Content-Type: text/html; charset=utf-8\n\n" + newsletter},
		{ago: 5 * time.Hour, from: "Ben Ito <ben@example.org>", subject: "Lunch on Friday", id: "lunch1", body: "Shall we have lunch together on Friday? I know a place by the river.\n\nBen\n", flags: mail.Seen},
		{ago: 4 * time.Hour, folder: "Sent", flags: mail.Seen, from: me, subject: "Re: Lunch on Friday", id: "lunch2", ref: "lunch1", body: "Gladly. One o'clock?\n"},
		{ago: 3 * time.Hour, from: "Ben Ito <ben@example.org>", subject: "Re: Lunch on Friday", id: "lunch3", ref: "lunch1@example.org> <lunch2", body: attachments(
			"Content-Type: text/plain; charset=utf-8\n\nOne it is; here is the invitation, and what the place looks like.\n\nRobin Falk wrote:\n"+strings.Repeat("> a line that was read before\n", 9),
			"Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:lunch\nDTSTAMP:20261101T000000Z\nDTSTART:20261204T120000Z\nDTEND:20261204T133000Z\nSUMMARY:Lunch by the river\nLOCATION:Café Amarant, Uferstraße 5\nDESCRIPTION:They have soup.\nORGANIZER;CN=Ben Ito:mailto:ben@example.org\nATTENDEE;CN=Robin Falk;PARTSTAT=NEEDS-ACTION:mailto:demo@example.org\nATTENDEE;CN=Ann Lee;PARTSTAT=ACCEPTED:mailto:ann@example.org\nEND:VEVENT\nEND:VCALENDAR\n",
			file("image/png", "river.png", river()))},
		{ago: 7 * time.Hour, flags: mail.Seen | mail.Answered, from: "Małgorzata Wiśniewska <gosia@example.com>", subject: "Klucze do mieszkania", body: "Cześć Robin,\n\nklucze są u sąsiadki z pierwszego piętra. Kwiaty proszę podlewać w sobotę.\n\nGosia\n"},
		{ago: 9 * time.Hour, flags: mail.Seen | mail.Flagged, from: "City Library <no-reply@library.example>", subject: "Two of your loans end on 30 November", body: "The following loans end soon:\n\n  The Old Ways (due 30 November)\n  A Field Guide to Clouds (due 30 November)\n\nYou can renew both once more at https://library.example/account.\n"},
		{ago: day, flags: mail.Seen, from: "Jürgen Weiß <juergen@example.net>", subject: "Fotos vom See", body: attachments("Content-Type: text/plain; charset=utf-8\n\nHallo Robin,\n\ndie drei besten Bilder vom Wochenende. Die großen schicke ich dir auf einem Stick.\n\nJürgen\n", file("image/png", "Steg.png", river()), file("image/png", "Boote.png", river()))},
		{ago: day + 3*time.Hour, from: "Velo & Co. <service@velo.example>", subject: "Your bicycle is ready", body: "Good afternoon,\n\nthe brakes and both tyres are new, and the gears are adjusted. It can be fetched until Saturday, 6 pm.\n"},
		{ago: 2 * day, flags: mail.Seen, from: "Siobhán Ní Bhriain <siobhan@example.com>", subject: "Reading group: next book", id: "book1", body: "Hi all,\n\nthree votes for the lighthouse novel, two for the one about moss. Shall we meet on the ninth at my place?\n\nSiobhán\n"},
		{ago: 2*day - time.Hour, flags: mail.Seen, from: "Priya Raghunathan <priya@example.com>", subject: "Re: Reading group: next book", id: "book2", ref: "book1", body: "The ninth is good. I bring the cake.\n"},
		{ago: 3 * day, flags: mail.Seen, from: "Example Bank <post@bank.example>", subject: "Your statement for October", body: "Your statement is in your mailbox. We never ask for your password by mail.\n"},
		{ago: 3*day + 2*time.Hour, flags: mail.Seen, from: "Dev list <dev@lists.example.org>", subject: "[dev] Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft_and_other_names_that_never_end.patch", fields: "List-Id: dev <dev.lists.example.org>\nList-Post: <mailto:dev@lists.example.org>\n", body: "Please review.\n"},
		{ago: 4 * day, flags: mail.Seen, from: "Søren Nygård <soren@example.net>", subject: "Tickets", body: "Both tickets are attached to my last mail, seats 41 and 42. See you at the station.\n"},
		{ago: 26 * time.Minute, folder: "Drafts", flags: mail.Draft | mail.Seen, from: me, subject: "The offer for the summer house", body: "Dear Mr Sato,\n\nthank you for showing us the house. We would\n"},
		{ago: 3 * day, folder: "Drafts", flags: mail.Draft | mail.Seen, from: me, subject: "", body: "Milk, candles, the small screws\n"},
	}
	now := time.Now()
	var out []samplemail.Message
	for _, l := range list {
		at, folder := now.Add(-l.ago), l.folder
		if folder == "" {
			folder = mail.Inbox
		}
		to := "To: " + me + "\nCc: Ben Ito <ben@example.org>\n"
		if l.from == me {
			to = "To: Ben Ito <ben@example.org>\n"
		}
		if l.id != "" {
			to += "Message-ID: <" + l.id + "@example.org>\n"
		}
		if l.ref != "" {
			to += "References: <" + l.ref + "@example.org>\n"
		}
		body := l.body
		if !strings.HasPrefix(body, "Content-Type:") {
			body = "Content-Type: text/plain; charset=utf-8\n\n" + body
		}
		from, address, _ := strings.Cut(l.from, " <")
		out = append(out, samplemail.Message{Folder: folder, Date: at, Flags: l.flags, Class: "mailbox", Data: []byte("From: " + name(from) + " <" + address + "\n" + to + "Subject: " + mime.BEncoding.Encode("utf-8", l.subject) +
			"\nDate: " + at.Format(time.RFC1123Z) + "\n" + l.fields + "MIME-Version: 1.0\n" + body)})
	}
	return out
}

// name writes words so that they can stand in a field.
func name(words string) string {
	if mime.QEncoding.Encode("utf-8", words) == words && strings.ContainsAny(words, ".&") {
		return `"` + words + `"`
	}
	return mime.BEncoding.Encode("utf-8", words)
}

// attachments is a body of several parts.
func attachments(parts ...string) string {
	return "Content-Type: multipart/mixed; boundary=b\n\n--b\n" + strings.Join(parts, "\n--b\n") + "\n--b--\n"
}

func file(kind, name string, data []byte) string {
	var lines strings.Builder
	for text := base64.StdEncoding.EncodeToString(data); text != ""; {
		n := min(76, len(text))
		lines.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return fmt.Sprintf("Content-Type: %s; name=%q\nContent-Disposition: attachment; filename=%q\nContent-Transfer-Encoding: base64\n\n%s", kind, name, name, &lines)
}

// river is a picture: evening above water.
func river() []byte {
	const width, height = 640, 400
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{uint8(250 - y/3), uint8(170 - y/4), uint8(110 + y/4), 255}
			if y > 250+(x*x/9000)%23 {
				c = color.RGBA{uint8(40 + (x/7+y)%9*3), uint8(70 + y/8), uint8(110 + y/9), 255}
			}
			if dx, dy := x-430, y-190; dx*dx+dy*dy < 2500 && y < 250 {
				c = color.RGBA{255, 236, 190, 255}
			}
			m.Set(x, y, c)
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		panic(err) // a buffer takes everything
	}
	return out.Bytes()
}
