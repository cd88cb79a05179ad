package main

import (
	"strings"

	"fantail/test/imapstorm/client"
)

// shared are the flags that clients change. Each of the keywords is announced by
// the first message that gets it.
var shared = []string{`\Answered`, `\Flagged`, `\Draft`, "$Storm1", "$Storm2", "storm3", "NonJunk", "$Forwarded"}

// owner is what a client alone changes: one flag, on the messages whose UIDs leave
// a remainder. It knows at any time how that is.
type owner struct {
	flag          string
	group, groups uint32
	state         map[owned]*ownState
}

type owned struct {
	box string
	uid uint32
}

// ownState is how the flag of one message is.
type ownState struct {
	pending int  // changes that are not acknowledged
	known   bool // else the next one who tells is believed
	on      bool
	// adrift: a change may yet be made of a connection that is no more.
	adrift bool
}

// newOwner makes the owner number i of n.
func newOwner(i, n int) *owner {
	groups := (n + len(shared) - 1) / len(shared)
	return &owner{
		flag: shared[i%len(shared)], group: uint32(i / len(shared)), groups: uint32(groups),
		state: make(map[owned]*ownState),
	}
}

// owns reports whether the flag of a message is the owner's.
func (o *owner) owns(uid uint32) bool { return uid != 0 && uid%o.groups == o.group }

func (o *owner) of(box string, uid uint32) *ownState {
	k := owned{box, uid}
	if o.state[k] == nil {
		o.state[k] = &ownState{}
	}
	return o.state[k]
}

// set enters how the flag is now.
func (s *ownState) set(on bool) { s.known, s.on = !s.adrift, on }

// told compares what the server tells with what must be so.
func (c *conn) told(o *owner, box string, uid uint32, flags string) {
	if !o.owns(uid) {
		return
	}
	s := o.of(box, uid)
	on := client.Has(flags, o.flag)
	switch {
	case s.pending > 0 || s.adrift:
	case !s.known:
		s.set(on)
	case s.on != on && c.truth.Doomed(box, uid):
		// It was gone when it was changed, and what is told of it is old (RFC 2180
		// sections 4.1.2 and 4.2.2).
		s.known = false
	case s.on != on && c.loose:
		// Beside another server Dovecot may tell once more how it was before.
		s.known = false
	case s.on != on:
		c.blame(client.LostFlag, "%s: UID %d has (%s), and %s must be %t", box, uid, flags, o.flag, s.on)
		s.set(on)
	}
}

// forget is called when a connection broke: nobody knows what becomes of changes that
// were not acknowledged, nor when.
func (o *owner) forget() {
	for _, s := range o.state {
		if s.pending > 0 {
			s.pending, s.known, s.adrift = 0, false, true
		}
	}
}

// key is the search key for messages that have the flag, or have it not.
func (o *owner) key(on bool) string {
	name, system := strings.CutPrefix(o.flag, `\`)
	switch {
	case system && on:
		return strings.ToUpper(name)
	case system:
		return "UN" + strings.ToUpper(name)
	case on:
		return "KEYWORD " + o.flag
	}
	return "UNKEYWORD " + o.flag
}
