package witness

import (
	"fmt"
	"math"
	"slices"
	"time"

	"fantail/internal/mail"
)

// Rule is a promise that was broken.
type Rule string

// The rules.
const (
	Gone        Rule = "a message was reported expunged while its file was there"
	Missed      Rule = "a message was not shown in time"
	TwoUIDs     Rule = "a message has two UIDs"
	TwoMessages Rule = "a UID has two messages"
	NotAtEnd    Rule = "a message came in below UIDNEXT"
	BadNext     Rule = "UIDNEXT is too low"
	Validity    Rule = "UIDVALIDITY changed"
	Contents    Rule = "a UID has two contents"
	Nowhere     Rule = "a message that nobody made"
	LostFlag    Rule = "a flag changed although nobody changed it"
	Stale       Rule = "a change of flags was not shown in time"
	LostUpdate  Rule = "a change of flags was lost in the end"
	ClaimedMore Rule = "a message was recent to two sessions"
	Disagree    Rule = "a reader does not agree with the directory in the end"
	PeerDiffers Rule = "another server does not agree with a reader in the end"
	Unlisted    Rule = "the UID list does not agree with a reader in the end"
	Trouble     Rule = "trouble"
)

// forever is later than any event.
const forever = math.MaxInt64

// message is everything that the logs tell about one file.
type message struct {
	base    string
	uid     mail.UID // 0: no reader has seen it
	made    bool
	plain   bool // it was made without flags
	born    span
	death   span // of the first attempt to remove it, and the first that was done
	changes map[string][]change
	unsure  []string // flags of which nobody knows how they are
	moves   int      // new to cur, less cur to new
	claims  int
}

// Case is what Judge judges.
type Case struct {
	logs     []*testimony
	messages map[string]*message
	baseOf   map[mail.UID]string
	token    map[string]string // by base
	files    map[string]string // flags by base, in the end
	listed   map[mail.UID]string
	peer     map[mail.UID]string // flags by UID; empty if there is no other server
	failed   []span              // operations that failed and took back what they had made
	limit    int64
	report   *Report
}

func newCase() *Case {
	return &Case{
		messages: make(map[string]*message),
		baseOf:   make(map[mail.UID]string),
		token:    make(map[string]string),
		files:    make(map[string]string),
		listed:   make(map[mail.UID]string),
		peer:     make(map[mail.UID]string),
		report:   newReport(),
	}
}

// blame notes that a rule was broken.
func (c *Case) blame(r Rule, format string, args ...any) {
	c.report.blame(r, fmt.Sprintf(format, args...))
}

// Judge finds out what was broken. A message or a change of flags that a reader
// shows only with a later sync is no fault for as long as limit: a scan that met
// a rename may have to be done again.
func (c *Case) Judge(limit time.Duration) *Report {
	c.limit = int64(limit)
	for _, t := range c.logs {
		c.introduce(t)
	}
	for _, t := range c.logs {
		for _, d := range t.deeds {
			c.hear(d)
		}
	}
	for _, m := range c.messages {
		for _, flag := range m.unsure {
			delete(m.changes, flag)
		}
		for _, changes := range m.changes {
			slices.SortFunc(changes, func(a, b change) int { return int(a.from - b.from) })
		}
		if m.claims+m.moves > 1 {
			c.blame(ClaimedMore, "%s: %d claims, %d moves more from new to cur than back", m.base, m.claims, m.moves)
		}
	}
	for _, t := range c.logs {
		c.missing(t)
		if len(t.looks) > 0 {
			c.cross(t)
		}
	}
	c.inTheEnd()
	return c.report
}

// introduce learns from a reader which UID is which message.
func (c *Case) introduce(t *testimony) {
	learn := func(r Row) {
		if b, ok := c.baseOf[r.UID]; ok && b != r.Base {
			c.blame(TwoMessages, "%s: UID %d was %s and is %s", t.name, r.UID, b, r.Base)
			return
		}
		m := c.message(r.Base)
		if m.uid != 0 && m.uid != r.UID {
			c.blame(TwoUIDs, "%s: %s was %d and is %d", t.name, r.Base, m.uid, r.UID)
			return
		}
		m.uid = r.UID
		c.baseOf[r.UID] = r.Base
	}
	for _, l := range t.looks {
		for _, r := range l.came {
			learn(r)
		}
	}
	for _, r := range t.end {
		learn(r)
	}
}

func (c *Case) message(base string) *message {
	m := c.messages[base]
	if m == nil {
		m = &message{base: base, death: span{forever, forever}, changes: make(map[string][]change)}
		c.messages[base] = m
	}
	return m
}

// hear enters a deed. One about a UID that no reader has seen tells nothing: the
// message came and went between two syncs.
func (c *Case) hear(d deed) {
	switch d.kind {
	case "file":
		if _, ok := c.files[d.base]; ok {
			c.blame(Disagree, "the directory has %s twice", d.base)
		}
		c.files[d.base] = d.flag
		return
	case "listed":
		c.listed[d.uid] = d.base
		return
	case "peer":
		c.peer[d.uid] = d.flag
		return
	case "failed":
		c.failed = append(c.failed, d.span)
		return
	}
	if d.base == "" || d.base == "?" {
		d.base = c.baseOf[d.uid]
		if d.base == "" {
			return
		}
	}
	m := c.message(d.base)
	switch d.kind {
	case "deliver", "append", "copy":
		m.made, m.plain, m.born = true, d.kind != "copy", d.span
		c.is(d)
	case "content":
		c.is(d)
	case "unlink", "expunge":
		m.death.from = min(m.death.from, d.from)
		m.death.to = min(m.death.to, d.to)
	case "attempt":
		m.death.from = min(m.death.from, d.from)
	case "rename", "store":
		m.changes[d.flag] = append(m.changes[d.flag], change{d.span, d.on})
	case "unsure":
		m.unsure = append(m.unsure, d.flag)
	case "take":
		m.moves++
	case "back":
		m.moves--
	case "claim":
		m.claims++
	}
}

// is checks that a message has one content for everybody.
func (c *Case) is(d deed) {
	if t, ok := c.token[d.base]; ok && t != d.token {
		c.blame(Contents, "UID %d, %s is %s and %s", c.message(d.base).uid, d.base, t, d.token)
		return
	}
	c.token[d.base] = d.token
}

// missing checks what operations said about expunged messages.
func (c *Case) missing(t *testimony) {
	for _, d := range t.deeds {
		if d.kind != "missing" {
			continue
		}
		if m := c.messages[c.baseOf[d.uid]]; m != nil && d.to < m.death.from {
			c.blame(Gone, "%s: an operation says that UID %d is gone", t.name, d.uid)
		}
	}
}
