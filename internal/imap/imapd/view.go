package imapd

import (
	"errors"
	"slices"

	"fantail/internal/imap"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// view is what the client of one session knows of the selected mailbox: the
// numbering of messages and the flags it was told. It is the only code that
// decides on EXISTS, EXPUNGE and unsolicited FETCH responses.
//
// known is the snapshot whose order is the client's numbering: message n is
// known's index n-1. told is the snapshot whose flags the client knows of these
// messages. latest is what the mailbox holds as of the last sync. Where they
// differ the client has to be told, and when nothing forbids it all three become
// one. While EXPUNGE may not be sent (RFC 9051 section 7.5.1) and a message of
// known is missing in latest, the numbering has to stay: then only changes of
// flags are told, and known lags behind told; new messages wait too, since they
// come behind the expunged ones.
//
// A client that comes back later asks for all that has a higher mod-sequence than
// the highest it was told, so while expunges are held back it is told a lower one:
// that of known (RFC 7162 section 3.2).
//
// Each step asks the store what has changed between two snapshots, so it costs
// time for the changes and not for the messages.
type view struct {
	known, told, latest *store.Snapshot

	// vanish: the client is told UIDs of what was expunged, not numbers (RFC 7162
	// section 3.2.10).
	vanish bool

	// left are the messages of known that told does not have, as the client saw
	// them last. Without any, known is told.
	left   map[mail.UID]seen
	recent recents
	near   int // where now found its last message in latest, plus 1
}

// seen is the state of a message in some snapshot.
type seen struct {
	snap *store.Snapshot
	i    int
}

func (s seen) uid() mail.UID            { return s.snap.UID(s.i) }
func (s seen) row() store.Row           { return s.snap.Row(s.i) }
func (s seen) flags() mail.Flags        { return s.snap.Flags(s.i) }
func (s seen) keywords() []mail.Keyword { return s.snap.Keywords(s.i) }

// newView returns the view of a client that is told all of s. One that has enabled
// QRESYNC gets VANISHED, unless the mailbox has no mod-sequences.
func newView(s *store.Snapshot, qresync bool) *view {
	return &view{known: s, told: s, latest: s, vanish: qresync && s.HighestModSeq() != 0}
}

// highest is the mod-sequence up to which the client knows of all that has happened
// to the messages that it counts. It is 0 if the mailbox has none to show (RFC 7162
// section 3.1.2.2).
func (v *view) highest() mail.ModSeq { return v.known.HighestModSeq() }

// len is the number of messages that the client counts.
func (v *view) len() int { return v.known.Len() }

// uid returns the UID of message seq, which is between 1 and len.
func (v *view) uid(seq uint32) mail.UID { return v.known.UID(int(seq) - 1) }

// seq returns the number of the message with that UID, or 0.
func (v *view) seq(uid mail.UID) uint32 {
	if i, ok := v.known.Find(uid); ok {
		return uint32(i) + 1
	}
	return 0
}

// state returns the state of message seq, which is between 1 and len, as of the
// last sync. A message that was expunged has the last state that the client can
// have seen, and gone is true. Ascending order is fast.
func (v *view) state(seq uint32) (state seen, gone bool) {
	if v.known == v.latest {
		return seen{v.latest, int(seq) - 1}, false
	}
	return v.now(v.uid(seq))
}

// now is state of the message with that UID.
func (v *view) now(uid mail.UID) (state seen, gone bool) {
	i, ok := v.near, v.near < v.latest.Len() && v.latest.UID(v.near) == uid
	if !ok {
		if i, ok = v.latest.Find(uid); !ok {
			return v.last(uid), true
		}
	}
	v.near = i + 1
	return seen{v.latest, i}, false
}

// last returns the state of a message of known that the client was told last.
func (v *view) last(uid mail.UID) seen {
	if s, ok := v.left[uid]; ok {
		return s
	}
	i, _ := v.told.Find(uid)
	return seen{v.told, i}
}

// sync makes s what the mailbox holds now.
func (v *view) sync(s *store.Snapshot) { v.latest, v.near = s, 0 }

// err tells that a snapshot that the view rests on is damaged: what was read from
// it means nothing.
func (v *view) err() error {
	if v.known == v.latest {
		return v.latest.Err()
	}
	return errors.Join(v.known.Err(), v.told.Err(), v.latest.Err())
}

// changes are what the client has to be told, in the order in which it must be.
type changes struct {
	expunged []uint32   // numbers from the highest to the lowest: none shifts another
	vanished []mail.UID // in their place where the view has vanish; ascending
	exists   bool       // the number of messages is to be told
	flags    []uint32   // numbers, after the expunges, of messages with other flags

	// highest: expunges are held back, or were until now, so that the client cannot
	// know from the mod-sequences that it sees how far its knowledge goes.
	highest bool
}

func (c changes) none() bool {
	return len(c.expunged) == 0 && len(c.vanished) == 0 && !c.exists && len(c.flags) == 0 && !c.highest
}

// advance moves the client's knowledge towards latest, as far as it is allowed
// to, and returns what the client has to be told for that. settled says of a
// message with other flags that the client knows of them already. An error means
// that a snapshot is damaged and nothing has moved.
func (v *view) advance(mayExpunge bool, settled func(uid mail.UID, now seen) bool) (c changes, err error) {
	if v.known == v.latest {
		return c, nil
	}
	d := v.latest.Since(v.told)
	gone := v.leaving(d.Expunged)
	pending := len(v.left) + len(gone)
	c.highest = v.vanish && (len(v.left) > 0 || !mayExpunge && pending > 0)
	if !mayExpunge && pending > 0 {
		c.flags = v.numbers(d.Changed, v.known, settled)
	} else {
		c.flags = v.numbers(d.Changed, v.latest, settled)
		if v.vanish {
			c.vanished = v.vanishing(gone)
		} else {
			c.expunged = v.expunged(gone)
		}
		n := v.latest.Len()
		c.exists = n > 0 && v.latest.UID(n-1) >= v.known.UIDNext()
	}
	if err := v.err(); err != nil {
		return changes{}, err
	}
	v.told = v.latest
	if !mayExpunge && pending > 0 {
		v.leave(gone)
		return c, nil
	}
	v.renumber(gone)
	return c, nil
}

// leaving returns the messages that the client counts among those that are in
// told and not in latest.
func (v *view) leaving(expunged []int) []seen {
	var gone []seen
	for _, i := range expunged {
		if v.told.UID(i) >= v.known.UIDNext() {
			break // came and went without the client
		}
		gone = append(gone, seen{v.told, i})
	}
	return gone
}

// numbers returns the numbers that messages of latest have in a snapshot, if the
// client counts them and has not settled their flags.
func (v *view) numbers(changed []int, in *store.Snapshot, settled func(mail.UID, seen) bool) []uint32 {
	var nums []uint32
	for _, j := range changed {
		uid := v.latest.UID(j)
		if uid >= v.known.UIDNext() {
			break
		}
		if settled(uid, seen{v.latest, j}) {
			continue
		}
		if i, ok := in.Find(uid); ok {
			nums = append(nums, uint32(i)+1)
		}
	}
	return nums
}

// expunged returns the numbers of the messages that have left, from the highest
// to the lowest.
func (v *view) expunged(gone []seen) []uint32 {
	var nums []uint32
	for _, s := range gone {
		nums = append(nums, v.seq(s.uid()))
	}
	for uid := range v.left {
		nums = append(nums, v.seq(uid))
	}
	slices.Sort(nums)
	slices.Reverse(nums)
	return nums
}

// vanishing returns the UIDs of the messages that have left, ascending.
func (v *view) vanishing(gone []seen) []mail.UID {
	var uids []mail.UID
	for _, s := range gone {
		uids = append(uids, s.uid())
	}
	for uid := range v.left {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	return uids
}

// vanished returns the UIDs of a set, above one of them, that were expunged since a
// mod-sequence (RFC 7162 section 3.2.6). A UID that no message has may be among
// them, none that the client counts or cannot know of yet: VANISHED (EARLIER) does
// not change the numbering. For the sake of what was expunged at the end of the
// mailbox "*" is the last UID that was given.
func (v *view) vanished(since mail.ModSeq, set imap.SeqSet, above mail.UID) imap.SeqSet {
	end := uint32(v.known.UIDNext()) - 1
	ranges := v.latest.VanishedSince(since)
	var out imap.SeqSet
	for _, want := range set.Resolve(end) {
		want.From, want.To = max(want.From, uint32(above)+1), min(want.To, end)
		for len(ranges) > 0 && uint32(ranges[0].Hi) < want.From {
			ranges = ranges[1:]
		}
		for i := 0; i < len(ranges) && uint32(ranges[i].Lo) <= want.To; i++ {
			out = v.appendUncounted(out, max(uint32(ranges[i].Lo), want.From), min(uint32(ranges[i].Hi), want.To))
		}
	}
	return out
}

// appendUncounted appends the UIDs from lo to hi that the client does not count.
func (v *view) appendUncounted(out imap.SeqSet, lo, hi uint32) imap.SeqSet {
	i, _ := v.known.Find(mail.UID(lo))
	for ; lo <= hi; i++ {
		next := uint64(hi) + 1
		if i < v.known.Len() {
			next = min(next, uint64(v.known.UID(i)))
		}
		if next > uint64(lo) {
			out = append(out, imap.SeqRange{From: lo, To: uint32(next - 1)})
		}
		if next > uint64(hi) {
			break
		}
		lo = uint32(next) + 1
	}
	return out
}

// leave remembers messages that the client goes on to count.
func (v *view) leave(gone []seen) {
	if v.left == nil && len(gone) > 0 {
		v.left = make(map[mail.UID]seen)
	}
	for _, s := range gone {
		v.left[s.uid()] = s
	}
}

// renumber makes latest the client's numbering.
func (v *view) renumber(gone []seen) {
	for _, s := range gone {
		v.recent.remove(s.uid())
	}
	for uid := range v.left {
		v.recent.remove(uid)
	}
	v.known, v.left = v.latest, nil
	v.recent.count(v.known)
}

// recents are the messages that are \Recent in the session.
type recents struct {
	uids    map[mail.UID]bool
	coming  []mail.UID // of uids, those that the client does not count yet
	counted int        // the others
}

func (r *recents) has(uid mail.UID) bool { return len(r.uids) > 0 && r.uids[uid] }

// add adds messages to those that the client counts or will count.
func (r *recents) add(known *store.Snapshot, uids []mail.UID) {
	if r.uids == nil {
		r.uids = make(map[mail.UID]bool)
	}
	for _, uid := range uids {
		if !r.uids[uid] {
			r.uids[uid] = true
			r.coming = append(r.coming, uid)
		}
	}
	r.count(known)
}

// remove forgets a message that the client does not count any more.
func (r *recents) remove(uid mail.UID) {
	if r.has(uid) {
		delete(r.uids, uid)
		r.counted--
	}
}

// count takes the messages that have come into what the client counts.
func (r *recents) count(known *store.Snapshot) {
	later := r.coming[:0]
	for _, uid := range r.coming {
		if uid >= known.UIDNext() {
			later = append(later, uid)
		} else if _, ok := known.Find(uid); ok {
			r.counted++
		} else {
			delete(r.uids, uid) // came and went
		}
	}
	r.coming = later
}
