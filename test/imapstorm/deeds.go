package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"fantail/test/imapstorm/client"
)

// deed is something that a client may do with its mailbox.
type deed struct {
	weight   int
	needs    string // a capability
	writes   bool   // not in a mailbox that EXAMINE opened
	ours     bool   // Dovecot does it otherwise
	notifies bool   // only for connections that use NOTIFY
	last     bool   // nothing may follow in the packet
	plan     func(a *actor, numbers bool) []*command
}

// deeds are what clients do. What needs a capability is done as soon as the server
// has it.
var deeds = []deed{
	{weight: 10, plan: planNoop},
	{weight: 15, plan: planFetch},
	{weight: 6, plan: planFixed},
	{weight: 6, plan: planBody},
	{weight: 4, needs: "CONDSTORE", plan: planChangedSince},
	{weight: 20, writes: true, plan: planStore},
	{weight: 8, needs: "CONDSTORE", writes: true, plan: planConditional},
	{weight: 10, plan: planSearch},
	{weight: 4, needs: "ESEARCH", plan: planESearch},
	{weight: 3, needs: "SEARCHRES", plan: planSearchRes},
	{weight: 3, needs: "SORT", plan: planSort},
	{weight: 4, plan: planStatus},
	{weight: 1, notifies: true, plan: planNotify},
	{weight: 1, ours: true, plan: planList},
	{weight: 6, ours: true, plan: planTree},
	{weight: 6, needs: "LITERAL+", plan: planAppend},
	{weight: 2, last: true, plan: planAppendWaiting},
	{weight: 3, needs: "UIDPLUS", plan: planCopy},
	{weight: 3, needs: "MOVE", writes: true, plan: planMove},
	{weight: 6, needs: "UIDPLUS", writes: true, plan: planRemove},
}

func planNoop(a *actor, _ bool) []*command {
	if a.rand.IntN(4) == 0 && !a.mode.Rev2 {
		return []*command{{name: "CHECK"}}
	}
	return []*command{{name: "NOOP"}}
}

// planFetch asks for the flags of some messages or of all.
func planFetch(a *actor, numbers bool) []*command {
	what := "(FLAGS)"
	if a.view.Highest > 0 && a.rand.IntN(2) == 0 {
		return []*command{a.enabling(a.fetchAll("1:*", "(FLAGS MODSEQ)", nil))}
	}
	n := uint32(a.view.Len())
	if numbers && n > 0 && a.rand.IntN(2) == 0 {
		from := 1 + a.rand.Uint32N(n)
		to := min(n, from+a.rand.Uint32N(20))
		if a.rand.IntN(3) == 0 {
			what = "(UID FLAGS)"
		}
		m := &command{name: "FETCH", text: fmt.Sprintf("FETCH %d:%d %s", from, to, what)}
		a.mayFail(m, func() (uids []uint32) {
			for n := from; n <= to; n++ {
				uids = append(uids, a.view.Message(n).UID)
			}
			return uids
		})
		return []*command{m}
	}
	if uids := a.pick(5, anyUID); a.rand.IntN(3) > 0 && len(uids) > 0 {
		return []*command{a.fetchAll(set(uids), what, uids)}
	}
	return []*command{a.fetchAll("1:*", what, nil)}
}

// enabling says that a command enables CONDSTORE (RFC 7162 section 3.1).
func (a *actor) enabling(m *command) *command {
	done := m.done
	m.done = func(r *client.Response) {
		if done != nil {
			done(r)
		}
		a.mode.CondStore = true
	}
	return m
}

// mayFail says that a command may fail because somebody has begun to remove one of
// its messages (RFC 2180 section 4.1), or one whose UID the client does not know.
func (a *actor) mayFail(m *command, uids func() []uint32) {
	var list []uint32
	m.started = func() { list = uids() }
	m.failed = func(r *client.Response) {
		if !slices.ContainsFunc(list, func(uid uint32) bool { return uid == 0 || a.truth.Doomed(a.view.Box, uid) }) {
			a.blame(client.Refused, "%s: %s, and nobody has removed any", m.text, r.Raw)
		}
	}
}

// fetchAll is a UID FETCH that has to tell every message that the client still
// counts afterwards and nobody has begun to remove: those that are named or, if uids
// is nil, all.
func (a *actor) fetchAll(which, what string, uids []uint32) *command {
	told := make(map[uint32]bool)
	m := &command{name: "UID FETCH", text: fmt.Sprintf("UID FETCH %s %s", which, what)}
	m.hear = func(r *client.Response) {
		if u, ok := r.Item("UID"); ok {
			n, _ := strconv.ParseUint(u.Text, 10, 32) // the view checks it
			told[uint32(n)] = true
		}
	}
	a.mayFail(m, func() []uint32 {
		if uids == nil {
			return a.view.UIDs()
		}
		return uids
	})
	m.done = func(*client.Response) {
		all := uids
		if all == nil {
			all = a.view.UIDs()
		}
		for _, uid := range all {
			if _, n := a.view.ByUID(uid); n != 0 && !told[uid] && !a.truth.Doomed(a.view.Box, uid) {
				a.blame(client.WrongFound, "%s did not tell UID %d", m.text, uid)
			}
		}
	}
	return m
}

