package htmlsafe

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// attribute is one that is written.
type attribute struct{ name, value string }

// ourClass marks links that do not lead where they seem to. It is the only
// class in the output that does not begin with idPrefix.
const ourClass = "suspicious"

// idPrefix is put before every id and class of a message, so that none can be
// mistaken for one of ours.
const idPrefix = "m-"

// checks maps each attribute to the function that returns its value as it is
// written; ok is false for values that must not stay. href and src are not
// here: link.go and image.go write those.
var checks = map[string]func(string) (value string, ok bool){
	"title":       checkTitle,
	"alt":         checkTitle,
	"dir":         oneOf("ltr rtl auto"),
	"lang":        checkLang,
	"class":       checkClass,
	"id":          checkID,
	"align":       oneOf("left right center middle justify top bottom absmiddle baseline"),
	"valign":      oneOf("top middle bottom baseline"),
	"width":       checkLength,
	"height":      checkLength,
	"border":      number(0, 100),
	"cellpadding": number(0, 200),
	"cellspacing": number(0, 200),
	"colspan":     number(1, 1000),
	"rowspan":     number(0, 1000),
	"span":        number(1, 1000),
	"start":       number(-1_000_000, 1_000_000),
	"size":        checkSize,
	"type":        oneOf("1 a i disc circle square cite"), // A and I: see attributes
	"nowrap":      func(string) (string, bool) { return "nowrap", true },
	"bgcolor":     checkColor,
	"color":       checkColor,
	"text":        checkColor,
	"face":        checkFace,
}

// attributes returns the attributes of n that its row e and the table above
// allow, in a fixed order. On <body> they are what a div can have instead.
func (b *rebuilder) attributes(n *html.Node, e element) []attribute {
	var out []attribute
	allowed := everyElement + " " + e.attrs
	for _, a := range n.Attr {
		if a.Namespace != "" || !hasWord(allowed, a.Key) {
			continue
		}
		if a.Key == "style" {
			if v := b.styles.declarations(a.Val); v != "" {
				out = append(out, attribute{"style", v})
			}
			continue
		}
		check := checks[a.Key]
		if check == nil {
			continue
		}
		if v, ok := check(a.Val); ok {
			out = append(out, attribute{a.Key, v})
		}
	}
	if n.Data == "body" {
		out = bodyColours(out)
	}
	if b.styles.adapt {
		out = b.styles.adapted(out)
	}
	slices.SortStableFunc(out, func(x, y attribute) int { return strings.Compare(x.name, y.name) })
	return out
}

// bodyColours turns bgcolor and text of <body> into the style of a div. The
// body's own style attribute comes last and wins.
func bodyColours(in []attribute) []attribute {
	var out []attribute
	var style []string
	for _, a := range in {
		switch a.name {
		case "bgcolor":
			style = append([]string{"background-color:" + a.value}, style...)
		case "text":
			style = append([]string{"color:" + a.value}, style...)
		case "style":
			style = append(style, a.value)
		default:
			out = append(out, a)
		}
	}
	if len(style) > 0 {
		out = append(out, attribute{"style", strings.Join(style, ";")})
	}
	return out
}

// adapted turns colours of attributes into style, where they can have another value for
// dark screens, and counts them. The element's own style comes last and wins.
func (s *styler) adapted(in []attribute) []attribute {
	var out []attribute
	var style []string
	for _, a := range in {
		property := map[string]string{"bgcolor": "background-color", "color": "color"}[a.name]
		if property != "" {
			if dark, ok := roleOf(property).onDark(a.value); ok {
				s.colours++
				style = append(style, property+":light-dark("+a.value+","+dark+")")
				continue
			}
		}
		if a.name == "style" {
			style = append(style, a.value)
			continue
		}
		out = append(out, a)
	}
	if len(style) > 0 {
		out = append(out, attribute{"style", strings.Join(style, ";")})
	}
	return out
}

// hasWord reports whether word is one of the space-separated words of list.
func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

