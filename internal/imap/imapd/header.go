package imapd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"fantail/internal/imap"
	"fantail/internal/message"
)

// Clients fill their lists of messages from a few header fields, each from others.
// For the fields below the store keeps what stands in a message, so that whoever
// asks for some of them causes no file to be opened.

// listFields are the fields that clients ask for by HEADER.FIELDS, sorted:
// Thunderbird, mutt, K-9, Roundcube, Alpine, mbsync. When they change so must
// keptVersion.
var listFields = []string{
	"bcc", "cc", "content-description", "content-disposition", "content-language", "content-location",
	"content-md5", "content-type", "date", "disposition-notification-to", "followup-to", "from",
	"importance", "in-reply-to", "lines", "list-id", "list-post", "list-subscribe", "list-unsubscribe",
	"mail-followup-to", "mail-reply-to", "message-id", "mime-version", "newsgroups", "organization",
	"priority", "references", "reply-to", "return-path", "sender", "subject", "to", "x-label",
	"x-original-to", "x-priority", "x-tuid",
}

// The kept fields are these two octets, and the fields with CRLF in the order of
// the message.
const (
	keptVersion = 1 // of listFields
	keptPrefix  = 2
	emptyLine   = 1 // second octet: the header ends with an empty line
)

// isListField reports whether a field is among those that are kept.
func isListField(name string) bool {
	_, ok := slices.BinarySearch(listFields, strings.ToLower(name))
	return ok
}

// fromListFields reports whether a section needs no other fields than those kept.
func fromListFields(sec imap.Section) bool {
	return len(sec.Path) == 0 && sec.Kind == imap.SectionFields && !slices.ContainsFunc(sec.Fields, func(name string) bool { return !isListField(name) })
}

// appendListFields appends to kept what is kept of the fields of the message in
// hand.
func (m *fetched) appendListFields() error {
	root, err := m.header()
	if err != nil {
		return err
	}
	end := byte(0)
	if hasEmptyLine(root) {
		end = emptyLine
	}
	m.kept, err = m.appendFields(append(m.kept, keptVersion, end), root, isListField)
	return err
}

// keptFields returns the fields that a section names out of those that are kept,
// and the empty line if there is one.
func (m *fetched) keptFields(kept []byte, sec imap.Section) []byte {
	m.fields = m.fields[:0]
	for rest := kept[keptPrefix:]; len(rest) > 0; {
		n := fieldLen(rest)
		name, _, _ := bytes.Cut(rest[:n], []byte(":"))
		name = bytes.Trim(name, " \t\r")
		for _, want := range sec.Fields {
			if len(want) == len(name) && strings.EqualFold(want, string(name)) {
				m.fields = append(m.fields, rest[:n]...)
				break
			}
		}
		rest = rest[n:]
	}
	if kept[1] == emptyLine {
		m.fields = append(m.fields, "\r\n"...)
	}
	replaceNUL(m.fields)
	return m.fields
}

// fieldLen returns the length of the first of several fields: up to the first line
// end that no white space follows.
func fieldLen(b []byte) int {
	at := 0
	for {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return len(b)
		}
		at += i + 1
		if at == len(b) || b[at] != ' ' && b[at] != '\t' {
			return at
		}
	}
}

// fieldsOf returns the fields of a header that a HEADER.FIELDS or HEADER.FIELDS.NOT
// names, as stored and in the order of the message, and the empty line if there is one
// (RFC 9051 section 6.4.5.1).
func (m *fetched) fieldsOf(p *message.Part, sec imap.Section) (_ []byte, err error) {
	m.fields, err = m.appendFields(m.fields[:0], p, func(name string) bool {
		named := slices.ContainsFunc(sec.Fields, func(want string) bool {
			return len(want) == len(name) && strings.EqualFold(want, name)
		})
		return named == (sec.Kind == imap.SectionFields)
	})
	if hasEmptyLine(p) {
		m.fields = append(m.fields, "\r\n"...)
	}
	return m.fields, err
}

// appendFields appends the fields of a header that have one of the wanted names.
func (m *fetched) appendFields(b []byte, p *message.Part, wanted func(name string) bool) ([]byte, error) {
	if len(p.Fields) == 0 {
		return b, nil
	}
	// What the parser keeps of a header is bounded, and so is this.
	stored, err := m.headers.read(m.source, message.Span{Off: p.Header.Off, Len: p.Fields[len(p.Fields)-1].Span.End() - p.Header.Off})
	if err != nil {
		return b, err
	}
	for i := range p.Fields {
		f := &p.Fields[i]
		if f.Span.End()-p.Header.Off > int64(len(stored)) {
			return b, fmt.Errorf("read header: %w", io.ErrUnexpectedEOF)
		}
		if f.Name != "" && wanted(f.Name) {
			from := f.Span.Off - p.Header.Off
			b = appendLines(b, stored[from:from+f.Span.Len])
		}
	}
	return b, nil
}

// appendLines appends lines with CRLF, also behind the last one.
func appendLines(b, lines []byte) []byte {
	for len(lines) > 0 {
		n := bytes.IndexByte(lines, '\n')
		if n < 0 {
			return append(append(b, lines...), "\r\n"...) // the message ends in it
		}
		b = append(append(b, bytes.TrimSuffix(lines[:n], []byte("\r"))...), "\r\n"...)
		lines = lines[n+1:]
	}
	return b
}

// hasEmptyLine reports whether the header ends with an empty line, which
// HEADER.FIELDS has then too (RFC 9051 section 6.4.5.1).
func hasEmptyLine(p *message.Part) bool {
	end := p.Header.Off
	if n := len(p.Fields); n > 0 {
		end = p.Fields[n-1].Span.End()
	}
	return p.Clipped || end < p.Header.End()
}

// headerReader reads the headers of messages, one after the other, and keeps its
// buffers.
type headerReader struct {
	parser *message.Scanner
	span   message.Span // what buf is of the file in hand
	buf    []byte
}

// firstRead is more than most headers; maxHeader is the longest that is read
// without the rest of its message.
const (
	firstRead = 8 << 10
	maxHeader = 256 << 10
)

// scan returns the structure of a message whose body is left out, or nil if the
// header is too long for that.
func (h *headerReader) scan(file io.ReaderAt) (*message.Part, error) {
	for size := int64(firstRead); size <= maxHeader; size *= 4 {
		b, err := h.read(file, message.Span{Len: size})
		if err != nil {
			return nil, err
		}
		end, ok := message.HeaderEnd(b)
		if !ok && int64(len(b)) == size {
			continue
		}
		if h.parser == nil {
			h.parser = message.NewScanner(message.DefaultLimits())
		}
		return h.parser.Parse(bytes.NewReader(b[:end]))
	}
	return nil, nil
}

// read returns the octets of a span of the file, or as many as there are. They are
// good until the next call.
func (h *headerReader) read(file io.ReaderAt, s message.Span) ([]byte, error) {
	if h.span.Off <= s.Off && h.span.End() >= s.End() {
		from := s.Off - h.span.Off
		return h.buf[from : from+s.Len], nil
	}
	h.span = message.Span{}
	h.buf = slices.Grow(h.buf[:0], int(s.Len))[:s.Len]
	n, err := file.ReadAt(h.buf, s.Off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read header: %w", err)
	}
	h.span = message.Span{Off: s.Off, Len: int64(n)}
	return h.buf[:n], nil
}

// forget makes ready for another file.
func (h *headerReader) forget() {
	h.span = message.Span{}
	if cap(h.buf) > maxHeader {
		h.buf = nil
	}
}
