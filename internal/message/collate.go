package message

import (
	"crypto/sha256"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxKey      = 512     // octets of a key that is kept
	maxCollated = 8 << 10 // octets of a text that are collated
	digestSize  = 16      // octets of a shortened key that stand for what it lacks
)

// AppendCasemap appends to dst the octets by which the collation
// i;unicode-casemap compares the UTF-8 text s (RFC 5051 section 2): every
// character in titlecase, then decomposed with compatibility. bytes.Compare of
// two such keys compares the texts, bytes.Contains looks for one in the other.
func AppendCasemap(dst []byte, s string) []byte {
	start := len(dst)
	last := uint8(0) // combining class of the last character
	for _, r := range s {
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			dst, last = append(dst, byte(r)), 0
			continue
		}
		at := len(dst)
		dst = utf8.AppendRune(dst, unicode.ToTitle(r))
		p := norm.NFKD.Properties(dst[at:])
		if class := p.LeadCCC(); class > 0 && class < last || isHangul(r) {
			// Marks change places, or it is no matter of tables: the rare case.
			return append(dst[:start], norm.NFKD.String(strings.Map(unicode.ToTitle, s))...)
		}
		if d := p.Decomposition(); d != nil {
			dst = append(dst[:at], d...)
		}
		last = p.TrailCCC()
	}
	return dst
}

func isHangul(r rune) bool { return 0xac00 <= r && r <= 0xd7a3 }

// appendKey appends the key of s that is kept: that of AppendCasemap, or if it
// is too long, its beginning and a digest of everything. So long texts are equal
// if they are, and ordered by how they begin. Of a very long one the end is
// compared as it is.
func appendKey(dst []byte, s string) []byte {
	rest := ""
	if len(s) > maxCollated {
		cut := maxCollated
		for cut > maxCollated-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s, rest = s[:cut], s[cut:]
	}
	start := len(dst)
	dst = AppendCasemap(dst, s)
	return shorten(dst, start, rest)
}

// shorten replaces the key that begins at start by one of maxKey octets if it,
// or a rest that belongs to it, is too long.
func shorten(dst []byte, start int, rest string) []byte {
	if len(dst)-start <= maxKey && rest == "" {
		return dst
	}
	h := sha256.New()
	h.Write(dst[start:])
	io.WriteString(h, rest) // a hash has no errors
	end := min(len(dst), start+maxKey-digestSize)
	return append(dst[:end], h.Sum(nil)[:digestSize]...)
}
