package index

import (
	"cmp"
	"slices"

	"fantail/internal/mail"
)

// vanish says that the UIDs from lo to hi were expunged at a modseq. Within one
// modseq and over all, entries are in the order in which it happened. Between lo
// and hi no message is left.
type vanish struct {
	modseq mail.ModSeq
	lo, hi mail.UID
}

// UIDRange is the UIDs from Lo to Hi, both included.
type UIDRange struct{ Lo, Hi mail.UID }

// VanishedSince returns the UIDs that were expunged after a modseq, in ascending
// order (RFC 7162 section 3.2.10.1, VANISHED (EARLIER)). UIDs that were never
// given to a message may be among them, no existing ones. Where the history does
// not reach back so far, exact is false and the answer is every UID below UIDNext
// that is not in the mailbox: more than asked for, never less.
func (x *Index) VanishedSince(modseq mail.ModSeq) (ranges []UIDRange, exact bool) {
	if modseq < x.floor || x.doubt {
		return x.absent(), false
	}
	// The history is in the order of modseqs: walk it from its end.
	for i := len(x.vanished.list) - 1; i >= 0; i-- {
		v := x.vanished.list[i]
		if v.modseq <= modseq {
			return mergeRanges(ranges), true
		}
		ranges = append(ranges, UIDRange{v.lo, v.hi})
	}
	if x.snap != nil {
		for i := x.snap.vanishedLen() - 1; i >= 0; i-- {
			v := x.snap.vanished(i)
			if v.modseq <= modseq {
				break
			}
			ranges = append(ranges, UIDRange{v.lo, v.hi})
		}
	}
	return mergeRanges(ranges), true
}

// absent returns the UIDs that no message has.
func (x *Index) absent() []UIDRange {
	var ranges []UIDRange
	next := mail.UID(1)
	for slot := range x.slots {
		if x.isDead(slot) {
			continue
		}
		uid := x.uidAt(slot)
		if uid > next {
			ranges = append(ranges, UIDRange{next, uid - 1})
		}
		next = uid + 1
	}
	if x.next > next {
		ranges = append(ranges, UIDRange{next, x.next - 1})
	}
	return ranges
}

// mergeRanges sorts ranges and joins those that touch.
func mergeRanges(rs []UIDRange) []UIDRange {
	slices.SortFunc(rs, func(a, b UIDRange) int {
		return cmp.Compare(a.Lo, b.Lo)
	})
	out := rs[:0]
	for _, r := range rs {
		if n := len(out); n > 0 && r.Lo <= out[n-1].Hi+1 {
			out[n-1].Hi = max(out[n-1].Hi, r.Hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

// vanish writes a range into the history.
func (e *edit) vanish(lo, hi mail.UID) {
	e.x.vanished.append(vanish{e.x.modseq, lo, hi})
}

// history returns the newest entries, at most limit, in their order, and the
// modseq up to which entries are left out.
func (x *Index) history(limit int) (list []vanish, floor mail.ModSeq) {
	old := 0
	if x.snap != nil {
		old = x.snap.vanishedLen()
	}
	floor = x.floor
	total := old + len(x.vanished.list)
	list = make([]vanish, 0, min(total, limit))
	for i := range total {
		var v vanish
		if i < old {
			v = x.snap.vanished(i)
		} else {
			v = x.vanished.list[i-old]
		}
		switch {
		case total-i > limit:
			floor = max(floor, v.modseq)
		case v.modseq > floor:
			list = append(list, v)
		}
	}
	return list, floor
}
