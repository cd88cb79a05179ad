package message

// idScanner finds the msg-ids of RFC 5322 section 3.6.4 in an unfolded field,
// with the obsolete forms of section 4.5.4. Phrases and comments between them are
// passed over. Inside the brackets everything goes that is told apart from what
// surrounds it, as long as there is an "@" with something on either side: ids are
// compared, not understood.
type idScanner struct {
	fieldScanner
	plain bool // a quote or parenthesis without its partner was seen: from there on they are octets like others
}

// firstID returns the first id in a field, "" if there is none.
func firstID(field string) string {
	sc := idScanner{fieldScanner: fieldScanner{s: field}}
	return sc.next()
}

// next returns the next id in its normal form, "" if there is none.
func (sc *idScanner) next() string {
	for sc.i < len(sc.s) {
		switch c := sc.s[sc.i]; {
		case c == '<':
			if id := sc.id(); id != "" {
				return id
			}
		case !sc.plain && (c == '"' || c == '('):
			sc.partnered()
		default:
			sc.i++
		}
	}
	return ""
}

// partnered passes over the quoted-string or comment that comes next and returns
// what is in a quoted-string. If it has no end, it stays where it is.
func (sc *idScanner) partnered() (text string) {
	start := sc.i
	if sc.take('"') {
		text = sc.quoted()
	} else {
		sc.space()
	}
	if !sc.closed {
		sc.i, sc.plain = start, true
		return ""
	}
	return text
}

// id reads the id at the "<" that comes next, "" if it is none.
func (sc *idScanner) id() string {
	sc.i++
	start, at := sc.i, -1
	for ; sc.i < len(sc.s); sc.i++ {
		switch sc.s[sc.i] {
		case '>':
			sc.i++
			if at <= start || at == sc.i-2 {
				return ""
			}
			return sc.s[start : sc.i-1]
		case '<':
			return ""
		case '@':
			at = sc.i
		case '"', '(', '\\', ' ', '\t':
			sc.i = start
			return sc.unquotedID()
		}
	}
	return ""
}

// unquotedID reads the rest of an id that may have quotes, comments and white
// space in it, and returns it without them.
func (sc *idScanner) unquotedID() string {
	var id []byte
	at := -1
	for sc.i < len(sc.s) {
		switch c := sc.s[sc.i]; {
		case c == '>':
			sc.i++
			if at < 1 || at == len(id)-1 {
				return ""
			}
			return string(id)
		case c == '<':
			return ""
		case !sc.plain && (c == '"' || c == '('):
			id = append(id, sc.partnered()...)
		case isSpace(c):
			sc.i++
		default:
			if c == '@' {
				at = len(id)
			} else if c == '\\' && sc.i+1 < len(sc.s) {
				sc.i++
			}
			id = append(id, sc.s[sc.i])
			sc.i++
		}
	}
	return ""
}
