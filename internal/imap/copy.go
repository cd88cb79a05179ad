package imap

import "fantail/internal/imap/wire"

// CopyArgs are the arguments of COPY and MOVE.
type CopyArgs struct {
	Set     SeqSet
	Mailbox string
}

// ScanCopy scans the arguments of COPY and MOVE and their UID forms (RFC 9051
// section 9, rules copy and move), and the end of the command.
func ScanCopy(s *wire.Scanner) (CopyArgs, error) {
	var a CopyArgs
	s.SP()
	a.Set = ScanSeqSet(s)
	s.SP()
	a.Mailbox = ScanMailbox(s)
	s.CRLF()
	return a, s.Err()
}

// ScanUIDExpunge scans the argument of UID EXPUNGE (RFC 4315 section 2.1), and the
// end of the command.
func ScanUIDExpunge(s *wire.Scanner) (SeqSet, error) {
	s.SP()
	set := ScanSeqSet(s)
	s.CRLF()
	return set, s.Err()
}
