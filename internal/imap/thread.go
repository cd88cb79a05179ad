package imap

import "fantail/internal/imap/wire"

// ThreadAlgorithm is how THREAD makes threads.
type ThreadAlgorithm uint8

// The algorithms (RFC 5256 section 3, draft-ietf-morg-inthread).
const (
	ThreadOrderedSubject ThreadAlgorithm = iota
	ThreadReferences
	ThreadRefs
)

// ThreadArgs are the arguments of THREAD.
type ThreadArgs struct {
	Algorithm ThreadAlgorithm
	Key       *Search
}

// ScanThread scans the arguments of THREAD and UID THREAD, and the end of the
// command (RFC 5256 section 5).
func ScanThread(s *wire.Scanner) (ThreadArgs, error) {
	var a ThreadArgs
	s.SP()
	switch s.Name() {
	case "ORDEREDSUBJECT":
		a.Algorithm = ThreadOrderedSubject
	case "REFERENCES":
		a.Algorithm = ThreadReferences
	case "REFS":
		a.Algorithm = ThreadRefs
	default:
		s.Expected("a threading algorithm")
	}
	s.SP()
	scanCharset(s)
	a.Key = scanKeys(s)
	return a, s.Err()
}
