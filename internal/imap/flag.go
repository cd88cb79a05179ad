package imap

import (
	"strings"

	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

// SystemFlags are the system flags (RFC 9051 section 2.3.2) in the order of
// responses.
var SystemFlags = []string{`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`}

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

// scan scans one flag. \Recent is ignored, since only the server gives it
// (RFC 3501 section 2.3.2); other names behind a backslash are refused
// (RFC 9051 section 2.3.2: servers must not store unknown ones).
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
	if !strings.EqualFold(name, `\Recent`) {
		s.Expected("a known system flag")
	}
}

func (f *Flags) addKeyword(s *wire.Scanner, kw mail.Keyword) {
	if len(kw) > mail.MaxKeyword {
		s.Expected("a shorter keyword")
		return
	}
	for _, have := range f.Keywords {
		if have.Equal(kw) {
			return
		}
	}
	f.Keywords = append(f.Keywords, kw)
}

// WriteFlags writes the rule flag-list with an optional \Recent.
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
		write(string(k))
	}
	if recent {
		write(`\Recent`)
	}
	e.ListEnd()
}

// StoreArgs are the arguments of STORE (RFC 9051 section 6.4.6).
type StoreArgs struct {
	Set    SeqSet
	Op     mail.Op
	Silent bool
	Flags  Flags
}

// ScanStore scans the arguments of STORE and UID STORE, and the end of the
// command.
func ScanStore(s *wire.Scanner) (StoreArgs, error) {
	var a StoreArgs
	s.SP()
	a.Set = ScanSeqSet(s)
	s.SP()
	switch {
	case s.Try('+'):
		a.Op = mail.Add
	case s.Try('-'):
		a.Op = mail.Remove
	default:
		a.Op = mail.Replace
	}
	switch {
	case s.TryName("FLAGS.SILENT"):
		a.Silent = true
	case s.TryName("FLAGS"):
	default:
		s.Expected("FLAGS")
	}
	s.SP()
	if s.Peek() == '(' {
		a.Flags = ScanFlagList(s)
	} else {
		// store-att-flags: flags may come without parentheses.
		a.Flags.scan(s)
		for s.Err() == nil && s.Try(' ') {
			a.Flags.scan(s)
		}
	}
	s.CRLF()
	return a, s.Err()
}
