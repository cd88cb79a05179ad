package htmlsafe

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Segment is a piece of plain text. URL is where it leads, "" for most.
type Segment struct {
	Text string
	URL  string
}

// Linkify cuts text into segments such that their texts joined are the input,
// byte for byte. Web addresses (http, https, and names that begin with "www.")
// and mail addresses become segments with a URL of the scheme http, https or
// mailto. It looks at words, never at markup: the caller writes the segments
// through a template that escapes. A run of characters without a space has one
// link at most, which keeps the time linear.
func Linkify(text string) []Segment {
	var out []Segment
	plain := 0 // where the text since the last link begins
	for i := 0; i < len(text); {
		start, end := nextWord(text, i)
		i = end
		a, b, url := findLink(text[start:end])
		if url == "" {
			continue
		}
		if plain < start+a {
			out = append(out, Segment{Text: text[plain : start+a]})
		}
		out = append(out, Segment{Text: text[start+a : start+b], URL: url})
		plain = start + b
	}
	if plain < len(text) {
		out = append(out, Segment{Text: text[plain:]})
	}
	return out
}

// nextWord returns the bounds of the next run of characters that can be part
// of an address. It makes progress: end > i.
func nextWord(text string, i int) (start, end int) {
	start = i
	for start < len(text) {
		r, n := utf8.DecodeRuneInString(text[start:])
		if isWordRune(r) {
			break
		}
		start += n
	}
	end = start
	for end < len(text) {
		r, n := utf8.DecodeRuneInString(text[end:])
		if !isWordRune(r) {
			break
		}
		end += n
	}
	return start, end
}

// isWordRune excludes what ends an address in running text: white space,
// controls, quotes, angle brackets, and characters without a shape, which could
// hide where an address ends.
func isWordRune(r rune) bool {
	return r > ' ' && r != utf8.RuneError && !strings.ContainsRune("<>\"`|\\^{}", r) && unicode.IsGraphic(r) && !unicode.IsSpace(r) && !blank(r)
}

// findLink looks for an address in a word: its bounds and URL, "" if none.
func findLink(word string) (start, end int, url string) {
	for _, prefix := range []string{"https://", "http://", "www."} {
		i := indexFold(word, prefix)
		if i < 0 || i > 0 && isNameByte(word[i-1]) {
			continue
		}
		end = i + len(trimTail(word[i:]))
		u := word[i:end]
		if prefix == "www." {
			u = "https://" + u
		}
		if authority, _, _ := strings.Cut(u[strings.Index(u, "//")+2:], "/"); strings.Contains(beforeQuery(authority), "@") {
			return 0, 0, "" // a name that looks like a host: nothing there is what it seems
		}
		if len(u) > maxURL || !strings.Contains(host(u[strings.Index(u, "//")+2:]), ".") && !strings.Contains(u, "://localhost") {
			continue
		}
		if u = checkHref(u); u != "" {
			return i, end, u
		}
	}
	return findMail(word)
}

// beforeQuery cuts an address at its query or fragment.
func beforeQuery(s string) string {
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		return s[:i]
	}
	return s
}

// indexFold finds an ASCII prefix, whatever its case.
func indexFold(s, prefix string) int {
	for i := 0; i+len(prefix) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(prefix)], prefix) {
			return i
		}
	}
	return -1
}

// trimTail removes the punctuation that follows an address in a sentence. A
// closing parenthesis stays if the address holds the opening one.
func trimTail(u string) string {
	open, shut := strings.Count(u, "("), strings.Count(u, ")")
	for u != "" {
		last := u[len(u)-1]
		switch {
		case last == ')' && shut > open:
			shut--
		case strings.IndexByte(".,;:!?'*_~]", last) < 0:
			return u
		}
		u = u[:len(u)-1]
	}
	return u
}

// findMail recognises the common form of mail addresses: a dot-atom in ASCII
// (RFC 5322 section 3.2.3, without the characters that mean something in a URL)
// and a host name with a dot.
func findMail(word string) (start, end int, url string) {
	at := strings.IndexByte(word, '@')
	if at <= 0 {
		return 0, 0, ""
	}
	start = at
	for start > 0 && at-start < 64 && isLocalByte(word[start-1]) {
		start--
	}
	end = at + 1
	for end < len(word) && end-at < 255 && (isNameByte(word[end]) && word[end] != '_' || word[end] == '.') {
		end++
	}
	domain := strings.TrimRight(word[at+1:end], ".-")
	local := strings.TrimLeft(word[start:at], ".-+")
	start, end = at-len(local), at+1+len(domain)
	if local == "" || !strings.Contains(domain, ".") || strings.HasPrefix(domain, ".") || strings.Contains(domain, "..") {
		return 0, 0, ""
	}
	return start, end, "mailto:" + word[start:end]
}

func isLocalByte(c byte) bool { return isNameByte(c) || c == '.' || c == '+' }
