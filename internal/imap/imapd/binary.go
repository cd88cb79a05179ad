package imapd

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"fantail/internal/crlf"
	"fantail/internal/imap"
	"fantail/internal/message"
)

// What BINARY shows of a part is its body without the transfer encoding (RFC 3516
// section 4.2). How long that is and whether it has a NUL stands in front of it, so
// the part is decoded before the response begins; what is short is kept until it is
// sent, and the rest decoded once more.
//
// Multiparts and messages have no encoding (RFC 2045 section 6.4): BINARY shows of
// them, and of the whole message, what BODY shows.

// maxDecoded is up to how many octets of a message's decoded parts are kept.
const maxDecoded = 1 << 20

// errUnknownCTE says that a part is in an encoding which nobody knows.
var errUnknownCTE = errors.New("unknown transfer encoding")

// binary is what is known of one BINARY item of the message in hand.
type binary struct {
	part *message.Part // nil: there is none
	size int64         // of the part, decoded
	nul  bool          // there is one in the octets that are asked for
	kept []byte        // all of the part, or nil
}

// decodeParts finds out what has to be known of the parts that BINARY asks for.
func (m *fetched) decodeParts() error {
	m.decoded.Reset()
	m.binaries = m.binaries[:0]
	for i := range m.f.items {
		item := &m.f.items[i]
		if item.Kind != imap.FetchBinary && item.Kind != imap.FetchBinarySize {
			m.binaries = append(m.binaries, binary{})
			continue
		}
		b, err := m.decodePart(item)
		if err != nil {
			return err
		}
		m.binaries = append(m.binaries, b)
	}
	return nil
}

func (m *fetched) decodePart(item *fetchItem) (b binary, err error) {
	if b.part = m.root.Find(item.Section.Path); b.part == nil {
		return b, nil
	}
	same := identity(b.part, item.Section.Path)
	switch {
	case same && item.Kind == imap.FetchBinarySize:
		_, b.size = m.plain(b.part, item.Section.Path)
		return b, nil
	case !same && !b.part.Decodable():
		return b, errUnknownCTE
	}
	at := m.decoded.Len()
	var w countNUL
	w.from, w.to = 0, -1
	if item.Partial != nil {
		w.from, w.to = item.Partial.Offset, item.Partial.Count
	}
	keep := &upTo{&m.decoded, int64(maxDecoded - at)}
	if b.size, err = io.Copy(io.MultiWriter(&w, keep), m.binaryReader(b.part, item.Section.Path)); err != nil {
		return b, fmt.Errorf("decode part: %w", err)
	}
	b.nul = w.found
	if keep.left >= 0 {
		b.kept = m.decoded.Bytes()[at:]
	} else {
		m.decoded.Truncate(at)
	}
	return b, nil
}

// identity reports whether a part decoded is the part as it is.
func identity(p *message.Part, path []int) bool {
	if len(path) == 0 || p.Type == "multipart" || p.Message != nil {
		return true
	}
	return p.Encoding == "7bit" || p.Encoding == "8bit" || p.Encoding == "binary"
}

// plain returns the octets of a part as they are, with CRLF, and how many they are.
func (m *fetched) plain(p *message.Part, path []int) (io.Reader, int64) {
	if len(path) == 0 {
		return m.octets(p.Span()), p.Size()
	}
	return m.octets(p.Body), p.BodySize
}

// binaryReader returns the octets of a part without transfer encoding. Lines end in
// CRLF, those of text also where they were encoded (RFC 9051 section 7.5.2).
func (m *fetched) binaryReader(p *message.Part, path []int) io.Reader {
	var r io.Reader
	switch {
	case identity(p, path):
		r, _ = m.plain(p, path)
		return r
	case p.Encoding == "quoted-printable":
		r = p.Decode(m.octets(p.Body))
	default:
		r = p.Decoded(m.source)
	}
	if p.Type == "text" {
		r = crlf.NewExpander(r)
	}
	return r
}

// writeBinary writes the value of item i, a BINARY: a literal8 only where a NUL
// makes it necessary (RFC 3516 section 4.3).
func (m *fetched) writeBinary(i int) error {
	out, item, b := m.f.s.out, &m.f.items[i], &m.binaries[i]
	if b.part == nil {
		return out.NIL().Err()
	}
	var r io.Reader
	if b.kept != nil {
		r = bytes.NewReader(b.kept)
	} else {
		r = m.binaryReader(b.part, item.Section.Path)
	}
	if n := item.skipped(b.size); n > 0 {
		if _, err := io.CopyN(io.Discard, r, n); err != nil {
			return fmt.Errorf("skip to octet %d: %w", n, err)
		}
	}
	if b.nul {
		return out.Literal8(item.count(b.size), r).Err()
	}
	return out.Literal(item.count(b.size), r).Err()
}

// countNUL looks for NUL from an offset on, in so many octets; in all if to is
// negative.
type countNUL struct {
	from, to int64
	found    bool
}

func (c *countNUL) Write(p []byte) (int, error) {
	n := len(p)
	skip := min(c.from, int64(len(p)))
	c.from -= skip
	p = p[skip:]
	if c.to >= 0 {
		p = p[:min(c.to, int64(len(p)))]
		c.to -= int64(len(p))
	}
	c.found = c.found || bytes.IndexByte(p, 0) >= 0
	return n, nil
}

// upTo takes what is written to it as long as there is room; left is negative once
// there was none.
type upTo struct {
	b    *bytes.Buffer
	left int64
}

func (u *upTo) Write(p []byte) (int, error) {
	if u.left -= int64(len(p)); u.left >= 0 {
		u.b.Write(p)
	} else {
		u.left = -1
	}
	return len(p), nil
}
