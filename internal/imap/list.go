package imap

import (
	"strings"

	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

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

// maxPatterns bounds what one LIST may ask for.
const maxPatterns = 64

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
		s.List(func() { a.addPattern(s) })
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
	if len(a.Patterns) >= maxPatterns {
		s.Expected("fewer patterns")
		return
	}
	a.Patterns = append(a.Patterns, p)
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

// Match reports whether a mailbox name matches a LIST pattern (RFC 9051 section
// 6.3.9): "*" stands for anything, "%" for anything without a delimiter. INBOX
// matches in any case, also as the first level. The time is at most the product
// of the lengths.
func Match(pattern, name string) bool {
	if rest, ok := strings.CutPrefix(name, mail.Inbox); ok && (rest == "" || rest[0] == Delimiter) {
		if n := len(mail.Inbox); len(pattern) >= n && strings.EqualFold(pattern[:n], mail.Inbox) {
			pattern = mail.Inbox + pattern[n:]
		}
	}
	// at[i] is whether the pattern so far matches name[:i].
	at := make([]bool, len(name)+1)
	at[0] = true
	for i := range len(pattern) {
		c := pattern[i]
		if c != '*' && c != '%' {
			for j := len(name); j > 0; j-- {
				at[j] = at[j-1] && name[j-1] == c
			}
			at[0] = false
			continue
		}
		for j := 1; j <= len(name); j++ {
			if at[j-1] && (c == '*' || name[j-1] != Delimiter) {
				at[j] = true
			}
		}
	}
	return at[len(name)]
}
