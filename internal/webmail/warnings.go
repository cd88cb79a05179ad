package webmail

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"fantail/internal/message"
)

// warnings are sentences about who a message seems to be from; none for ordinary mail.
func (r *request) warnings(root *message.Part, a *authenticity, own []string) []string {
	var out []string
	say := func(key string, arguments ...any) { out = append(out, r.lang.Text(key, arguments...)) }
	domain := oneLine(a.Domain)
	if a.Failed {
		say("reader.warnForged", "domain", domain)
	}
	if shown, like := disguised(a.Domain, own); like != "" {
		say("reader.warnLike", "domain", domain, "like", like)
	} else if shown != "" {
		say("reader.warnLetters", "domain", domain, "shown", shown)
	}
	list := len(values(root, "List-Id")) > 0 || len(values(root, "List-Post")) > 0
	if list {
		return out // lists write in the name of their members
	}
	if named := addressIn(message.DecodeHeader(a.From.Name)); named != "" && a.Domain != "" && organisation(domainOf(named)) != organisation(a.Domain) {
		say("reader.warnNamed", "named", oneLine(named), "address", oneLine(a.From.Addr()))
	}
	for _, x := range root.Envelope().ReplyTo {
		if x.Valid() && a.Domain != "" && !a.Passed && organisation(asciiDomain(x.Host)) != organisation(a.Domain) {
			say("reader.warnReply", "address", oneLine(x.Addr()))
			break
		}
	}
	return out
}

func domainOf(address string) string {
	return asciiDomain(address[strings.LastIndexByte(address, '@')+1:])
}

// addressIn finds a mail address in a display name; "" if there is none.
func addressIn(name string) string { return addressPattern.FindString(name) }

var addressPattern = regexp.MustCompile(`[\pL\pN._%+-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)+`)

// disguised tells whether a domain pretends to be another one: like is which, if that is
// one of the reader's own; shown is how it looks, if letters of several scripts, or only
// letters that look like Latin ones, are in it.
func disguised(domain string, own []string) (shown, like string) {
	for _, o := range own {
		d := domainOf(o)
		if d != "" && organisation(domain) != organisation(d) && skeleton(organisation(domain)) == skeleton(organisation(d)) {
			return "", d
		}
	}
	if !strings.Contains(domain, "xn--") {
		return "", ""
	}
	u, err := idna.ToUnicode(domain)
	if err != nil {
		return domain, ""
	}
	for _, label := range strings.Split(u, ".") {
		if mixed(label) || posing(label) {
			return oneLine(u), ""
		}
	}
	return "", ""
}

// scripts are those that are told apart, as bits; others are one more.
var scripts = []struct {
	table *unicode.RangeTable
	bit   uint
}{
	{unicode.Latin, 1}, {unicode.Cyrillic, 2}, {unicode.Greek, 4}, {unicode.Han, 8}, {unicode.Hiragana, 8}, {unicode.Katakana, 8},
	{unicode.Hangul, 8}, {unicode.Bopomofo, 8}, {unicode.Arabic, 16}, {unicode.Hebrew, 32}, {unicode.Armenian, 64}, {unicode.Cherokee, 128},
}

// scriptsOf returns which scripts the letters of a label have.
func scriptsOf(label string) uint {
	var all uint
	for _, r := range label {
		if !unicode.IsLetter(r) {
			continue
		}
		bit := uint(256)
		for _, s := range scripts {
			if unicode.Is(s.table, r) {
				bit = s.bit
				break
			}
		}
		all |= bit
	}
	return all
}

// mixed reports letters of several scripts, but for Latin beside those of East Asia.
func mixed(label string) bool {
	s := scriptsOf(label)
	return s != 1|8 && s&(s-1) != 0
}

// latinLike are letters of other scripts that look like Latin ones (Unicode UTS 39), each
// followed by that one.
const latinLike = "аaсcԁdеeһhіiјjкkӏlоoрpԛqѕsԝwхxуyҮyΑaΒbοoρpνvιiυuκkαaօoսuոnհhցg"

var likes = func() map[rune]rune {
	m, list := make(map[rune]rune), []rune(latinLike)
	for i := 0; i+1 < len(list); i += 2 {
		m[list[i]] = list[i+1]
	}
	return m
}()

// posing reports a label of another script of which all letters look like Latin ones.
func posing(label string) bool {
	s := scriptsOf(label)
	if s == 0 || s&1 != 0 {
		return false
	}
	for _, r := range label {
		if unicode.IsLetter(r) && likes[r] == 0 {
			return false
		}
	}
	return true
}

// skeleton is a domain as somebody sees it who does not look closely.
func skeleton(domain string) string {
	u, err := idna.ToUnicode(domain)
	if err != nil {
		u = domain
	}
	u = strings.Map(func(r rune) rune {
		if l := likes[r]; l != 0 {
			r = l
		}
		switch r {
		case '0':
			return 'o'
		case '1', 'i':
			return 'l'
		case '-':
			return -1
		}
		return r
	}, strings.ToLower(u))
	return strings.NewReplacer("rn", "m", "vv", "w", "cl", "d").Replace(u)
}
