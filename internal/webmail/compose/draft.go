package compose

import (
	"fmt"
	"io"
	"strings"

	"fantail/internal/message"
)

// The fields that only drafts have.
const (
	fieldIdentity = "X-Fantail-Identity"
	fieldSource   = "X-Fantail-Source"
	fieldAction   = "X-Fantail-Action"
	fieldNotify   = "X-Fantail-Notify"
	fieldTo       = "X-Fantail-To"
	fieldCc       = "X-Fantail-Cc"
	fieldBcc      = "X-Fantail-Bcc"
)

// actionNames are the values of X-Fantail-Action.
var actionNames = map[Action]string{Replied: "replied", Forwarded: "forwarded"}

// fields writes what is kept of a draft.
func (d *Draft) fields(h *header) {
	h.text(fieldIdentity, d.Identity)
	h.text(fieldSource, d.Source)
	h.text(fieldAction, actionNames[d.Action])
	if d.Notify {
		h.text(fieldNotify, "yes")
	}
	// What is half typed may be anything: it must not keep the rest from being saved.
	h.limited(fieldTo, OneLine(d.To), maxTyped)
	h.limited(fieldCc, OneLine(d.Cc), maxTyped)
	h.limited(fieldBcc, OneLine(d.Bcc), maxTyped)
}

// Read returns the Message that a draft holds: the one that Build wrote, or the same of
// a draft of another program as far as a Message can say it. r holds the message that
// root was parsed from, and must do so for as long as files are opened. The error is one
// of reading.
//
// A draft need not be of our making: its HTML must be cleaned before it is shown, and
// Draft.Identity, Draft.Source and From compared with what the account has.
func Read(root *message.Part, r io.ReaderAt) (*Message, error) {
	m := &Message{
		ReplyTo:    addressField(root, "Reply-To"),
		To:         addressField(root, "To"),
		Cc:         addressField(root, "Cc"),
		Bcc:        addressField(root, "Bcc"),
		Subject:    textField(root, "Subject"),
		MessageID:  idField(root, "Message-ID"),
		InReplyTo:  idField(root, "In-Reply-To"),
		References: idsField(root, "References"),
		Priority:   priorityField(root),
	}
	if from := addressField(root, "From"); len(from) > 0 {
		m.From = from[0]
	}
	if sender := addressField(root, "Sender"); len(sender) > 0 {
		m.Sender = &sender[0]
	}
	m.Date, _ = root.Date() // without one it is the zero time
	_, m.Receipt = root.Get("Disposition-Notification-To")
	m.Draft = readDraft(root)
	d := draftReader{m: m, r: r}
	d.part(root)
	if d.err != nil {
		return nil, fmt.Errorf("read draft: %w", d.err)
	}
	return m, nil
}

func readDraft(root *message.Part) Draft {
	d := Draft{
		Identity: textField(root, fieldIdentity),
		Source:   textField(root, fieldSource),
		To:       textField(root, fieldTo),
		Cc:       textField(root, fieldCc),
		Bcc:      textField(root, fieldBcc),
		Notify:   textField(root, fieldNotify) == "yes",
	}
	for a, name := range actionNames {
		if textField(root, fieldAction) == name {
			d.Action = a
		}
	}
	return d
}

func textField(p *message.Part, name string) string {
	raw, _ := p.Get(name)
	return oneLineKeeping(message.DecodeHeader(raw))
}

// oneLineKeeping returns s without control characters, which a stranger's header may
// have. Unlike OneLine it keeps spaces as they are.
func oneLineKeeping(s string) string {
	return strings.Trim(strings.ReplaceAll(strings.ReplaceAll(CleanText(s), "\n", " "), "\t", " "), " ")
}

// addressField returns the valid addresses of a field; groups are their members.
func addressField(p *message.Part, name string) []Address {
	raw, _ := p.Get(name)
	var out []Address
	for _, a := range message.ParseAddresses(raw, maxAddresses) {
		if !a.Valid() {
			continue
		}
		name := OneLine(message.DecodeHeader(a.Name))
		if len(name) > maxName {
			name = "" // no name of anybody
		}
		checked, err := Address{Name: name, Local: a.Mailbox, Domain: a.Host}.checked()
		if err != nil {
			continue // nobody can write to it
		}
		out = append(out, checked)
	}
	return out
}

