package imapd

import (
	"bytes"
	"fmt"
	"io"

	"fantail/internal/crlf"
	"fantail/internal/imap"
	"fantail/internal/message"
)

// writeSection writes the octets of item i, a section, as a literal, or NIL if the
// message has no such section.
func (m *fetched) writeSection(i int) error {
	out, item := m.f.s.out, &m.f.items[i]
	if item.kept != 0 {
		b := m.keptFields(m.value(i), item.Section)
		return out.LiteralOf(b[item.skipped(int64(len(b))):][:item.count(int64(len(b)))]).Err()
	}
	if item.whole && m.file == nil {
		return out.LiteralOf(m.whole[item.skipped(int64(len(m.whole))):][:item.count(int64(len(m.whole)))]).Err()
	}
	r, size, err := m.section(item.Section)
	if err != nil {
		return err
	}
	if r == nil {
		return out.NIL().Err()
	}
	if n := item.skipped(size); n > 0 {
		if _, err := io.CopyN(io.Discard, r, n); err != nil {
			return fmt.Errorf("skip to octet %d: %w", n, err)
		}
	}
	return out.Literal(item.count(size), noNUL{r}).Err()
}

// skipped returns how many octets of a section are not asked for at its beginning.
func (i *fetchItem) skipped(size int64) int64 {
	if i.Partial == nil {
		return 0
	}
	// RFC 9051 section 6.4.5: from beyond the end comes the empty string.
	return min(i.Partial.Offset, size)
}

// count returns how many octets of a section are asked for.
func (i *fetchItem) count(size int64) int64 {
	if i.Partial == nil {
		return size
	}
	return min(size-i.skipped(size), i.Partial.Count)
}

// section returns the octets of a section with CRLF, and how many they are
// (RFC 9051 section 6.4.5.1). Without such a section the reader is nil.
func (m *fetched) section(sec imap.Section) (io.Reader, int64, error) {
	root := m.root
	if root == nil {
		root = m.head // sections that need more have made load read it all
	}
	p := root.Find(sec.Path)
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
	b, err := m.fieldsOf(inner, sec)
	return bytes.NewReader(b), int64(len(b)), err
}

// octets reads a span of the file and makes each line end CRLF. It is the only
// reader until the next call.
func (m *fetched) octets(s message.Span) io.Reader {
	r := io.NewSectionReader(m.source, s.Off, s.Len)
	if m.expand == nil {
		m.expand = crlf.NewExpander(r)
	} else {
		m.expand.Reset(r)
	}
	return m.expand
}

// noNUL reads r with 0x80 in place of NUL, which a literal cannot have (RFC 9051
// section 9, CHAR8). The length stays.
type noNUL struct{ r io.Reader }

func (n noNUL) Read(p []byte) (int, error) {
	got, err := n.r.Read(p)
	replaceNUL(p[:got])
	return got, err
}

func replaceNUL(p []byte) {
	for {
		i := bytes.IndexByte(p, 0)
		if i < 0 {
			return
		}
		p[i] = 0x80
		p = p[i+1:]
	}
}
