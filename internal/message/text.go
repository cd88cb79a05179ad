package message

import (
	"io"
	"strings"
	"unicode"
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
	return p.Decode(p.Raw(r))
}

// Decode returns a reader of raw, which is the part's body as somebody has it,
// without its transfer encoding, as Decoded does.
func (p *Part) Decode(raw io.Reader) io.Reader {
	if p.Type == "multipart" || p.Message != nil {
		return raw
	}
	return p.decoded(raw, pipeBuffer)
}

// decoded returns a reader of the octets of raw without the part's transfer
// encoding. It reads at most buffer octets at once.
func (p *Part) decoded(raw io.Reader, buffer int) io.Reader {
	size := pipeSize(max(p.Body.Len, p.BodySize), buffer)
	switch p.Encoding {
	case "base64":
		return newPipe(raw, &base64Decoder{}, size)
	case "quoted-printable":
		return newPipe(raw, qpDecoder{}, size)
	case "x-uuencode", "uuencode", "x-uue":
		return newPipe(raw, &uuDecoder{}, size)
	}
	return raw
}

// Text returns a reader of the part's body, decoded, as valid UTF-8 of at most
// limit octets. It makes sense for text/*: markup and line ends stay as they
// are. An unknown charset is guessed; errors are those of r.
func (p *Part) Text(r io.ReaderAt, limit int64) io.Reader {
	return p.text(r, limit, pipeBuffer)
}

// text is Text with a buffer of at most that size.
func (p *Part) text(r io.ReaderAt, limit int64, buffer int) io.Reader {
	raw := p.Raw(r)
	if p.Type != "multipart" && p.Message == nil {
		raw = p.decoded(raw, buffer)
	}
	charset, _ := p.Param("charset")
	text := utf8Pipe(charset, raw, pipeSize(p.Body.Len, buffer))
	text.left = limit
	return text
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
