package imap

import (
	"fmt"

	"fantail/internal/imap/wire"
)

// SearchReturn is what a client wants to have of a result (RFC 9051 section 6.4.4,
// RFC 4731). An empty list of options is All.
type SearchReturn struct {
	Min, Max, All, Count bool
	Save                 bool          // RFC 5182: "$" means the result from now on
	Partial              *PartialRange // RFC 9394; not beside All
}

// Items reports whether any item of the result is wanted. With SAVE alone none is:
// then there is no response (RFC 5182 section 2.1).
func (r *SearchReturn) Items() bool {
	return r.Min || r.Max || r.All || r.Count || r.Partial != nil
}

// PartialRange is the rule partial-range (RFC 9394 section 4): results from the
// From-th to the To-th, both included, counted from 1. If Last is set they are
// counted from the end, and 1 is the last one.
type PartialRange struct {
	From, To uint32 // as the client wrote them
	Last     bool
}

// Cut returns which of n results are in the range: those from lo up to, but
// without, hi, counted from 0 in the order of the mailbox.
func (p PartialRange) Cut(n int) (lo, hi int) {
	from, to := int64(min(p.From, p.To)), int64(max(p.From, p.To))
	from, to = min(from-1, int64(n)), min(to, int64(n))
	if p.Last {
		return n - int(to), n - int(from)
	}
	return int(from), int(to)
}

// String writes the range as the client did.
func (p PartialRange) String() string {
	if p.Last {
		return fmt.Sprintf("-%d:-%d", p.From, p.To)
	}
	return fmt.Sprintf("%d:%d", p.From, p.To)
}

// ScanPartialRange scans the rule partial-range.
func ScanPartialRange(s *wire.Scanner) PartialRange {
	p := PartialRange{Last: s.Try('-')}
	p.From = s.NzNumber()
	s.Byte(':')
	if p.Last {
		s.Byte('-')
	}
	p.To = s.NzNumber()
	return p
}

// scanReturn scans the options of RETURN with their parentheses. One that is not
// known is an error.
func scanReturn(s *wire.Scanner) *SearchReturn {
	r := &SearchReturn{}
	n := s.List(func() {
		switch name := s.Name(); {
		case name == wire.RetMin:
			r.Min = true
		case name == wire.RetMax:
			r.Max = true
		case name == wire.RetAll:
			r.All = true
		case name == wire.RetCount:
			r.Count = true
		case name == wire.RetSave:
			r.Save = true
		case name == wire.RetPartial && r.Partial == nil:
			s.SP()
			p := ScanPartialRange(s)
			r.Partial = &p
		default:
			s.Expected("a return option")
		}
	})
	if n == 0 {
		r.All = true
	}
	if r.All && r.Partial != nil {
		s.Expected("either ALL or PARTIAL") // RFC 9394 section 3.1
	}
	return r
}
