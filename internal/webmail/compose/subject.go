package compose

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
)

// prefixes are what programs in many languages put before the subject of replies and
// forwarded messages, case folded. The colon may be a wide one.
var prefixes = set("re fw fwd " + // English, and most of the others
	"aw antw antwort wg " + // German, Dutch
	"doorst vs vl sv vb " + // Dutch, Finnish, Swedish, Danish, Norwegian
	"réf tr " + // French
	"rv enc res " + // Spanish, Portuguese
	"rif r i " + // Italian; the letters only if they are capitals
	"odp pd " + // Polish
	"ynt ilt i̇lt " + // Turkish
	"vá továbbítás " + // Hungarian
	"atb bls trs " + // Welsh, Indonesian
	"απ σχετ πρθ " + // Greek
	"на ответ нa " + // Russian
	"תגובה הועבר " + // Hebrew
	"رد توجيه " + // Arabic
	"回复 答复 回覆 转发 轉寄 返信 転送 답장 전달") // Chinese, Japanese, Korean

// maxPrefix is the longest of them, with what may stand before the colon, in octets.
const maxPrefix = 40

// BareSubject returns a subject without what replying and forwarding have put before it,
// whatever the language. Tags of lists stay.
func BareSubject(s string) string {
	s = clip(OneLine(s), 4*maxSubject)
	tags := ""
	for {
		rest, ok := cutPrefix(s)
		if ok {
			s = rest
			continue
		}
		tag, rest := cutTag(s)
		if after, ok := cutPrefix(rest); tag != "" && ok {
			if !strings.Contains(tags, tag) {
				tags += tag + " "
			}
			s = after
			continue
		}
		if tag != "" && strings.Contains(tags, tag) {
			s = rest
			continue
		}
		return strings.TrimSpace(tags + s)
	}
}

// cutPrefix removes one prefix: a word of the table, perhaps a count as in "Re[2]" or
// "Re^2", and a colon.
func cutPrefix(s string) (string, bool) {
	head := s[:min(len(s), maxPrefix)]
	end, width := strings.IndexByte(head, ':'), 1
	if wide := strings.Index(head, "："); wide >= 0 && (end < 0 || wide < end) {
		end, width = wide, len("：")
	}
	if end <= 0 {
		return s, false
	}
	word := strings.TrimSpace(s[:end])
	word = strings.TrimRight(word, "0123456789[]()^ *")
	if word == "r" || word == "i" || !prefixes[cases.Fold().String(word)] {
		return s, false
	}
	return strings.TrimLeft(s[end+width:], " "), true
}

// cutTag returns the tag in brackets that s begins with, and the rest.
func cutTag(s string) (tag, rest string) {
	if !strings.HasPrefix(s, "[") {
		return "", s
	}
	end := strings.IndexByte(s, ']')
	if end < 0 || end > maxPrefix || strings.ContainsRune(s[1:end], '[') {
		return "", s
	}
	return s[:end+1], strings.TrimLeft(s[end+1:], " ")
}

// maxSubject is the longest subject that a reply begins with, in octets.
const maxSubject = 500

// answerSubject returns a subject with exactly one prefix.
func answerSubject(prefix, s string) string {
	return strings.TrimSpace(prefix + " " + clip(BareSubject(s), maxSubject))
}

// clip returns at most n octets of s, and no part of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
