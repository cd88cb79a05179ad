package client

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Mode is what a connection has enabled.
type Mode struct {
	Rev2      bool // RFC 9051 section 6.3.1
	CondStore bool // RFC 7162 section 3.1: what it says includes mod-sequences
	QResync   bool // RFC 7162 section 3.2.3

	Notify *Notify // RFC 5465; nil before the first NOTIFY
}

// Message is what a client knows of one message.
type Message struct {
	UID    uint32 // 0: not told yet
	Flags  string // as Flags writes them, without \Recent; told if Told
	Told   bool
	ModSeq uint64 // 0: not told
	floor  uint32 // its UID is at least this
	with   uint64 // the mod-sequence that came with Flags; 0: none

	// NOTIFY has to tell something of it as a new message, unless the client has made
	// it; since late is set it is too late for that.
	awaited, late bool
}

// Flags writes a set of flags in a form that can be compared. \Recent is not the
// message's but the session's.
func Flags(list []string) string {
	list = slices.DeleteFunc(slices.Clone(list), func(f string) bool { return strings.EqualFold(f, `\Recent`) })
	slices.Sort(list)
	return strings.Join(list, " ")
}

// Has reports whether a flag is in a set that Flags has written.
func Has(set, flag string) bool {
	for f := range strings.SplitSeq(set, " ") {
		if strings.EqualFold(f, flag) {
			return true
		}
	}
	return false
}

// Progress is the command in progress: the first that is not answered yet.
type Progress struct {
	Name   string   // "" for none
	Others []string // the others, if the server may be at work on one of them
	Loose  bool     // what the client did not ask for follows no rule but the law's
}

// mayExpunge reports whether EXPUNGE may be sent now (RFC 9051 section 7.5.1;
// RFC 5256 section 3).
func (p Progress) mayExpunge() bool {
	return slices.ContainsFunc(append(p.Others, p.Name), func(name string) bool {
		switch name {
		case "", "FETCH", "STORE", "SEARCH", "SORT", "THREAD":
			return false
		}
		return true
	})
}

// View is what a client knows of the mailbox that it has selected.
type View struct {
	Box      string
	Validity uint32
	Next     uint32
	Highest  uint64 // the client's copy (RFC 7162 section 6); 0: no mod-sequences
	ReadOnly bool

	// Owned is told the flags of a message whenever the client is. Nil: nobody.
	Owned func(uid uint32, flags string)

	mode     *Mode
	truth    *Truth
	blame    func(Rule, string, ...any)
	messages []*Message
	known    map[string]bool // keywords that FLAGS had
	gone     map[uint32]bool
	opened   bool   // SELECT has been answered
	cache    *Cache // with what SELECT tries to resynchronize
	vanished map[uint32]bool
	code     uint64 // HIGHESTMODSEQ since the last tagged response
	rose     uint64 // the highest MODSEQ of FETCH since then

	// deaf: something was not told, since the client does not want to hear it.
	deaf bool
}

// Cache is what a client keeps of a mailbox while it is not connected.
type Cache struct {
	Validity uint32
	Highest  uint64
	Messages []Message // in the order of UIDs
}

// NewView begins the view of a mailbox that the client is about to select, with
// the cache that it gives to QRESYNC, or nil. Promises that were broken go to
// blame.
func NewView(box string, mode *Mode, cache *Cache, t *Truth, blame func(Rule, string, ...any)) *View {
	return &View{Box: box, mode: mode, cache: cache, truth: t, blame: blame, known: make(map[string]bool), gone: make(map[uint32]bool), vanished: make(map[uint32]bool)}
}

// Open reports whether SELECT or EXAMINE has succeeded.
func (v *View) Open() bool { return v.opened }

// Len is the number of messages.
func (v *View) Len() int { return len(v.messages) }

// Message returns message number n, which is between 1 and Len.
func (v *View) Message(n uint32) *Message { return v.messages[n-1] }

