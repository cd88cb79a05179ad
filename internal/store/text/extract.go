package text

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"fantail/internal/message"
)

// Section is a part of a message's text that is kept apart, since there are
// questions for which it alone has to be read.
type Section uint8

// The sections.
const (
	Address  Section = iota // the fields of the message that people search in
	Header                  // its other fields, and those of its parts
	Body                    // its text parts, and the headers of messages in it
	sections                // their number
)

// sectionOf returns the section of a field of the message itself, by its name in
// capitals.
func sectionOf(name string) Section {
	switch name {
	case "FROM", "TO", "CC", "BCC", "SUBJECT":
		return Address
	}
	return Header
}

// A section is a sequence of runs, each an octet that says what it is and its
// folded text. UTF-8 has neither of these octets, so no needle reaches over the
// border between two runs.
const (
	otherRun = 0xfe // a text, or a field of something in the message
	ownField = 0xff // a field of the message whose name is ASCII: "NAME: VALUE"
)

const (
	// MaxPart is how much decoded text of one part is searched, in octets.
	MaxPart = 64 << 20
	// maxBody is how many octets of the section Body are kept in one piece.
	maxBody = 1 << 20
	// longLine is from where on a line is folded in pieces.
	longLine = 64 << 10
)

// Text is the text of one message.
type Text struct {
	sections [sections][]byte
	Lacks    Lack
}

// Lack tells what is not in a Text.
type Lack uint8

// What may lack.
const (
	Nothing   Lack = iota
	LongBody       // the body, which came in pieces: it is too long to be kept
	AllButOwn      // all but the message's own fields, since only they were read
)

// Reader reads the text of messages, one after the other. It is not safe for use
// by several goroutines.
type Reader struct {
	scanner *message.Scanner
	text    Text
	raw     []byte // decoded and not yet folded
	name    []byte // of a field
	spill   func(piece []byte)
	overlap int
}

// NewReader returns a Reader.
func NewReader() *Reader {
	return &Reader{scanner: message.NewScanner(message.DefaultLimits())}
}

// File is a stored message.
type File interface {
	io.Reader
	io.ReaderAt
}

// ReadHeader reads a message's header, which may be followed by some of its body. Of
// the Text the fields of the message itself make sense, until the next Read.
func (r *Reader) ReadHeader(header io.Reader) (*Text, error) {
	root, err := r.begin(header)
	if err != nil {
		return nil, err
	}
	for i := range root.Fields {
		r.ownField(&root.Fields[i])
	}
	r.text.Lacks = AllButOwn
	return &r.text, nil
}

