package htmlsafe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
)

// styler filters the CSS of one message. Tokens come from a lexer; everything
// that is written is written from decoded tokens that a table allows, in one
// canonical form without strings (but font names), escapes and comments.
type styler struct {
	bytes     int // of CSS read so far
	selectors int // read so far
	dark      bool
	adapt     bool   // colours get another value for dark screens
	colours   int    // that got one
	scheme    Scheme // that conditions are about
	err       error  // sticky
}

// token is a lexical unit with its escapes decoded and its name in lower case.
type token struct {
	kind css.TokenType
	text string // as written
	name string // of identifiers, functions, at-keywords, hashes: decoded, without ( @ #
}

// tokens reads CSS. Comments become white space, so that what stood around
// them does not grow together.
func (s *styler) tokens(src string) []token {
	if s.bytes += len(src); s.bytes > maxStyle {
		s.err = fmt.Errorf("%w: more than %d bytes of CSS", ErrTooComplex, maxStyle)
		return nil
	}
	l := css.NewLexer(parse.NewInputString(src))
	var out []token
	for {
		kind, text := l.Next()
		switch kind {
		case css.ErrorToken:
			return out
		case css.CommentToken, css.WhitespaceToken:
			if len(out) == 0 || out[len(out)-1].kind != css.WhitespaceToken {
				out = append(out, token{kind: css.WhitespaceToken, text: " "})
			}
		default:
			out = append(out, newToken(kind, string(text)))
		}
	}
}

func newToken(kind css.TokenType, text string) token {
	t := token{kind: kind, text: text}
	switch kind {
	case css.IdentToken:
		t.name = asciiLower(decodeEscapes(text))
	case css.FunctionToken:
		t.name = asciiLower(decodeEscapes(strings.TrimSuffix(text, "(")))
	case css.AtKeywordToken, css.HashToken:
		t.name = decodeEscapes(text[1:])
		if kind == css.AtKeywordToken {
			t.name = asciiLower(t.name)
		}
	}
	return t
}

// decodeEscapes undoes the escapes of CSS Syntax section 4.3.7: a backslash
// with up to six hexadecimal digits and one white space, or any other
// character.
func decodeEscapes(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			out.WriteByte(s[i])
			i++
			continue
		}
		i++
		code, digits := 0, 0
		for ; i < len(s) && digits < 6 && unhex(s[i]) >= 0; i++ {
			code, digits = code<<4|unhex(s[i]), digits+1
		}
		if digits == 0 {
			continue // the next character stands for itself
		}
		out.WriteRune(rune(code)) // beyond Unicode: U+FFFD, which no table has
		if i < len(s) && strings.IndexByte(" \t\n\r\f", s[i]) >= 0 {
			i++
		}
	}
	return out.String()
}

// sheets filters the style elements of a message into one sheet.
func (s *styler) sheets(in []styleSheet) string {
	var out strings.Builder
	for _, sheet := range in {
		rules := s.rules(s.tokens(sheet.text), 0)
		if rules == "" {
			continue
		}
		if strings.TrimSpace(sheet.media) != "" {
			media, ok := s.media(s.tokens(sheet.media))
			if !ok {
				continue
			}
			rules = "@media " + media + "{" + rules + "}"
		}
		out.WriteString(rules)
	}
	return out.String()
}

// rules reads the rules of a sheet or of an @media block.
func (s *styler) rules(toks []token, depth int) string {
	var out strings.Builder
	for len(toks) > 0 && s.err == nil {
		switch toks[0].kind {
		case css.WhitespaceToken, css.CDOToken, css.CDCToken, css.SemicolonToken, css.RightBraceToken:
			toks = toks[1:]
			continue
		}
		prelude, block, rest := cutRule(toks)
		toks = rest
		if prelude[0].kind == css.AtKeywordToken {
			if prelude[0].name == "media" && depth < 2 {
				s.mediaRule(&out, prelude[1:], block, depth)
			}
			continue // @import, @font-face, @supports and all others
		}
		selectors, root := s.selectorList(prelude)
		if selectors == "" {
			continue
		}
		if d := s.block(block, root); d != "" {
			out.WriteString(selectors + "{" + d + "}")
		}
	}
	return out.String()
}

func (s *styler) mediaRule(out *strings.Builder, prelude, block []token, depth int) {
	media, ok := s.media(prelude)
	if !ok {
		return
	}
	if r := s.rules(block, depth+1); r != "" {
		out.WriteString("@media " + media + "{" + r + "}")
	}
}

// cutRule splits off one rule: what precedes its block, the block's content,
// and what follows. A rule without block ends at a semicolon if it is an
// at-rule, and at the end of the sheet otherwise. toks is not empty, and so is
// prelude.
func cutRule(toks []token) (prelude, block, rest []token) {
	atRule := toks[0].kind == css.AtKeywordToken
	for i, depth := 0, 0; i < len(toks); i++ {
		switch toks[i].kind {
		case css.LeftParenthesisToken, css.LeftBracketToken, css.FunctionToken:
			depth++
		case css.RightParenthesisToken, css.RightBracketToken:
			depth = max(depth-1, 0)
		case css.SemicolonToken:
			if atRule && depth == 0 && i > 0 {
				return toks[:i], nil, toks[i+1:]
			}
		case css.LeftBraceToken:
			end := closing(toks, i)
			after := min(end+1, len(toks))
			if i == 0 { // a block without a prelude
				return toks[:1], nil, toks[after:]
			}
			return toks[:i], toks[i+1 : end], toks[after:]
		}
	}
	return toks, nil, nil
}

