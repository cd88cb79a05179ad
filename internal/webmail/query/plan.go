package query

import (
	"bytes"
	"strings"
	"time"

	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/search"
	"fantail/internal/store"
)

// Use is what a mailbox is for (RFC 6154 section 2), which is also a name for it in
// in:.
type Use string

// The uses of mailboxes.
const (
	NoUse   Use = ""
	Inbox   Use = "inbox"
	Archive Use = "archive"
	Drafts  Use = "drafts"
	Sent    Use = "sent"
	Junk    Use = "junk"
	Trash   Use = "trash"
)

// Mailbox is a mailbox in which to search. In its name "/" separates levels.
type Mailbox struct {
	Name string
	Use  Use
}

// Options say what a query means today, and here.
type Options struct {
	Now       time.Time // in the zone of who searches
	Mailboxes []Mailbox
	// Keyword returns the keyword of a label; false if there is none. nil: labels
	// are keywords.
	Keyword func(label string) (mail.Keyword, bool)
}

// Plan is what is to be found where.
type Plan struct {
	Searches []Search // in the order of Options.Mailboxes, without those where nothing can be found
	Notes    []Note   // what the mailboxes and labels add to those of Tree
}

// Search is the query for one mailbox. Who has no Tests looks for Rough and is done.
// Otherwise: look for Rough, make for every test the set of those found that pass it,
// and look for Exact(sets) among those found.
type Search struct {
	Mailbox Mailbox
	Rough   *search.Key // everything that matches matches this
	Tests   []Test
	exact   *expr
}

// Test is what a message's attachments decide.
type Test struct {
	name []byte // part of a file's name as it is collated; nil: there is an attachment
}

// Match reports whether a message with these attachments passes: their names, which
// are empty where they have none.
func (t Test) Match(attachments []string) bool {
	if t.name == nil {
		return len(attachments) > 0
	}
	for _, name := range attachments {
		if bytes.Contains(message.AppendCasemap(nil, name), t.name) {
			return true
		}
	}
	return false
}

// Exact is the query for what Rough has found, where sets are those that pass Tests.
func (s *Search) Exact(sets []*store.MessageSet) *search.Key {
	return s.exact.key(sets)
}

// Plan says how to answer the query.
func (t *Tree) Plan(o Options) *Plan {
	p := &planner{Options: o, everywhere: t.namesMailbox()}
	plan := &Plan{Notes: p.unknown(t.Root)}
	var shared *Search // of mailboxes of which nothing is asked
	for _, m := range o.Mailboxes {
		if !p.everywhere && (m.Use == Trash || m.Use == Junk) {
			continue
		}
		s := shared
		if s == nil {
			s = p.search(t.Root, m)
			if !p.asksMailbox {
				shared = s
			}
		}
		if s.exact.op != never && s.Rough != nil {
			found := *s
			found.Mailbox = m
			plan.Searches = append(plan.Searches, found)
		}
	}
	return plan
}

// namesMailbox reports whether an in: tells where to look.
func (t *Tree) namesMailbox() (yes bool) {
	t.Root.terms(false, func(t *Term, negated bool) {
		yes = yes || t.Operator == In && !negated
	})
	return yes
}

// planner plans for one mailbox after the other.
type planner struct {
	Options
	everywhere  bool // also in Trash and Junk
	asksMailbox bool // the last search depends on its mailbox
	tests       []Test
}

// search plans for one mailbox.
func (p *planner) search(n *Node, m Mailbox) *Search {
	p.tests, p.asksMailbox = nil, false
	s := &Search{exact: &expr{op: always}}
	if n != nil {
		s.exact = p.node(n, m)
	}
	s.Tests = p.tests
	if rough := s.exact.rough(true); rough.op != never {
		s.Rough = rough.key(nil)
	}
	if s.exact = s.exact.rest(); !s.exact.tested() {
		s.Tests = nil
	}
	return s
}

// node translates a query for mailbox m.
func (p *planner) node(n *Node, m Mailbox) *expr {
	if n.Kind == TermKind {
		return p.term(n.Term, m)
	}
	subs := make([]*expr, len(n.Nodes))
	for i, sub := range n.Nodes {
		subs[i] = p.node(sub, m)
	}
	switch n.Kind {
	case And:
		return fold(and, subs)
	case Or:
		return fold(or, subs)
	}
	return opposite(subs[0])
}

// seenFields are the fields that people see.
var seenFields = []string{"From", "To", "Cc", "Bcc", "Subject"}

