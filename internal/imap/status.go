package imap

import "fantail/internal/imap/wire"

// StatusItem is one of the numbers that STATUS tells (RFC 9051 section 6.3.11).
type StatusItem string

// The items.
const (
	StatusMessages       StatusItem = "MESSAGES"
	StatusRecent         StatusItem = "RECENT" // RFC 3501 section 6.3.10
	StatusUIDNext        StatusItem = "UIDNEXT"
	StatusUIDValidity    StatusItem = "UIDVALIDITY"
	StatusUnseen         StatusItem = "UNSEEN"
	StatusDeleted        StatusItem = "DELETED"
	StatusSize           StatusItem = "SIZE"
	StatusHighestModSeq  StatusItem = "HIGHESTMODSEQ"   // RFC 7162 section 3.1.7
	StatusAppendLimit    StatusItem = "APPENDLIMIT"     // RFC 7889 section 4
	StatusMailboxID      StatusItem = "MAILBOXID"       // RFC 8474 section 4.3
	StatusDeletedStorage StatusItem = "DELETED-STORAGE" // RFC 9208 section 4.1.4
)

// ScanStatus scans the arguments of STATUS and the end of the command.
func ScanStatus(s *wire.Scanner) (mailbox string, items []StatusItem, err error) {
	s.SP()
	mailbox = ScanMailbox(s)
	s.SP()
	items = scanStatusItems(s)
	s.CRLF()
	return mailbox, items, s.Err()
}

// scanStatusItems scans the parenthesized items; none comes twice.
func scanStatusItems(s *wire.Scanner) (items []StatusItem) {
	seen := make(map[StatusItem]bool)
	n := s.List(func() {
		switch i := StatusItem(s.Name()); i {
		case StatusMessages, StatusRecent, StatusUIDNext, StatusUIDValidity, StatusUnseen, StatusDeleted, StatusSize,
			StatusHighestModSeq, StatusAppendLimit, StatusMailboxID, StatusDeletedStorage:
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
	return items
}
