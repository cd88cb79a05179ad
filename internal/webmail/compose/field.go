package compose

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// header collects the fields of a header, with LF at the ends of lines. The first error
// stays.
type header struct {
	b    strings.Builder
	utf8 bool // fields may be in UTF-8 (RFC 6532)
	err  error
}

// foldAt is where a line is folded if its words allow it: below the 78 of RFC 5322
// section 2.1.1, for encoded-words at the 76 of RFC 2047 section 2.
const foldAt = 76

func (h *header) fail(name string, err error) {
	if h.err == nil {
		h.err = &FieldError{Field: name, Err: err}
	}
}

// tokens writes a field.
func (h *header) tokens(name string, list []token) {
	if h.err != nil {
		return
	}
	h.b.WriteString(name)
	h.b.WriteByte(':')
	column := len(name) + 1
	for i, t := range list {
		if i > 0 && column+len(t.space)+len(t.text) > foldAt {
			h.b.WriteByte('\n')
			column = 0
		}
		h.b.WriteString(t.space)
		h.b.WriteString(t.text)
		column += len(t.space) + len(t.text)
	}
	h.b.WriteByte('\n')
}

// The longest text of a field, in octets: one that people read, and one that holds what
// somebody has pasted.
const (
	maxText  = 16 << 10
	maxTyped = 128 << 10
)

// text writes a field of unstructured text, if there is any.
func (h *header) text(name, s string) { h.limited(name, s, maxText) }

// limited is text with another limit.
func (h *header) limited(name, s string, limit int) {
	if err := checkLine(s); err != nil {
		h.fail(name, err)
		return
	}
	if len(s) > limit {
		h.fail(name, fmt.Errorf("%w: %d octets", ErrLong, len(s)))
		return
	}
	if s = strings.Trim(s, " "); s != "" {
		h.tokens(name, textTokens(s, h.utf8, foldAt-len(name)-len(": ")))
	}
}

// maxAddresses is how many addresses a field may have.
const maxAddresses = 10_000

// addresses writes a field of addresses, if there are any.
func (h *header) addresses(name string, list ...Address) {
	if len(list) > maxAddresses {
		h.fail(name, fmt.Errorf("%w: %d addresses", ErrTooMany, len(list)))
	}
	var out []token
	for i, a := range list {
		a, err := a.checked()
		if err != nil {
			h.fail(name, err)
			return
		}
		if a.Name == "" {
			out = append(out, token{" ", a.Addr()})
		} else {
			out = append(append(out, nameTokens(a.Name, h.utf8)...), token{" ", "<" + a.Addr() + ">"})
		}
		if i < len(list)-1 {
			out[len(out)-1].text += ","
		}
	}
	if out != nil {
		h.tokens(name, out)
	}
}

func (h *header) date(name string, t time.Time) {
	if t.IsZero() || t.Year() < 1900 || t.Year() > 9999 { // RFC 5322 section 3.3
		h.fail(name, ErrNoDate)
		return
	}
	h.tokens(name, []token{{" ", t.Format("Mon, 02 Jan 2006 15:04:05 -0700")}})
}

// ids writes a field of message identifiers, if there are any.
func (h *header) ids(name string, list ...string) {
	var out []token
	for _, id := range list {
		if !isMessageID(id) {
			h.fail(name, fmt.Errorf("%w: %q", ErrMessageID, id))
			return
		}
		out = append(out, token{" ", id})
	}
	if out != nil {
		h.tokens(name, out)
	}
}

// contentID writes the Content-ID of a part (RFC 2045 section 7). Those of others need
// not be message identifiers, but the HTML that is quoted names them as they are.
func (h *header) contentID(id string) {
	if !isContentID(id) {
		h.fail("Content-ID", fmt.Errorf("%w: %q", ErrMessageID, id))
		return
	}
	h.tokens("Content-ID", []token{{" ", "<" + id + ">"}})
}

// isContentID reports whether id can be written between brackets.
func isContentID(id string) bool {
	return id != "" && len(id) <= maxToken && !strings.ContainsFunc(id, func(r rune) bool { return !isIDOctet(r) })
}

func isIDOctet(r rune) bool { return r > ' ' && r < 0x7F && !strings.ContainsRune("<>()\"\\", r) }

// isMessageID reports whether id can be written as a msg-id (RFC 5322 section 3.6.4).
// Ids of others are kept as they are, so it asks for no more than that they cannot be
// mistaken for anything else.
func isMessageID(id string) bool {
	inner, ok := strings.CutPrefix(id, "<")
	inner, end := strings.CutSuffix(inner, ">")
	at := strings.IndexByte(inner, '@')
	return ok && end && at > 0 && at < len(inner)-1 && isContentID(inner)
}

// maxParam is the longest value of a parameter that is written as it is.
const maxParam = 60

// param is a parameter of a MIME field (RFC 2045 section 5.1), in the form of RFC 2231
// if it is long or not in ASCII.
func param(name, value string) []token {
	if isASCII(value) && len(value) <= maxParam && !strings.Contains(value, "=?") {
		if value != "" && !strings.ContainsFunc(value, func(r rune) bool { return !isToken(r) }) {
			return []token{{" ", name + "=" + value}}
		}
		return []token{{" ", name + "=" + quoted(value)}}
	}
	text := "utf-8''" + percentEncoded(value)
	if len(text) <= maxParam {
		return []token{{" ", name + "*=" + text}}
	}
	var out []token
	for n := 0; text != ""; n++ {
		cut := min(maxParam, len(text))
		if i := strings.LastIndexByte(text[:cut], '%'); i > cut-len("%xx") && cut < len(text) {
			cut = i
		}
		out = append(out, token{" ", name + "*" + strconv.Itoa(n) + "*=" + text[:cut] + ";"})
		text = text[cut:]
	}
	out[len(out)-1].text = strings.TrimSuffix(out[len(out)-1].text, ";")
	return out
}

// isToken reports whether r may be in a token (RFC 2045 section 5.1).
func isToken(r rune) bool { return r > ' ' && r < 0x7F && !strings.ContainsRune(`()<>@,;:\"/[]?=`, r) }

// percentEncoded escapes what is no attribute-char (RFC 2231 section 7).
func percentEncoded(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < 0x80 && isToken(rune(c)) && c != '*' && c != '\'' && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// value writes a MIME field: a value and its parameters, a list of tokens each.
func (h *header) value(name, value string, params ...[]token) {
	list := []token{{" ", value}}
	for _, p := range params {
		list[len(list)-1].text += ";"
		list = append(list, p...)
	}
	h.tokens(name, list)
}
