package main

import (
	"fmt"
	"slices"

	"fantail/internal/mail"
)

// verdict compares what is found after an interruption with what may be: each
// thing is as it was before the operation or as the operation leaves it, and what
// was acknowledged is as it was told.
type verdict struct {
	before, after *state         // after: of the operation undisturbed
	disk          map[string]int // messages in files when the operation began
	acks          []ack
	failed        bool // the operation told an error
	lenient       bool // what it could not take back may be there
	broken        []string
}

func (v *verdict) blame(format string, args ...any) {
	v.broken = append(v.broken, fmt.Sprintf(format, args...))
}

// judge checks a state.
func (v *verdict) judge(now *state) {
	for name, b := range v.before.boxes {
		at, found := v.find(now, name, b)
		if found == nil {
			if v.mustExist(name, b) {
				v.blame("%s is lost", name)
			}
			continue
		}
		v.box(at, b, v.afterOf(b), found)
	}
	for name, b := range now.boxes {
		if v.origin(b) == nil && v.after.boxes[name] == nil {
			v.blame("%s is a mailbox that nobody made", name)
		}
	}
	v.acknowledged(now)
	v.copies(now)
}

// find returns a mailbox of before as it is now, perhaps under the name that it
// was to get. A mailbox is what it is by its GUID.
func (v *verdict) find(now *state, name string, b *boxState) (string, *boxState) {
	for at, c := range now.boxes {
		if c.guid == b.guid || b.guid == "" && at == name {
			if at != name && v.after.boxes[at] == nil {
				v.blame("%s is now %s", name, at)
			}
			return at, c
		}
	}
	return "", nil
}

// origin returns the mailbox of before that b is.
func (v *verdict) origin(b *boxState) *boxState {
	for _, c := range v.before.boxes {
		if c.guid == b.guid || c.guid == "" {
			return c
		}
	}
	return nil
}

// afterOf returns a mailbox of before as the operation leaves it.
func (v *verdict) afterOf(b *boxState) *boxState {
	for _, c := range v.after.boxes {
		if c.guid == b.guid {
			return c
		}
	}
	return &boxState{}
}

// mustExist reports whether a mailbox of before may not be missing.
func (v *verdict) mustExist(name string, b *boxState) bool {
	return b.guid != "" && v.afterOf(b).guid != ""
}

// box checks one mailbox.
func (v *verdict) box(name string, before, after, now *boxState) {
	if before.guid != "" && (now.validity != before.validity || now.next < before.next) {
		v.blame("%s: UIDVALIDITY %d, UIDNEXT %d; were %d, %d", name, now.validity, now.next, before.validity, before.next)
	}
	for uid, m := range before.messages {
		is, here := now.messages[uid]
		left, stays := after.messages[uid]
		switch {
		case !here && stays:
			v.blame("%s: UID %d, %v is lost", name, uid, m)
		case !here && after.guid == "":
			v.blame("%s: UID %d, %v is lost, but the mailbox is there", name, uid, m)
		case here && is != m && (is != left || !stays):
			v.blame("%s: UID %d was %v, is %v", name, uid, m, is)
		}
	}
	for uid, m := range now.messages {
		if _, old := before.messages[uid]; old || before.guid == "" {
			continue
		}
		if uid < before.next {
			v.blame("%s: UID %d, %v came below UIDNEXT %d", name, uid, m, before.next)
		}
	}
}

// acknowledged checks everything that the actor told.
func (v *verdict) acknowledged(now *state) {
	for _, k := range v.acks {
		b := now.boxes[k.Box]
		switch k.Did {
		case "box", "nobox":
			if (b != nil) != (k.Did == "box") {
				v.blame("%s %s was acknowledged", k.Did, k.Box)
			}
		case "subscribed", "unsubscribed":
			if slices.Contains(now.subs, k.Box) != (k.Did == "subscribed") {
				v.blame("%s %s was acknowledged", k.Did, k.Box)
			}
		case "uid":
			if b != nil && b.next <= k.UID {
				v.blame("%s: UIDNEXT is %d, and UID %d was told", k.Box, b.next, k.UID)
			}
			want := message{k.Token, k.Flags, k.Fresh}
			if b == nil {
				v.blame("%s is not there, and UID %d was told as %v", k.Box, k.UID, want)
			} else if is := b.messages[k.UID]; is != want {
				v.blame("%s: UID %d was told as %v, is %v", k.Box, k.UID, want, is)
			}
		case "deliver":
			if b == nil || !b.has(k.Token) {
				v.blame("%s: %s was accepted and is lost", k.Box, k.Token)
			}
		case "expunge":
			if b == nil || b.next <= k.UID {
				v.blame("%s: UID %d may be given again", k.Box, k.UID)
			} else if m, ok := b.messages[k.UID]; ok {
				v.blame("%s: UID %d was expunged and is %v", k.Box, k.UID, m)
			}
		}
	}
}

func (b *boxState) has(token string) bool {
	for _, m := range b.messages {
		if m.token == token {
			return true
		}
	}
	return false
}

// copies counts each message over all mailboxes: none is lost that stays, none
// doubled that was not to be, and what failed left nothing.
func (v *verdict) copies(now *state) {
	before, after, found := v.disk, v.after.count(), now.count()
	for token, n := range found {
		most := max(before[token], after[token])
		if v.failed && !v.lenient {
			most = before[token]
		}
		if token != "then" && n > most { // that one is checked by its acknowledgement
			v.blame("%s is there %d times, at most %d", token, n, most)
		}
	}
	for token, n := range before {
		if least := min(n, after[token]); found[token] < least {
			v.blame("%s is there %d times, at least %d", token, found[token], least)
		}
	}
}

func (s *state) count() map[string]int {
	n := make(map[string]int)
	for _, b := range s.boxes {
		for _, m := range b.messages {
			n[m.token]++
		}
	}
	return n
}

// highest returns the greatest UIDNEXT or UID above what anybody can know of a
// mailbox.
func highest(name string, states []*state, acks []ack) (next mail.UID) {
	for _, s := range states {
		if b := s.boxes[name]; b != nil {
			next = max(next, b.next)
		}
	}
	for _, k := range acks {
		if k.Box == name {
			next = max(next, k.UID+1)
		}
	}
	return next
}
