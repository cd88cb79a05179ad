package compose

import (
	"bufio"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"

	"fantail/internal/crlf"
)

// Form says for whom the octets are.
type Form uint8

const (
	// ForTransport is what is sent: without Bcc.
	ForTransport Form = iota
	// ForSent is the sender's copy: with Bcc.
	ForSent
	// ForDrafts is a draft: with Bcc and with what only we understand. Nothing need
	// be there yet, neither a recipient nor a sender.
	ForDrafts
)

// Output says how octets are written.
type Output struct {
	Form     Form
	CRLF     bool // lines end in CRLF, not in LF
	EightBit bool // the transport takes octets that are not ASCII (RFC 6152)
}

// Built is a message that is ready to be written, any number of times.
type Built struct {
	// SMTPUTF8 says that the header is in UTF-8: only a transport that offers
	// SMTPUTF8 can take it (RFC 6531 section 3).
	SMTPUTF8 bool
	// EightBit says that a body has octets that are not ASCII, either because
	// Output allows it or because a message is forwarded that has them, which no
	// encoding may change (RFC 2046 section 5.2.1).
	EightBit bool

	out  Output
	root *node
}

// node is a part: a header, and either a body or parts between boundaries.
type node struct {
	header   string // with LF, without the empty line
	boundary string
	parts    []*node
	body     func(w io.Writer) error // with LF, and one at the end
}

// Build checks the message and makes all of it but the content of its attachments. An
// error of what is in the message is a FieldError.
func (m *Message) Build(o Output) (*Built, error) {
	b := &builder{m: m, out: o, boundary: m.boundary()}
	root, err := b.content()
	if err != nil {
		return nil, err
	}
	utf8 := m.needsUTF8()
	head, err := m.header(o.Form, utf8)
	if err != nil {
		return nil, err
	}
	root.header = head + "MIME-Version: 1.0\n" + root.header
	return &Built{SMTPUTF8: utf8, EightBit: b.eight, out: o, root: root}, nil
}

// WriteTo writes the message.
func (b *Built) WriteTo(w io.Writer) (int64, error) {
	count := &counter{w: w}
	buf := bufio.NewWriterSize(count, 64<<10)
	var lines io.Writer = buf
	if b.out.CRLF {
		lines = &lineEnds{w: buf}
	}
	err := b.root.write(lines)
	return count.n, errors.Join(err, buf.Flush())
}

// counter counts what it passes on.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (n *node) write(w io.Writer) error {
	if _, err := io.WriteString(w, n.header+"\n"); err != nil {
		return err
	}
	if n.body != nil {
		return n.body(w)
	}
	for _, p := range n.parts {
		if _, err := io.WriteString(w, "--"+n.boundary+"\n"); err != nil {
			return err
		}
		if err := p.write(w); err != nil {
			return err
		}
		// The line end before a boundary belongs to it (RFC 2046 section 5.1.1), and
		// every body ends in one of its own.
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "--"+n.boundary+"--\n")
	return err
}

// needsUTF8 reports whether an address cannot be written in ASCII: domains can, local
// parts cannot (RFC 6532 section 3.2).
func (m *Message) needsUTF8() bool {
	for _, l := range [][]Address{{m.From}, m.ReplyTo, m.To, m.Cc, m.Bcc} {
		for _, a := range l {
			if !isASCII(a.Local) {
				return true
			}
		}
	}
	return m.Sender != nil && !isASCII(m.Sender.Local)
}

// header writes the fields of RFC 5322 section 3.6.
func (m *Message) header(form Form, utf8 bool) (string, error) {
	h := &header{utf8: utf8}
	draft := form == ForDrafts
	h.date("Date", m.Date)
	if !draft || m.From != (Address{}) {
		h.addresses("From", m.From)
	}
	if m.Sender != nil && !m.Sender.Same(m.From) {
		h.addresses("Sender", *m.Sender)
	}
	h.addresses("Reply-To", m.ReplyTo...)
	h.addresses("To", m.To...)
	h.addresses("Cc", m.Cc...)
	switch {
	case form != ForTransport:
		h.addresses("Bcc", m.Bcc...)
	case len(m.To)+len(m.Cc) == 0:
		// Nobody is named; without a field some programs add one that names others.
		h.tokens("To", []token{{" ", "undisclosed-recipients:;"}})
	}
	h.text("Subject", m.Subject)
	if !draft || m.MessageID != "" {
		h.ids("Message-ID", m.MessageID)
	}
	if m.InReplyTo != "" {
		h.ids("In-Reply-To", m.InReplyTo)
	}
	h.ids("References", m.References...)
	m.requests(h)
	if draft {
		m.Draft.fields(h)
	}
	return h.b.String(), h.err
}