// planFixed asks for what never changes.
func planFixed(a *actor, _ bool) []*command {
	items := []string{"RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODYSTRUCTURE", "BODY", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"}
	for _, more := range [][2]string{{"OBJECTID", "EMAILID"}, {"OBJECTID", "THREADID"}, {"SAVEDATE", "SAVEDATE"}, {"PREVIEW", "PREVIEW"}, {"BINARY", "BINARY.SIZE[1]"}} {
		if a.has(more[0]) {
			items = append(items, more[1])
		}
	}
	a.rand.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	uids := a.pick(8, anyUID)
	if len(uids) == 0 {
		return planNoop(a, false)
	}
	return []*command{a.fetchAll(set(uids), "("+strings.Join(items[:1+a.rand.IntN(len(items))], " ")+")", uids)}
}

// planBody asks for the octets of messages; without PEEK that sets \Seen, which
// nobody ever clears.
func planBody(a *actor, _ bool) []*command {
	uids := a.pick(2, anyUID)
	if len(uids) == 0 {
		return planNoop(a, false)
	}
	section := []string{"[]", "[TEXT]", "[HEADER]", "[1]", "[HEADER.FIELDS (SUBJECT)]"}[a.rand.IntN(5)]
	peek := []string{"BODY.PEEK", "BODY"}[a.rand.IntN(2)]
	if a.rand.IntN(3) == 0 {
		section += fmt.Sprintf("<%d.%d>", a.rand.IntN(100), 1+a.rand.IntN(200))
	}
	return []*command{a.fetchAll(set(uids), "("+peek+section+")", uids)}
}

// planChangedSince asks for what has changed since a mod-sequence (RFC 7162 section
// 3.1.4.1).
func planChangedSince(a *actor, _ bool) []*command {
	if a.view.Highest == 0 {
		return planNoop(a, false)
	}
	since, box := a.view.Highest-a.rand.Uint64N(min(a.view.Highest, 3e6)), a.view.Box
	if since == 0 {
		since = 1
	}
	modifier := "CHANGEDSINCE " + fmt.Sprint(since)
	if a.mode.QResync && a.rand.IntN(2) == 0 {
		modifier += " VANISHED"
	}
	must := make(map[uint32]bool)
	m := &command{name: "UID FETCH", text: "UID FETCH 1:* (FLAGS) (" + modifier + ")"}
	m.sent = func() {
		for _, uid := range a.view.UIDs() {
			if a.truth.ModSeq(box, uid) > since {
				must[uid] = true
			}
		}
	}
	m.hear = func(r *client.Response) {
		if u, ok := r.Item("UID"); ok {
			n, _ := strconv.ParseUint(u.Text, 10, 32)
			delete(must, uint32(n))
		}
	}
	m.done = func(*client.Response) {
		for uid := range must {
			if _, n := a.view.ByUID(uid); n != 0 && !a.truth.Doomed(box, uid) {
				a.blame(client.WrongFound, "%s did not tell UID %d, which has %d", m.text, uid, a.truth.ModSeq(box, uid))
			}
		}
	}
	return []*command{a.enabling(m)}
}

// planList lists all names.
func planList(*actor, bool) []*command { return listing(nil) }

// planStatus asks for the counts of a mailbox.
func planStatus(a *actor, _ bool) []*command {
	box := []string{inbox, second}[a.rand.IntN(2)]
	if a.loose {
		box = a.other() // of the other Dovecot tells what the session knows
	}
	items := "MESSAGES UNSEEN UIDNEXT UIDVALIDITY"
	if a.has("CONDSTORE") {
		items += " HIGHESTMODSEQ"
	}
	var asked uint64
	m := &command{name: "STATUS", text: fmt.Sprintf("STATUS %s (%s)", box, items),
		sent: func() { asked = a.truth.Highest(box) },
		hear: func(r *client.Response) {
			if r.Name != "STATUS" {
				return
			}
			told, got, ok := client.ReadStatus(r)
			if !ok {
				a.blame(client.Grammar, "%s", r.Raw)
				return
			}
			if told != box || len(got) != strings.Count(items, " ")+1 {
				return // NOTIFY tells it
			}
			if got["UNSEEN"] > got["MESSAGES"] || got["MESSAGES"] >= got["UIDNEXT"] {
				a.blame(client.WrongCount, "%s", r.Raw)
			}
			if n, ok := got["HIGHESTMODSEQ"]; ok && n != 0 && n < asked {
				a.blame(client.ModSeqBack, "%s, and somebody was told %d before", r.Raw, asked)
			}
			a.truth.Valid(box, uint32(got["UIDVALIDITY"]), a.blame)
		}}
	if a.has("CONDSTORE") {
		m = a.enabling(m)
	}
	return []*command{m}
}

// idle waits until something happens, or not, and ends with more in the packet of
// DONE.
func (a *actor) idle() error {
	idling := false
	m := &command{name: "IDLE", asked: func() error { idling = true; return nil }}
	if a.rand.IntN(4) == 0 {
		m.text = "IDLE\r\nDONE"
		return a.do(append([]*command{m}, a.pipeline(false)...)...)
	}
	if err := a.send("", m); err != nil {
		return err
	}
	for !idling {
		if err := a.hear(time.Now().Add(patience)); err != nil {
			return err
		}
	}
	if err := a.listen(time.Now().Add(a.storm.pause() * 20)); err != nil {
		return err
	}
	if a.loose {
		return errors.Join(a.send("DONE\r\n"), a.finish())
	}
	return errors.Join(a.send("DONE\r\n", a.pipeline(false)...), a.finish())
}
