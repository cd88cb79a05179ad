package contacts

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"fantail/internal/webmail/contentline"
)

// vCard 2.1 has parameters that are bare words, values in quoted-printable and in any
// charset, and escapes hardly anything. Some programs write such lines into 3.0.

// utf8Text returns a text that begins with the mark of UTF-16 as UTF-8; any other as
// it is.
func utf8Text(s string) string {
	var order binary.ByteOrder
	switch {
	case strings.HasPrefix(s, "\xff\xfe"):
		order = binary.LittleEndian
	case strings.HasPrefix(s, "\xfe\xff"):
		order = binary.BigEndian
	default:
		return s
	}
	units := make([]uint16, 0, len(s)/2)
	for b := []byte(s[2:]); len(b) >= 2; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	return string(utf16.Decode(units))
}

// printable removes control characters but for tabs and line ends. The text may be in
// any charset that has ASCII in it.
func printable(s string) string {
	var b strings.Builder
	start := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\r' && i+1 < len(s) && s[i+1] == '\n', c == '\n', c == '\t', c >= ' ' && c != 0x7f:
		default:
			b.WriteString(s[start:i])
			start = i + 1
		}
	}
	if start == 0 {
		return s
	}
	b.WriteString(s[start:])
	return b.String()
}

// modern returns a line as 3.0 and 4.0 have it.
func modern(l contentline.Line) contentline.Line {
	out := contentline.Line{Group: utf8Of(l.Group, ""), Name: l.Name, Value: l.Value}
	old := !valid(&l)
	charset, encoding := "", ""
	for _, p := range l.Params {
		word := ""
		if len(p.Values) > 0 {
			word = strings.ToUpper(p.Values[0])
		}
		name := strings.ToUpper(p.Name)
		switch {
		case name == "CHARSET":
			charset, old = word, true
		case (name == "" || name == "ENCODING") && (word == "QUOTED-PRINTABLE" || word == "BASE64" || word == "7BIT" || word == "8BIT"):
			encoding, old = word, true
		case name == "":
			old = true
			out.Params = append(out.Params, contentline.Param{Name: "TYPE", Values: p.Values})
		default:
			out.Params = append(out.Params, p)
		}
	}
	if !old {
		return l
	}
	for i, p := range out.Params {
		out.Params[i].Name = utf8Of(p.Name, "")
		out.Params[i].Values = slices.Clone(p.Values)
		for n, v := range p.Values {
			out.Params[i].Values[n] = utf8Of(v, charset)
		}
	}
	switch encoding {
	case "BASE64":
		out.Params = append(out.Params, contentline.Param{Name: "ENCODING", Values: []string{"b"}})
		out.Value = strings.Join(strings.Fields(out.Value), "")
	case "QUOTED-PRINTABLE":
		out.Value = unquote(out.Value)
	}
	if out.Value = utf8Of(out.Value, charset); encoding == "QUOTED-PRINTABLE" {
		out.Value = escapedLegacy(strings.ToUpper(l.Name), out.Value)
	}
	return out
}

func valid(l *contentline.Line) bool {
	for _, p := range l.Params {
		if !utf8.ValidString(p.Name) || slices.ContainsFunc(p.Values, func(v string) bool { return !utf8.ValidString(v) }) {
			return false
		}
	}
	return utf8.ValidString(l.Value)
}

// utf8Of decodes a text. What says nothing, or something wrong, is UTF-8 if it can be.
func utf8Of(s, charset string) string {
	if e, err := htmlindex.Get(charset); charset != "" && err == nil {
		if out, err := e.NewDecoder().String(s); err == nil {
			return strings.ToValidUTF8(out, "\ufffd")
		}
	}
	if utf8.ValidString(s) {
		return s
	}
	out, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	return out
}

// unquote decodes quoted-printable (RFC 2045 section 6.7). What is none stays.
func unquote(s string) string {
	hex := func(c byte) int { return strings.IndexByte("0123456789ABCDEF0123456789abcdef", c) }
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '=':
			b = append(b, s[i])
		case i+1 == len(s):
		case s[i+1] == '\n':
			i++
		case i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0:
			b = append(b, byte(hex(s[i+1])%16<<4|hex(s[i+2])%16))
			i += 2
		default:
			b = append(b, '=')
		}
	}
	return string(b)
}

// escapedLegacy escapes what has come out of quoted-printable. Where ";" and "," divide
// a value they stay.
func escapedLegacy(name, value string) string {
	structured := name == "N" || name == "ADR" || name == "ORG" || name == "GEO"
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && i+1 < len(value) && strings.IndexByte(`\;,nN:`, value[i+1]) >= 0:
			b.WriteString(value[i : i+2])
			i++
		case c == '\\', c == ';' && !structured, c == ',' && name != "CATEGORIES" && name != "NICKNAME":
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\r':
		case c == '\n':
			b.WriteString(`\n`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