// Read reads a message, from the file's beginning. The Text is valid until the
// next Read. A body that is too long to be kept is given to spill in pieces, of
// which each begins with the last overlap octets of the one before.
func (r *Reader) Read(f File, overlap int, spill func(piece []byte)) (*Text, error) {
	root, err := r.begin(f)
	if err != nil {
		return nil, err
	}
	r.overlap, r.spill = overlap, spill
	for i := range root.Fields {
		r.ownField(&root.Fields[i])
	}
	root.Walk(func(p *message.Part) bool {
		if err != nil {
			return false
		}
		if p != root {
			r.fields(Header, p)
		}
		if p.Message != nil {
			r.fields(Body, p.Message)
		}
		if p.Type == "text" {
			err = r.body(p.Text(f, MaxPart))
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read text: %w", err)
	}
	if r.text.Lacks == LongBody {
		r.passOn()
	}
	return &r.text, nil
}

func (r *Reader) begin(f io.Reader) (*message.Part, error) {
	for i := range r.text.sections {
		r.text.sections[i] = r.text.sections[i][:0]
	}
	r.text.Lacks = Nothing
	return r.scanner.Parse(f)
}

// ownField takes a field of the message itself.
func (r *Reader) ownField(f *message.Field) {
	kind, section := byte(otherRun), Header
	if isASCII(f.Name) {
		r.name = append(r.name[:0], f.Name...)
		upper(r.name, r.name)
		kind, section = ownField, sectionOf(string(r.name))
	}
	r.text.sections[section] = appendField(append(r.text.sections[section], kind), f)
}

// fields takes a header that is not the message's own.
func (r *Reader) fields(s Section, p *message.Part) {
	for i := range p.Fields {
		r.text.sections[s] = appendField(append(r.text.sections[s], otherRun), &p.Fields[i])
	}
	if s == Body {
		r.check()
	}
}

func appendField(dst []byte, f *message.Field) []byte {
	dst = append(appendCasemap(dst, f.Name), ": "...)
	return appendCasemap(dst, message.DecodeHeader(f.Value()))
}

// appendCasemap is message.AppendCasemap, faster where s is ASCII.
func appendCasemap(dst []byte, s string) []byte {
	at := len(dst)
	dst = append(dst, s...)
	if upper(dst[at:], dst[at:]) == len(s) {
		return dst
	}
	return message.AppendCasemap(dst[:at], s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// body takes the decoded text of a part.
func (r *Reader) body(text io.Reader) error {
	const piece = 32 << 10
	r.text.sections[Body] = append(r.text.sections[Body], otherRun)
	r.raw = r.raw[:0]
	for {
		r.raw = slices.Grow(r.raw, piece)
		n, err := text.Read(r.raw[len(r.raw) : len(r.raw)+piece])
		r.raw = r.raw[:len(r.raw)+n]
		if err == io.EOF {
			r.fold(len(r.raw))
			return nil
		}
		if err != nil {
			return err
		}
		if len(r.raw) >= piece {
			r.fold(divide(r.raw))
		}
	}
}

// fold folds the first n octets that were decoded.
func (r *Reader) fold(n int) {
	r.text.sections[Body] = appendFolded(r.text.sections[Body], r.raw[:n])
	r.raw = r.raw[:copy(r.raw, r.raw[n:])]
	r.check()
}

// divide returns how much of text can be folded for itself: whole lines, or if
// there is a very long one everything but the last character that none before it
// combines with.
func divide(text []byte) int {
	if n := bytes.LastIndexByte(text, '\n') + 1; n > 0 || len(text) < longLine {
		return n
	}
	for n := len(text) - 1; n > len(text)/2; n-- {
		if c := text[n]; c < utf8.RuneSelf ||
			utf8.RuneStart(c) && utf8.FullRune(text[n:]) && norm.NFKD.Properties(text[n:]).BoundaryBefore() {
			return n
		}
	}
	n := len(text) - 1
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}

// appendFolded appends the folded form of UTF-8 text. A character that is ASCII
// does not combine with those before it.
func appendFolded(dst, text []byte) []byte {
	dst = slices.Grow(dst, len(text))
	for len(text) > 0 {
		n := upper(dst[len(dst):cap(dst)], text)
		dst, text = dst[:len(dst)+n], text[n:]
		for n = 0; n < len(text) && text[n] >= utf8.RuneSelf; n++ {
		}
		if n > 0 {
			dst = message.AppendCasemap(dst, string(text[:n]))
			text = text[n:]
			dst = slices.Grow(dst, len(text))
		}
	}
	return dst
}

// upper copies the ASCII that text begins with to dst, where there is room for all of
// text, in capitals. It returns how many octets that are. dst may be text.
func upper(dst, text []byte) (n int) {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	dst = dst[:len(text)]
	for ; len(text)-n >= 8; n += 8 {
		x := le.Uint64(text[n:])
		if x&high != 0 {
			break
		}
		// The high bit of each octet: it is at least 'a', it is more than 'z'.
		small := (x + ones*(0x80-'a')) &^ (x + ones*(0x7f-'z')) & high
		le.PutUint64(dst[n:], x-small>>2)
	}
	for ; n < len(text) && text[n] < utf8.RuneSelf; n++ {
		c := text[n]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		dst[n] = c
	}
	return n
}

// check passes the body on if it has become too long.
func (r *Reader) check() {
	if len(r.text.sections[Body]) > maxBody {
		r.text.Lacks = LongBody
		r.passOn()
	}
}

func (r *Reader) passOn() {
	b := r.text.sections[Body]
	r.spill(b)
	r.text.sections[Body] = append(b[:0], b[len(b)-min(len(b), r.overlap):]...)
}
