package witness

import (
	"slices"
	"sort"
	"strings"

	"fantail/internal/mail"
)

// stay is the time during which a reader showed a message: from look in on, and
// not from look out on.
type stay struct {
	m       *message
	in, out int
	shown   []shown
}

// shown are the flags of a message from one look on.
type shown struct {
	at    int
	flags string
}

// cross examines one reader.
func (c *Case) cross(t *testimony) {
	stays := c.stays(t)
	for _, s := range stays {
		c.presence(t, s)
		if s.m.plain || len(s.m.changes) > 0 {
			c.flags(t, s)
		}
	}
	c.numbering(t)
	c.unseen(t, stays)
	c.report.looks(t)
}

// stays follows every message through the looks of a reader.
func (c *Case) stays(t *testimony) map[mail.UID]*stay {
	stays := make(map[mail.UID]*stay)
	for k, l := range t.looks {
		for _, uid := range l.went {
			if s := stays[uid]; s != nil {
				s.out = k
			}
		}
		for _, r := range l.came {
			if stays[r.UID] != nil {
				c.blame(Gone, "%s: UID %d went and came back", t.name, r.UID)
				continue
			}
			stays[r.UID] = &stay{m: c.message(r.Base), in: k, out: len(t.looks), shown: []shown{{k, r.Flags}}}
		}
		for _, r := range l.altered {
			if s := stays[r.UID]; s != nil {
				s.shown = append(s.shown, shown{k, r.Flags})
			}
		}
	}
	return stays
}

// firstAfter returns the first look that was asked for after a time.
func (t *testimony) firstAfter(at int64) int {
	return sort.Search(len(t.looks), func(k int) bool { return t.looks[k].from > at })
}

// lastBefore returns the last look that was answered before a time, or -1.
func (t *testimony) lastBefore(at int64) int {
	return sort.Search(len(t.looks), func(k int) bool { return t.looks[k].to >= at }) - 1
}

// presence compares when a message was shown with when it was there.
func (c *Case) presence(t *testimony, s *stay) {
	m := s.m
	if !m.made {
		if s.out < len(t.looks) && c.undone(t.looks[s.in]) {
			return
		}
		c.blame(Nowhere, "%s: UID %d, %s", t.name, m.uid, m.base)
		return
	}
	first := t.looks[s.in]
	if first.to < m.born.from {
		c.blame(Nowhere, "%s: UID %d, %s was shown before it was made", t.name, m.uid, m.base)
	}
	if s.out < len(t.looks) && t.looks[s.out].to < m.death.from {
		c.blame(Gone, "%s: UID %d, %s", t.name, m.uid, m.base)
	}
	if k := t.firstAfter(m.death.to); k < s.out && k < len(t.looks) {
		c.report.Lingering.add(t.looks[min(s.out, len(t.looks)-1)].from - m.death.to)
	}
	if due := t.firstAfter(m.born.to); due < s.in {
		c.late(t, m, t.looks[s.in-1].from-m.born.to)
	}
}

// undone reports whether a message that came with l and went again can have been
// of an operation that failed: its UID is spent, and nobody may mind.
func (c *Case) undone(l look) bool {
	return slices.ContainsFunc(c.failed, func(f span) bool { return f.from < l.to && l.from < f.to+c.limit })
}

func (c *Case) late(t *testimony, m *message, by int64) {
	c.report.Late.add(by)
	if by > c.limit {
		c.blame(Missed, "%s: %s was not shown for %v", t.name, m.base, ms(by))
	}
}

// unseen looks for messages that a reader never showed while they were there.
func (c *Case) unseen(t *testimony, stays map[mail.UID]*stay) {
	for _, m := range c.messages {
		if _, ok := stays[m.uid]; ok || !m.made {
			continue
		}
		if k, last := t.firstAfter(m.born.to), t.lastBefore(m.death.from); k <= last {
			c.late(t, m, t.looks[last].from-m.born.to)
		}
	}
}