// term translates a term for mailbox m.
func (p *planner) term(t *Term, m Mailbox) *expr {
	switch t.Operator {
	case Anywhere:
		keys := fieldKeys(t.Value, seenFields...)
		return leaf(&search.Key{Op: search.Or, Keys: append(keys, &search.Key{Op: search.Body, Text: t.Value})})
	case From, To, Cc, Bcc, Subject:
		return leaf(fieldKeys(t.Value, string(t.Operator))[0])
	case List:
		return leaf(&search.Key{Op: search.Or, Keys: fieldKeys(t.Value, "List-Id", "List-Post")})
	case Body:
		return leaf(&search.Key{Op: search.Body, Text: t.Value})
	case In:
		p.asksMailbox = true
		return constant(m.is(t.Value))
	case Label:
		word, ok := p.keyword(t.Value)
		if !ok {
			return constant(false)
		}
		return leaf(&search.Key{Op: search.Keyword, Keyword: word})
	case Has:
		return p.test(Test{})
	case Filename:
		return p.test(Test{name: message.AppendCasemap([]byte{}, t.Value)})
	case Larger:
		return leaf(&search.Key{Op: search.Larger, Number: t.size})
	case Smaller:
		return leaf(&search.Key{Op: search.Smaller, Number: t.size})
	case Is:
		return is(t.Value)
	case After, NewerThan:
		return leaf(p.since(t))
	}
	return opposite(leaf(p.since(t))) // Before, OlderThan
}

func fieldKeys(text string, names ...string) []*search.Key {
	var keys []*search.Key
	for _, name := range names {
		keys = append(keys, &search.Key{Op: search.Field, Name: name, Text: text})
	}
	return keys
}

// since asks for what came at the moment of t or later.
func (p *planner) since(t *Term) *search.Key {
	return &search.Key{Op: search.From, Date: search.Internal, Time: t.date.time(p.Now)}
}

// test leaves something to the caller.
func (p *planner) test(t Test) *expr {
	for i, known := range p.tests {
		if (known.name == nil) == (t.name == nil) && bytes.Equal(known.name, t.name) {
			return &expr{op: test, test: i}
		}
	}
	p.tests = append(p.tests, t)
	return &expr{op: test, test: len(p.tests) - 1}
}

func is(value string) *expr {
	flag := map[string]mail.Flags{
		"read": mail.Seen, "unread": mail.Seen, "flagged": mail.Flagged, "answered": mail.Answered, "draft": mail.Draft,
	}[value]
	e := leaf(&search.Key{Op: search.HasFlag, Flag: flag})
	if value == "unread" {
		return opposite(e)
	}
	return e
}

func (p *planner) keyword(label string) (mail.Keyword, bool) {
	if p.Keyword != nil {
		return p.Keyword(label)
	}
	// RFC 9051 section 9: flag-keyword is an atom.
	bad := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r) }
	return mail.Keyword(label), len(label) <= mail.MaxKeyword && !strings.ContainsFunc(label, bad)
}

// otherUses are further names for mailboxes that have a use.
var otherUses = map[string]Use{"spam": Junk, "bin": Trash, "draft": Drafts}

// is reports whether in: with that name is about the mailbox: by its use, or by its
// name or the end of it or that of a mailbox above it. What lies below the inbox is
// not in it.
func (m Mailbox) is(name string) bool {
	use := Use(strings.ToLower(name))
	if other, ok := otherUses[string(use)]; ok {
		use = other
	}
	if use == "anywhere" || use == "all" || use == m.Use {
		return true
	}
	if use == Inbox {
		return false
	}
	name = "/" + collated(strings.Trim(name, "/")) + "/"
	return strings.Contains("/"+collated(m.Name)+"/", name)
}

func collated(s string) string { return string(message.AppendCasemap(nil, s)) }

// unknown notes names that nothing has.
func (p *planner) unknown(n *Node) []Note {
	var notes []Note
	n.terms(false, func(t *Term, _ bool) {
		switch t.Operator {
		case In:
			for _, m := range p.Mailboxes {
				if m.is(t.Value) {
					return
				}
			}
			notes = append(notes, Note{UnknownMailbox, t.Pos, t.End, t.Value})
		case Label:
			if _, ok := p.keyword(t.Value); !ok {
				notes = append(notes, Note{UnknownLabel, t.Pos, t.End, t.Value})
			}
		}
	})
	return notes
}
