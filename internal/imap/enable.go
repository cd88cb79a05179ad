package imap

import "fantail/internal/imap/wire"

// maxEnabled is how many capabilities one ENABLE may name.
const maxEnabled = 100

// ScanEnable scans the arguments of ENABLE (RFC 5161 section 4) and the end of
// the command.
func ScanEnable(s *wire.Scanner) ([]string, error) {
	var names []string
	s.SP()
	names = append(names, s.Atom())
	for s.Err() == nil && s.Try(' ') {
		if len(names) >= maxEnabled {
			s.Fail(&wire.LimitError{Budget: "number of capabilities", Limit: maxEnabled})
		}
		names = append(names, s.Atom())
	}
	s.CRLF()
	return names, s.Err()
}
