package imap

import "fantail/internal/imap/wire"

// ListArgs are the arguments of LIST with the extensions of RFC 5258, or of LSUB.
type ListArgs struct {
	Reference string
	Patterns  []string // UTF-8
	Extended  bool     // has options or several patterns: RFC 5258 section 3

	// Selection options.
	Subscribed     bool
	RecursiveMatch bool
	SpecialUse     bool // RFC 6154 section 5.2

	// Return options.
	ReturnSubscribed bool
	ReturnChildren   bool
	ReturnSpecialUse bool
}

// Limits of one LIST. The time that a pattern takes grows with its length, the
// length of the name and the number of names.
const (
	maxPatterns = 64
	maxPattern  = 1024 // octets, with the reference
)

// ScanList scans the arguments of LIST and the end of the command.
func ScanList(s *wire.Scanner) (ListArgs, error) {
	var a ListArgs
	s.SP()
	if s.Peek() == '(' {
		a.Extended = true
		s.List(func() { a.scanSelection(s) })
		s.SP()
	}
	a.Reference = decodeName(s, s.AString())
	s.SP()
	if s.Peek() == '(' {
		a.Extended = true
		if s.List(func() { a.addPattern(s) }) == 0 {
			s.Expected("a mailbox pattern")
		}
	} else {
		a.addPattern(s)
	}
	if s.Try(' ') {
		a.Extended = true
		if !s.TryName("RETURN") {
			s.Expected("RETURN")
		}
		s.SP()
		s.List(func() { a.scanReturn(s) })
	}
	if a.RecursiveMatch && !a.Subscribed {
		// RFC 5258 section 3.1: it needs an option whose matches it extends.
		s.Expected("SUBSCRIBED beside RECURSIVEMATCH")
	}
	s.CRLF()
	return a, s.Err()
}

// ScanLsub scans the arguments of LSUB (RFC 3501 section 6.3.9) and the end of
// the command.
func ScanLsub(s *wire.Scanner) (ListArgs, error) {
	var a ListArgs
	s.SP()
	a.Reference = decodeName(s, s.AString())
	s.SP()
	a.addPattern(s)
	s.CRLF()
	return a, s.Err()
}

func (a *ListArgs) addPattern(s *wire.Scanner) {
	p := decodeName(s, s.ListMailbox())
	switch {
	case s.Err() != nil:
	case len(a.Patterns) >= maxPatterns:
		s.Fail(&wire.LimitError{Budget: "number of patterns", Limit: maxPatterns})
	case len(a.Reference)+len(p) > maxPattern:
		s.Fail(&wire.LimitError{Budget: "pattern", Limit: maxPattern})
	default:
		a.Patterns = append(a.Patterns, p)
	}
}

func (a *ListArgs) scanSelection(s *wire.Scanner) {
	switch s.Name() {
	case "SUBSCRIBED":
		a.Subscribed = true
	case "RECURSIVEMATCH":
		a.RecursiveMatch = true
	case "SPECIAL-USE":
		a.SpecialUse = true
	case "REMOTE": // there are none
	default:
		s.Expected("a selection option")
	}
}

func (a *ListArgs) scanReturn(s *wire.Scanner) {
	switch s.Name() {
	case "SUBSCRIBED":
		a.ReturnSubscribed = true
	case "CHILDREN":
		a.ReturnChildren = true
	case "SPECIAL-USE":
		a.ReturnSpecialUse = true
	default:
		s.Expected("a return option")
	}
}

// Matches reports whether a mailbox name matches one of the patterns, each read
// behind the reference (RFC 9051 section 6.3.9: they are put together). The delimiter
// is that of the levels of names.
func (a *ListArgs) Matches(name string, delimiter byte) bool {
	for _, p := range a.Patterns {
		if Match(a.Reference+p, name, delimiter) {
			return true
		}
	}
	return false
}
