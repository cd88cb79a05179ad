package samplemail

import (
	"fmt"
	"strings"

	"fantail/internal/mail"
)

// class is one kind of message. weight is how many of them are in a round.
type class struct {
	name   string
	weight int
	fill   func(*gen, *letter)
}

// The order matters for the result of a seed: new classes go to the end.
var classes = []class{
	{"plain", 9, plain},
	{"thread", 12, conversation},
	{"list", 9, listMessage},
	{"newsletter", 6, newsletter},
	{"notice", 4, notice},
	{"flowed", 2, flowed},
	{"picture", 2, withPicture},
	{"inline-picture", 1, inlinePicture},
	{"pdf", 2, withPDF},
	{"csv", 1, withCSV},
	{"filename-2231", 1, extendedFilename},
	{"filename-2047", 1, wordFilename},
	{"latin1", 2, in(german, latin1, "quoted-printable", qWords)},
	{"latin9", 2, in(french, latin9, "8bit", qWords)},
	{"windows-1252", 1, in(french, windows1252, "quoted-printable", bWords)},
	{"windows-1251", 2, in(russian, windows1251, "base64", bWords)},
	{"koi8-r", 1, in(russian, koi8r, "8bit", lowerWords)},
	{"iso-2022-jp", 1, in(japaneseTongue, iso2022jp, "7bit", bWords)},
	{"gb18030", 1, in(chinese, gb18030, "base64", bWords)},
	{"utf8-base64", 2, in(chinese, utf8Set, "base64", bWords)},
	{"utf8-qp", 1, in(vietnamese, utf8Set, "quoted-printable", qWords)},
	{"utf8-8bit", 1, in(japaneseTongue, utf8Set, "8bit", rawOctets)},
	{"latin2", 1, in(polish, latin2, "quoted-printable", qWords)},
	{"greek", 1, in(greekTongue, greek, "base64", bWords)},
	{"turkish", 1, in(turkish, turkishLatin, "8bit", qWords)},
	{"rtl-hebrew", 1, in(hebrew, windows1255, "base64", bWords)},
	{"rtl-arabic", 1, in(arabic, utf8Set, "quoted-printable", bWords)},
	{"torn-words", 1, in(russian, utf8Set, "base64", tornWords)},
	{"undeclared-8bit", 1, undeclared},
	{"emoji", 1, emoji},
	{"no-subject", 1, noSubject},
	{"empty-subject", 1, emptySubject},
	{"long-subject", 1, longSubject},
	{"forward", 1, forward},
	{"invitation", 1, invitation},
	{"delivery-report", 1, deliveryReport},
	{"signed", 1, signed},
	{"digest", 1, digest},
	{"odd-mime", 1, oddMIME},
	{"sent", 5, sent},
	{"draft", 2, unfinished},
	{"junk", 3, junk},
}

// Classes names every kind of message that Generate makes.
func Classes() []string {
	var out []string
	for _, c := range classes {
		out = append(out, c.name)
	}
	return out
}

// someone writes to the owner in English about a topic.
func (g *gen) someone(l *letter) topic {
	t := pick(g, topics)
	l.from = pick(g, people)
	l.to = []person{owner}
	l.subject = t.subject
	l.charset = utf8Set
	if g.chance(25) {
		l.cc = some(g, people, 1+g.intn(3))
	}
	return t
}

func plain(g *gen, l *letter) {
	t := g.someone(l)
	l.body = textPart(g.letterText(l.from, owner, t, 1+g.intn(4)), utf8Set, "quoted-printable")
	if g.chance(30) {
		l.extra = append(l.extra, field{"X-Mailer", pick(g, []string{"Letterbox 3.1", "Quill/2.0 (X11; Linux)", "PostHorn 11"})})
	}
	if g.chance(8) {
		l.extra = append(l.extra, field{"X-Priority", "1 (Highest)"}, field{"Importance", "high"})
	}
}

// in gives a class of letters in another language and charset.
func in(t tongue, c charset, encoding string, w wordStyle) func(*gen, *letter) {
	return func(g *gen, l *letter) {
		text := t.fill(g, l)
		l.to = []person{owner}
		l.charset, l.words = c, w
		l.body = textPart(text, c, encoding)
		if t.from.name == german.from.name && g.chance(50) {
			l.folder = "Bücher & Musik"
		}
	}
}