// UIDs are those that the client knows.
func (v *View) UIDs() []uint32 {
	list := make([]uint32, 0, len(v.messages))
	for _, m := range v.messages {
		if m.UID != 0 {
			list = append(list, m.UID)
		}
	}
	return list
}

// ByUID returns a message and its number, or nil.
func (v *View) ByUID(uid uint32) (*Message, uint32) {
	for i, m := range v.messages {
		if m.UID == uid {
			return m, uint32(i) + 1
		}
	}
	return nil, 0
}

// Keyword reports whether the server has announced a keyword.
func (v *View) Keyword(k string) bool { return v.known[strings.ToLower(k)] }

// Save returns what the client can resynchronize with later, or nil if it does not
// know everything about every message.
func (v *View) Save() *Cache {
	c := &Cache{Validity: v.Validity, Highest: v.Highest}
	for _, m := range v.messages {
		if m.UID == 0 || !m.Told {
			return nil
		}
		kept := *m
		kept.awaited, kept.late = false, false
		c.Messages = append(c.Messages, kept)
	}
	if !v.opened || v.Highest == 0 || v.deaf {
		return nil
	}
	return c
}

// Hear changes the view by an untagged response. It reports whether that was about
// the mailbox: what is not is the answer to a command.
func (v *View) Hear(r *Response, p Progress) bool {
	v.unasked(r, p)
	switch r.Name {
	case "EXISTS":
		v.exists(r)
	case "RECENT":
		v.recent(r)
	case "EXPUNGE":
		v.expunge(r, p)
	case "VANISHED":
		v.vanish(r, p)
	case "FETCH":
		v.fetch(r, p)
	case "FLAGS":
		v.announce(r)
	case "OK":
		return v.status(r)
	default:
		return false
	}
	return true
}

// unasked checks that the client wants to hear what it has not asked for by the command
// in progress (RFC 5465 section 3.1).
func (v *View) unasked(r *Response, p Progress) {
	n := v.mode.Notify
	switch p.Name {
	case "", "NOOP", "CHECK", "IDLE":
	default:
		return
	}
	switch {
	case n.All() || !v.opened:
		return
	case r.Name == "FETCH" && n.New:
		_, told := r.Item("FLAGS")
		if i := int(r.Number); !told || i < 1 || i > len(v.messages) || v.messages[i-1].awaited {
			return
		}
	case r.Name != "FETCH" && (n.New || r.Name != "EXISTS" && r.Name != "EXPUNGE" && r.Name != "VANISHED"):
		return
	}
	v.blame(Unasked, "%.200s after %s", r.Raw, n)
}

// NotifyChanged is heard when NOTIFY has succeeded: what was not told until then has
// been, if it is wanted now.
func (v *View) NotifyChanged() {
	v.deaf = !v.mode.Notify.All()
	for _, m := range v.messages {
		m.awaited = false
	}
}

// mayExpunge reports whether EXPUNGE may be sent now.
func (v *View) mayExpunge(p Progress) bool { return v.mode.Notify.Anytime() || p.mayExpunge() }

func (v *View) exists(r *Response) {
	n := int(r.Number)
	if n < len(v.messages) {
		v.blame(FewerExist, "%s after %d messages", r.Raw, len(v.messages))
		v.messages = v.messages[:n]
	}
	var floor uint32
	if v.opened {
		floor = v.Next
	}
	notify := v.mode.Notify
	awaited := v.opened && notify != nil && len(notify.Fetch) > 0
	for len(v.messages) < n {
		v.messages = append(v.messages, &Message{floor: floor, awaited: awaited})
	}
}

func (v *View) recent(r *Response) {
	if v.mode.Rev2 {
		v.blame(WrongMode, "%s under IMAP4rev2", r.Raw)
	}
	if int(r.Number) > len(v.messages) {
		v.blame(WrongCount, "%s of %d messages", r.Raw, len(v.messages))
	}
}