func idField(p *message.Part, name string) string {
	if ids := idsField(p, name); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// idsField returns the message identifiers of a field that can be written again.
func idsField(p *message.Part, name string) []string {
	raw, _ := p.Get(name)
	var out []string
	for raw != "" {
		start := strings.IndexByte(raw, '<')
		if start < 0 {
			break
		}
		end := strings.IndexByte(raw[start:], '>')
		if end < 0 {
			break
		}
		if id := raw[start : start+end+1]; isMessageID(id) {
			out = append(out, id)
		}
		raw = raw[start+end+1:]
	}
	return out
}

func priorityField(p *message.Part) Priority {
	importance, _ := p.Get("Importance")
	number, _ := p.Get("X-Priority")
	switch {
	case strings.EqualFold(importance, "high") || strings.HasPrefix(number, "1") || strings.HasPrefix(number, "2"):
		return High
	case strings.EqualFold(importance, "low") || strings.HasPrefix(number, "4") || strings.HasPrefix(number, "5"):
		return Low
	}
	return Normal
}

// draftReader sorts the parts of a draft.
type draftReader struct {
	m    *Message
	r    io.ReaderAt
	text bool // the text was found
	err  error
}

func (d *draftReader) part(p *message.Part) {
	switch {
	case d.err != nil:
	case p.Is("multipart", "related") && len(p.Parts) > 0:
		d.part(p.Parts[0])
		for _, sub := range p.Parts[1:] {
			d.m.Inline = append(d.m.Inline, d.file(sub))
		}
	case len(p.Parts) > 0:
		for _, sub := range p.Parts {
			d.part(sub)
		}
	case p.Disposition == "attachment" || p.Filename() != "":
		d.m.Files = append(d.m.Files, d.file(p))
	case p.Is("text", "html") && !d.m.Rich:
		d.html(p)
	case p.Is("text", "plain") && !d.text:
		d.plain(p)
	case p.Is("text", "calendar") && d.m.Calendar == nil:
		d.calendar(p)
	case p.Is("text", "plain") && d.m.Rich && p.BodySize == 0:
	default:
		d.m.Files = append(d.m.Files, d.file(p))
	}
}

func (d *draftReader) content(p *message.Part) string {
	b, err := io.ReadAll(p.Text(d.r, maxBody))
	if err != nil {
		d.err = err
	}
	return CleanText(string(b))
}

func (d *draftReader) plain(p *message.Part) {
	d.text = true
	body := d.content(p)
	if flowed, delsp := isFlowed(p); flowed {
		d.m.Text = Unflow(body, flowed, delsp)
		return
	}
	d.m.Fixed = true
	d.m.Text = strings.TrimSuffix(body, "\n")
}

func (d *draftReader) html(p *message.Part) {
	d.text = true
	d.m.Rich, d.m.Text, d.m.Fixed = true, "", false
	body := d.content(p)
	inner, ours := strings.CutPrefix(body, documentHead+"\n")
	inner, tail := strings.CutSuffix(inner, "\n"+documentTail+"\n")
	if ours && tail {
		d.m.HTML = inner
		return
	}
	d.m.HTML = body
}

func (d *draftReader) calendar(p *message.Part) {
	method, _ := p.Param("method")
	d.m.Calendar = &Calendar{Method: method, Data: d.content(p)}
}

// isFlowed returns the parameters of RFC 3676 section 4.
func isFlowed(p *message.Part) (flowed, delsp bool) {
	format, _ := p.Param("format")
	del, _ := p.Param("delsp")
	return strings.EqualFold(format, "flowed"), strings.EqualFold(del, "yes")
}

// file returns a part as an attachment.
func (d *draftReader) file(p *message.Part) File { return FileOf(p, d.r) }

// FileOf returns a part of a message as an attachment. r holds the message, and must do
// so for as long as the file is opened.
func FileOf(p *message.Part, r io.ReaderAt) File {
	f := File{
		Name: p.Filename(),
		Type: p.Type + "/" + p.Subtype,
		ID:   strings.Trim(strings.TrimSpace(p.ID), "<>"),
		Size: p.BodySize,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(p.Decoded(r)), nil },
	}
	if p.Encoding == "base64" {
		f.Size = max(0, (p.BodySize-2*p.BodyLines)/4*3)
	}
	if !isContentID(f.ID) {
		f.ID = ""
	}
	if len(f.Name) > maxFilename || checkLine(f.Name) != nil {
		f.Name = clip(OneLine(f.Name), maxFilename)
	}
	if f.check(f.Type) != nil || p.Type == "multipart" {
		f.Type = "application/octet-stream"
	}
	return f
}
