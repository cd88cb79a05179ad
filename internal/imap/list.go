package imap

import (
	"slices"

	"fantail/internal/imap/wire"
)

// ListArgs are the arguments of LIST with the extensions of RFC 5258, or of LSUB
// and XLIST.
type ListArgs struct {
	// Reference and Patterns are UTF-8. A pattern that is in no encoding of names is
	// not among them: it matches nothing and is no error (RFC 9051 section 6.3.9).
	Reference string
	Patterns  []string
	together  int  // octets of the patterns
	Root      bool // the only pattern is empty, and the syntax is the basic one
	Extended  bool // has options or several patterns: RFC 5258 section 3

	// Selection options.
	Subscribed     bool
	RecursiveMatch bool
	SpecialUse     bool // RFC 6154 section 5.2

	// Return options.
	ReturnSubscribed bool
	ReturnChildren   bool
	ReturnSpecialUse bool
	ReturnStatus     []StatusItem // RFC 5819 section 2: STATUS responses as well
}

// Limits of one LIST. The time that a pattern takes grows with its length, the
// length of the name and the number of names.
const (
	maxPatterns = 64
	maxPattern  = 1024 // octets, with the reference
	maxTogether = 8192 // octets of all patterns
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
	bad := a.scanReference(s)
	n := 1
	if s.Peek() == '(' {
		a.Extended = true
		if n = s.List(func() { a.addPattern(s, bad) }); n == 0 {
			s.Expected("a mailbox pattern")
		}
	} else {
		a.addPattern(s, bad)
	}
	if n > maxPatterns {
		s.Fail(&wire.LimitError{Budget: "number of patterns", Limit: maxPatterns})
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
	a.Root = a.Root && !a.Extended
	return a, s.Err()
}

// ScanBasicList scans the arguments of LSUB (RFC 3501 section 6.3.9) or XLIST, which
// have no options, and the end of the command.
func ScanBasicList(s *wire.Scanner) (ListArgs, error) {
	var a ListArgs
	s.SP()
	a.addPattern(s, a.scanReference(s))
	s.CRLF()
	return a, s.Err()
}

// scanReference scans the reference and the space behind it. It reports whether the
// reference is none, so that no pattern behind it can match.
func (a *ListArgs) scanReference(s *wire.Scanner) (bad bool) {
	name, err := encodedName(s, s.AString())
	a.Reference = name
	s.SP()
	return err != nil
}

func (a *ListArgs) addPattern(s *wire.Scanner, badReference bool) {
	raw := s.ListMailbox()
	p, err := encodedName(s, raw)
	a.together += len(a.Reference) + len(raw)
	switch {
	case s.Err() != nil:
	case len(a.Reference)+len(raw) > maxPattern, a.together > maxTogether:
		s.Fail(&wire.LimitError{Budget: "pattern", Limit: maxPattern})
	case raw == "":
		// The extended syntax has no special meaning for it (RFC 9051 section 6.3.9).
		a.Root = true
	case err == nil && !badReference && len(a.Patterns) < maxPatterns:
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
	case "STATUS":
		s.SP()
		a.addStatus(scanStatusItems(s))
	default:
		s.Expected("a return option")
	}
}

// addStatus adds items that are not there yet.
func (a *ListArgs) addStatus(items []StatusItem) {
	for _, i := range items {
		if !slices.Contains(a.ReturnStatus, i) {
			a.ReturnStatus = append(a.ReturnStatus, i)
		}
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
