package samplemail

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// wordStyle is how text beyond ASCII is written in a header (RFC 2047).
type wordStyle uint8

const (
	bWords     wordStyle = iota // base64, broken between characters
	qWords                      // quoted, broken between characters
	tornWords                   // base64, broken within characters: forbidden, and seen every day
	rawOctets                   // no encoded words at all (RFC 6532, or plain wrong)
	lowerWords                  // as bWords, with a lower-case letter for the encoding
)

// wordRoom is how many octets of text one encoded word takes, so that it
// stays below 75 characters.
const wordRoom = 39

// tornRoom is odd, and short enough that hardly a subject fits.
const tornRoom = 11

// encode gives s for a header; ASCII needs nothing.
func (w wordStyle) encode(s string, c charset) string {
	if ascii(s) {
		return s
	}
	var words []string
	for _, chunk := range w.chunks(s, c) {
		words = append(words, w.word(chunk, c))
	}
	return strings.Join(words, " ")
}

// chunks cuts s, in charset c, into pieces for one encoded word each.
func (w wordStyle) chunks(s string, c charset) [][]byte {
	if w == rawOctets {
		return [][]byte{c.encode(s)}
	}
	var out [][]byte
	if w == tornWords {
		data := c.encode(s)
		for len(data) > 0 {
			n := min(tornRoom, len(data))
			out = append(out, data[:n])
			data = data[n:]
		}
		return out
	}
	room := wordRoom
	if w == qWords {
		room = 18 // each octet may become three
	}
	start := 0
	for i, r := range s {
		end := i + utf8.RuneLen(r)
		if len(c.encodeWord(s[start:end])) > room {
			out = append(out, c.encodeWord(s[start:i]))
			start = i
		}
	}
	return append(out, c.encodeWord(s[start:]))
}

// encodeWord leaves the charset in its initial state at the end, as RFC 2047
// section 3 wants it of ISO-2022-JP.
func (c charset) encodeWord(s string) []byte {
	b := c.encode(s + "\n")
	return b[:len(b)-1]
}

func (w wordStyle) word(chunk []byte, c charset) string {
	switch w {
	case rawOctets:
		return string(chunk)
	case qWords:
		return "=?" + c.label + "?Q?" + quotedWord(chunk) + "?="
	case lowerWords:
		return "=?" + c.label + "?b?" + base64.StdEncoding.EncodeToString(chunk) + "?="
	}
	return "=?" + c.label + "?B?" + base64.StdEncoding.EncodeToString(chunk) + "?="
}

func quotedWord(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		switch {
		case c == ' ':
			b.WriteByte('_')
		case c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// extended writes a parameter as RFC 2231 does: percent-encoded, with its
// charset, and in numbered pieces if it is long.
func extended(name, value string, c charset) string {
	var enc strings.Builder
	for _, o := range c.encode(value) {
		if o >= '0' && o <= '9' || o >= 'A' && o <= 'Z' || o >= 'a' && o <= 'z' || o == '.' || o == '-' {
			enc.WriteByte(o)
		} else {
			fmt.Fprintf(&enc, "%%%02X", o)
		}
	}
	text := c.label + "''" + enc.String()
	if len(text) <= 60 {
		return fmt.Sprintf("; %s*=%s", name, text)
	}
	var b strings.Builder
	for i := 0; text != ""; i++ {
		n := min(54, len(text))
		for n < len(text) && (text[n-1] == '%' || text[n-2] == '%') {
			n--
		}
		fmt.Fprintf(&b, "; %s*%d*=%s", name, i, text[:n])
		text = text[n:]
	}
	return b.String()
}