func (v *View) expunge(r *Response, p Progress) {
	if !v.mayExpunge(p) {
		v.blame(NotNow, "%s during %q", r.Raw, p.Name)
	}
	if v.mode.QResync && v.Highest > 0 {
		v.blame(WrongMode, "%s when QRESYNC is enabled", r.Raw)
	}
	if r.Number < 1 || int(r.Number) > len(v.messages) {
		v.blame(NoNumber, "%s of %d messages", r.Raw, len(v.messages))
		return
	}
	v.remove(int(r.Number) - 1)
}

func (v *View) remove(i int) {
	uid := v.messages[i].UID
	v.messages = slices.Delete(v.messages, i, i+1)
	if uid != 0 {
		v.gone[uid] = true
		v.truth.ToldGone(v.Box, uid, v.blame)
	}
}

// vanish is a VANISHED response (RFC 7162 section 3.2.10).
func (v *View) vanish(r *Response, p Progress) {
	early := len(r.Args) == 2 && len(r.Args[0].List) == 1 && r.Args[0].List[0].Is("EARLIER")
	if len(r.Args) != 1 && !early {
		v.blame(Grammar, "%s", r.Raw)
		return
	}
	// What vanished earlier may be told generously, so that is a long list.
	uids, err := Numbers(r.Args[len(r.Args)-1].Text, 1<<22)
	switch {
	case err != nil:
		v.blame(Grammar, "%s: %v", r.Raw, err)
	case !v.mode.QResync:
		v.blame(WrongMode, "%s when QRESYNC is not enabled", r.Raw)
	case early:
		v.earlier(r, p, uids)
	case !v.mayExpunge(p):
		v.blame(NotNow, "%s during %q", r.Raw, p.Name)
		fallthrough
	default:
		for _, uid := range uids {
			v.vanishOne(r, uid)
		}
	}
}

// vanishOne removes a message by its UID. Of messages whose UIDs were not told yet
// it may be any that can have it: what was told of those is nobody's then.
func (v *View) vanishOne(r *Response, uid uint32) {
	for i, m := range v.messages {
		if m.UID == uid || m.UID == 0 && v.fits(i, uid) {
			for _, other := range v.messages[i+1:] {
				if m.UID == uid || other.UID != 0 {
					break
				}
				*other = Message{floor: other.floor}
			}
			m.UID = uid
			v.remove(i)
			return
		}
	}
	v.blame(NoNumber, "%.200s: UID %d is not in the mailbox", r.Raw, uid)
}

// fits reports whether message i can have a UID, by those around it.
func (v *View) fits(i int, uid uint32) bool {
	if uid < v.messages[i].floor {
		return false
	}
	for _, m := range slices.Backward(v.messages[:i]) {
		if m.UID != 0 {
			if uid <= m.UID {
				return false
			}
			break
		}
	}
	for _, m := range v.messages[i+1:] {
		if m.UID != 0 {
			return uid < m.UID
		}
	}
	return true
}

// earlier is VANISHED (EARLIER): what the client may have in its cache, and in no
// case what it counts.
func (v *View) earlier(r *Response, p Progress, uids []uint32) {
	if p.Name != "SELECT" && p.Name != "EXAMINE" && p.Name != "UID FETCH" {
		v.blame(NotNow, "%s during %q", r.Raw, p.Name)
	}
	for _, uid := range uids {
		v.vanished[uid] = true
		// Dovecot tells what is gone before it tells that it is gone.
		if m, n := v.ByUID(uid); m != nil && !p.Loose {
			v.blame(Resync, "%.200s: UID %d is message %d", r.Raw, uid, n)
		}
	}
}

func (v *View) announce(r *Response) {
	if len(r.Args) != 1 {
		v.blame(Grammar, "%s", r.Raw)
		return
	}
	v.known = make(map[string]bool)
	for _, f := range r.Args[0].Strings() {
		v.known[strings.ToLower(f)] = true
	}
}

