package wire

// class is a set of character classes of RFC 9051 section 9, one bit each.
type class uint8

const (
	atomChar    class = 1 << iota // ATOM-CHAR
	astringChar                   // ASTRING-CHAR: ATOM-CHAR and "]"
	tagChar                       // ASTRING-CHAR without "+"
	listChar                      // list-char: ASTRING-CHAR and the wildcards
	quotedChar                    // stands for itself in a quoted string, UTF-8 included
	nameChar                      // letters, digits, "-", "." and "_": the fixed words of the grammar
	digitChar                     // DIGIT
)

// classes tells the classes of every octet.
var classes = buildClasses()

func buildClasses() (t [256]class) {
	for i := range t {
		t[i] = classOf(byte(i))
	}
	return t
}

func classOf(c byte) class {
	switch {
	case c == 0 || c == '\r' || c == '\n':
		return 0
	case c == '"' || c == '\\':
		return 0
	case c <= ' ' || c >= 0x7f || c == '(' || c == ')' || c == '{':
		return quotedChar
	}
	t := quotedChar
	switch c {
	case '%', '*':
		return t | listChar
	case ']':
		return t | astringChar | tagChar | listChar
	case '+':
		return t | atomChar | astringChar | listChar
	}
	t |= atomChar | astringChar | tagChar | listChar
	switch {
	case c >= '0' && c <= '9':
		t |= digitChar | nameChar
	case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '-', c == '.', c == '_':
		t |= nameChar
	}
	return t
}

// spanOf returns how many octets at the start of b are of class c.
func spanOf(b []byte, c class) int {
	for i, o := range b {
		if classes[o]&c == 0 {
			return i
		}
	}
	return len(b)
}

// IsAtom reports whether s is an atom (RFC 9051 section 9).
func IsAtom(s string) bool { return all(s, atomChar) }

// all reports whether s is not empty and every octet of it is of class c.
func all(s string, c class) bool {
	for i := range len(s) {
		if classes[s[i]]&c == 0 {
			return false
		}
	}
	return s != ""
}
