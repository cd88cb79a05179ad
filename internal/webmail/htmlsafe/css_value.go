package htmlsafe

import (
	"slices"
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
	out   []byte
	calls []function // open functions, innermost last
	joint bool       // no space before the next token

	role    role // for which colours are adapted to dark screens
	adapted int  // colours that were
	dark    bool // the value has colours of its own for them
	begun   int  // where in out the colour begins whose function is open
}

// value filters a value: every token must be of a kind that the property
// allows. The order of tokens is not checked, for browsers ignore values that
// make no sense.
func (w *valueWriter) value(toks []token) (string, bool) {
	if len(toks) == 0 || len(toks) > maxComponents {
		return "", false
	}
	for _, t := range toks {
		if !w.token(t) {
			return "", false
		}
	}
	return string(w.out), len(w.calls) == 0 && len(w.out) > 0
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
		return ok && w.colour("#"+asciiLower(t.name))
	case css.StringToken:
		name := strings.Trim(t.text, `"'`)
		return w.may(aFont) && isFontName(name) && w.put("'"+name+"'")
	case css.CommaToken:
		w.out = append(w.out, ',')
		w.joint = true
		return true
	case css.FunctionToken:
		return w.open(t.name)
	case css.RightParenthesisToken:
		if len(w.calls) == 0 {
			return false
		}
		f := w.calls[len(w.calls)-1]
		w.calls = w.calls[:len(w.calls)-1]
		w.out = append(w.out, ')')
		w.joint = false
		if f.gives == aColor && !w.inColour() {
			w.adapt(w.begun)
		}
		return true
	case css.DelimToken:
		return w.delim(t.text)
	}
	return false // url(), bad strings, brackets, braces and all that is new
}

func (w *valueWriter) put(s string) bool {
	if !w.joint {
		w.out = append(w.out, ' ')
	}
	w.out = append(w.out, s...)
	w.joint = false
	return true
}

// colour writes one.
func (w *valueWriter) colour(s string) bool {
	w.put(s)
	if !w.inColour() {
		w.adapt(len(w.out) - len(s))
	}
	return true
}

// inColour reports whether a function is open that makes a colour.
func (w *valueWriter) inColour() bool {
	return slices.ContainsFunc(w.calls, func(f function) bool { return f.gives == aColor })
}

// adapt gives the colour that begins at a place of what was written another value for
// dark screens.
func (w *valueWriter) adapt(at int) {
	colour := string(w.out[at:])
	if dark, ok := w.role.onDark(colour); ok {
		w.adapted++
		w.out = append(w.out[:at], "light-dark("+colour+","+dark+")"...)
	}
}

func (w *valueWriter) ident(name string) bool {
	switch {
	case hasWord(w.words(), name), len(w.calls) == 0 && hasWord(everyProperty, name):
	case w.may(aColor) && isColourName(name):
		return w.colour(name)
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
	outer := !w.inColour()
	w.put(name + "(")
	if f.gives == aColor && outer {
		w.begun = len(w.out) - len(name) - 1
	}
	w.dark = w.dark || name == "light-dark"
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
