package htmlsafe

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/tdewolff/parse/v2/css"
)

// maxComponents is how many tokens a value has at most; a gradient or a
// shadow with four layers has about 60.
const maxComponents = 120

// valueWriter checks the tokens of one value and writes them.
type valueWriter struct {
	law   property
	out   strings.Builder
	calls []function // open functions, innermost last
	joint bool       // no space before the next token
}

// value filters a value: every token must be of a kind that the property
// allows. The order of tokens is not checked, for browsers ignore values that
// make no sense.
func value(toks []token, law property) (string, bool) {
	w := &valueWriter{law: law, joint: true}
	if len(toks) == 0 || len(toks) > maxComponents {
		return "", false
	}
	for _, t := range toks {
		if !w.token(t) {
			return "", false
		}
	}
	return w.out.String(), len(w.calls) == 0 && w.out.Len() > 0
}

// may reports whether the innermost function, or the property itself, takes
// values of kind k.
func (w *valueWriter) may(k kind) bool { return w.kinds()&k != 0 }

func (w *valueWriter) kinds() kind {
	if n := len(w.calls); n > 0 {
		return w.calls[n-1].takes
	}
	return w.law.kinds
}

func (w *valueWriter) words() string {
	if n := len(w.calls); n > 0 {
		return w.calls[n-1].words
	}
	return w.law.words
}

func (w *valueWriter) token(t token) bool {
	switch t.kind {
	case css.WhitespaceToken:
		return true
	case css.IdentToken:
		return w.ident(t.name)
	case css.NumberToken, css.PercentageToken, css.DimensionToken:
		return w.number(t.text)
	case css.HashToken:
		ok := w.may(aColor) && isHexColor(t.name)
		return ok && w.put("#"+asciiLower(t.name))
	case css.StringToken:
		name := strings.Trim(t.text, `"'`)
		return w.may(aFont) && isFontName(name) && w.put("'"+name+"'")
	case css.CommaToken:
		w.out.WriteByte(',')
		w.joint = true
		return true
	case css.FunctionToken:
		return w.open(t.name)
	case css.RightParenthesisToken:
		if len(w.calls) == 0 {
			return false
		}
		w.calls = w.calls[:len(w.calls)-1]
		w.out.WriteByte(')')
		w.joint = false
		return true
	case css.DelimToken:
		return w.delim(t.text)
	}
	return false // url(), bad strings, brackets, braces and all that is new
}

func (w *valueWriter) put(s string) bool {
	if !w.joint {
		w.out.WriteByte(' ')
	}
	w.out.WriteString(s)
	w.joint = false
	return true
}

func (w *valueWriter) ident(name string) bool {
	switch {
	case hasWord(w.words(), name), len(w.calls) == 0 && hasWord(everyProperty, name):
	case w.may(aColor) && namedColours[name]:
	case w.may(aFont) && len(w.calls) == 0 && isFontName(name) && isASCII(name):
	default:
		return false
	}
	return w.put(name)
}

func (w *valueWriter) open(name string) bool {
	f, known := functions[name]
	if !known || !w.may(f.gives) || len(w.calls) >= maxCSSDepth {
		return false
	}
	w.put(name + "(")
	w.joint = true
	w.calls = append(w.calls, f)
	return true
}

func (w *valueWriter) delim(text string) bool {
	switch text {
	case "/":
		return w.may(aSlash) && w.put("/")
	case "+", "-", "*":
		return len(w.calls) > 0 && w.may(aSum) && w.put(text)
	}
	return false
}

// number writes a number with its unit, clamped to what a page can have.
func (w *valueWriter) number(text string) bool {
	end := unitStart(text)
	unit := asciiLower(decodeEscapes(text[end:]))
	limit, known := units[unit]
	if !known || !w.may(limit.kind) {
		return false
	}
	n, err := strconv.ParseFloat(text[:end], 64)
	if err != nil && n == 0 { // out of range gives an infinity, which is clamped
		return false
	}
	n = min(max(n, -limit.most), limit.most)
	s := strconv.FormatFloat(n, 'f', 4, 64)
	s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	if s == "-0" || s == "" {
		s = "0"
	}
	return w.put(s + unit)
}

// unitStart returns the index at which the unit of a number begins: at the first
// letter that does not belong to an exponent, or at the end.
func unitStart(text string) int {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c >= '0' && c <= '9' || c == '.' || i == 0 && (c == '+' || c == '-'):
		case (c == 'e' || c == 'E') && isExponent(text[i+1:]):
			i++ // the sign or first digit
			for i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9' {
				i++
			}
			if i+1 < len(text) {
				return i + 1
			}
			return len(text)
		default:
			return i
		}
	}
	return len(text)
}

func isExponent(s string) bool {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	return s != "" && s[0] >= '0' && s[0] <= '9'
}

func isHexColor(s string) bool {
	n := len(s)
	return (n == 3 || n == 4 || n == 6 || n == 8) && strings.Trim(asciiLower(s), "0123456789abcdef") == ""
}

// isFontName allows letters of any script, digits, spaces and hyphens.
func isFontName(s string) bool {
	if s == "" || len(s) > 80 {
		return false
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != ' ' && r != '-' && r != '_' {
			return false
		}
	}
	return strings.TrimSpace(s) == s
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
