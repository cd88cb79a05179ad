package client

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// Truth is what is known whoever looks: what all connections were told of things
// that do not change, and what the programs of a storm do to the mail. Every
// message has a token, a word of its own in its subject, which its copies share.
//
// A deed is entered when it begins and when it is acknowledged. What has begun may
// be so, what is acknowledged must.
type Truth struct {
	mu     sync.Mutex
	boxes  map[string]*boxTruth
	tokens map[string]*birth // of what was delivered or appended
	doubts int               // copies of which nobody knows whether they were made
}

type boxTruth struct {
	validity uint32
	highest  uint64
	messages map[uint32]*fact
}

// fact is what is known of one message.
type fact struct {
	token   string // "": nobody knows
	items   map[string]string
	flagsAt map[uint64]string // by mod-sequence
	modseq  uint64            // the highest that anybody was told
	born    bool              // it was acknowledged with this UID
	source  *fact             // it was copied from this one
	doomed  bool              // somebody has begun to remove it
	dead    bool              // it was acknowledged that it is gone
	early   bool              // somebody was told that it is gone before it was doomed
}

// birth is what was made with a token.
type birth struct{ begun, acknowledged int }

// NewTruth returns an empty Truth.
func NewTruth() *Truth {
	return &Truth{boxes: make(map[string]*boxTruth), tokens: make(map[string]*birth)}
}

func (t *Truth) box(name string) *boxTruth {
	b := t.boxes[name]
	if b == nil {
		b = &boxTruth{messages: make(map[uint32]*fact)}
		t.boxes[name] = b
	}
	return b
}

func (t *Truth) fact(box string, uid uint32) *fact {
	b := t.box(box)
	f := b.messages[uid]
	if f == nil {
		f = &fact{items: make(map[string]string), flagsAt: make(map[uint64]string)}
		b.messages[uid] = f
	}
	return f
}

type blamer = func(Rule, string, ...any)

// Valid enters a UIDVALIDITY.
func (t *Truth) Valid(box string, validity uint32, blame blamer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.box(box)
	if b.validity != 0 && b.validity != validity {
		blame(Changed, "%s: UIDVALIDITY was %d and is %d", box, b.validity, validity)
	}
	b.validity = validity
}

// Seen enters that a message exists.
func (t *Truth) Seen(box string, uid uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fact(box, uid)
}

// Item enters a data item of FETCH that never changes, or checks that it has not.
func (t *Truth) Item(box string, uid uint32, name string, v Value, blame blamer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.fact(box, uid)
	value := v.Raw
	if v.String {
		value = v.Text
	}
	if partial, whole, ok := f.partial(name, value); ok && !partial {
		blame(Changed, "%s: UID %d, %s is %.100q of %.100q", box, uid, name, value, whole)
	}
	old, ok := f.items[name]
	if strings.Contains(name, "]<") {
		// Two parts that begin at one octet are of the lengths that were asked for.
		if n := min(len(old), len(value)); ok && old[:n] == value[:n] {
			value, old = max(old, value), max(old, value)
		}
	}
	if ok && old != value {
		blame(Changed, "%s: UID %d, %s was %.100q and is %.100q", box, uid, name, old, value)
	}
	f.items[name] = value
	if token := subject(value); strings.HasPrefix(name, "BODY[HEADER.FIELDS (SUBJECT)]") && token != "" {
		t.name(box, uid, f, token, blame)
	}
}

// partial compares a part of the octets of a message with all of them.
func (f *fact) partial(name, part string) (right bool, whole string, ok bool) {
	section, from, ok := strings.Cut(name, "]<")
	if !ok {
		return false, "", false
	}
	whole, ok = f.items[section+"]"]
	if !ok {
		return false, "", false
	}
	at := 0
	for _, c := range strings.TrimSuffix(from, ">") {
		at = at*10 + int(c-'0')
	}
	return strings.HasPrefix(whole[min(at, len(whole)):], part), whole, true
}

// subject returns the token in a header.
func subject(text string) string {
	_, rest, ok := strings.Cut(text, "Subject: ")
	if !ok {
		return ""
	}
	token, _, _ := strings.Cut(rest, "\r\n")
	return token
}

func (t *Truth) name(box string, uid uint32, f *fact, token string, blame blamer) {
	if f.token != "" && f.token != token {
		blame(Changed, "%s: UID %d was %s and is %s", box, uid, f.token, token)
	}
	f.token = token
	if t.tokens[token] == nil {
		blame(Invented, "%s: UID %d, %s", box, uid, token)
	}
}

// Token returns what message it is, or "".
func (t *Truth) Token(box string, uid uint32) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fact(box, uid).token
}

// ToldModSeq enters the mod-sequence of a message, and its flags if they were told
// with it: two clients who are told one mod-sequence are told the same flags.
func (t *Truth) ToldModSeq(box string, m *Message, flags bool, blame blamer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.box(box)
	b.highest = max(b.highest, m.ModSeq)
	if m.UID == 0 {
		return
	}
	f := t.fact(box, m.UID)
	f.modseq = max(f.modseq, m.ModSeq)
	if !flags {
		return
	}
	if old, ok := f.flagsAt[m.ModSeq]; ok && old != m.Flags {
		blame(ModSeqBack, "%s: UID %d with mod-sequence %d has (%s), and was told elsewhere with (%s)", box, m.UID, m.ModSeq, m.Flags, old)
	}
	f.flagsAt[m.ModSeq] = m.Flags
}

