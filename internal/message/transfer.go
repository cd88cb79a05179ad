package message

import (
	"bytes"

	"golang.org/x/text/transform"
)

// The decoders of RFC 2045 section 6 and of uuencode are transformers that do
// not know errors: what is not in the encoding is passed over (base64,
// uuencode) or stays as it is (quoted-printable).

// maxLookahead bounds how far a decoder looks ahead: less than the buffer of a
// pipe.
const maxLookahead = 512

// base64Value maps the alphabet of RFC 2045 section 6.8 to 0 to 63 and every
// other octet to 255.
var base64Value = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(alphabet) {
		t[alphabet[i]] = byte(i)
	}
	return t
}()

// base64Decoder decodes base64 up to the first padding. What follows that is no
// longer base64: a mailing list's footer, often.
type base64Decoder struct {
	bits uint32 // not yet written
	n    uint   // number of bits
	done bool   // padding was seen
}

func (d *base64Decoder) Reset() { *d = base64Decoder{} }

func (d *base64Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	if d.done {
		return 0, len(src), nil
	}
	for nSrc < len(src) {
		if d.n == 0 && len(src)-nSrc >= 4 && len(dst)-nDst >= 3 {
			a, b := base64Value[src[nSrc]], base64Value[src[nSrc+1]]
			c, e := base64Value[src[nSrc+2]], base64Value[src[nSrc+3]]
			if a|b|c|e < 64 {
				dst[nDst], dst[nDst+1], dst[nDst+2] = a<<2|b>>4, b<<4|c>>2, c<<6|e
				nDst += 3
				nSrc += 4
				continue
			}
		}
		if nDst == len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		nSrc++
		v := base64Value[c]
		if c == '=' && d.n > 0 {
			d.done = true
			return nDst, len(src), nil
		}
		if v >= 64 {
			continue
		}
		d.bits, d.n = d.bits<<6|uint32(v), d.n+6
		if d.n >= 8 {
			d.n -= 8
			dst[nDst] = byte(d.bits >> d.n)
			nDst++
		}
	}
	return nDst, nSrc, nil
}

// qpDecoder decodes quoted-printable (RFC 2045 section 6.7).
type qpDecoder struct{ transform.NopResetter }

func (qpDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		n := copy(dst[nDst:], src[nSrc:nSrc+qpPlain(src[nSrc:])])
		nDst += n
		nSrc += n
		if nSrc == len(src) {
			break
		}
		if nDst == len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		if n == qpWindow {
			continue // what follows may be plain too
		}
		w, r := qpSpecial(dst[nDst:], src[nSrc:], atEOF)
		if r == 0 {
			return nDst, nSrc, transform.ErrShortSrc
		}
		nDst += w
		nSrc += r
	}
	return nDst, nSrc, nil
}

// qpWindow is how far qpPlain looks, lest lines of white space be looked at again and
// again.
const qpWindow = 256

// qpPlain returns how many octets src begins with that mean themselves: up to "=",
// or to white space that may be at the end of a line.
func qpPlain(src []byte) int {
	src = src[:min(len(src), qpWindow)]
	end := bytes.IndexByte(src, '=')
	cut := end < 0
	if cut {
		end = len(src)
	}
	for at := 0; ; {
		n := bytes.IndexByte(src[at:end], '\n')
		if n < 0 {
			break
		}
		if text := beforeSpace(src[at : at+n]); text < n {
			return at + text
		}
		at += n + 1
	}
	if cut {
		return beforeSpace(src)
	}
	return end
}

// beforeSpace returns the length of b without the white space at its end, if there
// is more there than the CR of a line end.
func beforeSpace(b []byte) int {
	n := len(b)
	if n > 0 && b[n-1] == '\r' {
		n--
	}
	text := n
	for text > 0 && (b[text-1] == ' ' || b[text-1] == '\t') {
		text--
	}
	if text < n {
		return text
	}
	return len(b)
}

// qpSpecial decodes what begins with "=" or white space: it writes w octets
// for r read ones, which are 0 if src is too short to tell.
func qpSpecial(dst, src []byte, atEOF bool) (w, r int) {
	c := src[0]
	run := 1 // behind c and the white space that follows
	for run < len(src) && run < maxLookahead && (src[run] == ' ' || src[run] == '\t') {
		run++
	}
	rest := src[run:]
	if !atEOF && run < maxLookahead && len(rest) < 2 && (c == '=' || len(rest) == 0 || rest[0] == '\r') {
		return 0, 0
	}
	eol := leadingLineEnd(rest)
	ends := eol > 0 || len(rest) == 0 && atEOF
	switch {
	case ends && c == '=': // a soft line break
		return 0, run + eol
	case ends: // white space that some transport has added
		return 0, run
	case c != '=':
		n := copy(dst, src[:run])
		return n, n
	}
	dst[0] = c
	if hi, lo := hexPair(src[1:]); hi >= 0 && lo >= 0 {
		dst[0] = byte(hi<<4 | lo)
		return 1, 3
	}
	return 1, 1
}

// leadingLineEnd returns the length of the line end that b begins with.
func leadingLineEnd(b []byte) int {
	if len(b) > 0 && b[0] == '\n' {
		return 1
	}
	if len(b) > 1 && b[0] == '\r' && b[1] == '\n' {
		return 2
	}
	return 0
}

// hexPair returns the values of two hexadecimal digits, negative if b does not
// begin with two.
func hexPair(b []byte) (hi, lo int) {
	if len(b) < 2 {
		return -1, -1
	}
	return unhex(b[0]), unhex(b[1])
}

// uuDecoder decodes uuencode: the first file, from "begin" to "end".
type uuDecoder struct {
	begun, ended bool
	long         bool // in a line that is too long to be one
}

func (d *uuDecoder) Reset() { *d = uuDecoder{} }

func (d *uuDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if d.ended {
			return nDst, len(src), nil
		}
		line, found := src[nSrc:], true
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		} else if found = false; !atEOF && len(line) < maxLookahead {
			return nDst, nSrc, transform.ErrShortSrc
		}
		if len(dst)-nDst < 64 {
			return nDst, nSrc, transform.ErrShortDst
		}
		if !d.long {
			nDst += d.line(dst[nDst:], bytes.TrimRight(line, "\r\n"))
		}
		nSrc += len(line)
		d.long = !found
	}
	return nDst, nSrc, nil
}

// line decodes one line into dst and returns the number of octets.
func (d *uuDecoder) line(dst, line []byte) int {
	switch {
	case !d.begun:
		d.begun = bytes.HasPrefix(line, []byte("begin "))
		return 0
	case len(line) == 0:
		return 0
	case string(line) == "end":
		d.ended = true
		return 0
	}
	digit := func(i int) byte {
		if i >= len(line) {
			return 0 // trailing spaces get lost
		}
		return (line[i] - ' ') & 63
	}
	n := int(digit(0))
	var out [66]byte
	for i, o := 1, 0; o < n; i, o = i+4, o+3 {
		a, b, c, e := digit(i), digit(i+1), digit(i+2), digit(i+3)
		out[o], out[o+1], out[o+2] = a<<2|b>>4, b<<4|c>>2, c<<6|e
	}
	return copy(dst, out[:n])
}
