package message

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// excerpt chooses from the lines of a text what a preview shows of it: what the
// sender wrote, or if that is nothing, what is quoted.
type excerpt struct {
	text, quoted snippet
	to           *snippet // of the current line; nil if it is left out
	ended        bool     // the rest is a signature, an older message or no text
	skip         int      // lines to be left out, unless an empty one comes before
	blank        bool     // an empty line came last

	// The last lines of text in the current paragraph, which may tell who wrote
	// what is quoted next.
	lines [3]textLine
	n     int
}

// textLine is where a line begins in a snippet.
type textLine struct {
	begin snippet
	names bool // it has a digit or an "@", as the lines have that name date or author
	long  bool // it is as long as lines that are wrapped
}

// maxHead bounds the lines of a header inside a text.
const maxHead = 12

// done reports whether no more lines are wanted.
func (x *excerpt) done() bool { return x.ended || x.text.cut }

// String returns the excerpt.
func (x *excerpt) String() string {
	if len(x.text.b) > 0 {
		return string(x.text.b)
	}
	return string(x.quoted.b)
}

// line takes a line, or the beginning of one that is longer than some kB.
func (x *excerpt) line(line []byte, quote bool) {
	x.to = nil
	s := bytes.TrimSpace(line)
	switch {
	case len(s) == 0:
		x.blank, x.skip = true, 0
	case x.skip > 0:
		x.skip--
	case s[0] == '-' && x.divides(s, line):
	case isRule(s):
	case quote || s[0] == '>':
		x.unattribute()
		x.to = &x.quoted
		x.to.gap = true
		x.to.add(bytes.TrimLeft(s, "> "))
	default:
		x.to = &x.text
		x.to.gap = true
		x.mark(s)
		x.to.add(s)
	}
}

// more takes the next octets of the line.
func (x *excerpt) more(b []byte) {
	if x.to != nil {
		x.to.add(b)
	}
}

// divides reports whether a line of dashes divides the text, and takes note of
// how: a signature (RFC 3676 section 4.3) ends it, as armour does, and an older
// message, if it does not stand alone. s is the line without white space around
// it.
func (x *excerpt) divides(s, line []byte) bool {
	switch {
	case string(s) == "--":
		x.ended = len(x.text.b) > 0 || len(x.quoted.b) > 0 || bytes.HasPrefix(line, []byte("-- "))
	case !bytes.HasPrefix(s, []byte("-----")):
		return false
	case bytes.HasPrefix(s, []byte("-----BEGIN PGP SIGNED MESSAGE")):
		x.skip = maxHead
	case bytes.HasPrefix(s, []byte("-----BEGIN ")):
		x.ended = true
	case !bytes.HasSuffix(s, []byte("---")) || isRule(s):
		return false
	default: // "-----Original Message-----" in any language
		x.ended = len(x.text.b) > 0
		x.skip = maxHead
	}
	return true
}

// isRule reports whether a line is drawn instead of written.
func isRule(s []byte) bool {
	return len(s) >= 4 && bytes.IndexByte([]byte("-_=*#~"), s[0]) >= 0 && bytes.Count(s, s[:1]) == len(s)
}

// mark notes where a line of text begins.
func (x *excerpt) mark(s []byte) {
	if x.blank {
		x.n, x.blank = 0, false
	}
	if x.n == len(x.lines) {
		x.n = copy(x.lines[:], x.lines[1:])
	}
	x.lines[x.n] = textLine{begin: x.text, names: bytes.ContainsAny(s, "0123456789@"), long: len(s) >= 40}
	x.n++
}

// unattribute removes the line before a quote that says whose it is, if there is
// one: it ends with a colon. It may be wrapped: "On Monday, 1 January, Ann
// <ann@example.org>" and "wrote:".
func (x *excerpt) unattribute() {
	i := x.n - 1
	x.n = 0
	if i < 0 || !bytes.HasSuffix(x.text.b, []byte(":")) && !bytes.HasSuffix(x.text.b, []byte("\uff1a")) {
		return
	}
	if !x.lines[i].names && i > 0 && x.lines[i-1].long && x.lines[i-1].names {
		i--
	}
	x.text = x.lines[i].begin
}

// snippet collects characters with all white space as single spaces.
type snippet struct {
	b     []byte
	chars int
	last  int  // where the last character that is no mark begins in b
	gap   bool // white space is due
	joins bool // the next character joins the last one
	cut   bool // there was no room for more
}

// previewChars is the greatest length of a preview (RFC 8970 section 3.3).
const previewChars = 200

// add takes UTF-8 text.
func (s *snippet) add(text []byte) {
	for len(text) > 0 && !s.cut {
		r, n := rune(text[0]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(text)
		}
		text = text[n:]
		switch {
		case '!' <= r && r <= '~':
			s.character(r, false)
		case unicode.IsSpace(r) || unicode.IsControl(r):
			s.gap = true
		case isInvisible(r) || s.gap && isJoiner(r):
		default:
			s.character(r, isMark(r))
		}
	}
}

// character takes one that is visible. A mark belongs to the one before it, and
// where there is no room for it, there is none for that one.
func (s *snippet) character(r rune, mark bool) {
	gap := s.gap && len(s.b) > 0
	mark = (mark || s.joins) && !s.gap
	s.chars++
	if gap {
		s.chars++
	}
	if s.chars > previewChars {
		s.cut = true
		if mark && s.last > 0 {
			s.b = bytes.TrimRight(s.b[:s.last], " ")
		}
		return
	}
	if s.b == nil {
		s.b = make([]byte, 0, previewChars+previewChars/8) // enough for most languages in Latin letters
	}
	if gap {
		s.b = append(s.b, ' ')
	}
	if !mark {
		s.last = len(s.b)
	}
	s.b = utf8.AppendRune(s.b, r)
	s.gap, s.joins = false, r == zeroWidthJoiner
}

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

func isJoiner(r rune) bool { return r == zeroWidthJoiner || r == zeroWidthNonJoiner }

// isMark reports whether r changes the character before it.
func isMark(r rune) bool {
	return unicode.IsMark(r) || isJoiner(r) ||
		'\U0001f3fb' <= r && r <= '\U0001f3ff' || // skin tones
		'\U000e0020' <= r && r <= '\U000e007f' // tags of flags
}

// isInvisible reports whether r is one of the characters with which senders fill
// up the preview, or one that changes the direction of what follows it.
func isInvisible(r rune) bool {
	switch r {
	case '\u00ad', '\u034f', '\u061c', '\u115f', '\u1160', '\u180e', '\u200b', '\u200e', '\u200f',
		'\u2800', '\u3164', '\ufeff', '\uffa0', utf8.RuneError:
		return true
	}
	return '\u202a' <= r && r <= '\u202e' || '\u2060' <= r && r <= '\u206f'
}
