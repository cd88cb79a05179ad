// Package samplemail makes mail that looks like the mail of a real person:
// the same for the same seed, on every machine and at any time.
//
// Generate gives the mailbox of one demo account: conversations, newsletters,
// a mailing list, attachments, many charsets, and the shapes that mail
// programs get wrong. Large gives any number of messages with a realistic
// spread of sizes, for measurements. Write stores either in a Maildir.
//
// A message is made in two steps: a class (classes.go) fills a letter, and
// the letter is rendered (render.go). What people say is in text.go and
// tongues.go, who they are in people.go.
package samplemail

import (
	"bytes"
	"fmt"
	"iter"
	"math/bits"
	"math/rand/v2"
	"time"

	"fantail/internal/mail"
)

// Message is one message as it lies in a mailbox.
type Message struct {
	Folder string // UTF-8, hierarchy delimiter "."; mail.Inbox for the inbox
	Flags  mail.Flags
	Date   time.Time // of arrival
	Class  string    // the kind of message: one of Classes
	Data   []byte    // line ends are LF, or all of them CRLF
}

// The time that the messages of Generate arrive in.
var (
	first = time.Date(2024, 9, 2, 7, 30, 0, 0, time.UTC)
	last  = time.Date(2026, 2, 27, 16, 45, 0, 0, time.UTC)
)

// Generate gives n messages, oldest first. A few hundred are enough to have
// every class and every folder among them.
func Generate(n int, seed uint64) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		g := newGen(seed)
		for i := range n {
			g.date = first.Add(time.Duration(float64(last.Sub(first)) * (float64(i) + g.float()) / float64(n))).Truncate(time.Second)
			if !yield(g.message(g.draw())) {
				return
			}
		}
	}
}

// gen is the state of one generation: what was said so far, so that later
// messages can answer it.
type gen struct {
	src     *rand.PCG
	date    time.Time
	count   int
	deck    []class
	threads []*thread
	lists   []*thread
}

func newGen(seed uint64) *gen {
	return &gen{src: rand.NewPCG(seed, 0x66616e7461696c)}
}

// intn gives a number from 0 to n-1. It is written here since the figures
// must not change with the library's.
func (g *gen) intn(n int) int {
	hi, _ := bits.Mul64(g.src.Uint64(), uint64(n))
	return int(hi)
}

func (g *gen) float() float64 { return float64(g.src.Uint64()>>11) / (1 << 53) }

func (g *gen) chance(percent int) bool { return g.intn(100) < percent }

func pick[T any](g *gen, list []T) T { return list[g.intn(len(list))] }

// some gives n different elements of list in the order of the list.
func some[T any](g *gen, list []T, n int) []T {
	var out []T
	for i, x := range list {
		if left := len(list) - i; g.intn(left) < n-len(out) {
			out = append(out, x)
		}
	}
	return out
}

func shuffle[T any](g *gen, list []T) {
	for i := len(list) - 1; i > 0; i-- {
		j := g.intn(i + 1)
		list[i], list[j] = list[j], list[i]
	}
}

// draw gives the next class. All classes are dealt out, as often as they
// weigh, before any comes again.
func (g *gen) draw() class {
	if len(g.deck) == 0 {
		for _, c := range classes {
			for range c.weight {
				g.deck = append(g.deck, c)
			}
		}
		shuffle(g, g.deck)
	}
	c := g.deck[len(g.deck)-1]
	g.deck = g.deck[:len(g.deck)-1]
	return c
}

// message makes one message of class c that arrives at g.date.
func (g *gen) message(c class) Message {
	g.count++
	l := &letter{g: g, date: g.date, folder: mail.Inbox, id: g.messageID("mail.example.net")}
	c.fill(g, l)
	g.file(l)
	data := l.render()
	if l.crlf {
		data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	}
	return Message{Folder: l.folder, Flags: l.flags, Date: l.date, Class: c.name, Data: data}
}

func (g *gen) messageID(host string) string {
	return fmt.Sprintf("<%s.%08x@%s>", g.date.Format("20060102150405"), uint32(g.src.Uint64()), host)
}

// file settles where a message of the inbox lies by now, and what its reader
// did with it.
func (g *gen) file(l *letter) {
	age := last.Sub(l.date)
	switch {
	case l.folder != mail.Inbox:
	case l.date.Year() == 2024:
		l.folder = "Archive.2024"
	case age > 300*24*time.Hour && g.chance(70):
		l.folder = "Archive"
	case g.chance(4):
		l.folder = "Trash"
	}
	if l.folder == "Drafts" || l.folder == "Sent" || l.folder == "Junk" {
		return
	}
	if l.folder != mail.Inbox || age > 45*24*time.Hour || g.chance(40) {
		l.flags |= mail.Seen
		if g.chance(12) {
			l.flags |= mail.Answered
		}
	}
	if g.chance(6) {
		l.flags |= mail.Flagged
	}
}
