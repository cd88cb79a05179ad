// Package expire removes mail that POP3 clients have retrieved long ago and left on the
// server (RFC 2449 section 6.7).
//
// A message goes only if everything says so; the first reason to keep it is enough:
//
//	it is not in the INBOX                      POP3 has never seen it, or somebody has filed it
//	nobody wrote down that POP3 retrieved it    (package store/maildrop); damage to the file means that
//	it was retrieved too short a time ago       by the first client that did
//	\Flagged, \Answered, \Draft                 somebody means to come back to it, or has used it
//	any keyword                                 the same, as far as anybody can know
//
// What is read (\Seen) tells nothing, since RETR makes it so; what is marked \Deleted is
// on its way out anyhow.
//
// Whether a message may go is looked at once more when it goes, with the mailbox locked,
// and it goes by the name that its file had then. So a flag that is set meanwhile, by
// whatever program, saves it.
package expire

import (
	"context"
	"fmt"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/internal/store/maildrop"
)

// Message is a message of the mailbox, and what becomes of it.
type Message struct {
	UID       mail.UID
	Retrieved time.Time // the zero time: never
	Reason    Reason
	Keyword   mail.Keyword // if that is the reason
}

// Reason is why a message stays.
type Reason int

// The reasons; Goes is none.
const (
	Goes Reason = iota
	NotRetrieved
	TooSoon
	Flagged
	Answered
	Draft
	Keyword
	Changed
)

var reasons = map[Reason]string{
	NotRetrieved: "not retrieved by POP3",
	TooSoon:      "retrieved a short time ago",
	Flagged:      "flagged",
	Answered:     "answered",
	Draft:        "a draft",
	Keyword:      "with a keyword",
	Changed:      "changed in that moment",
}

// String is the reason in words; "" for Goes.
func (r Reason) String() string { return reasons[r] }

// Reasons returns the reasons to stay, in the order in which they count.
func Reasons() []Reason {
	return []Reason{NotRetrieved, TooSoon, Flagged, Answered, Draft, Keyword, Changed}
}

const day = 24 * time.Hour

// plan is what is known when messages are looked at.
type plan struct {
	retrieved maildrop.Retrieved
	before    time.Time // what was retrieved then has had its days
}

// judge says what becomes of a message.
func (p *plan) judge(uid mail.UID, flags mail.Flags, keywords []mail.Keyword) Message {
	m := Message{UID: uid, Retrieved: p.retrieved[uid]}
	switch {
	case m.Retrieved.IsZero():
		m.Reason = NotRetrieved
	case m.Retrieved.After(p.before):
		m.Reason = TooSoon
	case flags&mail.Flagged != 0:
		m.Reason = Flagged
	case flags&mail.Answered != 0:
		m.Reason = Answered
	case flags&mail.Draft != 0:
		m.Reason = Draft
	case len(keywords) > 0:
		m.Reason, m.Keyword = Keyword, keywords[0]
	}
	return m
}

// Expire removes what was retrieved at least so many days before now, unless dry is true.
// It returns what becomes of every message, by UID.
func Expire(ctx context.Context, box *store.Mailbox, days int, now time.Time, dry bool) ([]Message, error) {
	s, err := box.Sync(ctx)
	if err != nil {
		return nil, err
	}
	p := &plan{before: now.Add(-time.Duration(days) * day)}
	dir, validity := box.Maildrop(), s.UIDValidity()
	if p.retrieved, err = dir.Retrieved(validity); err != nil {
		return nil, err
	}
	all := make([]Message, 0, s.Len())
	var goes []mail.UID
	for _, row := range s.Rows() {
		m := p.judge(row.UID, row.Flags, s.KeywordSet(row.Set()))
		if all = append(all, m); m.Reason == Goes {
			goes = append(goes, m.UID)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	if dry {
		return all, nil
	}
	if err := p.remove(ctx, box, goes, all); err != nil {
		return nil, err
	}
	return all, forget(dir, s, p.retrieved, all)
}

// remove removes messages that may still go, and says of the others why not.
func (p *plan) remove(ctx context.Context, box *store.Mailbox, uids []mail.UID, all []Message) error {
	if len(uids) == 0 {
		return nil
	}
	stays := make(map[mail.UID]Message)
	changed, err := box.ExpungeIf(ctx, uids, func(uid mail.UID, flags mail.Flags, keywords []mail.Keyword) bool {
		m := p.judge(uid, flags, keywords)
		if m.Reason != Goes {
			stays[uid] = m
		}
		return m.Reason == Goes
	})
	if err != nil {
		return fmt.Errorf("remove expired mail: %w", err)
	}
	for _, uid := range changed {
		stays[uid] = Message{UID: uid, Retrieved: p.retrieved[uid], Reason: Changed}
	}
	for i, m := range all {
		if now, ok := stays[m.UID]; ok {
			all[i] = now
		}
	}
	return nil
}

// forget drops from the file what there is no more. A message that came behind the
// snapshot may have been retrieved meanwhile.
func forget(dir maildrop.Dir, s *store.Snapshot, r maildrop.Retrieved, all []Message) error {
	there := make(map[mail.UID]bool, len(all))
	for _, m := range all {
		there[m.UID] = m.Reason != Goes
	}
	keep := func(uid mail.UID) bool { return there[uid] || uid >= s.UIDNext() }
	for uid := range r {
		if keep(uid) {
			continue
		}
		if err := dir.Compact(s.UIDValidity(), keep); err != nil {
			return fmt.Errorf("forget what is gone: %w", err)
		}
		break
	}
	return nil
}
