package compose

import (
	"html"
	"strings"
)

// Mode says to whom a reply goes.
type Mode uint8

// The modes.
const (
	ToSender Mode = iota
	ToAll
	ToList // as ToSender if the message came through no list
)

// Identity is one under which the account writes.
type Identity struct {
	Key     string // the caller's name for it: Draft.Identity
	Address Address
	ReplyTo []Address
	// Subaddress lets replies come from the subaddress, such as ann+shop@, that a
	// message was sent to (RFC 5233).
	Subaddress bool
}

// Answer says how a reply or a forwarded message begins. Texts are in the user's
// language: this package has none.
type Answer struct {
	Identities []Identity // the first is taken if no other fits; there is at least one
	Own        []Address  // other addresses of the account, which get no copies
	Separators string     // between a local part and its detail; "" is "+"

	Rich bool
	// Attribution is the line before what is quoted, with {name}, {address} and
	// {date} in it; Date is that of the original, as the user's language writes it.
	Attribution string
	Date        string
	Labels      Labels // of a message that is forwarded inline

	Signature     string // text without "-- ", "" for none
	SignatureHTML string // the same for rich text
	// Below puts what is written, and the signature, behind the quotation.
	Below bool
	// NoQuote leaves the original's text out of a reply.
	NoQuote bool
}

// Labels are the words before the header of a message that is forwarded.
type Labels struct {
	Forwarded                   string // the line above
	From, Date, Subject, To, Cc string // without colon
}

// Begun is a message with what there is before anybody has typed.
type Begun struct {
	Message
	// Cursor is where typing begins: an offset in Text, or, if Rich, in HTML, where
	// the empty line begins that is meant.
	Cursor int
}

// Reply returns a reply to o.
func Reply(o *Original, mode Mode, a *Answer) *Begun {
	b := &Begun{}
	who := a.identity(o)
	b.from(who)
	b.To, b.Cc = a.recipients(o, mode)
	b.Subject = answerSubject("Re:", o.Subject)
	b.InReplyTo, b.References = o.thread()
	b.Draft.Action = Replied
	b.Rich = a.Rich
	if a.Rich {
		b.replyHTML(o, a)
	} else {
		b.replyText(o, a)
	}
	return b
}

func (b *Begun) from(who Identity) {
	b.From, b.ReplyTo, b.Draft.Identity = who.Address, who.ReplyTo, who.Key
}

// identity returns the one that the message was sent to, or that sent it: what an
// address says exactly goes before what it says without its detail.
func (a *Answer) identity(o *Original) Identity {
	lists := [][]Address{o.From, o.Delivered, o.To, o.Cc}
	for _, list := range lists {
		for _, addr := range list {
			for _, id := range a.Identities {
				if id.Address.Same(addr) {
					return id
				}
			}
		}
	}
	for _, list := range lists {
		for _, addr := range list {
			base, ok := a.base(addr)
			if !ok {
				continue
			}
			for _, id := range a.Identities {
				if !id.Address.Same(base) {
					continue
				}
				if id.Subaddress {
					id.Address.Local = addr.Local
				}
				return id
			}
		}
	}
	return a.Identities[0]
}

// base returns an address without the detail of its local part.
func (a *Answer) base(addr Address) (Address, bool) {
	separators := a.Separators
	if separators == "" {
		separators = "+"
	}
	i := strings.IndexAny(addr.Local, separators)
	if i <= 0 {
		return addr, false
	}
	addr.Local = addr.Local[:i]
	return addr, true
}

// own reports whether an address is the account's.
func (a *Answer) own(addr Address) bool {
	base, _ := a.base(addr)
	for _, id := range a.Identities {
		if id.Address.Same(addr) || id.Address.Same(base) {
			return true
		}
	}
	for _, o := range a.Own {
		if o.Same(addr) || o.Same(base) {
			return true
		}
	}
	return false
}

// recipients returns whom a reply goes to:
//
//	own message     to those whom it went to
//	ToList          List-Post
//	ToAll           Mail-Followup-To if there is one, or else ToSender's, To, and Cc
//	ToSender        Reply-To if there is one and it is not only the list, or else From
//
// Own addresses are left out unless nobody else is there.
func (a *Answer) recipients(o *Original, mode Mode) (to, cc []Address) {
	switch {
	case mode == ToList && o.List != nil:
		return []Address{*o.List}, nil
	case len(o.From) > 0 && a.own(o.From[0]) && len(o.To)+len(o.Cc) > 0:
		to = o.To
		if mode == ToAll {
			cc = o.Cc
		}
	case mode == ToAll && len(o.FollowupTo) > 0:
		to = o.FollowupTo
	case mode == ToAll:
		to = append(append([]Address(nil), o.author()...), o.To...)
		cc = o.Cc
	default:
		to = o.author()
	}
	seen := make(map[string]bool)
	others, copies := a.others(to, seen), a.others(cc, seen)
	if len(others)+len(copies) == 0 {
		return a.unique(to), nil
	}
	if len(others) == 0 {
		others, copies = copies, nil
	}
	return others, copies
}

