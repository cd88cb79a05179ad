package message

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// Raw returns a reader of the part's body as it is stored. r holds the message
// that was parsed.
func (p *Part) Raw(r io.ReaderAt) io.Reader {
	return io.NewSectionReader(r, p.Body.Off, p.Body.Len)
}

// Decodable reports whether the part's Content-Transfer-Encoding is one that
// Decoded removes.
func (p *Part) Decodable() bool {
	switch p.Encoding {
	case "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue":
		return true
	}
	return false
}

// Decoded returns a reader of the part's body without its transfer encoding
// (RFC 2045 section 6). Damage in it is passed over, and an encoding that is
// not Decodable stays; errors are those of r. Multiparts and messages are not
// encoded, whatever they say (RFC 2045 section 6.4).
func (p *Part) Decoded(r io.ReaderAt) io.Reader {
	raw := p.Raw(r)
	if p.Type == "multipart" || p.Message != nil {
		return raw
	}
	switch p.Encoding {
	case "base64":
		return transform.NewReader(raw, &base64Decoder{})
	case "quoted-printable":
		return transform.NewReader(raw, qpDecoder{})
	case "x-uuencode", "uuencode", "x-uue":
		return transform.NewReader(raw, &uuDecoder{})
	}
	return raw
}

// Text returns a reader of the part's body, decoded, as valid UTF-8 of at most
// limit octets. It makes sense for text/*: markup and line ends stay as they
// are. An unknown charset is guessed; errors are those of r.
func (p *Part) Text(r io.ReaderAt, limit int64) io.Reader {
	charset, _ := p.Param("charset")
	return &cutReader{src: utf8Reader(charset, p.Decoded(r)), left: limit}
}

// Filename returns the file name of the part as UTF-8 without control
// characters, "" if it has none (RFC 2183 section 2.3). It may hold any other
// character: the sender chose it.
func (p *Part) Filename() string {
	name, ok := paramValue(p.DispositionParams, "filename")
	if !ok || name == "" {
		name, _ = p.Param("name")
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, name))
}

// cutReader ends its source after left octets, never within a character.
type cutReader struct {
	src  io.Reader
	left int64
	buf  []byte // 4 kB
	out  []byte // of buf: complete characters to be returned
	tail []byte // of buf, behind out: the begin of one
	err  error
}

func (c *cutReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(c.out) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		c.fill()
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

func (c *cutReader) fill() {
	if c.left <= 0 {
		c.err = io.EOF
		return
	}
	if c.buf == nil {
		c.buf = make([]byte, 4<<10)
	}
	held := copy(c.buf, c.tail)
	var n int
	n, c.err = c.src.Read(c.buf[held:])
	b := c.buf[:held+n]
	end := len(b)
	if c.err == nil {
		end = completeRunes(b)
	}
	if int64(end) > c.left {
		end = int(c.left)
		for end > 0 && !utf8.RuneStart(b[end]) {
			end--
		}
		c.err = io.EOF
	}
	c.out, c.tail = b[:end], b[end:]
	if c.left -= int64(end); c.left <= 0 && c.err == nil {
		c.err = io.EOF
	}
}

// completeRunes returns the length of b without an incomplete character at its
// end.
func completeRunes(b []byte) int {
	for i := 1; i <= min(len(b), utf8.UTFMax); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return len(b) - i
			}
			break
		}
	}
	return len(b)
}