// ModSeq returns the highest mod-sequence of a message that anybody was told.
func (t *Truth) ModSeq(box string, uid uint32) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fact(box, uid).modseq
}

// Highest returns the highest mod-sequence that anybody was told.
func (t *Truth) Highest(box string) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.box(box).highest
}

// Begin enters that somebody begins to make a message.
func (t *Truth) Begin(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.tokens[token]
	if b == nil {
		b = &birth{}
		t.tokens[token] = b
	}
	b.begun++
}

// Delivered enters that a message was accepted.
func (t *Truth) Delivered(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokens[token].acknowledged++
}

// Appended enters an APPENDUID.
func (t *Truth) Appended(token, box string, validity, uid uint32, blame blamer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokens[token].acknowledged++
	t.arrive(box, validity, uid, token, blame)
}

// Copied enters one message of a COPYUID.
func (t *Truth) Copied(from string, uid uint32, box string, validity, as uint32, blame blamer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	source := t.fact(from, uid)
	t.arrive(box, validity, as, source.token, blame).source = source
}

func (t *Truth) arrive(box string, validity, uid uint32, token string, blame blamer) *fact {
	b, f := t.box(box), t.fact(box, uid)
	if b.validity != 0 && validity != b.validity {
		blame(WrongPlace, "%s: UIDVALIDITY %d, which is %d", box, validity, b.validity)
	}
	if f.born {
		blame(WrongPlace, "%s: UID %d was told before", box, uid)
	}
	if token != "" && f.token != "" && f.token != token {
		blame(WrongPlace, "%s: UID %d was told as %s and is %s", box, uid, token, f.token)
	}
	f.born = true
	f.token = cmp.Or(f.token, token)
	return f
}

// Doubt enters that nobody knows whether a copy was made.
func (t *Truth) Doubt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.doubts++
}

// Doom enters that somebody begins to remove a message.
func (t *Truth) Doom(box string, uid uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fact(box, uid).doomed = true
}

// Dead enters that a message was removed.
func (t *Truth) Dead(box string, uid uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.fact(box, uid)
	f.doomed, f.dead = true, true
}

// Doomed reports whether a message may be gone.
func (t *Truth) Doomed(box string, uid uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fact(box, uid).doom()
}

// doom reports whether a message may be gone. A copy has the flags of its source:
// one that is marked \Deleted goes with the next EXPUNGE.
func (f *fact) doom() bool { return f.doomed || f.source != nil && f.source.doom() }

// ToldGone enters that a client was told that a message is gone. If nobody has
// begun to remove it, it may be a copy whose COPYUID is on its way: then Settle
// has the last word.
func (t *Truth) ToldGone(box string, uid uint32, blame blamer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.fact(box, uid)
	if f.doom() {
		return
	}
	if f.born {
		blame(Vanished, "%s: UID %d, %s", box, uid, f.token)
		return
	}
	f.early = true
}

// Found is a message as it is in a directory when all is quiet.
type Found struct {
	UID   uint32
	Token string
	Flags string // as Flags writes them
}

// Settle compares all that is known of a mailbox with what is there when all is
// quiet.
func (t *Truth) Settle(box string, found []Found, blame blamer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	here := make(map[uint32]bool)
	for _, m := range found {
		here[m.UID] = true
		f := t.fact(box, m.UID)
		if f.dead {
			blame(Lingers, "%s: UID %d, %s", box, m.UID, m.Token)
		}
		t.name(box, m.UID, f, m.Token, blame)
	}
	for uid, f := range t.box(box).messages {
		copied := f.source != nil && f.source.doom() || t.doubts > 0
		switch {
		case here[uid] && f.early:
			blame(Vanished, "%s: UID %d, %s was told to be gone and is there", box, uid, f.token)
		case f.early && !copied:
			blame(Vanished, "%s: UID %d, %s was told to be gone before anybody removed it", box, uid, f.token)
		case !here[uid] && !f.doom() && t.doubts == 0:
			blame(Vanished, "%s: UID %d, %s", box, uid, f.token)
		}
	}
}

// Count compares how often each message was made with how many there have been,
// copies aside. It is called once, after every mailbox was settled.
func (t *Truth) Count(blame blamer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	were := make(map[string][]uint32)
	for _, b := range t.boxes {
		for uid, f := range b.messages {
			if f.source == nil {
				were[f.token] = append(were[f.token], uid)
			}
		}
	}
	for token, b := range t.tokens {
		uids := were[token]
		slices.Sort(uids)
		if len(uids) > b.begun && t.doubts == 0 {
			blame(Doubled, "%s was made %d times and has been UIDs %d", token, b.begun, uids)
		}
		if len(uids) < b.acknowledged {
			blame(Lost, "%s was made %d times and has been UIDs %d", token, b.acknowledged, uids)
		}
	}
}