// author returns whom a reply to the author goes to. A list that puts itself into
// Reply-To is not the author, and has its own mode.
func (o *Original) author() []Address {
	if len(o.ReplyTo) == 1 && o.List != nil && o.ReplyTo[0].Same(*o.List) && len(o.From) > 0 {
		return o.From
	}
	if len(o.ReplyTo) > 0 {
		return o.ReplyTo
	}
	return o.From
}

// others returns the addresses that are neither own nor seen.
func (a *Answer) others(list []Address, seen map[string]bool) (out []Address) {
	for _, addr := range list {
		if !seen[addr.key()] && !a.own(addr) {
			seen[addr.key()] = true
			out = append(out, addr)
		}
	}
	return out
}

func (a *Answer) unique(list []Address) (out []Address) {
	seen := make(map[string]bool)
	for _, addr := range list {
		if !seen[addr.key()] {
			seen[addr.key()] = true
			out = append(out, addr)
		}
	}
	return out
}

// attribution returns the line before the quotation, "" if nobody is known who wrote it.
func (a *Answer) attribution(o *Original) string {
	if len(o.From) == 0 {
		return ""
	}
	name, address := o.From[0].Name, o.From[0].Display()
	if name == "" {
		name = address
	}
	return OneLine(strings.NewReplacer("{name}", name, "{address}", address, "{date}", a.Date).Replace(a.Attribution))
}

// text returns the original as plain text, without its signature.
func (o *Original) text() string {
	text := o.Text
	if text == "" && o.HTML != "" {
		text = ToText(o.HTML, LinksInline)
	}
	if i := strings.LastIndex("\n"+text, "\n"+signature+"\n"); i > 0 {
		text = text[:i-1]
	}
	return strings.Trim(text, "\n")
}

// replyText fills in a reply in plain text.
func (b *Begun) replyText(o *Original, a *Answer) {
	quote := ""
	if text := o.text(); !a.NoQuote && text != "" {
		quote = Quote(text)
		if line := a.attribution(o); line != "" {
			quote = line + "\n" + quote
		}
	}
	b.Text, b.Cursor = arrange(quote, a.signature(), a.Below, "")
}

// signature returns the signature with the line before it.
func (a *Answer) signature() string {
	if s := strings.Trim(CleanText(a.Signature), "\n"); s != "" {
		return signature + "\n" + s
	}
	return ""
}

// arrange puts a quotation, room to write in and a signature into their order. It
// returns where that room is.
func arrange(quote, sign string, below bool, room string) (text string, cursor int) {
	if quote == "" {
		if sign == "" {
			return room, 0
		}
		return room + "\n\n" + sign, 0
	}
	if below {
		text = quote + "\n\n"
		cursor = len(text)
		if text += room; sign != "" {
			text += "\n\n" + sign
		}
		return text, cursor
	}
	if text = room + "\n\n"; sign != "" {
		text += sign + "\n\n"
	}
	return text + quote, 0
}

// emptyLine is where somebody types, in HTML.
const emptyLine = "<div><br></div>"

// html returns the original as HTML, without a document around it.
func (o *Original) html() string {
	if o.HTML != "" {
		return o.HTML
	}
	return ToHTML(o.Text)
}

// replyHTML fills in a reply in rich text.
func (b *Begun) replyHTML(o *Original, a *Answer) {
	quote := ""
	if !a.NoQuote && o.HTML+o.Text != "" {
		if line := a.attribution(o); line != "" {
			quote = "<div>" + html.EscapeString(line) + "</div>"
		}
		quote += openQuote + o.html() + "</blockquote>"
		b.Inline = o.Inline
	}
	b.arrangeHTML(quote, a)
}

func (b *Begun) arrangeHTML(quote string, a *Answer) {
	sign := a.SignatureHTML
	if sign == "" && a.signature() != "" {
		sign = ToHTML(strings.Trim(CleanText(a.Signature), "\n"))
	}
	if sign != "" {
		sign = emptyLine + "<div>--&nbsp;</div>" + sign
	}
	switch {
	case quote == "":
		b.HTML = emptyLine + sign
	case a.Below:
		b.HTML = quote + emptyLine
		b.Cursor = len(b.HTML)
		b.HTML += emptyLine + sign
	default:
		b.HTML = emptyLine + sign + emptyLine + quote
	}
}

// New returns a message with nothing but an identity and its signature.
func New(a *Answer) *Begun {
	b := &Begun{}
	b.from(a.Identities[0])
	if b.Rich = a.Rich; a.Rich {
		b.arrangeHTML("", a)
	} else {
		b.Text, b.Cursor = arrange("", a.signature(), false, "")
	}
	return b
}