// closing returns the index of the brace that closes the one at i, or the
// length of toks if none does.
func closing(toks []token, i int) int {
	depth := 0
	for ; i < len(toks); i++ {
		switch toks[i].kind {
		case css.LeftBraceToken:
			depth++
		case css.RightBraceToken:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return i
}

// declarations filters a style attribute.
func (s *styler) declarations(src string) string {
	return s.block(s.tokens(src), false)
}

// block filters the declarations of a rule. Rules inside of it (CSS Nesting)
// are not read. root: the rule may apply to <body>, which must not vanish.
func (s *styler) block(toks []token, root bool) string {
	var out []string
	for len(toks) > 0 {
		end, nested := declarationEnd(toks)
		if !nested {
			if d := s.declaration(trimSpace(toks[:end]), root); d != "" {
				out = append(out, d)
			}
		}
		toks = toks[min(end+1, len(toks)):]
	}
	return strings.Join(out, ";")
}

// declarationEnd finds the semicolon that ends the first declaration of toks,
// or the brace that ends a nested rule.
func declarationEnd(toks []token) (end int, nested bool) {
	depth := 0
	for i, t := range toks {
		switch t.kind {
		case css.LeftParenthesisToken, css.LeftBracketToken, css.FunctionToken:
			depth++
		case css.RightParenthesisToken, css.RightBracketToken:
			depth = max(depth-1, 0)
		case css.LeftBraceToken:
			return closing(toks, i), true
		case css.SemicolonToken:
			if depth == 0 {
				return i, false
			}
		}
	}
	return len(toks), false
}

func trimSpace(toks []token) []token {
	for len(toks) > 0 && toks[0].kind == css.WhitespaceToken {
		toks = toks[1:]
	}
	for len(toks) > 0 && toks[len(toks)-1].kind == css.WhitespaceToken {
		toks = toks[:len(toks)-1]
	}
	return toks
}

// declaration filters "property: value [!important]"; the result is empty if
// any part of it is not known.
func (s *styler) declaration(toks []token, root bool) string {
	if len(toks) < 3 || toks[0].kind != css.IdentToken {
		return ""
	}
	name := toks[0].name
	law, known := properties[name]
	toks = trimSpace(toks[1:])
	if !known || len(toks) == 0 || toks[0].kind != css.ColonToken {
		return ""
	}
	toks, important := cutImportant(trimSpace(toks[1:]))
	if important && root && (name == "display" || name == "position") {
		important = false
	}
	w := &valueWriter{law: law, joint: true}
	if s.adapt {
		w.role = roleOf(name)
	}
	v, ok := w.value(toks)
	s.colours += w.adapted
	s.dark = s.dark || w.dark
	if !ok {
		return ""
	}
	if important {
		v += "!important"
	}
	return name + ":" + v
}

// cutImportant removes "! important" from the end of a value.
func cutImportant(toks []token) (rest []token, important bool) {
	n := len(toks)
	if n < 2 || toks[n-1].kind != css.IdentToken || toks[n-1].name != "important" {
		return toks, false
	}
	before := trimSpace(toks[:n-1])
	if len(before) == 0 || before[len(before)-1].text != "!" {
		return toks, false
	}
	return trimSpace(before[:len(before)-1]), true
}

// media filters a list of media queries. It knows types, and/not/only, and
// features with a length or a word, each in parentheses.
func (s *styler) media(toks []token) (string, bool) {
	var out []string
	toks = trimSpace(toks)
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		switch {
		case t.kind == css.WhitespaceToken:
		case t.kind == css.CommaToken:
			out = append(out, ",")
		case t.kind == css.IdentToken && hasWord("screen print all only not and or", t.name):
			out = append(out, t.name)
		case t.kind == css.LeftParenthesisToken:
			end := slices.IndexFunc(toks[i:], func(t token) bool { return t.kind == css.RightParenthesisToken })
			if end < 0 {
				return "", false
			}
			f, ok := s.mediaFeature(trimSpace(toks[i+1 : i+end]))
			if !ok {
				return "", false
			}
			out = append(out, f)
			i += end
		default:
			return "", false
		}
	}
	return strings.Join(out, " "), len(out) > 0 && len(out) < 50
}

// mediaFeature filters "feature: value".
func (s *styler) mediaFeature(toks []token) (string, bool) {
	if len(toks) < 3 || toks[0].kind != css.IdentToken {
		return "", false
	}
	name := toks[0].name
	law, known := mediaFeatures[name]
	toks = trimSpace(toks[1:])
	if !known || len(toks) == 0 || toks[0].kind != css.ColonToken {
		return "", false
	}
	v, ok := (&valueWriter{law: law, joint: true}).value(trimSpace(toks[1:]))
	if name == "prefers-color-scheme" {
		s.dark = true
		switch {
		case s.scheme == AnyScheme:
		case v == string(s.scheme):
			name, v = "min-width", "0px" // which is true
		default:
			name, v = "max-width", "0px"
		}
	}
	return "(" + name + ":" + v + ")", ok
}
