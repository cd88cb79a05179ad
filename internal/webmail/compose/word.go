package compose

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// token is a piece of a field that no line end may be put into, with the white space
// before it.
type token struct{ space, text string }

// maxToken is how long a word may be that is not encoded, in octets: a line holds it.
const maxToken = 900

const (
	wordB = "=?utf-8?B?"
	wordQ = "=?utf-8?Q?"
	// maxWord is the length of an encoded-word (RFC 2047 section 2).
	maxWord = 75
)

// textTokens returns unstructured text (RFC 5322 section 3.2.5). All from the first to
// the last word that needs it becomes encoded-words, for the white space between those
// would be none. first is the room in the first line.
func textTokens(s string, utf8OK bool, first int) []token {
	words := spacedWords(s)
	from, to := -1, 0
	for i, w := range words {
		if needsEncoding(w.text, utf8OK) || len(w.space) > maxToken {
			if from < 0 {
				from = i
			}
			to = i + 1
		}
	}
	if from < 0 {
		return words
	}
	// Around encoded-words there is exactly one space.
	for from > 0 && words[from].space != " " {
		from--
	}
	for to < len(words) && words[to].space != " " {
		to++
	}
	if from > 0 {
		first = maxWord
	}
	var run strings.Builder
	for i, w := range words[from:to] {
		if i > 0 {
			run.WriteString(w.space)
		}
		run.WriteString(w.text)
	}
	out := append([]token(nil), words[:from]...)
	for _, e := range encodedWords(run.String(), first) {
		out = append(out, token{" ", e})
	}
	return append(out, words[to:]...)
}

// spacedWords splits at spaces and keeps them.
func spacedWords(s string) []token {
	var out []token
	s = strings.Trim(s, " ")
	for space := " "; s != ""; {
		end := strings.IndexByte(s, ' ')
		if end < 0 {
			end = len(s)
		}
		out = append(out, token{space, s[:end]})
		rest := strings.TrimLeft(s[end:], " ")
		space, s = s[end:len(s)-len(rest)], rest
	}
	return out
}

func needsEncoding(word string, utf8OK bool) bool {
	return !utf8OK && !isASCII(word) || strings.Contains(word, "=?") || len(word) > maxToken
}

// encodedWords returns s as encoded-words of RFC 2047, in the Q encoding if most of
// it can be read in that, and without a character that is divided between two of them (section 5).
// The first is no longer than first, if anything fits.
func encodedWords(s string, first int) []string {
	escaped := 0
	for i := range len(s) {
		if !isQ(s[i]) && s[i] != ' ' {
			escaped++
		}
	}
	prefix, take, encode := wordQ, takeQ, encodeQ
	if 2*escaped > len(s) {
		prefix, take, encode = wordB, takeB, base64.StdEncoding.EncodeToString
	}
	var out []string
	for room := min(first, maxWord); s != ""; room = maxWord {
		n := take(s, max(room-len(prefix)-len("?="), 12)) // one character always fits
		out = append(out, prefix+encode([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return out
}

// isQ reports whether an octet stands for itself in the Q encoding wherever it is used
// (RFC 2047 section 5, rule 3).
func isQ(c byte) bool {
	return isLetterDigit(rune(c)) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/'
}

// takeQ returns how many octets of s fit into room when encoded.
func takeQ(s string, room int) int {
	for i, r := range s {
		size := 1
		if c := s[i]; !isQ(c) && c != ' ' {
			size = 3 * utf8.RuneLen(r)
		}
		if room -= size; room < 0 {
			return i
		}
	}
	return len(s)
}

func encodeQ(b []byte) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for _, c := range b {
		switch {
		case c == ' ':
			out.WriteByte('_')
		case isQ(c):
			out.WriteByte(c)
		default:
			out.Write([]byte{'=', hex[c>>4], hex[c&15]})
		}
	}
	return out.String()
}

// takeB returns how many octets of s fit into room when encoded.
func takeB(s string, room int) int {
	n := room / 4 * 3
	if n >= len(s) {
		return len(s)
	}
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

// nameTokens returns a display name (phrase, RFC 5322 section 3.2.5).
func nameTokens(name string, utf8OK bool) []token {
	const longest = 70 // of a quoted-string: they are not folded
	switch {
	case needsEncoding(name, utf8OK) || len(name) > longest && strings.ContainsAny(name, specials):
		var out []token
		for _, e := range encodedWords(name, maxWord) {
			out = append(out, token{" ", e})
		}
		return out
	case strings.ContainsAny(name, specials):
		return []token{{" ", quoted(name)}}
	}
	return spacedWords(name)
}
