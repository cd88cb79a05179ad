package imapd

import (
	"iter"

	"fantail/internal/imap"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// targets are the messages that a command is about, by index in view.known.
type targets struct {
	v      *view
	ranges imap.SeqSet // of indexes plus 1
}

// resolve turns a set of numbers or UIDs into messages. A number that no message
// has is an error (RFC 9051 section 9: seq-number), a UID that none has is not. "$" is
// the same in both (RFC 5182 section 2.1).
func (s *Session) resolve(set imap.SeqSet, byUID bool) (targets, error) {
	v := s.box.view
	set, last := set.CutLastResult()
	var r imap.SeqSet
	if byUID {
		r = uidRanges(v, set)
	} else {
		r = set.Resolve(uint32(v.len()))
		if n := len(r); n > 0 && int64(r[n-1].To) > int64(v.len()) {
			return targets{}, bad("There is no message of that number.")
		}
	}
	if last {
		r = append(r, uidRanges(v, s.box.saved)...).Resolve(uint32(v.len()))
	}
	return targets{v, r}, nil
}

// uidRanges turns ranges of UIDs into ranges of message numbers.
func uidRanges(v *view, set imap.SeqSet) imap.SeqSet {
	n := v.len()
	if n == 0 {
		return nil
	}
	var out imap.SeqSet
	for _, r := range set.Resolve(uint32(v.known.UID(n - 1))) {
		from, _ := v.known.Find(mail.UID(r.From))
		to, found := v.known.Find(mail.UID(r.To))
		if found {
			to++
		}
		if from < to {
			out = append(out, imap.SeqRange{From: uint32(from) + 1, To: uint32(to)})
		}
	}
	return out
}

// counted is a message that the client counts, with its state as view.state has
// it.
type counted struct {
	seq  uint32
	now  seen
	gone bool
	row  store.Row // of now, if it was asked for
}

// messages yields the messages in ascending order, one after the other in the same
// place.
func (t targets) messages(withRow bool) iter.Seq[*counted] {
	return func(yield func(*counted) bool) {
		var m counted
		if v := t.v; withRow && v.known == v.latest && t.all() {
			for i, row := range v.latest.Rows() { // faster than one by one
				m = counted{seq: uint32(i) + 1, now: seen{v.latest, i}, row: row}
				if !yield(&m) {
					return
				}
			}
			return
		}
		for _, r := range t.ranges {
			for m.seq = r.From; m.seq <= r.To; m.seq++ {
				m.now, m.gone = t.v.state(m.seq)
				if withRow {
					m.row = m.now.row()
				}
				if !yield(&m) {
					return
				}
			}
		}
	}
}

// part returns some of the messages (RFC 9394 section 3.3).
func (t targets) part(p imap.PartialRange) targets {
	lo, hi := p.Cut(t.len())
	part := targets{v: t.v}
	for _, r := range t.ranges {
		n := int(r.To-r.From) + 1
		if from, to := max(lo, 0), min(hi, n); from < to {
			part.ranges = append(part.ranges, imap.SeqRange{From: r.From + uint32(from), To: r.From + uint32(to) - 1})
		}
		lo, hi = lo-n, hi-n
	}
	return part
}

// len returns how many there are.
func (t targets) len() (n int) {
	for _, r := range t.ranges {
		n += int(r.To-r.From) + 1
	}
	return n
}

// all reports whether the targets are all messages that the client counts.
func (t targets) all() bool {
	return len(t.ranges) == 1 && t.ranges[0].From == 1 && int64(t.ranges[0].To) == int64(t.v.len())
}

// single reports whether there is one message at most.
func (t targets) single() bool {
	return len(t.ranges) == 0 || len(t.ranges) == 1 && t.ranges[0].From == t.ranges[0].To
}

// uids returns the UIDs in ascending order.
func (t targets) uids() []mail.UID {
	var uids []mail.UID
	for _, r := range t.ranges {
		for n := r.From; n <= r.To; n++ {
			uids = append(uids, t.v.uid(n))
		}
	}
	return uids
}

// changedSince leaves those whose mod-sequence is greater (RFC 7162 section 3.1.4.1).
// It costs time for these only. What is gone is none of them.
func (t targets) changedSince(since mail.ModSeq) targets {
	if since >= t.v.latest.HighestModSeq() {
		return targets{v: t.v}
	}
	var nums []uint32
	for _, i := range t.v.latest.ChangedSince(since) {
		if n := t.v.seq(t.v.latest.UID(i)); n > 0 && t.has(n) {
			nums = append(nums, n)
		}
	}
	return targets{t.v, imap.Numbers(nums)}
}

// has reports whether the message with that number is among them.
func (t targets) has(seq uint32) bool { return t.ranges.Contains(seq) }