// numbering checks UIDVALIDITY, UIDNEXT and the place of arrivals.
func (c *Case) numbering(t *testimony) {
	validity, next := t.looks[0].validity, mail.UID(0)
	for _, l := range t.looks {
		if l.validity != validity {
			c.blame(Validity, "%s: was %d and is %d", t.name, validity, l.validity)
			validity = l.validity
		}
		if l.next < next {
			c.blame(BadNext, "%s: was %d and is %d", t.name, next, l.next)
		}
		for _, r := range l.came {
			if r.UID < next {
				c.blame(NotAtEnd, "%s: UID %d came after UIDNEXT %d", t.name, r.UID, next)
			}
			if r.UID >= l.next {
				c.blame(BadNext, "%s: is %d and there is UID %d", t.name, l.next, r.UID)
			}
		}
		next = max(next, l.next)
	}
}

// flags compares the flags that were shown with those that the message had.
func (c *Case) flags(t *testimony, s *stay) {
	for flag, changes := range s.m.changes {
		if s.m.plain {
			changes = append([]change{{span: s.m.born}}, changes...)
		}
		for i, ch := range changes {
			end := s.m.death.from
			if i+1 < len(changes) {
				end = min(end, changes[i+1].from)
			}
			lo, hi := max(s.in, t.firstAfter(ch.to)), min(s.out-1, t.lastBefore(end))
			if lo <= hi {
				c.held(t, s, flag, ch, lo, hi)
			}
		}
	}
}

// held checks looks lo to hi, during which a flag surely was as ch left it.
func (c *Case) held(t *testimony, s *stay, flag string, ch change, lo, hi int) {
	right := false // it has been shown as it is
	for i := sort.Search(len(s.shown), func(i int) bool { return s.shown[i].at > lo }) - 1; i < len(s.shown) && s.shown[i].at <= hi; i++ {
		until := hi
		if i+1 < len(s.shown) {
			until = min(until, s.shown[i+1].at-1)
		}
		switch is := has(s.shown[i].flags, flag); {
		case is == ch.on:
			right = true
		case right:
			c.blame(LostFlag, "%s: UID %d, %s is %t", t.name, s.m.uid, flag, is)
			return
		default:
			by := t.looks[until].from - ch.to
			c.report.Stale.add(by)
			if by > c.limit {
				c.blame(Stale, "%s: UID %d, %s was %t for %v more", t.name, s.m.uid, flag, is, ms(by))
			}
		}
	}
}

// has reports whether flag is in a set as Flags makes it.
func has(set, flag string) bool {
	for f := range strings.SplitSeq(set, ",") {
		if f == flag {
			return true
		}
	}
	return false
}

// inTheEnd compares what everybody has when all is quiet.
func (c *Case) inTheEnd() {
	for base, flags := range c.files {
		m := c.message(base)
		for flag, changes := range m.changes {
			if last := changes[len(changes)-1]; has(flags, flag) != last.on {
				c.blame(LostUpdate, "UID %d, %s of %s: is %s", m.uid, flag, base, flags)
			}
		}
	}
	for _, t := range c.logs {
		if len(t.looks) == 0 {
			continue
		}
		seen := make(map[string]bool, len(t.end))
		for _, r := range t.end {
			seen[r.Base] = true
			if flags, ok := c.files[r.Base]; !ok {
				c.blame(Disagree, "%s: UID %d, %s has no file", t.name, r.UID, r.Base)
			} else if flags != r.Flags {
				c.blame(Disagree, "%s: UID %d has %s, its file %s", t.name, r.UID, r.Flags, flags)
			}
			if flags, ok := c.peer[r.UID]; len(c.peer) > 0 && (!ok || flags != r.Flags) {
				c.blame(PeerDiffers, "%s: UID %d has %s, there %q", t.name, r.UID, r.Flags, flags)
			}
			if c.listed[r.UID] != r.Base {
				c.blame(Unlisted, "%s: UID %d is %s, in the list %q", t.name, r.UID, r.Base, c.listed[r.UID])
			}
		}
		if n := len(c.peer); n > 0 && n != len(t.end) {
			c.blame(PeerDiffers, "%s: %d messages, there %d", t.name, len(t.end), n)
		}
		for base := range c.files {
			if !seen[base] {
				c.blame(Disagree, "%s: the file %s is no message", t.name, base)
			}
		}
	}
}

// quantile returns a value that the share q of the sorted values does not exceed.
func quantile(sorted []int64, q float64) int64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)-1))]
}

func durations(looks []look) []int64 {
	all := make([]int64, len(looks))
	for i, l := range looks {
		all[i] = l.to - l.from
	}
	slices.Sort(all)
	return all
}