// status is an untagged OK: the response codes that tell of the mailbox.
func (v *View) status(r *Response) bool {
	for _, c := range []struct {
		name string
		take func(n uint64)
	}{
		{"UIDVALIDITY", func(n uint64) { v.Validity = uint32(n); v.truth.Valid(v.Box, v.Validity, v.blame) }},
		{"UIDNEXT", func(n uint64) { v.Next = uint32(n) }},
		{"UNSEEN", func(n uint64) {
			if n < 1 || n > uint64(len(v.messages)) {
				v.blame(NoNumber, "%s of %d messages", r.Raw, len(v.messages))
			}
		}},
	} {
		if args, ok := r.HasCode(c.name); ok {
			n, err := number(args)
			if err != nil {
				v.blame(Grammar, "%s", r.Raw)
				return true
			}
			c.take(n)
			return true
		}
	}
	if _, ok := r.HasCode("HIGHESTMODSEQ"); ok {
		v.highest(r)
		return true
	}
	for _, name := range []string{"PERMANENTFLAGS", "NOMODSEQ", "CLOSED", "MAILBOXID", "READ-ONLY", "READ-WRITE", "UIDNOTSTICKY"} {
		if _, ok := r.HasCode(name); ok {
			return true
		}
	}
	return false
}

func number(args []Value) (uint64, error) {
	if len(args) != 1 {
		return 0, errGrammar
	}
	return strconv.ParseUint(args[0].Text, 10, 63)
}

// highest takes a HIGHESTMODSEQ response code. It may be lower than mod-sequences
// that were told, so that the client does not miss what waits (RFC 7162 section
// 3.2), but it never falls.
func (v *View) highest(r *Response) {
	args, _ := r.HasCode("HIGHESTMODSEQ")
	n, err := number(args)
	if err != nil || n == 0 {
		v.blame(Grammar, "%s", r.Raw)
		return
	}
	if n < v.Highest {
		v.blame(ModSeqBack, "%s after %d", r.Raw, v.Highest)
	}
	v.code = n
}

// Tagged is heard at every tagged response: it is when a client may raise its copy
// of HIGHESTMODSEQ (RFC 7162 section 6).
func (v *View) Tagged(r *Response) {
	if _, ok := r.HasCode("HIGHESTMODSEQ"); ok {
		v.highest(r)
	}
	switch {
	case v.code != 0:
		v.Highest = v.code
	case v.rose > v.Highest && v.Highest > 0:
		v.Highest = v.rose
	}
	v.code, v.rose = 0, 0
	for _, m := range slices.Backward(v.messages) {
		if m.late || !m.awaited && m.UID != 0 {
			break
		}
		m.late = m.awaited
	}
}

// Opened is heard when SELECT or EXAMINE has succeeded. asked is what Truth.Highest
// was when the command was sent.
func (v *View) Opened(readOnly bool, asked uint64) {
	v.opened, v.ReadOnly = true, readOnly
	v.deaf = !v.mode.Notify.All()
	if v.Validity == 0 || v.Next == 0 && v.mode.Rev2 {
		v.blame(Grammar, "%s: SELECT told UIDVALIDITY %d and UIDNEXT %d", v.Box, v.Validity, v.Next)
	}
	if v.Highest > 0 && v.Highest < asked {
		v.blame(ModSeqBack, "%s: HIGHESTMODSEQ is %d, and somebody was told %d before", v.Box, v.Highest, asked)
	}
	if v.cache != nil && v.Highest > 0 {
		v.resync()
	}
	v.cache, v.vanished = nil, make(map[uint32]bool)
}

