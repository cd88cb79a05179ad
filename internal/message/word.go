package message

import "strings"

const (
	maxWordCharset = 100 // octets of the charset, with language, of an encoded-word
	maxConversions = 200 // runs of encoded-words that are converted: later ones are guessed
)

// DecodeHeader returns the unstructured text raw, as in Subject, or a phrase,
// as in the name of an address, as UTF-8: encoded-words (RFC 2047) decoded, and
// octets that are not ASCII read as UTF-8 or else as windows-1252. Line ends
// are removed.
//
// White space between encoded-words is dropped (RFC 2047 section 6.2), and
// neighbours in one charset are converted together, for many programs split a
// character between two of them. Encoded-words are also found inside a word
// and may contain spaces, for the same reason.
func DecodeHeader(raw string) string {
	raw = unfold(raw)
	if !strings.Contains(raw, "=?") {
		return guessUTF8(raw)
	}
	d := wordDecoder{}
	for raw != "" {
		i := strings.Index(raw, "=?")
		if i < 0 || d.hopeless {
			d.text(raw)
			break
		}
		w, n := d.parse(raw[i:])
		if n == 0 {
			d.text(raw[:i+2])
			raw = raw[i+2:]
			continue
		}
		d.gap(raw[:i])
		d.word(w)
		raw = raw[i+n:]
	}
	d.flush()
	return d.out.String()
}

// word is one encoded-word.
type word struct {
	charset  string
	encoding byte // 'b' or 'q'
	text     string
}

// wordDecoder puts the decoded text together.
type wordDecoder struct {
	out       strings.Builder
	charset   string // of the words in octets
	octets    []byte // of words that are not converted yet
	words     bool   // a word was the last thing seen
	converted int    // runs of words so far
	hopeless  bool   // there is no "?=" in what remains
}

// parse reads the encoded-word that s begins with and returns its length, 0 if
// there is none.
func (d *wordDecoder) parse(s string) (w word, n int) {
	rest := s[len("=?"):]
	i := strings.IndexByte(rest[:min(len(rest), maxWordCharset)], '?')
	if i <= 0 || len(rest) < i+3 || rest[i+2] != '?' {
		return w, 0
	}
	// RFC 2231 section 5: a language may follow the charset.
	w.charset, _, _ = strings.Cut(rest[:i], "*")
	w.encoding = lower(rest[i+1])
	if w.encoding != 'b' && w.encoding != 'q' || strings.ContainsAny(w.charset, " \t") {
		return w, 0
	}
	rest = rest[i+3:]
	end := strings.Index(rest, "?=")
	if end < 0 {
		d.hopeless = true
		return w, 0
	}
	w.text = rest[:end]
	return w, len(s) - len(rest) + end + len("?=")
}

// gap takes what stands before an encoded-word.
func (d *wordDecoder) gap(s string) {
	if !d.words || trim(s) != "" {
		d.text(s)
	}
}

// text takes what is no encoded-word.
func (d *wordDecoder) text(s string) {
	if s == "" {
		return
	}
	d.flush()
	d.words = false
	d.out.WriteString(guessUTF8(s))
}

// word takes an encoded-word.
func (d *wordDecoder) word(w word) {
	if !equalFold(w.charset, d.charset) {
		d.flush()
		d.charset = w.charset
	}
	d.words = true
	if w.encoding == 'b' {
		d.octets = appendBase64(d.octets, w.text)
	} else {
		d.octets = appendQ(d.octets, w.text)
	}
}

// flush converts the octets of the words before.
func (d *wordDecoder) flush() {
	if len(d.octets) > 0 {
		charset := d.charset
		if d.converted++; d.converted > maxConversions {
			charset = ""
		}
		s := toUTF8(charset, string(d.octets))
		d.out.WriteString(strings.Map(wordRune, s))
		d.octets = d.octets[:0]
	}
}

// wordRune keeps encoded line ends and NULs out of what is one line of text.
func wordRune(r rune) rune {
	if r == '\r' || r == '\n' || r == 0 {
		return ' '
	}
	return r
}

// appendQ decodes the "Q" encoding of RFC 2047 section 4.2.
func appendQ(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '_' {
			c = ' '
		} else if c == '=' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				c = byte(hi<<4 | lo)
				i += 2
			}
		}
		dst = append(dst, c)
	}
	return dst
}

// appendBase64 decodes base64 without complaint: other octets are passed over,
// and padding may be missing.
func appendBase64(dst []byte, s string) []byte {
	var bits uint32
	n := 0
	for i := range len(s) {
		v := base64Value[s[i]]
		if v >= 64 {
			if s[i] == '=' {
				bits, n = 0, 0 // what follows begins anew
			}
			continue
		}
		bits = bits<<6 | uint32(v)
		if n += 6; n >= 8 {
			n -= 8
			dst = append(dst, byte(bits>>n))
		}
	}
	return dst
}
