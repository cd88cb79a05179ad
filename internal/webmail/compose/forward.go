package compose

import (
	"html"
	"strings"
)

// ForwardInline returns a message that passes on o, with its text in its own and its
// attachments among its own.
func ForwardInline(o *Original, a *Answer) *Begun {
	b := forward(o, a)
	b.Files = o.Files
	if b.Rich = a.Rich; !a.Rich {
		b.Text, b.Cursor = arrange(strings.Join(a.head(o), "\n")+"\n\n"+o.whole(), a.signature(), false, "")
		return b
	}
	var quote strings.Builder
	for _, line := range a.head(o) {
		quote.WriteString("<div>" + html.EscapeString(line) + "</div>")
	}
	quote.WriteString(emptyLine + "<div>" + o.html() + "</div>")
	b.Inline = o.Inline
	b.arrangeHTML(quote.String(), a)
	return b
}

// ForwardAttached returns a message that passes on others as they are: messages has each
// as a File of type message/rfc822. o is the first of them.
func ForwardAttached(o *Original, messages []File, a *Answer) *Begun {
	b := forward(o, a)
	b.Files = messages
	if b.Rich = a.Rich; a.Rich {
		b.arrangeHTML("", a)
	} else {
		b.Text, b.Cursor = arrange("", a.signature(), false, "")
	}
	return b
}

// MessageFile returns a message that is forwarded as an attachment.
func (o *Original) MessageFile(f File) File {
	f.Type = "message/rfc822"
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.TrimLeft(BareSubject(o.Subject), "."))
	const longest = 100
	name = strings.TrimSpace(clip(name, longest))
	if name == "" {
		name = "message"
	}
	f.Name = name + ".eml"
	return f
}

// forward begins a message that passes on another. It belongs to that one's conversation
// (RFC 5322 section 3.6.4), but answers nothing.
func forward(o *Original, a *Answer) *Begun {
	b := &Begun{}
	b.from(a.identity(o))
	b.Subject = answerSubject("Fwd:", o.Subject)
	_, b.References = o.thread()
	b.Draft.Action = Forwarded
	return b
}

// whole returns the original as plain text, all of it.
func (o *Original) whole() string {
	if o.Text == "" && o.HTML != "" {
		return ToText(o.HTML, LinksInline)
	}
	return strings.Trim(o.Text, "\n")
}

// head returns what the header says to people.
func (a *Answer) head(o *Original) []string {
	out := []string{a.Labels.Forwarded}
	for _, l := range []struct{ label, value string }{
		{a.Labels.From, addressNames(o.From)},
		{a.Labels.Date, a.Date},
		{a.Labels.Subject, o.Subject},
		{a.Labels.To, addressNames(o.To)},
		{a.Labels.Cc, addressNames(o.Cc)},
	} {
		if l.value != "" {
			out = append(out, l.label+": "+OneLine(l.value))
		}
	}
	return out
}

// maxNames is how many recipients of a message that is forwarded are named.
const maxNames = 100

func addressNames(list []Address) string {
	var names []string
	for i, a := range list {
		if i == maxNames {
			names = append(names, "…")
			break
		}
		names = append(names, a.String())
	}
	return strings.Join(names, ", ")
}
