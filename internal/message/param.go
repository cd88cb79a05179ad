package message

import (
	"slices"
	"strings"
)

// Param is a parameter of Content-Type or Content-Disposition (RFC 2045
// section 5.1). Quoting is removed and the pieces of RFC 2231 section 3 are
// joined. Where a value is extended (RFC 2231 section 4) its Name ends in "*"
// and its Value still has charset, language and percent-encoding, as IMAP
// clients expect to see it: Decode removes them.
type Param struct {
	Name, Value string
}

// Decode returns the parameter's value as UTF-8. Encoded-words, which are not
// allowed in a parameter but common, are decoded too.
func (p Param) Decode() string {
	if !strings.HasSuffix(p.Name, "*") {
		return DecodeHeader(p.Value)
	}
	charset, rest, ok := strings.Cut(p.Value, "'")
	if !ok {
		return DecodeHeader(percentDecode(p.Value))
	}
	_, text, ok := strings.Cut(rest, "'")
	if !ok {
		text = rest
	}
	return toUTF8(charset, percentDecode(text))
}

// paramValue returns the decoded value of the parameter called name; an
// extended one goes before a plain one, which is there for old programs.
func paramValue(params []Param, name string) (string, bool) {
	plain := -1
	for i, p := range params {
		switch {
		case equalFold(p.Name, name):
			if plain < 0 {
				plain = i
			}
		case len(p.Name) == len(name)+1 && p.Name[len(name)] == '*' && equalFold(p.Name[:len(name)], name):
			return p.Decode(), true
		}
	}
	if plain < 0 {
		return "", false
	}
	return params[plain].Decode(), true
}

// boundary returns the boundary parameter, "" if there is none. It does not end
// with white space (RFC 2046 section 5.1.1), and is not decoded: what looks
// like an encoded-word is a usual boundary.
func boundary(params []Param) string {
	for _, p := range params {
		v := p.Value
		if equalFold(p.Name, "boundary*") {
			v = p.Decode()
		} else if !equalFold(p.Name, "boundary") {
			continue
		}
		return strings.TrimRight(v[:min(len(v), maxBoundary)], " \t\r\n")
	}
	return ""
}

// params reads the parameters from here to the end, at most limit of them.
// What cannot be one is passed over up to the next semicolon.
func (f *fieldScanner) params(limit int) []Param {
	var params []Param
	pieces := false
	for f.i < len(f.s) && len(params) < limit {
		name := f.paramName()
		if name == "" {
			continue
		}
		if params == nil {
			params = make([]Param, 0, 2)
		}
		params = append(params, Param{name, f.paramValue()})
		pieces = pieces || strings.IndexByte(name, '*') > 0
	}
	if pieces {
		params = joinPieces(params)
	}
	return params
}

// paramName reads up to the "=" of the next parameter and returns its name.
// Without one it moves on and returns "".
func (f *fieldScanner) paramName() string {
	f.space()
	name := f.token()
	if name == "" {
		f.i = min(f.i+1, len(f.s))
		return ""
	}
	f.space()
	if !f.take('=') {
		return ""
	}
	f.space()
	return name
}

// paramValue reads a value. An unquoted one reaches to the next semicolon, for
// many programs leave out the quotes around file names with spaces: but not
// over a word with "=" after it, for as many leave out the semicolon.
func (f *fieldScanner) paramValue() string {
	if f.take('"') {
		return f.quoted()
	}
	start, end := f.i, f.i
	for f.i < len(f.s) && f.s[f.i] != ';' {
		for f.i < len(f.s) && f.s[f.i] != ';' && !isSpace(f.s[f.i]) {
			f.i++
		}
		end = f.i
		f.space()
		word := f.i
		f.token()
		next := f.i < len(f.s) && f.s[f.i] == '='
		f.i = word
		if next {
			break
		}
	}
	return f.s[start:end]
}

// piece is one piece of a parameter value (RFC 2231 section 3).
type piece struct {
	base     string // the name in lower case, without "*0*"
	number   int
	extended bool
	index    int // in the list of parameters
}

// parsePiece splits a name such as "title*1*"; ok is false if it is no piece.
func parsePiece(name string, index int) (p piece, ok bool) {
	base, rest, found := strings.Cut(name, "*")
	if !found || base == "" {
		return p, false
	}
	if rest, p.extended = strings.CutSuffix(rest, "*"); rest == "" || len(rest) > 4 {
		return p, false
	}
	for _, c := range []byte(rest) {
		if c < '0' || c > '9' {
			return p, false
		}
		p.number = p.number*10 + int(c-'0')
	}
	p.base, p.index = lowerString(base), index
	return p, true
}

// joinPieces replaces the pieces 0, 1, 2 … of a parameter by the whole, which
// takes the place of piece 0. Pieces behind a gap stay as they are, and of
// pieces with the same number the first one counts.
func joinPieces(params []Param) []Param {
	var pieces []piece
	for i, p := range params {
		if pc, ok := parsePiece(p.Name, i); ok {
			pieces = append(pieces, pc)
		}
	}
	slices.SortStableFunc(pieces, func(a, b piece) int {
		if c := strings.Compare(a.base, b.base); c != 0 {
			return c
		}
		return a.number - b.number
	})
	used := make([]bool, len(params))
	for len(pieces) > 0 {
		n := 1
		for n < len(pieces) && pieces[n].base == pieces[0].base {
			n++
		}
		joinOne(params, pieces[:n], used)
		pieces = pieces[n:]
	}
	out := params[:0]
	for i, p := range params {
		if !used[i] {
			out = append(out, p)
		}
	}
	return out
}

// joinOne joins the pieces of one name, sorted, and marks those that are gone.
func joinOne(params []Param, pieces []piece, used []bool) {
	if pieces[0].number != 0 {
		return
	}
	end, extended := 0, false
	for i, pc := range pieces {
		if pc.number > pieces[end].number+1 {
			break
		}
		if i > 0 && pc.number == pieces[end].number {
			used[pc.index] = true
			continue
		}
		end = i
		extended = extended || pc.extended
		used[pc.index] = i > 0
	}
	var b strings.Builder
	last := -1
	for _, pc := range pieces[:end+1] {
		if pc.number == last {
			continue
		}
		last = pc.number
		v := params[pc.index].Value
		if extended && !pc.extended {
			if last == 0 {
				b.WriteString("''") // the charset is not known
			}
			v = percentEncode(v)
		}
		b.WriteString(v)
	}
	first := &params[pieces[0].index]
	first.Name, _, _ = strings.Cut(first.Name, "*")
	if extended {
		first.Name += "*"
	}
	first.Value = b.String()
}

const hexDigits = "0123456789ABCDEF"

// percentEncode escapes what is no attribute-char (RFC 2231 section 7).
func percentEncode(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 0x80 || !isToken(c) || c == '*' || c == '\'' || c == '%' {
			b.WriteString(string([]byte{'%', hexDigits[c>>4], hexDigits[c&15]}))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// percentDecode undoes percent-encoding. A "%" without two digits stays.
func percentDecode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// unhex returns the value of a hexadecimal digit, -1 if c is none.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