// requests writes what the sender asks for. Programs know one or the other field of
// priority; neither is of an RFC about mail, X-Priority of none at all.
func (m *Message) requests(h *header) {
	if m.Receipt && m.From != (Address{}) {
		h.addresses("Disposition-Notification-To", m.From) // RFC 8098 section 2.1
	}
	switch m.Priority {
	case High:
		h.text("Importance", "high")
		h.text("X-Priority", "1 (Highest)")
	case Low:
		h.text("Importance", "low")
		h.text("X-Priority", "5 (Lowest)")
	}
}

// boundary returns what the boundaries of the message begin with. It is the same each
// time that the same message is built. Its "=_" is in no encoded body, and bodies that
// are not encoded are searched for it.
func (m *Message) boundary() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", m.MessageID, m.Date.UnixNano(), m.Subject))
	return "=_" + base32.StdEncoding.EncodeToString(sum[:15])
}

// builder makes the tree of parts.
type builder struct {
	m        *Message
	out      Output
	boundary string
	multi    int  // multiparts so far
	eight    bool // a body is 8bit
}

// content returns the tree:
//
//	mixed                     if there are files
//	  alternative             if there is more than one form of the text
//	    text/plain
//	    related               if there are inline pictures
//	      text/html
//	      image/...
//	    text/calendar
//	  file...
func (b *builder) content() (*node, error) {
	text, err := b.text()
	if err != nil || len(b.m.Files) == 0 {
		return text, err
	}
	parts := []*node{text}
	for _, f := range b.m.Files {
		n, err := b.file(f, "attachment")
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
	}
	return b.multipart("mixed", parts), nil
}