func oneOf(words string) func(string) (string, bool) {
	return func(v string) (string, bool) {
		trimmed := strings.TrimSpace(v)
		lower := asciiLower(trimmed)
		if !hasWord(words, lower) {
			return "", false
		}
		if lower == "a" || lower == "i" { // list types are the one case that matters
			return trimmed, true
		}
		return lower, true
	}
}

// number allows integers, clamped to a range. Like browsers it ignores what
// follows the digits.
func number(low, high int) func(string) (string, bool) {
	return func(v string) (string, bool) {
		digits := leadingInteger(v)
		n, err := strconv.Atoi(digits)
		if err != nil {
			return "", false
		}
		return strconv.Itoa(min(max(n, low), high)), true
	}
}

// leadingInteger returns at most nine digits with their sign.
func leadingInteger(v string) string {
	v = strings.TrimSpace(v)
	end := 0
	if end < len(v) && (v[end] == '-' || v[end] == '+') {
		end++
	}
	for end < len(v) && v[end] >= '0' && v[end] <= '9' && end < 9 {
		end++
	}
	return v[:end]
}

// checkLength allows pixels and percentages.
func checkLength(v string) (string, bool) {
	digits := leadingInteger(v)
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return "", false
	}
	if strings.HasPrefix(strings.TrimLeft(strings.TrimSpace(v)[len(digits):], "0123456789."), "%") {
		return strconv.Itoa(min(n, 100)) + "%", true
	}
	return strconv.Itoa(min(n, 5000)), true
}

// checkSize is the size of <font>, 1 to 7 or relative, and of <hr>, in pixels.
func checkSize(v string) (string, bool) {
	digits := leadingInteger(v)
	n, err := strconv.Atoi(digits)
	if err != nil {
		return "", false
	}
	if strings.HasPrefix(digits, "+") {
		return "+" + strconv.Itoa(min(n, 6)), true
	}
	return strconv.Itoa(min(max(n, -6), 100)), true
}

func checkTitle(v string) (string, bool) {
	v = strings.TrimSpace(visible(v))
	return v, len(v) <= maxTitle
}

// checkLang allows the characters of language tags (RFC 5646 section 2.1).
func checkLang(v string) (string, bool) {
	ok := len(v) > 0 && len(v) <= 35
	for i := 0; i < len(v); i++ {
		ok = ok && (isNameByte(v[i]) && v[i] != '_')
	}
	return v, ok
}

func checkID(v string) (string, bool) {
	name, ok := ownName(strings.TrimSpace(v))
	return name, ok
}

func checkClass(v string) (string, bool) {
	var out []string
	for c := range strings.FieldsSeq(v) {
		if name, ok := ownName(c); ok && c != ourClass && len(out) < 50 {
			out = append(out, name)
		}
	}
	return strings.Join(out, " "), len(out) > 0
}

// ownName puts the prefix before an id or class; ok is false if it has other
// characters than those of simple names.
func ownName(v string) (string, bool) {
	if v == "" || len(v) > 100 {
		return "", false
	}
	for i := 0; i < len(v); i++ {
		if !isNameByte(v[i]) {
			return "", false
		}
	}
	if strings.HasPrefix(v, idPrefix) {
		return v, true
	}
	return idPrefix + v, true
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// checkColor allows names and #rgb, #rrggbb with or without the sign: what the
// attributes of old HTML mean, without the arithmetic that gives every other
// word some colour.
func checkColor(v string) (string, bool) {
	v = asciiLower(strings.TrimSpace(v))
	if isColourName(v) {
		return v, true
	}
	hex := strings.TrimPrefix(v, "#")
	if len(hex) != 3 && len(hex) != 6 || strings.Trim(hex, "0123456789abcdef") != "" {
		return "", false
	}
	return "#" + hex, true
}

// checkFace allows lists of font names.
func checkFace(v string) (string, bool) {
	var out []string
	for name := range strings.SplitSeq(v, ",") {
		name = strings.Trim(strings.TrimSpace(name), `'"`)
		if isFontName(name) && len(out) < 20 {
			out = append(out, name)
		}
	}
	return strings.Join(out, ","), len(out) > 0
}

// asciiLower folds ASCII only: U+212A KELVIN SIGN must not become a k.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
