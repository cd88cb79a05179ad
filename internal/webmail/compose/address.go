package compose

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// What is wrong with a field. They are wrapped in a FieldError.
var (
	ErrControl   = errors.New("a control character")
	ErrUTF8      = errors.New("not valid UTF-8")
	ErrLong      = errors.New("too long")
	ErrNoAddress = errors.New("no address")
	ErrLocal     = errors.New("not the name of a mailbox")
	ErrDomain    = errors.New("not the name of a host or domain")
	ErrNoDate    = errors.New("no date")
	ErrMessageID = errors.New("not a message identifier")
	ErrType      = errors.New("not a media type")
	ErrTooMany   = errors.New("too many")
)

// FieldError says which field of a message cannot be sent, and why.
type FieldError struct {
	Field string // as in the header, or Text, HTML, Filename
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// Address is the address of a mailbox (RFC 5322 section 3.4). The domain is one of
// A-labels once it has been checked, as all are that this package returns.
type Address struct {
	Name   string // display name, as people see it
	Local  string // local part, without quotes
	Domain string
}

// The limits of RFC 5321 section 4.5.3.1, and one of ours for names.
const (
	maxLocal  = 64
	maxDomain = 255
	maxName   = 500
)

// Addr returns local@domain, with the local part in quotes where that must be.
func (a Address) Addr() string { return quoteLocal(a.Local) + "@" + a.Domain }

// Display returns local@domain for people: the domain in its own script.
func (a Address) Display() string {
	if u, err := idna.Lookup.ToUnicode(a.Domain); err == nil {
		a.Domain = u
	}
	return a.Addr()
}

// String returns the address as somebody would type it.
func (a Address) String() string {
	switch {
	case a.Name == "":
		return a.Display()
	case strings.ContainsAny(a.Name, specials) || strings.Contains(a.Name, "  "):
		return quoted(a.Name) + " <" + a.Display() + ">"
	}
	return a.Name + " <" + a.Display() + ">"
}

// key is what two addresses of the same mailbox have in common. Local parts are the
// business of their host (RFC 5321 section 2.4), but none in use tells the cases apart.
func (a Address) key() string { return strings.ToLower(a.Local + "@" + a.Domain) }

// Same reports whether a and b are the same mailbox, whatever their names.
func (a Address) Same(b Address) bool { return a.key() == b.key() }

// checked returns the address in its normal form, or what is wrong with it.
func (a Address) checked() (Address, error) {
	if err := checkLine(a.Name); err != nil {
		return a, err
	}
	if len(a.Name) > maxName {
		return a, fmt.Errorf("%w: a name of %d octets", ErrLong, len(a.Name))
	}
	a.Name = strings.Join(strings.Fields(a.Name), " ")
	if a.Local == "" && a.Domain == "" {
		return a, ErrNoAddress
	}
	if err := checkLine(a.Local); err != nil {
		return a, err
	}
	if a.Local == "" || len(a.Local) > maxLocal {
		return a, fmt.Errorf("%w: %q", ErrLocal, a.Local)
	}
	domain, err := asciiDomain(a.Domain)
	a.Domain = domain
	return a, err
}

// asciiDomain returns a domain as A-labels (RFC 5890 section 2.3.2.1), or an address
// literal as it is (RFC 5321 section 4.1.3).
func asciiDomain(domain string) (string, error) {
	bad := fmt.Errorf("%w: %q", ErrDomain, domain)
	if err := checkLine(domain); err != nil {
		return domain, err
	}
	if literal, ok := strings.CutPrefix(domain, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		if !ok || literal == "" || len(literal) > maxDomain || strings.Trim(literal, "0123456789abcdefABCDEF.:IPv") != "" {
			return domain, bad
		}
		return domain, nil
	}
	ascii := strings.ToLower(domain)
	if !isASCII(domain) {
		var err error
		if ascii, err = idna.Lookup.ToASCII(domain); err != nil {
			return domain, bad
		}
	}
	if len(ascii) > maxDomain {
		return domain, bad
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.ContainsFunc(label, func(r rune) bool { return !isLetterDigit(r) && r != '-' && r != '_' }) {
			return domain, bad
		}
	}
	return ascii, nil
}

func isLetterDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// checkLine refuses what must not get into a header: control characters, which could
// end the field or hide something from whoever looks at it, and octets that are no text.
func checkLine(s string) error {
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			return fmt.Errorf("%w at octet %d", ErrUTF8, i)
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			return fmt.Errorf("%w at octet %d", ErrControl, i)
		}
	}
	return nil
}

// OneLine makes one line of s, as for a subject that somebody has pasted: white space
// and line ends become one space each, other control characters go.
func OneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// specials are those of RFC 5322 section 3.2.3.
const specials = `()<>[]:;@\,."`

// isAtext reports whether a character may be in an atom (RFC 5322 section 3.2.3, RFC
// 6532 section 3.2).
func isAtext(r rune) bool { return r > ' ' && r != 0x7F && !strings.ContainsRune(specials, r) }

// quoteLocal puts a local part in quotes if it is no dot-atom.
func quoteLocal(s string) string {
	if s == "" || strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, "..") ||
		strings.ContainsFunc(s, func(r rune) bool { return r != '.' && !isAtext(r) }) {
		return quoted(s)
	}
	return s
}

// quoted returns a quoted-string (RFC 5322 section 3.2.4).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
