package imap

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/imap/wire"
)

// SeqSet is the rule sequence-set (RFC 9051 section 9): message numbers or UIDs,
// which of the two the command decides. Ranges are as the client wrote them: in
// any order, overlapping, with "*".
type SeqSet []SeqRange

// SeqRange is the rule seq-range, or one number, of which both ends are equal. An
// end of 0 is "*", the largest number in use.
type SeqRange struct{ From, To uint32 }

// LastResult stands in a set for "$", the messages that the last SEARCH with SAVE
// has found (RFC 9051 section 6.4.4.1). No client can write it as numbers: a range
// that begins with "*" is read from its other end.
var LastResult = SeqRange{From: 0, To: 1}

// ScanSeqSet scans the rule sequence-set. How many ranges it has is bounded by
// the budget of the line.
func ScanSeqSet(s *wire.Scanner) SeqSet {
	var set SeqSet
	for {
		set = append(set, scanSeqRange(s))
		if s.Err() != nil {
			return nil
		}
		if !s.Try(',') {
			return set
		}
	}
}

func scanSeqRange(s *wire.Scanner) SeqRange {
	if s.Try('$') {
		return LastResult
	}
	r := SeqRange{From: scanSeqNumber(s)}
	r.To = r.From
	if s.Try(':') {
		r.To = scanSeqNumber(s)
	}
	if r.From == 0 {
		r.From, r.To = r.To, r.From
	}
	return r
}

func scanSeqNumber(s *wire.Scanner) uint32 {
	if s.Try('*') {
		return 0
	}
	return s.NzNumber()
}

// CutLastResult returns the set without "$", and whether that was in it.
func (set SeqSet) CutLastResult() (rest SeqSet, had bool) {
	if !slices.Contains(set, LastResult) {
		return set, false
	}
	for _, r := range set {
		if r != LastResult {
			rest = append(rest, r)
		}
	}
	return rest, true
}

// Resolve returns the ranges in ascending order, without overlap, each with
// From <= To, with max in place of "*". Order within a range does not matter
// (2:4 is 4:2), and 9:* names max when that is less than 9 (RFC 9051 section 9).
// With a max of 0, for an empty mailbox, "*" names nothing: ranges with it are
// left out. "$" must have been cut from the set.
func (set SeqSet) Resolve(max uint32) SeqSet {
	out := make(SeqSet, 0, len(set))
	for _, r := range set {
		if (r.From == 0 || r.To == 0) && max == 0 {
			continue
		}
		if r.From == 0 {
			r.From = max
		}
		if r.To == 0 {
			r.To = max
		}
		if r.From > r.To {
			r.From, r.To = r.To, r.From
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b SeqRange) int { return cmp.Compare(a.From, b.From) })
	merged := out[:0]
	for _, r := range out {
		if n := len(merged); n > 0 && uint64(r.From) <= uint64(merged[n-1].To)+1 {
			if r.To > merged[n-1].To {
				merged[n-1].To = r.To
			}
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// Contains reports whether n is in a set that Resolve returned.
func (set SeqSet) Contains(n uint32) bool {
	i, found := slices.BinarySearchFunc(set, n, func(r SeqRange, n uint32) int {
		switch {
		case r.To < n:
			return -1
		case r.From > n:
			return 1
		}
		return 0
	})
	return found && i < len(set)
}

// String writes the set as the grammar has it.
func (set SeqSet) String() string {
	var b strings.Builder
	number := func(n uint32) {
		if n == 0 {
			b.WriteByte('*')
			return
		}
		b.WriteString(strconv.FormatUint(uint64(n), 10))
	}
	for i, r := range set {
		if i > 0 {
			b.WriteByte(',')
		}
		if r == LastResult {
			b.WriteByte('$')
			continue
		}
		number(r.From)
		if r.To != r.From {
			b.WriteByte(':')
			number(r.To)
		}
	}
	return b.String()
}

// Numbers makes the set of the numbers, in their order: runs that ascend by one
// become ranges (RFC 4315 section 3: the order is that of the messages).
func Numbers[N ~uint32](nums []N) SeqSet {
	var set SeqSet
	for _, n := range nums {
		if k := len(set); k > 0 && uint32(n) == set[k-1].To+1 {
			set[k-1].To = uint32(n)
			continue
		}
		set = append(set, SeqRange{uint32(n), uint32(n)})
	}
	return set
}
