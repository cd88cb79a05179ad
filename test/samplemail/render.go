package samplemail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"time"

	"fantail/internal/mail"
)

// letter is a message in the making.
type letter struct {
	g       *gen
	folder  string
	flags   mail.Flags
	date    time.Time
	from    person
	sender  person // Sender field, if it differs from who wrote
	to, cc  []person
	replyTo string
	subject string // UTF-8; "\x00" for a message without the field
	id      string
	refs    []string // Message-IDs, the one that is answered last
	charset charset  // of the header's encoded words
	words   wordStyle
	extra   []field // further fields, after the usual ones
	body    *part
	crlf    bool
	local   bool // has not travelled: no Received fields
}

// field is a header field, its value ready for the wire but for folding at
// its spaces.
type field struct{ name, value string }

// part is a MIME part.
type part struct {
	mediaType string // with parameters, but for a multipart's boundary
	encoding  string // "", "7bit", "8bit", "quoted-printable" or "base64"
	extra     []field
	data      []byte // before its transfer encoding, lines ended by LF
	ready     bool   // data is in its transfer encoding already
	parts     []*part
	preamble  string
	epilogue  string
}

func textPart(s string, c charset, encoding string) *part {
	return &part{mediaType: "text/plain; charset=" + c.label, encoding: encoding, data: c.encode(s)}
}

func multipart(subtype string, parts ...*part) *part {
	return &part{mediaType: "multipart/" + subtype, parts: parts, preamble: "This is a message with several parts.\n"}
}

// attach gives an attachment. params are those of Content-Disposition, after
// its first word.
func attach(mediaType string, data []byte, params string) *part {
	return &part{mediaType: mediaType, encoding: "base64", data: data,
		extra: []field{{"Content-Disposition", "attachment" + params}}}
}

// render writes the letter with LF line ends.
func (l *letter) render() []byte {
	var b bytes.Buffer
	put := func(name, value string) {
		if value != "" {
			b.WriteString(fold(name + ": " + value))
		}
	}
	if !l.local {
		l.trace(put)
	}
	put("Date", l.date.In(l.from.zone()).Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	put("From", l.address(l.from))
	if l.sender.address != "" {
		put("Sender", l.address(l.sender))
	}
	put("Reply-To", l.replyTo)
	put("To", l.addresses(l.to))
	put("Cc", l.addresses(l.cc))
	switch l.subject {
	case "\x00":
	case "":
		b.WriteString("Subject: \n")
	default:
		put("Subject", l.words.encode(l.subject, l.charset))
	}
	put("Message-ID", l.id)
	if n := len(l.refs); n > 0 {
		put("In-Reply-To", l.refs[n-1])
		put("References", strings.Join(l.refs, " "))
	}
	for _, f := range l.extra {
		put(f.name, f.value)
	}
	put("MIME-Version", "1.0")
	l.body.render(&b, l.g)
	return b.Bytes()
}

// trace writes the fields that the way here left.
func (l *letter) trace(put func(name, value string)) {
	from := l.from.host()
	if l.sender.address != "" {
		from = l.sender.host()
	}
	put("Return-Path", "<"+l.from.address+">")
	put("Delivered-To", owner.address)
	at := l.date.UTC().Format("Mon, 2 Jan 2006 15:04:05 -0700 (MST)")
	put("Received", fmt.Sprintf("from mx.%s (mx.%s [192.0.2.%d]) by mail.example.org (Postfix) with ESMTPS id %010X for <%s>; %s",
		from, from, 1+l.g.intn(250), l.g.src.Uint64()>>24, owner.address, at))
	put("Received", fmt.Sprintf("from [IPv6:2001:db8::%x] (unknown [IPv6:2001:db8::%x]) by mx.%s with ESMTPSA id %08x; %s",
		l.g.intn(65536), l.g.intn(65536), from, uint32(l.g.src.Uint64()), at))
}

func (l *letter) addresses(list []person) string {
	var out []string
	for _, p := range list {
		out = append(out, l.address(p))
	}
	return strings.Join(out, ", ")
}

func (l *letter) address(p person) string {
	switch {
	case p.name == "":
		return p.address
	case !ascii(p.name):
		c := l.charset
		if !c.has(p.name) {
			c = utf8Set
		}
		return l.words.encode(p.name, c) + " <" + p.address + ">"
	case strings.ContainsAny(p.name, `,.()"'`):
		return `"` + p.name + `" <` + p.address + ">"
	}
	return p.name + " <" + p.address + ">"
}

func (c charset) has(s string) bool {
	if c.encoding == nil {
		return true
	}
	_, err := c.encoding.NewEncoder().String(s)
	return err == nil
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 126 || r < 32 }) < 0
}

// render writes the part's header, an empty line and its body.
func (p *part) render(b *bytes.Buffer, g *gen) {
	if p.parts != nil {
		p.renderMultipart(b, g)
		return
	}
	if p.mediaType != "" {
		b.WriteString(fold("Content-Type: " + p.mediaType))
	}
	if p.encoding != "" {
		b.WriteString("Content-Transfer-Encoding: " + p.encoding + "\n")
	}
	for _, f := range p.extra {
		b.WriteString(fold(f.name + ": " + f.value))
	}
	b.WriteByte('\n')
	b.Write(p.encoded())
}

func (p *part) renderMultipart(b *bytes.Buffer, g *gen) {
	boundary := fmt.Sprintf("=_%016x_%02d", g.src.Uint64(), len(p.parts))
	b.WriteString(fold(fmt.Sprintf("Content-Type: %s; boundary=%q", p.mediaType, boundary)))
	for _, f := range p.extra {
		b.WriteString(fold(f.name + ": " + f.value))
	}
	b.WriteString("\n" + p.preamble)
	for _, sub := range p.parts {
		b.WriteString("\n--" + boundary + "\n")
		sub.render(b, g)
	}
	b.WriteString("\n--" + boundary + "--\n" + p.epilogue)
}

// encoded is the part's body in its transfer encoding.
func (p *part) encoded() []byte {
	switch {
	case p.ready:
	case p.encoding == "base64":
		return base64Lines(p.data)
	case p.encoding == "quoted-printable":
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		_, err := w.Write(p.data)
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			panic("samplemail: write to memory: " + err.Error())
		}
		return bytes.ReplaceAll(b.Bytes(), []byte("\r\n"), []byte("\n"))
	}
	return p.data
}

func base64Lines(data []byte) []byte {
	const perLine = 57
	out := make([]byte, 0, len(data)*4/3+len(data)/perLine+4)
	for len(data) > 0 {
		n := min(perLine, len(data))
		out = base64.StdEncoding.AppendEncode(out, data[:n])
		out = append(out, '\n')
		data = data[n:]
	}
	return out
}

// fold breaks a header line before spaces so that its lines have at most 78
// octets where that is possible (RFC 5322 section 2.1.1).
func fold(s string) string {
	var b strings.Builder
	keep := strings.IndexByte(s, ':') + 2 // no fold before this
	for len(s) > 78 {
		i := strings.LastIndexByte(s[:78], ' ')
		if i < keep {
			if i = strings.IndexByte(s[keep:], ' ') + keep; i < keep {
				break
			}
		}
		b.WriteString(s[:i] + "\n")
		s, keep = s[i:], 1
	}
	b.WriteString(s + "\n")
	return b.String()
}
