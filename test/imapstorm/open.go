package main

import (
	"fmt"
	"strings"

	"fantail/test/imapstorm/client"
)

// open selects a mailbox, and looks around in it as clients do.
func (a *actor) open(box string) error {
	return a.do(a.selecting(box)...)
}

// reopen leaves the mailbox in one of the ways that there are, and selects one
// again, perhaps in the same packet.
func (a *actor) reopen() error {
	if err := a.keep(); err != nil {
		return err
	}
	var list []*command
	switch {
	case a.has("UNSELECT") && a.rand.IntN(2) == 0:
		list = append(list, &command{name: "UNSELECT", done: func(*client.Response) { a.left(a.view.Len()); a.view = nil }})
	case a.rand.IntN(2) == 0:
		list = append(list, a.close())
	}
	return a.do(append(list, a.selecting(a.somewhere())...)...)
}

// close is CLOSE. It expunges without a word.
func (a *actor) close() *command {
	return &command{name: "CLOSE", done: func(*client.Response) { a.left(-1); a.view = nil }}
}

// left enters that the selected mailbox is so no more, with as many messages as the
// client knows; -1: it does not know what was expunged.
func (c *conn) left(messages int) {
	if c.view.Open() && messages >= 0 {
		c.mode.Notify.Left(c.view.Box, messages)
	}
}

// selecting is SELECT or EXAMINE, with what the client knows from before if the
// server can use that, and a FETCH of all flags. After a resynchronization that
// must tell nothing new: what has a mod-sequence not above HIGHESTMODSEQ was known.
func (a *actor) selecting(box string) []*command {
	name := "SELECT"
	if a.rand.IntN(6) == 0 {
		name = "EXAMINE"
	}
	var cache *client.Cache
	text := name + " " + box
	if old := a.kept[box]; a.mode.QResync && old != nil {
		cache = old
		text += fmt.Sprintf(" (QRESYNC (%d %d%s))", old.Validity, old.Highest, a.knownUIDs(old))
		a.report.Count("QRESYNC")
	} else if a.has("CONDSTORE") && a.rand.IntN(4) == 0 {
		text += " (CONDSTORE)"
	}
	var asked, highest uint64
	open := &command{name: name, text: text}
	open.sent = func() { asked = a.truth.Highest(box) }
	open.started = func() {
		v := client.NewView(box, &a.mode, cache, a.truth, a.blame)
		v.Owned = func(uid uint32, flags string) { a.told(a.owner, box, uid, flags) }
		if a.view != nil && a.mode.Notify != nil {
			a.next = v // what is told before CLOSED is about the other
			return
		}
		a.view = v
	}
	listed := false
	open.hear = func(r *client.Response) {
		name, _, _, ok := client.ReadList(r)
		listed = listed || r.Name == "LIST" && ok && name == box
	}
	open.done = func(r *client.Response) {
		if listed != a.mode.Rev2 { // RFC 9051 section 6.3.2
			a.blame(client.WrongMode, "%s: LIST was told: %t, IMAP4rev2 is enabled: %t", r.Raw, listed, a.mode.Rev2)
		}
		if strings.HasSuffix(text, " (CONDSTORE)") {
			a.mode.CondStore = true
		}
		if a.next != nil {
			a.blame(client.Grammar, "%s: CLOSED was not told", r.Raw)
			a.view, a.next = a.next, nil
		}
		a.mode.Notify.Selected(box)
		a.view.Opened(name == "EXAMINE", asked)
		highest = a.view.Highest
	}
	look := a.fetchAll("1:*", "(FLAGS)", nil)
	if a.mode.CondStore && a.modSeqs() {
		look = a.fetchAll("1:*", "(FLAGS MODSEQ)", nil)
	}
	tell := look.hear
	look.hear = func(r *client.Response) {
		tell(r)
		if cache != nil {
			a.known(r, highest)
		}
	}
	return []*command{open, look}
}

// modSeqs reports whether mailboxes have mod-sequences: beside a Dovecot ours have
// none, since two servers would have two kinds of them.
func (a *actor) modSeqs() bool { return a.loose || a.storm.dovecots == 0 }

// knownUIDs is the optional list of UIDs of QRESYNC.
func (a *actor) knownUIDs(c *client.Cache) string {
	if a.rand.IntN(2) == 0 || len(c.Messages) == 0 {
		return ""
	}
	// All that the client had, and all that may have come since.
	return fmt.Sprintf(" 1:%d", 1<<31)
}

// known checks a FETCH response after a resynchronization.
func (a *actor) known(r *client.Response, highest uint64) {
	flags, ok1 := r.Item("FLAGS")
	modseq, ok2 := r.Item("MODSEQ")
	if !ok1 || !ok2 || len(modseq.List) != 1 || r.Number < 1 || int(r.Number) > a.view.Len() {
		return
	}
	m := a.view.Message(r.Number)
	var n uint64
	if _, err := fmt.Sscan(modseq.List[0].Text, &n); err != nil || n > highest || n == 0 {
		return
	}
	if now := client.Flags(flags.Strings()); !m.Told || m.Flags != now {
		a.blame(client.Resync, "%.200s: UID %d was (%s), told %t, and HIGHESTMODSEQ was %d", r.Raw, m.UID, m.Flags, m.Told, highest)
	}
}
