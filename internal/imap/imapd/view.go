package imapd

import (
	"fantail/internal/mail"
	"fantail/internal/store"
)

// view is what the client of one session knows of the selected mailbox: the
// numbering of messages and the flags it was told. It is the only code that
// decides on EXISTS, EXPUNGE and unsolicited FETCH responses.
//
// known is the snapshot whose order is the client's numbering: message n is
// known's index n-1. latest is what the mailbox holds as of the last sync. Where
// they differ the client has to be told, and when nothing forbids it known
// becomes latest. While EXPUNGE may not be sent (RFC 9051 section 7.5.1) and a
// message of known is missing in latest, the numbering has to stay: then only
// changes of flags are told, and told remembers which; new messages wait too,
// since they come behind the expunged ones.
type view struct {
	known, latest *store.Snapshot
	told          map[mail.UID]seen // where told differs from known; nil mostly
	recent        map[mail.UID]bool // \Recent in this session
}

// seen is the state of a message in some snapshot.
type seen struct {
	snap *store.Snapshot
	i    int
}

func newView(s *store.Snapshot) *view {
	return &view{known: s, latest: s, recent: make(map[mail.UID]bool)}
}

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

// now returns the state of a message as of the last sync. A message that was
// expunged has the last state that the client can have seen, and gone is true.
func (v *view) now(uid mail.UID) (state seen, gone bool) {
	if i, ok := v.latest.Find(uid); ok {
		return seen{v.latest, i}, false
	}
	return v.last(uid), true
}

// last returns the state of a message of known that the client was told last.
func (v *view) last(uid mail.UID) seen {
	if s, ok := v.told[uid]; ok {
		return s
	}
	i, _ := v.known.Find(uid)
	return seen{v.known, i}
}

func (s seen) same(t seen) bool { return s.snap.Same(s.i, t.snap, t.i) }

// changes are what the client has to be told, in the order in which it must be.
type changes struct {
	expunged []uint32 // numbers from the highest to the lowest: none shifts another
	exists   bool     // the number of messages is to be told
	flags    []uint32 // numbers, after the expunges, of messages with other flags
}

func (c changes) none() bool { return len(c.expunged) == 0 && !c.exists && len(c.flags) == 0 }

// advance moves the client's knowledge towards latest, as far as it is allowed
// to, and returns what the client has to be told for that. settled says of a
// message with other flags that the client knows of them already.
func (v *view) advance(mayExpunge bool, settled func(uid mail.UID, now seen) bool) changes {
	if v.known == v.latest {
		return changes{}
	}
	var c changes
	old, new := v.known, v.latest
	if !mayExpunge && v.expungesPending() {
		c.flags = v.tellFlags(settled)
		return c
	}
	j := 0 // index in new, and so the number that message i has in the end
	for i := range old.Len() {
		uid := old.UID(i)
		if j >= new.Len() || new.UID(j) != uid {
			c.expunged = append(c.expunged, uint32(i)+1)
			delete(v.recent, uid)
			continue
		}
		if now := (seen{new, j}); !v.last(uid).same(now) && !settled(uid, now) {
			c.flags = append(c.flags, uint32(j)+1)
		}
		j++
	}
	for l, r := 0, len(c.expunged)-1; l < r; l, r = l+1, r-1 {
		c.expunged[l], c.expunged[r] = c.expunged[r], c.expunged[l]
	}
	c.exists = new.Len() > j
	v.known, v.told = new, nil
	return c
}

// expungesPending reports whether a message that the client counts is gone.
func (v *view) expungesPending() bool {
	j := 0
	for i := range v.known.Len() {
		if j >= v.latest.Len() || v.latest.UID(j) != v.known.UID(i) {
			return true
		}
		j++
	}
	return false
}

// tellFlags returns the numbers of the messages whose flags differ from what the
// client was told, and notes that it is told now.
func (v *view) tellFlags(settled func(mail.UID, seen) bool) []uint32 {
	var nums []uint32
	for i := range v.known.Len() {
		uid := v.known.UID(i)
		j, ok := v.latest.Find(uid)
		if !ok {
			continue
		}
		now := seen{v.latest, j}
		if v.last(uid).same(now) {
			continue
		}
		if v.told == nil {
			v.told = make(map[mail.UID]seen)
		}
		if !settled(uid, now) {
			nums = append(nums, uint32(i)+1)
		}
		v.told[uid] = now
	}
	return nums
}

// countRecent is the number that RECENT tells.
func (v *view) countRecent() int {
	n := 0
	for uid := range v.recent {
		if _, ok := v.known.Find(uid); ok {
			n++
		}
	}
	return n
}
