package contacts

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// letters are those that people write without what makes them special, and that no
// decomposition takes apart.
var letters = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'þ': "th", 'ł': "l", 'ħ': "h", 'ı': "i", 'ŋ': "n", 'ς': "σ",
}

// Fold returns a text as completion compares it: in lower case, without accents.
func Fold(s string) string {
	ascii := true
	for _, c := range []byte(s) {
		ascii = ascii && c < 0x80
	}
	if ascii {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if accent(r) {
			continue
		}
		r = unicode.ToLower(r)
		if plain, ok := letters[r]; ok {
			b.WriteString(plain)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// accent reports whether r is a mark that people leave out: those of European scripts,
// Hebrew points and Arabic vowels. In other scripts marks are letters.
func accent(r rune) bool {
	return r >= 0x300 && r <= 0x36f || r >= 0x591 && r <= 0x5c7 && unicode.Is(unicode.Mn, r) || r >= 0x64b && r <= 0x65f || r == 0x670
}

// words returns the words of a folded text.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
	})
}
