package main

import (
	"fmt"
	"slices"
	"strconv"

	"fantail/test/imapstorm/client"
)

// planStore sets or clears the flag that is the actor's own.
func planStore(a *actor, numbers bool) []*command {
	uids := a.pick(5, a.owner.owns)
	if len(uids) == 0 || a.view.ReadOnly {
		return planNoop(a, numbers)
	}
	return []*command{a.change(uids, numbers && a.rand.IntN(2) == 0, 0)}
}

// planConditional does it on condition that nobody has changed the messages since
// a mod-sequence (RFC 7162 section 3.1.3).
func planConditional(a *actor, numbers bool) []*command {
	uids := a.pick(5, a.owner.owns)
	if len(uids) == 0 || a.view.Highest == 0 {
		return planNoop(a, numbers)
	}
	unchanged := a.view.Highest
	if m, _ := a.view.ByUID(uids[0]); m.ModSeq > 0 && a.rand.IntN(2) == 0 {
		unchanged = m.ModSeq
	} else if a.rand.IntN(8) == 0 {
		unchanged = 1
	}
	return []*command{a.enabling(a.change(uids, numbers && a.rand.IntN(2) == 0, unchanged))}
}

// change is one STORE of the actor's own flag.
type change struct {
	a         *actor
	box       string
	uids      []uint32
	numbers   []uint32 // nil for UID STORE
	unchanged uint64   // UNCHANGEDSINCE; 0 for none
	on        bool
	silent    bool
	changedBy map[uint32]uint64 // by UID: what anybody was told before it was sent
}

func (a *actor) change(uids []uint32, byNumber bool, unchanged uint64) *command {
	c := &change{a: a, box: a.view.Box, uids: uids, unchanged: unchanged, on: a.rand.IntN(2) == 0, silent: a.rand.IntN(3) == 0}
	name, which := "UID STORE", set(uids)
	if byNumber {
		c.numbers = a.numbered(uids)
		name, which = "STORE", set(c.numbers)
	}
	modifier, op, silent := "", "-", ""
	if unchanged > 0 {
		modifier = fmt.Sprintf("(UNCHANGEDSINCE %d) ", unchanged)
	}
	if c.on {
		op = "+"
	}
	if c.silent {
		silent = ".SILENT"
	}
	return &command{
		name: name, text: fmt.Sprintf("%s %s %s%sFLAGS%s (%s)", name, which, modifier, op, silent, a.owner.flag),
		sent: c.sent, done: c.done, failed: c.failed,
	}
}

func (c *change) sent() {
	c.changedBy = make(map[uint32]uint64)
	for _, uid := range c.uids {
		c.a.owner.of(c.box, uid).pending++
		c.changedBy[uid] = c.a.truth.ModSeq(c.box, uid)
	}
}

// failed: of some messages nobody knows now how they are (RFC 2180 section 4.2).
func (c *change) failed(r *client.Response) {
	for _, uid := range c.uids {
		s := c.a.owner.of(c.box, uid)
		s.pending--
		s.known = false
	}
	if !slices.ContainsFunc(c.uids, func(uid uint32) bool { return c.a.truth.Doomed(c.box, uid) }) {
		c.a.blame(client.Refused, "%s, and nobody has removed any", r.Raw)
	}
}

func (c *change) done(r *client.Response) {
	excepted := c.modified(r)
	for _, uid := range c.uids {
		s := c.a.owner.of(c.box, uid)
		s.pending--
		if slices.Contains(excepted, uid) {
			c.a.conditions = append(c.a.conditions, condition{c.box, uid, c.unchanged})
			continue
		}
		if c.unchanged > 0 && c.changedBy[uid] > c.unchanged && !c.a.truth.Doomed(c.box, uid) {
			c.a.blame(client.Condition, "UID %d was changed, though it had mod-sequence %d before", uid, c.changedBy[uid])
		}
		s.set(c.on)
		if s.pending > 0 {
			continue
		}
		if c.silent {
			c.a.view.Assume(uid, c.on, c.a.owner.flag)
		} else if m, _ := c.a.view.ByUID(uid); m != nil && m.Told && client.Has(m.Flags, c.a.owner.flag) != c.on && !c.a.truth.Doomed(c.box, uid) {
			c.a.blame(client.LostFlag, "%s: UID %d was told as (%s) after %s was set to %t", c.box, uid, m.Flags, c.a.owner.flag, c.on)
		}
	}
}

// modified returns the UIDs of the MODIFIED response code (RFC 7162 section
// 3.1.3): it has message numbers unless the command has UIDs.
func (c *change) modified(r *client.Response) []uint32 {
	args, ok := r.HasCode("MODIFIED")
	if !ok || len(args) != 1 {
		return nil
	}
	list, err := client.Numbers(args[0].Text, 1<<20)
	if err != nil || c.unchanged == 0 {
		c.a.blame(client.Grammar, "%s", r.Raw)
		return nil
	}
	var uids []uint32
	for _, n := range list {
		switch {
		case c.numbers == nil:
			uids = append(uids, n)
		case n > 0 && int(n) <= c.a.view.Len():
			uids = append(uids, c.a.view.Message(n).UID)
		default:
			c.a.blame(client.NoNumber, "%s of %d messages", r.Raw, c.a.view.Len())
		}
	}
	for _, uid := range uids {
		if !slices.Contains(c.uids, uid) {
			c.a.blame(client.Condition, "%s: UID %d was not to be changed", r.Raw, uid)
		}
	}
	return uids
}

// removable reports whether the actors may remove a message: the others are there
// until the end. It must be known which message it is, since its token cannot be
// found out any more.
func (a *actor) removable(uid uint32) bool {
	return mayGo(uid) && a.truth.Token(a.view.Box, uid) != ""
}

func mayGo(uid uint32) bool { return uid%4 != 0 }

// planRemove marks some messages \Deleted, and mostly expunges them.
func planRemove(a *actor, _ bool) []*command {
	n := 1 + a.rand.IntN(3)
	switch over := a.view.Len() - a.storm.messages; {
	case over > 50:
		n += over / 2
	case over < -50:
		return planAppend(a, false)
	}
	uids, box := a.pick(n, a.removable), a.view.Box
	if len(uids) == 0 {
		return planNoop(a, false)
	}
	marked := false
	mark := &command{name: "UID STORE", text: fmt.Sprintf("UID STORE %s +FLAGS%s (\\Deleted)", set(uids), []string{"", ".SILENT"}[a.rand.IntN(2)])}
	mark.sent = func() {
		for _, uid := range uids {
			a.truth.Doom(box, uid)
		}
	}
	mark.done = func(*client.Response) {
		marked = true
		for _, uid := range uids {
			a.view.Assume(uid, true, `\Deleted`)
		}
	}
	expunge := &command{name: "EXPUNGE"}
	switch a.rand.IntN(6) {
	case 0:
		return []*command{mark}
	case 1:
		return []*command{mark, a.close()}
	case 2, 3:
		expunge = &command{name: "UID EXPUNGE", text: "UID EXPUNGE " + set(uids)}
	}
	expunge.done = func(r *client.Response) {
		if !marked {
			return
		}
		for _, uid := range uids {
			a.truth.Dead(box, uid)
			if _, n := a.view.ByUID(uid); n != 0 {
				a.blame(client.Lingers, "%s: UID %d is message %d after %s", box, uid, n, r.Raw)
			}
		}
	}
	return []*command{mark, expunge}
}

// uidOf reads a UID.
func uidOf(v client.Value) uint32 {
	n, err := strconv.ParseUint(v.Text, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
