package imap

import (
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

// SelectArgs are the arguments of SELECT and EXAMINE with the parameters of RFC
// 4466 section 2.1.
type SelectArgs struct {
	Mailbox   string
	CondStore bool     // RFC 7162 section 3.1.8
	QResync   *QResync // or nil
}

// QResync is what a client knows of a mailbox from an earlier session (RFC 7162
// section 3.2.5).
type QResync struct {
	UIDValidity mail.UIDValidity
	ModSeq      mail.ModSeq
	Known       SeqSet // UIDs; nil: all

	// Numbers and UIDs are samples of equal number: the message of each number had
	// the UID at the same place (RFC 7162 section 3.2.5.2). Both ascend and name
	// nothing twice.
	Numbers, UIDs SeqSet
}

// ScanSelect scans the arguments of SELECT and EXAMINE and the end of the
// command. A parameter that is not known is an error.
func ScanSelect(s *wire.Scanner) (SelectArgs, error) {
	var a SelectArgs
	s.SP()
	a.Mailbox = ScanMailbox(s)
	if s.Err() == nil && s.Try(' ') {
		if s.List(func() { a.scanParam(s) }) == 0 {
			s.Expected("a parameter")
		}
	}
	s.CRLF()
	return a, s.Err()
}

func (a *SelectArgs) scanParam(s *wire.Scanner) {
	switch {
	case s.TryName("CONDSTORE"):
		a.CondStore = true
	case a.QResync == nil && s.TryName("QRESYNC"):
		s.SP()
		a.QResync = scanQResync(s)
	default:
		s.Expected("a parameter")
	}
}

func scanQResync(s *wire.Scanner) *QResync {
	q := new(QResync)
	s.ListStart()
	q.UIDValidity = mail.UIDValidity(s.NzNumber())
	s.SP()
	q.ModSeq = scanModSeq(s)
	more := s.Try(' ')
	if more && s.Peek() != '(' {
		q.Known = scanKnown(s)
		more = s.Try(' ')
	}
	if more {
		s.ListStart()
		q.Numbers = scanKnown(s)
		s.SP()
		q.UIDs = scanKnown(s)
		s.ListEnd()
		if !ascending(q.Numbers) || !ascending(q.UIDs) || q.Numbers.count() != q.UIDs.count() {
			s.Expected("as many ascending numbers as UIDs")
		}
	}
	s.ListEnd()
	return q
}

// scanKnown scans the rules known-uids, known-sequence-set and known-uid-set, which
// have no "*".
func scanKnown(s *wire.Scanner) SeqSet {
	set := ScanSeqSet(s)
	for _, r := range set {
		if r.From == 0 || r.To == 0 {
			s.Expected(`a set without "*"`)
		}
	}
	return set
}

// ascending reports whether the numbers of a set without "*" ascend.
func ascending(set SeqSet) bool {
	last := uint32(0)
	for _, r := range set {
		if r.From <= last || r.To < r.From {
			return false
		}
		last = r.To
	}
	return true
}

// count returns how many numbers an ascending set has.
func (set SeqSet) count() (n uint64) {
	for _, r := range set {
		n += uint64(r.To) - uint64(r.From) + 1
	}
	return n
}
