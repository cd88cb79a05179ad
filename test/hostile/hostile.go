// Package hostile writes mail that attacks whoever reads it: several hundred messages
// in classes, each of which tries one way to run, load, submit, navigate, deceive or
// exhaust. They are for tests that show such mail in real browsers and listen.
//
// A class is a function that puts together what varies (elements, attributes,
// properties, fields, encodings) with what makes it an attack (an address to fetch, a
// script to run). In the texts of the classes stand words for what depends on the
// listener:
//
//	CANARY   an address of the listener that is this message's own, http://host:port/N
//	NEAR     the same without its scheme, //host:port/N
//	RUN      a script that fetches CANARY/run, with single quotes in it
//	BARE     the same script without any quotes, spaces or brackets of markup
//	KNOCK    the address of a listener that only counts connections, http://host:port
//
// Every message says of itself that it is the end: the word at the end of its HTML is
// Last, unless the attack eats it.
package hostile

import (
	"fmt"
	"strings"
)

// Message is one hostile message.
type Message struct {
	Class string // what is attacked, and how
	Name  string // unique in the class
	HTML  string // its HTML, decoded; "" if the attack is not in HTML
	Data  []byte // the message, with CRLF
	Heavy bool   // it takes a browser long: only for those who are protected
}

// Last is the word at the end of the HTML.
const Last = "theend"

// Classes are the classes in the order of Messages.
func Classes() []string {
	var out []string
	for _, c := range classes {
		out = append(out, c.name)
	}
	return out
}

// classes is everything there is.
var classes = []struct {
	name string
	fill func(*class)
}{
	{"script", scripts},
	{"handler", handlers},
	{"url", urls},
	{"load", loads},
	{"namespace", namespaces},
	{"mutation", mutations},
	{"charset", charsets},
	{"css-url", cssURLs},
	{"css-rule", cssRules},
	{"css-layout", cssLayout},
	{"form", forms},
	{"window", windows},
	{"inline-image", inlineImages},
	{"clobber", clobbers},
	{"text", texts},
	{"header", headers},
	{"attachment", attachments},
	{"nested", nested},
	{"calendar", calendars},
	{"bomb", bombs},
}

// Messages returns all messages for a listener at canary and a counter of connections at
// knock, both "http://host:port". Message number N has addresses below canary/N.
func Messages(canary, knock string) []Message {
	var out []Message
	for _, c := range classes {
		c.fill(&class{name: c.name, canary: canary, knock: knock, out: &out})
	}
	return out
}

// class collects the messages of a class.
type class struct {
	name          string
	canary, knock string
	out           *[]Message
}

// arm replaces the words of the package comment.
func (c *class) arm(text string) string {
	url := fmt.Sprintf("%s/%d", c.canary, len(*c.out))
	run := "(new(Image)).src='" + url + "/run'"
	var codes []string
	for _, b := range []byte(url + "/run") {
		codes = append(codes, fmt.Sprint(b))
	}
	bare := "(new(Image)).src=String.fromCharCode(" + strings.Join(codes, ",") + ")"
	return strings.NewReplacer("CANARY", url, "NEAR", strings.TrimPrefix(url, "http:"), "RUN", run, "BARE", bare, "KNOCK", c.knock).Replace(text)
}

func (c *class) add(m Message, data string) {
	m.Class = c.name
	m.Data = []byte(strings.ReplaceAll(strings.ReplaceAll(data, "\r\n", "\n"), "\n", "\r\n"))
	*c.out = append(*c.out, m)
}

// head is the beginning of a message, up to its Content fields.
func (c *class) head(name string) string {
	return fmt.Sprintf("From: Mallory <mallory@evil.example>\nTo: demo@example.org\nSubject: %s, %s\nDate: Thu, 12 Nov 2026 10:00:00 +0000\n"+
		"Message-ID: <hostile.%d@evil.example>\nMIME-Version: 1.0\n", c.name, name, len(*c.out))
}

// html adds a message whose body is HTML in UTF-8.
func (c *class) html(name, body string) {
	body = c.arm(body) + "<p>" + Last + "\n"
	c.add(Message{Name: name, HTML: body}, c.head(name)+"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"+body)
}

// heavy adds one that takes long to show.
func (c *class) heavy(name, body string) {
	c.html(name, body)
	(*c.out)[len(*c.out)-1].Heavy = true
}

// htmlWith adds a message whose fields are those of head and rest, and whose body is
// octets of HTML. What it means as UTF-8 is meaning.
func (c *class) htmlWith(name, fields, octets, meaning string) {
	c.add(Message{Name: name, HTML: c.arm(meaning)}, c.head(name)+fields+"\n\n"+octets)
}

// mail adds a message without HTML: its fields and its body as they are.
func (c *class) mail(name, fields, body string) {
	c.add(Message{Name: name}, c.arm(c.head(name)+fields+"\n\n"+body))
}

// variant is a name and a text.
type variant struct{ name, text string }
