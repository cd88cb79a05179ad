package main

import (
	"fmt"
	"strings"

	"fantail/test/imapstorm/client"
)

// message is the text of a message with a token. Some have more parts, some are
// long, and none has a line that ends in LF alone.
func message(token string, n int) string {
	head := "From: Storm <storm@example.org>\r\nTo: you@example.org\r\nSubject: " + token + "\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <" + token + "@example.org>\r\n"
	switch n % 3 {
	case 0:
		return head + "\r\nshort\r\n"
	case 1:
		return head + "\r\n" + strings.Repeat("A line of a message that is longer than others.\r\n", 10+n%200)
	}
	return head + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst of " + token +
		"\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQFBgcICQ==\r\n--b--\r\n"
}

// planAppend appends one message, or several at once.
func planAppend(a *actor, _ bool) []*command {
	box := []string{a.view.Box, a.other()}[a.rand.IntN(2)]
	n := 1
	if a.has("MULTIAPPEND") && a.rand.IntN(4) == 0 {
		n = 2 + a.rand.IntN(2)
	}
	var tokens []string
	text, on := "APPEND "+box, a.rand.IntN(2) == 0
	for range n {
		token := a.token()
		tokens = append(tokens, token)
		body := message(token, a.rand.IntN(1000))
		flags := ""
		if on {
			flags = " (" + a.owner.flag + ")"
		}
		text += fmt.Sprintf("%s {%d+}\r\n%s", flags, len(body), body)
	}
	m := &command{name: "APPEND", text: text}
	m.sent = func() {
		for _, token := range tokens {
			a.truth.Begin(token)
		}
	}
	m.done = func(r *client.Response) { a.appended(r, box, tokens, on) }
	return []*command{m}
}

// planAppendWaiting appends a message that the server has to ask for.
func planAppendWaiting(a *actor, _ bool) []*command {
	token := a.token()
	body := message(token, a.rand.IntN(1000))
	return []*command{{name: "APPEND", text: fmt.Sprintf("APPEND %s {%d}", a.view.Box, len(body)), rest: body + "\r\n",
		sent: func() { a.truth.Begin(token) },
		done: func(r *client.Response) { a.appended(r, a.view.Box, []string{token}, false) }}}
}

// appended hears APPENDUID (RFC 4315 section 3).
func (a *actor) appended(r *client.Response, box string, tokens []string, on bool) {
	args, ok := r.HasCode("APPENDUID")
	if !ok && !a.has("UIDPLUS") {
		for _, token := range tokens {
			a.truth.Delivered(token)
		}
		return
	}
	if len(args) != 2 {
		a.blame(client.WrongPlace, "%s", r.Raw)
		return
	}
	uids, err := client.Numbers(args[1].Text, 1000)
	if err != nil || len(uids) != len(tokens) {
		a.blame(client.WrongPlace, "%s for %d messages", r.Raw, len(tokens))
		return
	}
	a.delivered(box, uids)
	for i, uid := range uids {
		a.truth.Appended(tokens[i], box, uidOf(args[0]), uid, a.blame)
		if s := a.owner.of(box, uid); a.owner.owns(uid) && s.pending == 0 && !s.known {
			s.set(on)
		}
	}
}

// planCopy copies messages to either mailbox.
func planCopy(a *actor, numbers bool) []*command {
	box := []string{a.view.Box, a.other()}[a.rand.IntN(2)]
	uids := a.pick(1+a.rand.IntN(3), anyUID)
	if len(uids) == 0 {
		return planNoop(a, false)
	}
	if numbers && a.rand.IntN(2) == 0 {
		return []*command{a.transfer("COPY", set(a.numbered(uids)), uids, box)}
	}
	return []*command{a.transfer("UID COPY", set(uids), uids, box)}
}

// planMove moves messages to the other mailbox.
func planMove(a *actor, numbers bool) []*command {
	uids := a.pick(1+a.rand.IntN(3), a.removable)
	if len(uids) == 0 {
		return planNoop(a, false)
	}
	if numbers && a.rand.IntN(2) == 0 {
		return []*command{a.transfer("MOVE", set(a.numbered(uids)), uids, a.other())}
	}
	return []*command{a.transfer("UID MOVE", set(uids), uids, a.other())}
}

// transfer is a COPY or MOVE. What was done is told by COPYUID, after MOVE in a
// response of its own (RFC 6851 section 4.3).
func (a *actor) transfer(name, which string, uids []uint32, box string) *command {
	from, moves := a.view.Box, strings.HasSuffix(name, "MOVE")
	told := false
	take := func(r *client.Response) {
		if args, ok := r.HasCode("COPYUID"); ok {
			told = true
			a.copied(r, args, from, uids, box, moves)
		}
	}
	m := &command{name: name, text: fmt.Sprintf("%s %s %s", name, which, box), hear: take}
	m.sent = func() {
		for _, uid := range uids {
			if moves {
				a.truth.Doom(from, uid)
			}
		}
	}
	m.done = func(r *client.Response) {
		take(r)
		for _, uid := range uids {
			if !told && !a.truth.Doomed(from, uid) {
				a.blame(client.WrongPlace, "%s: no COPYUID for %s", r.Raw, m.text)
			}
		}
	}
	m.failed = func(r *client.Response) {
		for _, uid := range uids {
			if a.truth.Doomed(from, uid) {
				return
			}
		}
		a.blame(client.Refused, "%s: %s, and nobody has removed any", m.text, r.Raw)
	}
	return m
}

func (a *actor) copied(r *client.Response, args []client.Value, from string, uids []uint32, box string, moved bool) {
	if len(args) != 3 {
		a.blame(client.WrongPlace, "%s", r.Raw)
		return
	}
	sources, err1 := client.Numbers(args[1].Text, 1000)
	copies, err2 := client.Numbers(args[2].Text, 1000)
	if err1 != nil || err2 != nil || len(sources) != len(copies) {
		a.blame(client.WrongPlace, "%s", r.Raw)
		return
	}
	a.delivered(box, copies)
	done := make(map[uint32]bool)
	for i, uid := range sources {
		done[uid] = true
		a.truth.Copied(from, uid, box, uidOf(args[0]), copies[i], a.blame)
		if moved {
			a.truth.Dead(from, uid)
		}
	}
	for _, uid := range uids {
		if !done[uid] && !a.truth.Doomed(from, uid) { // to move it dooms it
			a.blame(client.WrongPlace, "%s: UID %d is missing", r.Raw, uid)
		}
		delete(done, uid)
	}
	for uid := range done {
		a.blame(client.WrongPlace, "%s: UID %d was not asked for", r.Raw, uid)
	}
}
