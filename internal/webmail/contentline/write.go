package contentline

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFolded is the longest physical line, in octets, without its end (RFC 5545 section
// 3.1, RFC 6350 section 3.2).
const maxFolded = 75

// Append appends the line, folded and with CRLF. A line that was read is as it was.
func (l *Line) Append(dst []byte) []byte {
	text := l.raw
	if text == "" {
		text = l.format()
	}
	return fold(dst, clean(text))
}

// format writes the line without folding.
func (l *Line) format() string {
	if l.Name == "" {
		return l.Value
	}
	var b strings.Builder
	if l.Group != "" {
		b.WriteString(l.Group)
		b.WriteByte('.')
	}
	b.WriteString(l.Name)
	for _, p := range l.Params {
		b.WriteByte(';')
		if p.Name != "" {
			b.WriteString(p.Name)
			b.WriteByte('=')
		}
		for i, v := range p.Values {
			if i > 0 {
				b.WriteByte(',')
			}
			writeParamValue(&b, v)
		}
	}
	b.WriteByte(':')
	b.WriteString(l.Value)
	return b.String()
}

// caretEncoder writes what parameters cannot hold (RFC 6868 section 3.1).
var caretEncoder = strings.NewReplacer("^", "^^", "\r\n", "^n", "\n", "^n", "\r", "^n", `"`, "^'")

func writeParamValue(b *strings.Builder, v string) {
	quote := strings.ContainsAny(v, ",;:")
	if quote {
		b.WriteByte('"')
	}
	b.WriteString(caretEncoder.Replace(v))
	if quote {
		b.WriteByte('"')
	}
}

// clean removes control characters, but for tabs.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// fold appends text, which is valid UTF-8, as physical lines; no character is divided.
func fold(dst []byte, text string) []byte {
	room := maxFolded
	for len(text) > room {
		cut := room
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		dst = append(dst, text[:cut]...)
		dst = append(dst, "\r\n "...)
		text, room = text[cut:], maxFolded-1
	}
	dst = append(dst, text...)
	return append(dst, "\r\n"...)
}
