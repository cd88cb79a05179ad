package maildir

import (
	"strings"

	"fantail/internal/mail"

	foreign "github.com/emersion/go-maildir"
)

// Letters is a set of keyword letters: bit 0 is the letter a, bit 25 is z.
// Which keyword a letter stands for is the business of each mailbox's keyword
// file; here they are only kept.
type Letters uint32

// AllLetters are the 26 letters that a name can hold.
const AllLetters Letters = 1<<26 - 1

// Has reports whether every letter of m is set in l.
func (l Letters) Has(m Letters) bool { return l&m == m }

// Name is the name of a message file, taken apart:
//
//	base ":2," flags ["," tail]
//
// Base identifies the message for as long as it exists and never changes. The
// rest changes with every change of flags. What other programs wrote there and
// we do not understand is kept where it was: a second info field, capital
// letters that are no flags of ours (P, "passed", is one), and a tail.
//
// Names are comparable: two of them are equal if they say the same.
type Name struct {
	Base    string     // up to the first colon
	Flags   mail.Flags // D F R S T
	Letters Letters    // a-z

	// extra is empty for ordinary names. Otherwise it is
	// other-info ":" unknown-flags [ "," tail ], where other-info is empty or
	// begins with a colon and the last two hold no colon.
	extra string
}

// flagLetters is in the order in which Maildir wants them: ASCII.
var flagLetters = [...]struct {
	letter byte
	flag   mail.Flags
}{
	{byte(foreign.FlagDraft), mail.Draft},
	{byte(foreign.FlagFlagged), mail.Flagged},
	{byte(foreign.FlagReplied), mail.Answered},
	{byte(foreign.FlagSeen), mail.Seen},
	{byte(foreign.FlagTrashed), mail.Deleted},
}

func flagOf(c byte) mail.Flags {
	for _, f := range flagLetters {
		if f.letter == c {
			return f.flag
		}
	}
	return 0
}

// ParseName takes the name of a file in new or cur apart. It reports false for
// files that are no messages: the name is empty, begins with a dot, has no
// base, or holds CR, LF (text files list names by line), NUL or a slash.
//
// Everything else is a message. The base ends at the first colon, the flags
// begin after the last one, if "2," stands there; without it the message has no
// flags.
func ParseName(file string) (Name, bool) {
	for _, c := range [...]byte{'\r', '\n', '/', 0} {
		if strings.IndexByte(file, c) >= 0 {
			return Name{}, false
		}
	}
	return parseClean(file)
}

// parseClean is ParseName for names that hold none of the forbidden characters.
func parseClean(file string) (Name, bool) {
	if file == "" || file[0] == '.' || file[0] == ':' {
		return Name{}, false
	}
	first := strings.IndexByte(file, ':')
	if first < 0 {
		return Name{Base: file}, true
	}
	n := Name{Base: file[:first]}
	last := strings.LastIndexByte(file, ':')
	other, info := file[first:last], file[last+1:]
	flags, ok := strings.CutPrefix(info, "2,")
	if !ok {
		other, flags = file[first:], ""
	}
	n.setInfo(other, flags)
	return n, true
}

// setInfo reads what follows "2," up to the end of the name.
func (n *Name) setInfo(other, info string) {
	end := strings.IndexByte(info, ',')
	if end < 0 {
		end = len(info)
	}
	known := 0
	for i := 0; i < end; i++ {
		c := info[i]
		switch f := flagOf(c); {
		case f != 0:
			n.Flags |= f
			known++
		case 'a' <= c && c <= 'z':
			n.Letters |= 1 << (c - 'a')
			known++
		}
	}
	if other == "" && known == len(info) {
		return
	}
	var b strings.Builder
	b.WriteString(other)
	b.WriteByte(':')
	for i := 0; i < end; i++ {
		if c := info[i]; flagOf(c) == 0 && (c < 'a' || c > 'z') {
			b.WriteByte(c)
		}
	}
	b.WriteString(info[end:])
	n.extra = b.String()
	if n.extra == ":" {
		n.extra = ""
	}
}

// String is the name of the file in cur: always with an info field, its flags
// sorted by ASCII. Flags that are not ours stay in front of the first of ours
// that is greater.
func (n Name) String() string {
	var other, unknown, tail string
	if n.extra != "" {
		colon := strings.LastIndexByte(n.extra, ':')
		other, unknown = n.extra[:colon], n.extra[colon+1:]
		if i := strings.IndexByte(unknown, ','); i >= 0 {
			unknown, tail = unknown[:i], unknown[i:]
		}
	}
	var room [256]byte // more than a file system allows
	b := room[:0]
	b = append(b, n.Base...)
	b = append(b, other...)
	b = append(b, ":2,"...)
	put := func(c byte) {
		for unknown != "" && unknown[0] < c {
			b = append(b, unknown[0])
			unknown = unknown[1:]
		}
		b = append(b, c)
	}
	for _, f := range flagLetters {
		if n.Flags.Has(f.flag) {
			put(f.letter)
		}
	}
	for i := range byte(26) {
		if n.Letters&(1<<i) != 0 {
			put('a' + i)
		}
	}
	b = append(b, unknown...)
	return string(append(b, tail...))
}

// With is the name of the same message with these flags and letters in place of
// the ones it has. What we do not understand stays.
func (n Name) With(f mail.Flags, l Letters) Name {
	n.Flags = f & mail.AllFlags
	n.Letters = l & AllLetters
	return n
}

// Size is the number of octets that the name claims for the message as stored
// (",S=" in the base; for a compressed file: as it was before compression).
// False if it claims none.
func (n Name) Size() (int64, bool) { return sizeField(n.Base, 'S') }

// VirtualSize is the number of octets that the name claims for the message once
// each line ends in CRLF (",W=" in the base), which is RFC822.SIZE (RFC 9051
// section 2.3.4). False if it claims none.
func (n Name) VirtualSize() (int64, bool) { return sizeField(n.Base, 'W') }

// sizeField finds ",<key>=<digits>", which ends at a comma or with the base.
func sizeField(base string, key byte) (int64, bool) {
	for {
		i := strings.IndexByte(base, ',')
		if i < 0 {
			return 0, false
		}
		base = base[i+1:]
		if len(base) < 3 || base[0] != key || base[1] != '=' {
			continue
		}
		digits, _, _ := strings.Cut(base[2:], ",")
		if n, ok := parseSize(digits); ok {
			return n, true
		}
	}
}

// parseSize reads a decimal number of at most 18 digits, so that it fits.
func parseSize(digits string) (int64, bool) {
	if digits == "" || len(digits) > 18 {
		return 0, false
	}
	var n int64
	for i := 0; i < len(digits); i++ {
		c := digits[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
