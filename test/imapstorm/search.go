package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fantail/test/imapstorm/client"
)

// planSearch looks for the messages that have the actor's own flag, or have it not.
func planSearch(a *actor, numbers bool) []*command {
	s := &search{a: a, on: a.rand.IntN(2) == 0, byUID: !numbers || a.rand.IntN(2) == 0}
	return []*command{s.command("SEARCH", "", s.key())}
}

// planESearch does it with RETURN (RFC 4731).
func planESearch(a *actor, numbers bool) []*command {
	s := &search{a: a, on: a.rand.IntN(2) == 0, byUID: !numbers || a.rand.IntN(2) == 0, extended: true}
	return []*command{s.command("SEARCH", "RETURN ("+[]string{"", "ALL", "MIN MAX COUNT ALL"}[a.rand.IntN(3)]+") ", s.key())}
}

// planSort sorts them: what comes out must be the same messages (RFC 5256).
func planSort(a *actor, numbers bool) []*command {
	s := &search{a: a, on: a.rand.IntN(2) == 0, byUID: !numbers || a.rand.IntN(2) == 0}
	by := []string{"ARRIVAL", "REVERSE ARRIVAL", "SUBJECT", "SIZE"}[a.rand.IntN(4)]
	return []*command{s.command("SORT", "("+by+") UTF-8 ", s.key())}
}

// planSearchRes saves what it finds and fetches it, in one packet (RFC 5182): every
// message that is told then must have the flag.
func planSearchRes(a *actor, _ bool) []*command {
	find := &command{name: "UID SEARCH", text: "UID SEARCH RETURN (SAVE) " + a.owner.key(true)}
	fetch := &command{name: "UID FETCH", text: "UID FETCH $ (FLAGS)"}
	fetch.hear = func(r *client.Response) {
		u, ok1 := r.Item("UID")
		f, ok2 := r.Item("FLAGS")
		if !ok1 || !ok2 {
			return
		}
		// What somebody else has changed may be told too, and then it shows.
		if m, _ := a.view.ByUID(uidOf(u)); m != nil && m.Told && m.Flags == client.Flags(f.Strings()) && !client.Has(m.Flags, a.owner.flag) && a.owner.owns(m.UID) {
			a.blame(client.WrongFound, "%.200s was found by %s", r.Raw, find.text)
		}
	}
	return []*command{find, fetch}
}

// search is a search for the actor's own flag.
type search struct {
	a        *actor
	on       bool
	byUID    bool
	extended bool
	exact    bool // somebody else judges what was found
	answered int
	list     []uint32 // what was found
}

// key is what is searched for. The flags of messages with other UIDs are others'.
func (s *search) key() string { return s.a.owner.key(s.on) }

func (s *search) command(verb, options, key string) *command {
	name := verb
	if s.byUID {
		name = "UID " + verb
	}
	m := &command{name: name, text: fmt.Sprintf("%s %s%s", name, options, key)}
	m.hear = func(r *client.Response) {
		switch r.Name {
		case "SEARCH", "SORT":
			s.answered++
			if s.extended || s.a.mode.Rev2 && verb == "SEARCH" {
				s.a.blame(client.WrongMode, "%.200s where ESEARCH must be", r.Raw)
			}
			s.plain(r)
		case "ESEARCH":
			s.answered++
			s.esearch(m, r)
		}
	}
	m.done = func(r *client.Response) {
		if s.answered != 1 {
			s.a.blame(client.Grammar, "%d answers to %s", s.answered, m.text)
		}
	}
	return m
}

// plain is a SEARCH or SORT response.
func (s *search) plain(r *client.Response) {
	var list []uint32
	for _, v := range r.Args {
		if v.List != nil {
			continue // MODSEQ (RFC 7162 section 3.1.5)
		}
		n := uidOf(v)
		if n == 0 {
			s.a.blame(client.Grammar, "%.200s", r.Raw)
			return
		}
		list = append(list, n)
	}
	s.found(r, list)
}

// esearch is an ESEARCH response (RFC 4731 section 3.1).
func (s *search) esearch(m *command, r *client.Response) {
	args := r.Args
	if len(args) > 0 && args[0].List != nil {
		if tag := args[0].Strings(); len(tag) != 2 || tag[1] != m.tag {
			s.a.blame(client.Grammar, "%.200s to %s", r.Raw, m.tag)
		}
		args = args[1:]
	}
	if byUID := len(args) > 0 && args[0].Is("UID"); byUID {
		args = args[1:]
	}
	got := make(map[string]string)
	for i := 0; i+1 < len(args); i += 2 {
		got[strings.ToUpper(args[i].Text)] = args[i+1].Text
	}
	all, ok := got["ALL"]
	var list []uint32
	if ok {
		var err error
		if list, err = client.Numbers(all, 1<<20); err != nil {
			s.a.blame(client.Grammar, "%.200s", r.Raw)
			return
		}
	}
	count := strconv.Itoa(len(list))
	if n, ok := got["COUNT"]; ok && n != count {
		s.a.blame(client.WrongFound, "%.200s: %s found", r.Raw, count)
	}
	for name, want := range map[string]func([]uint32) uint32{"MIN": slices.Min[[]uint32], "MAX": slices.Max[[]uint32]} {
		if n, ok := got[name]; ok && (len(list) == 0 || n != fmt.Sprint(want(list))) {
			s.a.blame(client.WrongFound, "%.200s: %s", r.Raw, name)
		}
	}
	s.found(r, list)
}

// found compares what was found with what the actor knows.
func (s *search) found(r *client.Response, list []uint32) {
	s.list = list
	view := s.a.view
	unknown := len(view.UIDs()) < view.Len()
	in := make(map[uint32]bool)
	for _, n := range list {
		uid := n
		if !s.byUID {
			if int(n) > view.Len() {
				s.a.blame(client.NoNumber, "%.200s of %d messages", r.Raw, view.Len())
				continue
			}
			uid = view.Message(n).UID
		} else if _, n := view.ByUID(uid); n == 0 && !unknown {
			s.a.blame(client.WrongFound, "%.200s: UID %d is not in the mailbox", r.Raw, uid)
		}
		if in[uid] && uid != 0 {
			s.a.blame(client.WrongFound, "%.200s: UID %d twice", r.Raw, uid)
		}
		in[uid] = true
	}
	if s.exact {
		return
	}
	for _, uid := range view.UIDs() {
		state := s.a.owner.of(view.Box, uid)
		if !s.a.owner.owns(uid) || !state.known || state.pending > 0 || in[uid] == (state.on == s.on) || s.a.truth.Doomed(view.Box, uid) {
			continue
		}
		s.a.blame(client.WrongFound, "%.200s: %s of UID %d is %t", r.Raw, s.a.owner.flag, uid, state.on)
	}
}
