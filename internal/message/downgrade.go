package message

import (
	"bytes"
	"io"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Downgraded returns the message that root was parsed from, and r holds, with header
// fields in ASCII, for a client that understands no others (RFC 6856 section 2.1, RFC
// 6855 section 7); needed is false if they are in ASCII anyhow. Fields change as
// little as possible, after the manner of RFC 6857:
//
//	text                    encoded-words
//	addresses               encoded-words in display names; an address that is itself not in ASCII
//	                        becomes an empty group with all of it as the name, so that nobody writes
//	                        to another one
//	parameters of MIME      the extended form of RFC 2231
//	what is not UTF-8       as it is: nobody knows what it should be
//
// Bodies stay as they are. Of a header that was clipped the part behind the limits does,
// too.
func Downgraded(r io.ReaderAt, root *Part) (surrogate io.Reader, needed bool) {
	var parts []io.Reader
	at := int64(0)
	root.Walk(func(p *Part) bool {
		for i := range p.Fields {
			f := &p.Fields[i]
			text, ok := f.downgrade()
			if !ok {
				continue
			}
			parts = append(parts, io.NewSectionReader(r, at, f.Span.Off-at), strings.NewReader(text))
			at = f.Span.End()
		}
		return true
	})
	if parts == nil {
		return nil, false
	}
	parts = append(parts, io.NewSectionReader(r, at, root.Span().End()-at))
	return io.MultiReader(parts...), true
}

// downgrades are the fields that are no text, by their names in lower case.
var downgrades = map[string]func(value string) []string{
	"from": addressWords, "sender": addressWords, "reply-to": addressWords,
	"to": addressWords, "cc": addressWords, "bcc": addressWords,
	"resent-from": addressWords, "resent-sender": addressWords, "resent-reply-to": addressWords,
	"resent-to": addressWords, "resent-cc": addressWords, "resent-bcc": addressWords,
	"disposition-notification-to": addressWords, "return-path": addressWords,
	"content-type": paramWords, "content-disposition": paramWords,
}

// downgrade returns the field in ASCII with LF at the ends of its lines, if it is in
// other UTF-8.
func (f *Field) downgrade() (text string, ok bool) {
	value := f.Value()
	if ascii(f.Name) && ascii(value) || !utf8.ValidString(value) || !utf8.ValidString(f.Name) {
		return "", false
	}
	words := textWords
	if special, ok := downgrades[lowerString(f.Name)]; ok {
		words = special
	}
	name := strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return '?'
		}
		return r
	}, f.Name)
	return fold(name+":", words(value)), true
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// fold writes words behind the name of a field, on lines of at most 76 octets where
// that is possible.
func fold(name string, words []string) string {
	var b strings.Builder
	b.WriteString(name)
	column := len(name)
	for i, w := range words {
		if i > 0 && column+1+len(w) > 76 {
			b.WriteByte('\n')
			column = 0
		}
		b.WriteByte(' ')
		b.WriteString(w)
		column += 1 + len(w)
	}
	b.WriteByte('\n')
	return b.String()
}

// encodedWords returns s as encoded-words (RFC 2047), which in base64 may stand anywhere.
func encodedWords(s string) []string {
	return strings.Fields(mime.BEncoding.Encode("utf-8", s))
}

