// Package message reads stored mail: the structure of a message with offsets
// (RFC 5322, RFC 2045, RFC 2046), its envelope, and its text as UTF-8.
//
// Parse reads a message once, from its first octet to its last, in constant
// memory beyond what it returns: a tree of Parts. A Part says where its header
// and its body lie in the stored octets, how large they are once every line
// ends in CRLF, which fields the header has and what the MIME fields mean.
// Everything else is computed from that tree, and from the stored octets where
// a body is wanted: Find (IMAP section numbers), Envelope, SortKeys, ThreadKeys,
// Text, Preview.
//
// Messages are stored with LF, with CRLF, or with a mixture of both. Spans are
// offsets in what is stored; sizes and line counts are those of the same
// octets with CRLF. A CR that no LF follows is an octet like any other.
//
// Whatever the octets are, Parse returns a tree: only reading can fail. These
// rules give broken mail its meaning:
//
//   - A header ends with its first empty line, at the end of the message, or
//     where a boundary of an enclosing multipart begins a line. A line without
//     a colon, also mbox's "From ", is a Field without a name.
//   - A boundary need only begin its line (RFC 2046 section 5.1.1). Of several
//     that do, the longest is meant; of equal ones, the innermost. The line end
//     before it belongs to it, except when that line end is part of a header.
//   - A multipart without its final boundary ends where its parent ends.
//   - A multipart without boundary parameter, or whose boundary does not
//     occur, has no Parts.
//   - Of several Content-Type fields the first one counts.
//   - What is beyond Limits is opaque: application/octet-stream without Parts.
//
// Invariants, for every Part p: p.Body begins where p.Header ends; the parts
// of p lie inside p.Body, in order, without overlap; p.Message fills p.Body.
//
// The store parses and caches; imap encodes ENVELOPE and BODYSTRUCTURE from
// Parts; webmail and search read text. Nothing here knows a mailbox or a
// protocol.
package message

// Span is a range of the stored octets of a message.
type Span struct {
	Off, Len int64
}

// End returns the offset behind the span.
func (s Span) End() int64 { return s.Off + s.Len }

// Part is a message or a body part: a header and a body.
type Part struct {
	Header Span // with the empty line that ends it, if there is one
	Body   Span

	// Octets and line ends of header and body with every line end as CRLF.
	HeaderSize, BodySize   int64
	HeaderLines, BodyLines int64

	// Fields holds the header's fields in order. Together with the empty line
	// they cover the header, unless it was clipped.
	Fields []Field
	// Clipped tells that the header exceeded Limits: Fields lacks its end.
	Clipped bool

	// Type and Subtype are in lower case and never empty. Without a usable
	// Content-Type they are text/plain with charset=us-ascii (RFC 2045 section
	// 5.2), or message/rfc822 in a multipart/digest (RFC 2046 section 5.1.5).
	Type, Subtype string
	// Params are the parameters of Content-Type in order, continuations joined.
	Params []Param

	ID          string // Content-ID, as it stands
	Description string // Content-Description, as it stands
	Encoding    string // Content-Transfer-Encoding in lower case; "7bit" if there is none
	MD5         string // Content-MD5
	Location    string // Content-Location

	Disposition       string // Content-Disposition in lower case; "" if there is none
	DispositionParams []Param
	Language          []string // Content-Language

	// Parts are the body parts of a multipart: empty if no boundary was found.
	Parts []*Part
	// Message is the message in a message/rfc822 or message/global.
	Message *Part

	addresses int // Limits.Addresses
}

// Size returns the octets of the part with every line end as CRLF. For a
// whole message it is RFC822.SIZE (RFC 9051 section 2.3.4).
func (p *Part) Size() int64 { return p.HeaderSize + p.BodySize }

// Span returns the stored octets of header and body.
func (p *Part) Span() Span {
	return Span{p.Header.Off, p.Header.Len + p.Body.Len}
}

// Is reports whether the part's content type is typ/subtype, both in lower case.
func (p *Part) Is(typ, subtype string) bool {
	return p.Type == typ && p.Subtype == subtype
}

// Param returns the value of the first Content-Type parameter of that name,
// decoded to UTF-8, and whether there is one.
func (p *Part) Param(name string) (string, bool) { return paramValue(p.Params, name) }

// Get returns the first field of that name, unfolded and otherwise as stored,
// and whether there is one.
func (p *Part) Get(name string) (string, bool) {
	for i := range p.Fields {
		if p.Fields[i].Is(name) {
			return p.Fields[i].Value(), true
		}
	}
	return "", false
}

// Find returns the part with the section number path (RFC 9051 section
// 6.4.5.1), nil if there is none. The empty path is the message itself. Part 1
// of a message that is not a multipart, or is one without Parts, is its only body,
// which is the message itself again; the numbers below a message/rfc822 are those of the message in
// it.
func (p *Part) Find(path []int) *Part {
	for i, n := range path {
		if i > 0 && p.Message != nil {
			p = p.Message
		} else if i > 0 && len(p.Parts) == 0 {
			return nil
		}
		switch {
		case n < 1:
			return nil
		case len(p.Parts) > 0:
			if n > len(p.Parts) {
				return nil
			}
			p = p.Parts[n-1]
		case n > 1:
			return nil
		}
	}
	return p
}

// Walk calls f for the part and all parts below it, in the order in which they
// lie in the message. If f returns false the parts below that one are left out.
func (p *Part) Walk(f func(*Part) bool) {
	if !f(p) {
		return
	}
	for _, c := range p.Parts {
		c.Walk(f)
	}
	if p.Message != nil {
		p.Message.Walk(f)
	}
}