// flowed is text that a reader may wrap anew (RFC 3676).
func flowed(g *gen, l *letter) {
	t := g.someone(l)
	var b strings.Builder
	for _, p := range g.paragraphs(t, 3) {
		b.WriteString(strings.ReplaceAll(wrap(p, 66), "\n", " \n") + "\n\n")
	}
	b.WriteString("> " + strings.ReplaceAll(wrap(pick(g, t.say), 60), "\n", " \n> ") + "\n\n From here on, a stuffed space.\n-- \n" + l.from.signature() + "\n")
	l.body = &part{mediaType: "text/plain; charset=utf-8; format=flowed; delsp=no", encoding: "8bit", data: []byte(b.String())}
}

// undeclared has octets beyond ASCII and says nothing about them.
func undeclared(g *gen, l *letter) {
	text := german.fill(g, l)
	l.to = []person{owner}
	l.charset, l.words = latin1, rawOctets
	l.body = &part{data: latin1.encode(text)}
}

func emoji(g *gen, l *letter) {
	t := g.someone(l)
	l.subject = pick(g, []string{"🎉 It is a girl! 👶🏽", "Picnic 🧺🌦️ or cinema 🎬?", "👩‍🚀 → 🪐 (tickets!)"})
	l.body = textPart("🙂 "+g.letterText(l.from, owner, t, 1)+"\n🚲💨 👨‍👩‍👧‍👦 🇳🇿\n", utf8Set, "base64")
}

func noSubject(g *gen, l *letter) {
	plain(g, l)
	l.subject = "\x00"
}

func emptySubject(g *gen, l *letter) {
	plain(g, l)
	l.subject = ""
}

func longSubject(g *gen, l *letter) {
	plain(g, l)
	var words []string
	for range 12 {
		words = append(words, pick(g, pick(g, topics).say))
	}
	l.subject = strings.Join(words, " ")
}

// sent is what the owner wrote to somebody.
func sent(g *gen, l *letter) {
	l.fromOwner("Sent", mail.Seen)
	g.toSomeone(l)
}

func (g *gen) toSomeone(l *letter) {
	t := g.someone(l)
	l.to, l.from = []person{l.from}, owner
	l.body = textPart(g.letterText(owner, l.to[0], t, 1+g.intn(2)), utf8Set, "8bit")
}

// unfinished is a draft; some have nobody to go to yet.
func unfinished(g *gen, l *letter) {
	g.toSomeone(l)
	l.fromOwner("Drafts", mail.Seen|mail.Draft)
	if g.chance(40) {
		l.to, l.subject = nil, ""
	}
	text := strings.TrimSuffix(string(l.body.data), "\n")
	l.body = textPart(text[:len(text)*2/3], utf8Set, "quoted-printable")
}

// fromOwner makes the letter one that the owner's mail program stored.
func (l *letter) fromOwner(folder string, flags mail.Flags) {
	l.from = owner
	l.folder, l.flags = folder, flags
	l.local = true
	l.crlf = true // as it came through APPEND
	l.id = l.g.messageID("desk.example.org")
	l.extra = append(l.extra, field{"User-Agent", "Quill/2.0 (X11; Linux)"})
}

func junk(g *gen, l *letter) {
	l.folder = "Junk"
	l.from = person{pick(g, []string{"Account Service", "Dr. Lucky Winner", "WATCHES 4 LESS"}), fmt.Sprintf("no-reply%d@example.com", g.intn(1000))}
	l.to = []person{{"", owner.address}}
	l.subject = pick(g, []string{"Y0ur parcel is waiting!!!", "URGENT: verify you're mailbox", "Congratulations, you have been chosen", "Re: Re: invoice"})
	l.body = multipart("alternative",
		textPart("View this mail in a modern program.\n", utf8Set, "7bit"),
		&part{mediaType: `text/html; charset="utf-8"`, encoding: "quoted-printable", data: []byte(
			"<html><body bgcolor=yellow><font size=7 color=red>" + l.subject + "</font><br><a href=\"http://example.com/" +
				"claim?u=demo\"><b>CLICK HERE</b></a><img src=\"http://example.com/pixel.gif\" width=1 height=1>" +
				"<script>document.title='won'</script></body></html>\n")})
	l.extra = append(l.extra, field{"X-Spam-Flag", "YES"}, field{"X-Spam-Score", fmt.Sprintf("%d.%d", 6+g.intn(20), g.intn(10))})
}