// textWords returns the words of a text. Neighbours that are not in ASCII are encoded
// together, since the space between encoded-words is none.
func textWords(value string) (words []string) {
	var run []string
	end := func() {
		if run != nil {
			words = append(words, encodedWords(strings.Join(run, " "))...)
			run = nil
		}
	}
	for _, w := range strings.FieldsFunc(value, isBlank) {
		if !ascii(w) {
			run = append(run, w)
			continue
		}
		end()
		words = append(words, w)
	}
	end()
	return words
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

// addressWords returns a list of addresses.
func addressWords(value string) (words []string) {
	list := ParseAddresses(value, DefaultLimits().Addresses)
	group := false
	for i, a := range list {
		w := a.words()
		more := i+1 < len(list) && list[i+1].Kind != GroupEnd && a.Kind != GroupStart
		if a.Kind == GroupEnd {
			group = false
			if words != nil && list[max(i-1, 0)].Kind != GroupStart {
				words[len(words)-1] += ";"
				w = nil
			}
		}
		group = group || a.Kind == GroupStart
		words = append(words, w...)
		if more && words != nil {
			words[len(words)-1] += ","
		}
	}
	if group && words != nil {
		words[len(words)-1] += ";"
	}
	return words
}

// words returns one address.
func (a Address) words() []string {
	switch {
	case a.Kind == GroupStart:
		w := phraseWords(a.Mailbox)
		w[len(w)-1] += ":"
		return w
	case a.Kind == GroupEnd:
		return []string{";"}
	}
	addr := localPart(a.Mailbox)
	if a.Host != "" {
		addr += "@" + a.Host
	}
	if !ascii(addr) {
		name := addr
		if a.Name != "" {
			name = a.Name + " <" + addr + ">"
		}
		w := encodedWords(name)
		w[len(w)-1] += ":;"
		return w
	}
	if a.Name == "" {
		return []string{addr}
	}
	return append(phraseWords(a.Name), "<"+addr+">")
}

const specials = "()<>[]:;@\\,.\""

// phraseWords returns a display name.
func phraseWords(name string) []string {
	switch {
	case !ascii(name):
		return encodedWords(name)
	case name == "" || strings.ContainsAny(name, specials) && !strings.Contains(name, "=?"):
		return []string{quotedWord(name)}
	}
	return strings.FieldsFunc(name, isBlank)
}

// localPart quotes a local part that is no dot-atom.
func localPart(s string) string {
	if ascii(s) && (s == "" || strings.ContainsAny(strings.ReplaceAll(s, ".", ""), specials+" \t")) {
		return quotedWord(s)
	}
	return s
}

func quotedWord(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}

// paramWords returns a value with parameters (RFC 2045 section 5.1).
func paramWords(value string) (words []string) {
	for i, piece := range splitParams(value) {
		piece = strings.TrimFunc(piece, isBlank)
		name, text, _ := strings.Cut(piece, "=")
		switch {
		case piece == "":
			continue
		case ascii(piece):
			words = append(words, piece)
		case i == 0 || !ascii(name):
			words = append(words, encodedWords(piece)...)
		default:
			words = append(words, extended(strings.TrimFunc(name, isBlank), unquoted(strings.TrimFunc(text, isBlank)))...)
		}
		words[len(words)-1] += ";"
	}
	if words != nil {
		words[len(words)-1] = strings.TrimSuffix(words[len(words)-1], ";")
	}
	return words
}

// splitParams splits at the semicolons that are in no quoted string.
func splitParams(s string) (pieces []string) {
	from, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ';' && !quoted:
			pieces = append(pieces, s[from:i])
			from = i + 1
		}
	}
	return append(pieces, s[from:])
}

func unquoted(s string) string {
	inner, ok := strings.CutPrefix(s, `"`)
	if !ok {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c == '"':
			return b.String()
		case c == '\\' && i+1 < len(inner):
			i++
			b.WriteByte(inner[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// extended returns a parameter in the form of RFC 2231, section 4, in pieces if it is
// long (section 3).
func extended(name, text string) (words []string) {
	name = strings.TrimSuffix(name, "*")
	const most = 50
	value := "utf-8''" + strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
	if len(value) <= most {
		return []string{name + "*=" + value}
	}
	for n := 0; value != ""; n++ {
		cut := min(most, len(value))
		if i := strings.LastIndexByte(value[:cut], '%'); i > cut-len("%xx") && cut < len(value) {
			cut = i
		}
		words = append(words, name+"*"+strconv.Itoa(n)+"*="+value[:cut]+";")
		value = value[cut:]
	}
	words[len(words)-1] = strings.TrimSuffix(words[len(words)-1], ";")
	return words
}

// IsASCII reports whether all octets of b are of ASCII.
func IsASCII(b []byte) bool {
	for len(b) >= 8 {
		if (b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7])&0x80 != 0 {
			return false
		}
		b = b[8:]
	}
	return !bytes.ContainsFunc(b, func(r rune) bool { return r >= utf8.RuneSelf })
}
