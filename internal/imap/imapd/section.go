package imapd

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"fantail/internal/crlf"
	"fantail/internal/imap"
	"fantail/internal/mail"
	"fantail/internal/message"
)

// fetched is one message while it is answered for.
type fetched struct {
	f    *fetcher
	uid  mail.UID
	file *os.File
	root *message.Part
}

// load opens the message and reads its structure.
func (m *fetched) load() (err error) {
	mbox := m.f.s.box.mbox
	if m.root, err = mbox.Structure(m.f.ctx, m.uid); err != nil {
		return err
	}
	for _, i := range m.f.items {
		if i.Kind == imap.FetchSection {
			m.file, err = mbox.OpenMessage(m.f.ctx, m.uid)
			return err
		}
	}
	return nil
}

func (m *fetched) close() {
	if m.file != nil {
		m.file.Close() // only read from
	}
}

// write writes the value of one item.
func (m *fetched) write(item imap.FetchItem) error {
	out, box := m.f.s.out, m.f.s.box
	switch item.Kind {
	case imap.FetchUID:
		out.Number(uint32(m.uid))
	case imap.FetchFlags:
		now, _ := box.view.now(m.uid)
		imap.WriteFlags(out, now.snap.Flags(now.i), now.snap.Keywords(now.i), box.view.recent.has(m.uid))
	case imap.FetchInternalDate:
		st, err := box.mbox.Stat(m.f.ctx, m.uid)
		if err != nil {
			return err
		}
		out.Quoted(imap.FormatDateTime(st.Date))
	case imap.FetchSize:
		size, err := m.size()
		if err != nil {
			return err
		}
		out.Number64(size)
	case imap.FetchEnvelope:
		imap.WriteEnvelope(out, m.root.Envelope())
	case imap.FetchBody:
		imap.WriteBody(out, m.root, false)
	case imap.FetchBodyStructure:
		imap.WriteBody(out, m.root, true)
	case imap.FetchSection:
		return m.writeSection(item)
	}
	return out.Err()
}

// size is RFC822.SIZE. Where the structure is known it counts, so that it always
// is the size of BODY[] in the same response.
func (m *fetched) size() (int64, error) {
	if m.root != nil {
		return m.root.Size(), nil
	}
	return m.f.s.box.mbox.Size(m.f.ctx, m.uid)
}

// writeSection writes the octets of a section as a literal, or NIL if the message
// has no such section.
func (m *fetched) writeSection(item imap.FetchItem) error {
	out := m.f.s.out
	r, size, err := m.section(item.Section)
	if err != nil {
		return err
	}
	if r == nil {
		return out.NIL().Err()
	}
	if p := item.Partial; p != nil {
		// RFC 9051 section 6.4.5: from beyond the end comes the empty string.
		skip := min(p.Offset, size)
		if _, err := io.CopyN(io.Discard, r, skip); err != nil {
			return fmt.Errorf("skip to octet %d: %w", skip, err)
		}
		size = min(size-skip, p.Count)
	}
	return out.Literal(size, noNUL{r}).Err()
}

// section returns the octets of a section with CRLF, and how many they are
// (RFC 9051 section 6.4.5.1). Without such a section the reader is nil.
func (m *fetched) section(sec imap.Section) (io.Reader, int64, error) {
	p := m.root.Find(sec.Path)
	if p == nil {
		return nil, 0, nil
	}
	inner := p // whose HEADER and TEXT are meant
	if len(sec.Path) > 0 {
		inner = p.Message
	}
	switch sec.Kind {
	case imap.SectionAll:
		if len(sec.Path) == 0 {
			return m.octets(p.Span()), p.Size(), nil
		}
		return m.octets(p.Body), p.BodySize, nil
	case imap.SectionMIME:
		return m.octets(p.Header), p.HeaderSize, nil
	}
	if inner == nil {
		return nil, 0, nil // HEADER and TEXT are of messages only
	}
	switch sec.Kind {
	case imap.SectionHeader:
		return m.octets(inner.Header), inner.HeaderSize, nil
	case imap.SectionText:
		return m.octets(inner.Body), inner.BodySize, nil
	}
	b, err := m.fields(inner, sec)
	return bytes.NewReader(b), int64(len(b)), err
}

// octets reads a span of the file and makes each line end CRLF.
func (m *fetched) octets(s message.Span) io.Reader {
	return crlf.NewExpander(io.NewSectionReader(m.file, s.Off, s.Len))
}

// fields returns the fields of a header that a HEADER.FIELDS or HEADER.FIELDS.NOT
// names, as stored and in the order of the message, and the empty line if there is one
// (RFC 9051 section 6.4.5.1).
func (m *fetched) fields(p *message.Part, sec imap.Section) ([]byte, error) {
	var b bytes.Buffer
	for i := range p.Fields {
		f := &p.Fields[i]
		named := false
		for _, name := range sec.Fields {
			named = named || f.Is(name)
		}
		if named != (sec.Kind == imap.SectionFields) || f.Name == "" {
			continue
		}
		if _, err := io.Copy(&b, m.octets(f.Span)); err != nil {
			return nil, fmt.Errorf("read field: %w", err)
		}
		if !bytes.HasSuffix(b.Bytes(), []byte("\r\n")) { // the message ends in it
			b.WriteString("\r\n")
		}
	}
	if hasEmptyLine(p) {
		b.WriteString("\r\n")
	}
	return b.Bytes(), nil
}

// hasEmptyLine reports whether the header ends with an empty line, which
// HEADER.FIELDS has then too (RFC 9051 section 6.4.5.1).
func hasEmptyLine(p *message.Part) bool {
	end := p.Header.Off
	if n := len(p.Fields); n > 0 {
		end = p.Fields[n-1].Span.Off + p.Fields[n-1].Span.Len
	}
	return p.Clipped || end < p.Header.Off+p.Header.Len
}

// noNUL reads r with 0x80 in place of NUL, which a literal cannot have (RFC 9051
// section 9, CHAR8). The length stays.
type noNUL struct{ r io.Reader }

func (n noNUL) Read(p []byte) (int, error) {
	got, err := n.r.Read(p)
	for rest := p[:got]; ; {
		i := bytes.IndexByte(rest, 0)
		if i < 0 {
			return got, err
		}
		rest[i] = 0x80
		rest = rest[i+1:]
	}
}