// text returns the text in all its forms, the best one last (RFC 2046 section 5.1.4).
func (b *builder) text() (*node, error) {
	plain := CleanText(b.m.Text)
	var rich *node
	if b.m.Rich {
		html, inline, err := Markup(b.m.HTML, b.m.Inline, b.m.domain())
		if err != nil {
			return nil, &FieldError{Field: "HTML", Err: err}
		}
		plain = ToText(html, LinksInline)
		if rich, err = b.related(html, inline); err != nil {
			return nil, err
		}
	}
	if len(plain) > maxBody {
		return nil, &FieldError{Field: "Text", Err: fmt.Errorf("%w: %d octets", ErrLong, len(plain))}
	}
	parts := []*node{b.plain(plain)}
	if rich != nil {
		parts = append(parts, rich)
	}
	if c := b.m.Calendar; c != nil {
		n, err := b.calendar(c)
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return b.multipart("alternative", parts), nil
}

// plain returns the text/plain part.
func (b *builder) plain(text string) *node {
	if b.m.Fixed && !b.m.Rich {
		return b.leaf("text/plain", text+"\n")
	}
	return b.leaf("text/plain", Flow(text), param("format", "flowed"), param("delsp", "no"))
}

// domain is where the identifiers of parts belong to.
func (m *Message) domain() string {
	if d, err := asciiDomain(m.From.Domain); err == nil {
		return d
	}
	return "draft.invalid"
}

// related returns the HTML with the pictures that it shows (RFC 2387).
func (b *builder) related(html string, inline []File) (*node, error) {
	root := b.leaf("text/html", documentHead+"\n"+html+"\n"+documentTail+"\n")
	var parts []*node
	for _, f := range inline {
		if !strings.Contains(html, `"cid:`+cidURL(f.ID)+`"`) {
			continue // it was deleted from the text
		}
		n, err := b.file(f, "inline")
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
	}
	if parts == nil {
		return root, nil
	}
	return b.multipart("related", append([]*node{root}, parts...), []token{{" ", `type="text/html"`}}), nil
}

func (b *builder) calendar(c *Calendar) (*node, error) {
	if c.Method == "" || strings.ContainsFunc(c.Method, func(r rune) bool { return !isLetterDigit(r) && r != '-' }) {
		return nil, &FieldError{Field: "Method", Err: fmt.Errorf("%w: %q", ErrType, c.Method)}
	}
	text := strings.TrimRight(CleanText(c.Data), "\n") + "\n"
	return b.leaf("text/calendar", text, param("method", c.Method)), nil
}

// leaf returns a part of text.
func (b *builder) leaf(kind, text string, params ...[]token) *node {
	encoding := transferEncoding(text, "--"+b.boundary, b.out.EightBit)
	b.eight = b.eight || encoding == "8bit"
	h := &header{}
	h.value("Content-Type", kind, append([][]token{param("charset", "utf-8")}, params...)...)
	h.value("Content-Transfer-Encoding", encoding)
	return &node{header: h.b.String(), body: func(w io.Writer) error { return writeText(w, text, encoding) }}
}

func (b *builder) multipart(subtype string, parts []*node, params ...[]token) *node {
	b.multi++
	boundary := fmt.Sprintf("%s_%d", b.boundary, b.multi)
	h := &header{}
	h.value("Content-Type", "multipart/"+subtype, append(params, []token{{" ", `boundary="` + boundary + `"`}})...)
	return &node{header: h.b.String(), boundary: boundary, parts: parts}
}

// file returns an attachment or an inline picture.
func (b *builder) file(f File, disposition string) (*node, error) {
	h := &header{}
	kind := f.Type
	if kind == "" {
		kind = "application/octet-stream"
	}
	if err := f.check(kind); err != nil {
		return nil, err
	}
	encoding := "base64"
	if strings.EqualFold(kind, "message/rfc822") {
		var err error
		if encoding, err = b.look(f); err != nil {
			return nil, err
		}
		if encoding == "base64" {
			// RFC 2046 section 5.2.1: then it cannot be called a message.
			kind = "application/octet-stream"
		}
	}
	h.value("Content-Type", kind)
	h.value("Content-Transfer-Encoding", encoding)
	if f.Name == "" {
		h.value("Content-Disposition", disposition)
	} else {
		h.value("Content-Disposition", disposition, param("filename", f.Name))
	}
	if f.ID != "" {
		h.contentID(f.ID)
	}
	if h.err != nil {
		return nil, h.err
	}
	return &node{header: h.b.String(), body: func(w io.Writer) error { return f.write(w, encoding) }}, nil
}

// maxFilename is the longest name of a file, in octets: what file systems take.
const maxFilename = 255

// check refuses what cannot be said of a file.
func (f File) check(kind string) error {
	if err := checkLine(f.Name); err != nil {
		return &FieldError{Field: "Filename", Err: err}
	}
	if len(f.Name) > maxFilename {
		return &FieldError{Field: "Filename", Err: fmt.Errorf("%w: %d octets", ErrLong, len(f.Name))}
	}
	main, sub, ok := strings.Cut(kind, "/")
	bad := func(s string) bool {
		return s == "" || len(s) > 127 || strings.ContainsFunc(s, func(r rune) bool { return !isToken(r) })
	}
	if !ok || bad(main) || bad(sub) || strings.EqualFold(main, "multipart") {
		return &FieldError{Field: "Content-Type", Err: fmt.Errorf("%w: %q", ErrType, kind)}
	}
	return nil
}

// look reads a message that is forwarded and says how it can be sent: as it is, or, if
// it is no lines of text or has our boundary in it, only as a file.
func (b *builder) look(f File) (encoding string, err error) {
	r, err := f.Open()
	if err != nil {
		return "", fmt.Errorf("open attached message: %w", err)
	}
	defer r.Close()
	s := survey{mark: []byte("--" + b.boundary)}
	if _, err := io.Copy(&s, r); err != nil {
		return "", fmt.Errorf("read attached message: %w", err)
	}
	switch {
	case s.binary || s.cr || s.marked || !s.anybody:
		return "base64", nil
	case s.eight:
		b.eight = true
		return "8bit", nil
	}
	return "7bit", nil
}

// write writes the content of a file.
func (f File) write(w io.Writer, encoding string) error {
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("open attachment: %w", err)
	}
	defer r.Close()
	if encoding == "base64" {
		if err := writeBase64(w, r); err != nil {
			return fmt.Errorf("attachment: %w", err)
		}
		return nil
	}
	contract := crlf.NewContractor(w)
	if _, err := io.Copy(contract, r); err != nil {
		return fmt.Errorf("attached message: %w", err)
	}
	return contract.Close()
}
