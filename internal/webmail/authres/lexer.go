package authres

import "strings"

type kind uint8

const (
	end kind = iota
	word
	equals
	semicolon
	bad
)

// token is a word, quoted or not, or a sign.
type token struct {
	kind kind
	text string
}

// lexer cuts a field into tokens. Comments (RFC 5322 section 3.2.2), which nest, are
// white space.
type lexer struct {
	s  string
	at int
}

// next returns the next token. A slash with white space around it, between a method and
// its version, is one word with them.
func (l *lexer) next() token { return l.token("=") }

// value is next behind an equals sign, where another one is part of the word: selectors
// and signatures in base64 have it.
func (l *lexer) value() token { return l.token("") }

func (l *lexer) token(signs string) token {
	if !l.space() {
		return token{kind: bad}
	}
	if l.at == len(l.s) {
		return token{kind: end}
	}
	switch c := l.s[l.at]; {
	case c == ';':
		l.at++
		return token{kind: semicolon}
	case c == '"':
		return l.quoted()
	case strings.IndexByte(signs, c) >= 0:
		l.at++
		return token{kind: equals}
	}
	start := l.at
	for l.at < len(l.s) && strings.IndexByte(" \t\r\n;()\"", l.s[l.at]) < 0 && strings.IndexByte(signs, l.s[l.at]) < 0 {
		l.at++
	}
	if l.at == start {
		return token{kind: bad} // a closing bracket
	}
	return token{word, l.s[start:l.at]}
}

// space skips white space and comments; false if a comment does not end.
func (l *lexer) space() bool {
	depth := 0
	for ; l.at < len(l.s); l.at++ {
		switch c := l.s[l.at]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == '\\' && depth > 0:
			l.at++
		case depth == 0 && strings.IndexByte(" \t\r\n", c) < 0:
			return true
		}
	}
	l.at = len(l.s)
	return depth == 0
}

// quoted reads a quoted-string (RFC 5322 section 3.2.4).
func (l *lexer) quoted() token {
	var b strings.Builder
	for l.at++; l.at < len(l.s); l.at++ {
		switch c := l.s[l.at]; c {
		case '"':
			l.at++
			return token{word, b.String()}
		case '\\':
			if l.at++; l.at == len(l.s) {
				return token{kind: bad}
			}
			b.WriteByte(l.s[l.at])
		default:
			b.WriteByte(c)
		}
	}
	return token{kind: bad}
}
