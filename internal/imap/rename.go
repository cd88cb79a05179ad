package imap

import "fantail/internal/imap/wire"

// RenameArgs are the arguments of RENAME (RFC 9051 section 6.3.6).
type RenameArgs struct{ From, To string }

// ScanRename scans the arguments of RENAME and the end of the command.
func ScanRename(s *wire.Scanner) (RenameArgs, error) {
	var a RenameArgs
	s.SP()
	a.From = ScanMailbox(s)
	s.SP()
	a.To = ScanMailbox(s)
	s.CRLF()
	return a, s.Err()
}

// ScanOneMailbox scans the arguments of DELETE, SUBSCRIBE, UNSUBSCRIBE (RFC 9051
// sections 6.3.5, 6.3.7 and 6.3.8) and GETQUOTAROOT (RFC 9208 section 4.1.2), which
// are a mailbox, and the end of the command.
func ScanOneMailbox(s *wire.Scanner) (string, error) {
	s.SP()
	name := ScanMailbox(s)
	s.CRLF()
	return name, s.Err()
}
