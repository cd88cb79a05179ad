package message

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// utf7 decodes UTF-7 (RFC 2152), which old programs still send, to UTF-8. It
// accepts whatever is not UTF-7 as it stands.
type utf7 struct {
	shifted bool   // between "+" and the end of the base64
	fresh   bool   // nothing has followed the "+" yet
	bits    uint32 // not yet used
	n       uint   // number of bits
	high    rune   // a high surrogate that waits for the low one
}

func (u *utf7) Reset() { *u = utf7{} }

func (u *utf7) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for ; nSrc < len(src); nSrc++ {
		if len(dst)-nDst < utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		if !u.shifted {
			if c == '+' {
				*u = utf7{shifted: true, fresh: true}
			} else {
				dst[nDst] = c
				nDst++
			}
			continue
		}
		if v := base64Value[c]; v < 64 {
			u.fresh = false
			nDst += u.digit(dst[nDst:], v)
			continue
		}
		switch {
		case c == '-' && u.fresh:
			dst[nDst] = '+'
			nDst++
		case c != '-':
			dst[nDst] = c
			nDst++
		}
		u.shifted = false
	}
	return nDst, nSrc, nil
}

// digit takes six bits more and writes the character that they complete.
func (u *utf7) digit(dst []byte, v byte) int {
	u.bits, u.n = u.bits<<6|uint32(v), u.n+6
	if u.n < 16 {
		return 0
	}
	u.n -= 16
	r := rune(u.bits >> u.n & 0xffff)
	switch {
	case 0xd800 <= r && r < 0xdc00:
		u.high = r
		return 0
	case utf16.IsSurrogate(r):
		r = utf16.DecodeRune(u.high, r)
	}
	u.high = 0
	return utf8.EncodeRune(dst, r)
}
