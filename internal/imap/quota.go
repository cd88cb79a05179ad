package imap

import "fantail/internal/imap/wire"

// Resource is something that a quota limits (RFC 9208 section 5).
type Resource string

// The resources.
const (
	ResourceStorage Resource = "STORAGE" // in units of 1024 octets
	ResourceMessage Resource = "MESSAGE"
)

// ScanGetQuota scans the argument of GETQUOTA (RFC 9208 section 4.1.1), the name of a
// quota root, and the end of the command.
func ScanGetQuota(s *wire.Scanner) (root string, err error) {
	s.SP()
	root = s.AString()
	s.CRLF()
	return root, s.Err()
}