// resync makes the mailbox of what the client had and what it was told since: all
// that it had and that did not vanish, and what FETCH told. That must be as many
// messages as EXISTS said, in an order in which the numbers that FETCH had are right.
func (v *View) resync() {
	told := make(map[uint32]Message)
	for _, m := range v.messages {
		if m.UID != 0 {
			told[m.UID] = *m
		}
	}
	merged := make([]*Message, 0, len(v.messages))
	for _, m := range v.cache.Messages {
		if _, ok := told[m.UID]; !ok && !v.vanished[m.UID] {
			merged = append(merged, &m)
		} else if v.vanished[m.UID] {
			v.truth.ToldGone(v.Box, m.UID, v.blame)
		}
	}
	for _, m := range told {
		merged = append(merged, &m)
	}
	sort.Slice(merged, func(i, j int) bool { return merged[i].UID < merged[j].UID })
	if len(merged) != len(v.messages) {
		v.blame(Resync, "%s from mod-sequence %d: %d messages were known, %d vanished, %d were told, which makes %d; but %d exist",
			v.Box, v.cache.Highest, len(v.cache.Messages), len(v.vanished), len(told), len(merged), len(v.messages))
		return
	}
	for i, m := range v.messages {
		if m.UID != 0 && merged[i].UID != m.UID {
			v.blame(Resync, "%s: message %d was told as UID %d, and must be %d", v.Box, i+1, m.UID, merged[i].UID)
		}
	}
	v.messages = merged
}

// fetch is a FETCH response.
func (v *View) fetch(r *Response, p Progress) {
	if len(r.Args) != 1 || len(r.Args[0].List)%2 != 0 || r.Args[0].List == nil {
		v.blame(Grammar, "%.200s", r.Raw)
		return
	}
	if r.Number < 1 || int(r.Number) > len(v.messages) {
		v.blame(NoNumber, "%.200s of %d messages", r.Raw, len(v.messages))
		return
	}
	i := int(r.Number) - 1
	m := v.messages[i]
	if u, ok := r.Item("UID"); ok {
		v.identify(r, i, u.Text)
	} else if v.mode.QResync && p.Name != "FETCH" || v.mode.CondStore && p.Name == "" || (p.Name == "UID FETCH" || p.Name == "UID STORE") && !p.Loose && !m.awaited {
		// RFC 7162 section 3.2.4, RFC 9051 section 6.4.9.
		v.blame(Grammar, "%.200s during %s has no UID", r.Raw, p.Name)
	}
	v.arrived(r, m)
	flags, hasFlags := r.Item("FLAGS")
	modseq := v.modseq(r)
	if p.Name == "" && modseq == 0 && !hasFlags && v.mode.CondStore && v.Highest > 0 {
		v.blame(ModSeqBack, "%.200s has none, though CONDSTORE is enabled", r.Raw)
	}
	if hasFlags {
		v.flags(r, m, flags, modseq, p)
	}
	if modseq > 0 {
		// What was expunged while nothing was told is told as it was then.
		if modseq < m.ModSeq && !(v.deaf && m.UID != 0 && v.truth.Doomed(v.Box, m.UID)) {
			v.blame(ModSeqBack, "%.200s after %d", r.Raw, m.ModSeq)
		}
		m.ModSeq = modseq
		v.rose = max(v.rose, modseq)
		v.truth.ToldModSeq(v.Box, m, hasFlags, v.blame)
	}
	if m.UID == 0 {
		return
	}
	for name, value := range r.Items() {
		switch name {
		case "FLAGS", "UID", "MODSEQ":
		default:
			// Dovecot tells something of messages that are gone (RFC 2180 section 4.1.2), and
			// as SAVEDATE the time of the last rename, against RFC 8514 section 4.
			if p.Loose && (name == "SAVEDATE" || v.truth.Doomed(v.Box, m.UID)) {
				continue
			}
			v.truth.Item(v.Box, m.UID, name, value, v.blame)
		}
	}
}

