package text

import (
	"strings"

	"fantail/internal/message"
)

// Scope is the part of a message in which a Query looks.
type Scope uint8

// The scopes.
const (
	// Whole is everything: TEXT (RFC 9051 section 6.4.4).
	Whole Scope = iota
	// BodyOnly leaves out the message's own header and those of its parts: BODY.
	// The header of a message in it counts as text.
	BodyOnly
	// OneField is the value of the fields of one name: HEADER, FROM, SUBJECT.
	OneField
)

// Query asks whether a message's text has a needle, as substring, under the
// collation i;unicode-casemap (RFC 5051). The empty needle is in every text, and
// in every field that is there.
type Query struct {
	Needle string // UTF-8, in any case
	In     Scope
	Field  string // the field's name if In is OneField; one that is not ASCII finds nothing
}

// Matcher is a Query made ready for many texts. It is safe for use by many
// goroutines.
type Matcher struct {
	scope  Scope
	needle needle // folded
	grams  []uint32
	field  needle // what a run of the field begins with
	in     Section
}

// Compile makes a query ready.
func Compile(q Query) *Matcher {
	m := &Matcher{scope: q.In, needle: newNeedle(message.AppendCasemap(nil, q.Needle))}
	m.grams = gramsOf(m.needle.octets)
	if q.In == OneField {
		name := strings.ToUpper(q.Field)
		m.field = newNeedle(append(append([]byte{ownField}, name...), ": "...))
		m.in = sectionOf(name)
	}
	return m
}

// wants reports whether the answer can lie in a section.
func (m *Matcher) wants(s Section) bool {
	switch m.scope {
	case Whole:
		return true
	case BodyOnly:
		return s == Body
	}
	return s == m.in
}

// Always reports whether every message matches.
func (m *Matcher) Always() bool { return m.scope != OneField && len(m.needle.octets) == 0 }

// Overlap is how many octets of a text that comes in pieces have to be kept.
func (m *Matcher) Overlap() int { return max(0, len(m.needle.octets)-1) }

// Match reports whether the message matches.
func (m *Matcher) Match(t *Text) bool {
	if m.Always() {
		return true
	}
	for s := range sections {
		if m.wants(s) && m.find(t.sections[s], 0) >= 0 {
			return true
		}
	}
	return false
}

// MatchBody is Match for a piece of the body.
func (m *Matcher) MatchBody(piece []byte) bool {
	return m.scope != OneField && m.needle.in(piece)
}

// find returns the place of an octet in b, not before from, which belongs to what
// matches; or -1. The needle is not empty, or it is that of a field.
func (m *Matcher) find(b []byte, from int) int {
	if m.scope != OneField {
		if i := m.needle.index(b[from:]); i >= 0 {
			return from + i
		}
		return -1
	}
	for {
		i := m.field.index(b[from:])
		if i < 0 {
			return -1
		}
		run := from + i
		value := run + len(m.field.octets)
		from = value + runEnd(b[value:])
		if m.needle.in(b[value:from]) {
			return run
		}
	}
}

// runEnd returns where the run ends that b goes on with.
func runEnd(b []byte) int {
	for i, c := range b {
		if c >= otherRun {
			return i
		}
	}
	return len(b)
}
