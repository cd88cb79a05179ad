package message

import (
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf8"

	gomessage "github.com/emersion/go-message"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// maxCharset is the longest charset name that is looked up.
const maxCharset = 64

// charsetAliases maps names that mail uses to names that the charset package
// knows; an empty name means that the octets must tell. ISO-8859-1 is read as
// its superset windows-1252 by everyone, and most of what claims to be US-ASCII
// or is not labelled is UTF-8 or windows-1252.
var charsetAliases = map[string]string{
	"":                "",
	"us-ascii":        "",
	"ascii":           "",
	"ansi_x3.4-1968":  "",
	"646":             "",
	"utf-8":           "",
	"utf8":            "",
	"unknown-8bit":    "",
	"x-unknown":       "",
	"unknown":         "",
	"default":         "",
	"default_charset": "",
	"binary":          "",
	"8bit":            "",
	"iso-2022-kr":     "",

	"iso-8859-1":     "windows-1252",
	"iso8859-1":      "windows-1252",
	"iso_8859-1":     "windows-1252",
	"latin1":         "windows-1252",
	"latin-1":        "windows-1252",
	"ansi":           "windows-1252",
	"cp1252":         "windows-1252",
	"cp-1252":        "windows-1252",
	"cp-1251":        "windows-1251",
	"cp-1250":        "windows-1250",
	"cp874":          "windows-874",
	"cp932":          "shift_jis",
	"ms932":          "shift_jis",
	"cp936":          "gbk",
	"cp949":          "euc-kr",
	"uhc":            "euc-kr",
	"ks_c_5601":      "euc-kr",
	"cp950":          "big5",
	"gb2312":         "gb18030",
	"gbk":            "gb18030",
	"gb_2312-80":     "gb18030",
	"iso-2022-jp-ms": "iso-2022-jp",
	"cp50220":        "iso-2022-jp",
	"iso-8859-8-i":   "iso-8859-8",
	"iso-8859-9":     "windows-1254",
	"koi8r":          "koi8-r",
}

// utf8Pipe returns a reader of r's octets, which are in the charset called name,
// as valid UTF-8, with a buffer of size octets. Octets that are not valid are
// read as windows-1252 or become U+FFFD; an unknown charset is guessed. Errors
// are those of r.
func utf8Pipe(name string, r io.Reader, size int) *pipe {
	switch name = charsetName(name); name {
	case "":
		return newPipe(r, guess{}, size)
	case "windows-1252":
		return newPipe(r, charmap.Windows1252.NewDecoder(), size)
	}
	src := &source{r: r}
	decoded := decoder(name, src)
	if decoded == nil {
		return newPipe(r, guess{}, size)
	}
	return newPipe(&converter{src: src, r: decoded}, guess{}, pipeBuffer)
}

// decoder returns a reader of what r has in the charset called name, nil if it
// is not known. What it makes is nearly always valid. Most are known only to programs that
// import go-message/charset, whose tables others would prepare in vain when they start.
func decoder(name string, r io.Reader) io.Reader {
	switch name {
	case "utf-32":
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM).NewDecoder().Reader(r)
	case "utf-32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM).NewDecoder().Reader(r)
	case "utf-32be":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM).NewDecoder().Reader(r)
	case "utf-7", "unicode-1-1-utf-7":
		return newPipe(r, &utf7{}, pipeBuffer)
	}
	if gomessage.CharsetReader == nil {
		return nil
	}
	decoded, err := gomessage.CharsetReader(name, r)
	if err != nil {
		return nil // what it is called does not matter any more
	}
	return decoded
}

// source remembers the error of a reader.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil {
		s.err = err
	}
	return n, err
}

// converter reads what a decoder makes of src. Some decoders complain about
// what they cannot read, a character cut off at the end for instance: then the
// text ends there.
type converter struct {
	src *source
	r   io.Reader
}

func (c *converter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && (c.src.err == nil || c.src.err == io.EOF) {
		err = io.EOF
	}
	return n, err
}

// charsetName normalises a charset name.
func charsetName(name string) string {
	name = strings.Trim(name, " \t\r\n\"',;")
	if len(name) > maxCharset {
		return ""
	}
	name = lowerString(name)
	if alias, ok := charsetAliases[name]; ok {
		return alias
	}
	return name
}

// toUTF8 returns s, which is in the charset called name, as valid UTF-8.
func toUTF8(name, s string) string {
	name = charsetName(name)
	if name == "" {
		return guessUTF8(s)
	}
	b, err := io.ReadAll(utf8Pipe(name, strings.NewReader(s), pipeSize(int64(len(s)), pipeBuffer)))
	if err != nil {
		return guessUTF8(s)
	}
	return string(b)
}

// guessUTF8 returns s if it is UTF-8, else with the octets that are not read as
// windows-1252.
func guessUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			r = charmap.Windows1252.DecodeByte(s[0])
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String()
}

// guess is guessUTF8 as a transformer.
type guess struct{ transform.NopResetter }

// asciiPrefix returns how many octets of ASCII b begins with.
func asciiPrefix(b []byte) (n int) {
	for ; len(b)-n >= 8; n += 8 {
		if binary.LittleEndian.Uint64(b[n:])&0x8080808080808080 != 0 {
			break
		}
	}
	for n < len(b) && b[n] < utf8.RuneSelf {
		n++
	}
	return n
}

func (guess) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if n := copy(dst[nDst:], src[nSrc:nSrc+asciiPrefix(src[nSrc:])]); n > 0 {
			nDst += n
			nSrc += n
			continue
		}
		if nDst == len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		if !atEOF && !utf8.FullRune(src[nSrc:]) {
			return nDst, nSrc, transform.ErrShortSrc
		}
		r, n := utf8.DecodeRune(src[nSrc:])
		if r == utf8.RuneError && n == 1 {
			r = charmap.Windows1252.DecodeByte(src[nSrc])
		}
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += n
	}
	return nDst, nSrc, nil
}