// arrived checks that a new message was told as the client wants it. That comes right
// after EXISTS, but not for a message that the client has made (RFC 5465 section 5.2).
func (v *View) arrived(r *Response, m *Message) {
	n := v.mode.Notify
	switch {
	case !m.awaited:
	case !m.late:
		for _, item := range n.Fetch {
			if _, ok := r.Item(strings.Replace(item, ".PEEK", "", 1)); !ok {
				return
			}
		}
		m.awaited = false
	case m.UID != 0:
		m.awaited = false
		if !n.Own(v.Box, m.UID) && !v.truth.Doomed(v.Box, m.UID) {
			v.blame(Unnotified, "%.200s: UID %d was never told after %s", r.Raw, m.UID, n)
		}
	}
}

// identify learns or checks which message it is.
func (v *View) identify(r *Response, i int, text string) {
	n, err := strconv.ParseUint(text, 10, 32)
	uid := uint32(n)
	m := v.messages[i]
	switch {
	case err != nil || uid == 0:
		v.blame(Grammar, "%.200s", r.Raw)
	case m.UID == uid:
	case m.UID != 0:
		v.blame(OtherUID, "%.200s: message %d was UID %d", r.Raw, i+1, m.UID)
	case v.gone[uid]:
		v.blame(NotAtEnd, "%.200s: UID %d was gone", r.Raw, uid)
	case !v.fits(i, uid):
		v.blame(NotAtEnd, "%.200s: UID %d is among %s, and must be at least %d", r.Raw, uid, v.around(i), m.floor)
	default:
		m.UID = uid
		v.truth.Seen(v.Box, uid)
	}
}

// around shows the UIDs near a message.
func (v *View) around(i int) string {
	var b strings.Builder
	for j := max(0, i-3); j < min(len(v.messages), i+4); j++ {
		fmt.Fprintf(&b, "%d:%d ", j+1, v.messages[j].UID)
	}
	return b.String()
}

func (v *View) modseq(r *Response) uint64 {
	x, ok := r.Item("MODSEQ")
	if !ok {
		return 0
	}
	n, err := number(x.List)
	if err != nil || n == 0 {
		v.blame(Grammar, "%.200s", r.Raw)
	}
	return n
}

// flags takes the flags that a FETCH response tells.
func (v *View) flags(r *Response, m *Message, value Value, modseq uint64, p Progress) {
	list := value.Strings()
	for _, f := range list {
		switch {
		case strings.EqualFold(f, `\Recent`):
			if v.mode.Rev2 {
				v.blame(WrongMode, "%.200s under IMAP4rev2", r.Raw)
			}
		case !v.Keyword(f):
			v.blame(Unannounced, "%.200s: %s", r.Raw, f)
		}
	}
	flags := Flags(list)
	// What the client did not ask for in so many words has to have a mod-sequence
	// (RFC 7162 section 3.1).
	if asked := strings.HasSuffix(p.Name, "FETCH"); v.mode.CondStore && modseq == 0 && !asked && v.Highest > 0 {
		v.blame(ModSeqBack, "%.200s has none, though CONDSTORE is enabled", r.Raw)
	}
	if modseq > 0 && m.with == modseq && m.Flags != flags {
		v.blame(ModSeqBack, "%.200s: with that mod-sequence it had (%s)", r.Raw, m.Flags)
	}
	m.Flags, m.Told, m.with = flags, true, modseq
	if v.Owned != nil && m.UID != 0 {
		v.Owned(m.UID, flags)
	}
}

// Assume enters what a silent change has made of the flags that the client knows,
// as it may (RFC 9051 section 6.4.6).
func (v *View) Assume(uid uint32, add bool, flag string) {
	m, _ := v.ByUID(uid)
	if m == nil || !m.Told {
		return
	}
	list := slices.DeleteFunc(strings.Fields(m.Flags), func(f string) bool { return strings.EqualFold(f, flag) })
	if add {
		list = append(list, flag)
	}
	m.Flags, m.with = Flags(list), 0
}
