package imap

import (
	"slices"
	"strings"

	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

// SystemFlags are the system flags (RFC 9051 section 2.3.2) in the order of
// responses.
var SystemFlags = []string{wire.FlagAnswered, wire.FlagFlagged, wire.FlagDeleted, wire.FlagSeen, wire.FlagDraft}

// systemFlags are their bits, in the same order.
var systemFlags = []mail.Flags{mail.Answered, mail.Flagged, mail.Deleted, mail.Seen, mail.Draft}

// Flags is a list of flags from a client.
type Flags struct {
	System   mail.Flags
	Keywords []mail.Keyword
}

// ScanFlagList scans the rule flag-list.
func ScanFlagList(s *wire.Scanner) Flags {
	var f Flags
	s.List(func() { f.scan(s) })
	return f
}

// scan scans one flag. A name behind a backslash that is none of the system flags
// is refused: such names are reserved (RFC 9051 section 2.3.2), and stored as a
// keyword it could never be sent back.
func (f *Flags) scan(s *wire.Scanner) {
	name := s.Flag()
	if s.Err() != nil {
		return
	}
	if !strings.HasPrefix(name, `\`) {
		f.addKeyword(s, mail.Keyword(name))
		return
	}
	for i, known := range SystemFlags {
		if strings.EqualFold(name, known) {
			f.System |= systemFlags[i]
			return
		}
	}
	if !ignoreRecent(name) {
		s.Expected("a known system flag")
	}
}

// ignoreRecent: \Recent in STORE and APPEND is passed over, although the rule flag
// has it not. Programs that copy mail from one server to another send back the
// FLAGS that FETCH told them; imapsync filters it for servers that mind.
func ignoreRecent(name string) bool { return strings.EqualFold(name, wire.FlagRecent) }

// maxKeywords is how many keywords one command may name.
const maxKeywords = 100

func (f *Flags) addKeyword(s *wire.Scanner, kw mail.Keyword) {
	switch {
	case !checkKeyword(s, kw) || slices.ContainsFunc(f.Keywords, kw.Equal):
	case len(f.Keywords) >= maxKeywords:
		s.Fail(&wire.LimitError{Budget: "number of keywords", Limit: maxKeywords})
	default:
		f.Keywords = append(f.Keywords, kw)
	}
}

// checkKeyword refuses a keyword that is too long for the store.
func checkKeyword(s *wire.Scanner, kw mail.Keyword) bool {
	if len(kw) > mail.MaxKeyword {
		s.Fail(&wire.LimitError{Budget: "keyword", Limit: mail.MaxKeyword})
		return false
	}
	return true
}

// WriteFlags writes the rule flag-list with an optional \Recent. A keyword that is
// no atom, as another program may have written it into the mail store, is left
// out: no client could name it.
func WriteFlags(e *wire.Encoder, f mail.Flags, kws []mail.Keyword, recent bool) {
	e.ListStart()
	first := true
	write := func(name string) {
		if !first {
			e.SP()
		}
		first = false
		e.Flag(name)
	}
	for i, bit := range systemFlags {
		if f.Has(bit) {
			write(SystemFlags[i])
		}
	}
	for _, k := range kws {
		if wire.IsAtom(string(k)) {
			write(string(k))
		}
	}
	if recent {
		write(wire.FlagRecent)
	}
	e.ListEnd()
}
