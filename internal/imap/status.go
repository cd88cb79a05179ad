package imap

import "fantail/internal/imap/wire"

// StatusItem is one of the numbers that STATUS tells (RFC 3501 section 6.3.10).
type StatusItem string

// The items.
const (
	StatusMessages    StatusItem = "MESSAGES"
	StatusRecent      StatusItem = "RECENT"
	StatusUIDNext     StatusItem = "UIDNEXT"
	StatusUIDValidity StatusItem = "UIDVALIDITY"
	StatusUnseen      StatusItem = "UNSEEN"
)

// ScanStatus scans the arguments of STATUS and the end of the command.
func ScanStatus(s *wire.Scanner) (mailbox string, items []StatusItem, err error) {
	s.SP()
	mailbox = ScanMailbox(s)
	s.SP()
	seen := make(map[StatusItem]bool)
	n := s.List(func() {
		switch i := StatusItem(s.Name()); i {
		case StatusMessages, StatusRecent, StatusUIDNext, StatusUIDValidity, StatusUnseen:
			if !seen[i] {
				seen[i] = true
				items = append(items, i)
			}
		default:
			s.Expected("a status item")
		}
	})
	if n == 0 {
		s.Expected("a status item")
	}
	s.CRLF()
	return mailbox, items, s.Err()
}
