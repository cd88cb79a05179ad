package imap

import (
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

// StoreArgs are the arguments of STORE (RFC 9051 section 6.4.6).
type StoreArgs struct {
	Set    SeqSet
	Op     mail.Op
	Silent bool
	Flags  Flags

	UnchangedSince *mail.ModSeq // RFC 7162 section 3.1.3; nil: not given
}

// ScanStore scans the arguments of STORE and UID STORE, and the end of the
// command.
func ScanStore(s *wire.Scanner) (StoreArgs, error) {
	var a StoreArgs
	s.SP()
	a.Set = ScanSeqSet(s)
	s.SP()
	if s.Peek() == '(' {
		a.scanModifiers(s)
		s.SP()
	}
	a.Op, a.Silent = scanStoreOp(s)
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

// scanModifiers scans the rule store-modifiers without its space (RFC 4466 section
// 2.5). One that is not known is an error.
func (a *StoreArgs) scanModifiers(s *wire.Scanner) {
	n := s.List(func() {
		if a.UnchangedSince != nil || !s.TryName("UNCHANGEDSINCE") {
			s.Expected("UNCHANGEDSINCE")
			return
		}
		s.SP()
		since := scanModSeq(s)
		a.UnchangedSince = &since
	})
	if n == 0 {
		s.Expected("a modifier")
	}
}

// scanStoreOp scans ["+" / "-"] "FLAGS" [".SILENT"].
func scanStoreOp(s *wire.Scanner) (op mail.Op, silent bool) {
	switch {
	case s.Try('+'):
		op = mail.Add
	case s.Try('-'):
		op = mail.Remove
	}
	switch {
	case s.TryName("FLAGS.SILENT"):
		silent = true
	case s.TryName("FLAGS"):
	default:
		s.Expected("FLAGS or FLAGS.SILENT")
	}
	return op, silent
}
