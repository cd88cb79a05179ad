package imap

import "fantail/internal/imap/wire"

// ScanCompress scans the argument of COMPRESS (RFC 4978 section 5), the name of a
// mechanism, and the end of the command.
func ScanCompress(s *wire.Scanner) (mechanism string, err error) {
	s.SP()
	mechanism = s.Atom()
	s.CRLF()
	return mechanism, s.Err()
}
