package imapd

import (
	"sort"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// resync tells a client that comes back what has become of the messages that it
// knew (RFC 7162 section 3.2.5). It costs time for what has changed.
func (s *Session) resync(q *imap.QResync) error {
	v := s.box.view
	if q.UIDValidity != v.known.UIDValidity() || v.highest() == 0 {
		return nil // section 3.2.5: as if nothing had changed
	}
	since := q.ModSeq
	if since > v.highest() {
		since = 0 // the mailbox was put back to an earlier state: nothing is certain
	}
	known := q.Known
	if known == nil {
		known = imap.SeqSet{{From: 1}}
	}
	s.tellVanished(v.vanished(since, known, matchedUpTo(v.known, q)))
	if err := s.trusted(); err != nil {
		return err
	}
	ts := targets{v, uidRanges(v, known)}.changedSince(since)
	for m := range ts.messages(true) {
		if err := s.writeFlags(m); err != nil {
			return err
		}
	}
	return s.out.Err()
}

// tellVanished tells of messages that the client may know from an earlier session
// (RFC 7162 section 3.2.10.1).
func (s *Session) tellVanished(uids imap.SeqSet) {
	if len(uids) > 0 {
		s.out.Untagged(wire.RespVanished).SP().ListStart().Atom("EARLIER").ListEnd()
		s.out.SP().Token(uids.String()).CRLF()
	}
}

// matchedUpTo returns the highest UID up to which the samples prove that the client
// knows of every expunge (RFC 7162 section 3.2.5.2): a message that still has its
// number has lost none before it.
func matchedUpTo(snap *store.Snapshot, q *imap.QResync) (last mail.UID) {
	var n, u imap.SeqRange // what is left of a range; nothing, to begin with
	nums, uids := q.Numbers, q.UIDs
	for left := func(r imap.SeqRange) bool { return r.From != 0 && r.From <= r.To }; ; {
		if !left(n) {
			if len(nums) == 0 {
				return last
			}
			n, nums = nums[0], nums[1:]
		}
		if !left(u) {
			u, uids = uids[0], uids[1:] // there are as many
		}
		if int64(n.From) > int64(snap.Len()) {
			return last
		}
		run := min(n.To-n.From, u.To-u.From, uint32(snap.Len())-n.From)
		uid := func(i int) uint64 { return uint64(snap.UID(int(n.From) - 1 + i)) }
		// UIDs ascend at least as fast as numbers do.
		i := sort.Search(int(run)+1, func(i int) bool { return uid(i) > uint64(u.From)+uint64(i) }) - 1
		if i >= 0 && uid(i) == uint64(u.From)+uint64(i) {
			last = mail.UID(uid(i))
		}
		n.From += run + 1 // 0 behind the last number that there is
		u.From += run + 1
	}
}
