package query

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/internal/search"
	"fantail/internal/store"
)

var everyUse = []Mailbox{
	{"INBOX", Inbox}, {"Archive", Archive}, {"Archive/2024", NoUse}, {"Gesendet", Sent}, {"Junk", Junk}, {"Trash", Trash}, {"Work/Bills", NoUse},
}

func TestMailboxes(t *testing.T) {
	for _, c := range []struct {
		query, want string
		notes       int
	}{
		{"x", "INBOX Archive Archive/2024 Gesendet Work/Bills", 0},
		{"", "INBOX Archive Archive/2024 Gesendet Work/Bills", 0},
		{"in:anywhere x", "INBOX Archive Archive/2024 Gesendet Junk Trash Work/Bills", 0},
		{"in:inbox x", "INBOX", 0},
		{"in:Sent", "Gesendet", 0},
		{"in:gesendet", "Gesendet", 0},
		{"in:spam OR in:trash", "Junk Trash", 0},
		{"in:archive", "Archive Archive/2024", 0},
		{"in:2024", "Archive/2024", 0},
		{"in:bills", "Work/Bills", 0},
		{"in:work/bills", "Work/Bills", 0},
		{"in:work", "Work/Bills", 0},
		{"in:wor", "", 1},
		{"-in:archive x", "INBOX Gesendet Work/Bills", 0},
		{"-in:trash x", "INBOX Archive Archive/2024 Gesendet Work/Bills", 0},
		{"in:inbox in:sent", "", 0},
		{"x -in:anywhere", "", 0},
		{"in:inbox OR x", "INBOX Archive Archive/2024 Gesendet Junk Trash Work/Bills", 0},
		{`label:"two words"`, "", 1},
	} {
		plan := Parse(c.query).Plan(Options{Mailboxes: everyUse})
		var names []string
		for _, s := range plan.Searches {
			names = append(names, s.Mailbox.Name)
		}
		if got := strings.Join(names, " "); got != c.want || len(plan.Notes) != c.notes {
			t.Errorf("%s: %s with notes %v, want %s", c.query, got, plan.Notes, c.want)
		}
	}
}

func TestKeys(t *testing.T) {
	now := time.Date(2026, 3, 31, 14, 30, 0, 0, time.UTC)
	for query, want := range map[string]string{
		"river":                                "(or From~river To~river Cc~river Bcc~river Subject~river body~river)",
		"from:ann":                             "from~ann",
		"body:x":                               "body~x",
		"list:go":                              "(or List-Id~go List-Post~go)",
		"label:work":                           "keyword work",
		"is:unread":                            "(not flags 1)",
		"is:read":                              "flags 1",
		"larger:1k":                            "larger 1024",
		"smaller:1k":                           "smaller 1024",
		"after:2024":                           "since 2024-01-01T00:00:00Z",
		"before:today":                         "(not since 2026-03-31T00:00:00Z)",
		"older_than:1d":                        "(not since 2026-03-30T14:30:00Z)",
		"-is:unread":                           "flags 1",
		"from:a -in:inbox":                     "never",
		"has:attachment":                       "all; tests 1; set 0",
		"-has:attachment -filename:x from:a":   "from~a; tests 2; (and (not set 0) (not set 1))",
		"from:a (has:attachment OR subject:b)": "from~a; tests 1; (or set 0 subject~b)",
		"has:attachment has:attachments OR in:inbox":   "all; tests 1; set 0",
		"in:inbox OR has:attachment":                   "all",
		"-(has:attachment from:a) from:b filename:pdf": "from~b; tests 2; (and (not (and set 0 from~a)) set 1)",
	} {
		got := "never"
		if plan := Parse(query).Plan(Options{Now: now, Mailboxes: everyUse[:1]}); len(plan.Searches) > 0 {
			s := plan.Searches[0]
			got = show(s.Rough, nil)
			if n := len(s.Tests); n > 0 {
				sets := make([]*store.MessageSet, n)
				for i := range sets {
					sets[i] = store.NewMessageSet(1)
				}
				got += fmt.Sprint("; tests ", n, "; ", show(s.Exact(sets), sets))
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// show writes a key.
func show(k *search.Key, sets []*store.MessageSet) string {
	list := func(name string) string {
		for _, sub := range k.Keys {
			name += " " + show(sub, sets)
		}
		return "(" + name + ")"
	}
	switch k.Op {
	case search.And:
		return list("and")
	case search.Or:
		return list("or")
	case search.Not:
		return list("not")
	case search.Member:
		return fmt.Sprint("set ", slices.Index(sets, k.Set))
	case search.Field:
		return k.Name + "~" + k.Text
	case search.Body:
		return "body~" + k.Text
	case search.HasFlag:
		return fmt.Sprint("flags ", uint(k.Flag))
	case search.Keyword:
		return "keyword " + string(k.Keyword)
	case search.Larger:
		return fmt.Sprint("larger ", k.Number)
	case search.Smaller:
		return fmt.Sprint("smaller ", k.Number)
	case search.From:
		return "since " + k.Time.Format(time.RFC3339)
	case search.All:
		return "all"
	}
	return "?"
}

func TestAttachments(t *testing.T) {
	for _, c := range []struct {
		query string
		names []string
		want  bool
	}{
		{"has:attachment", nil, false},
		{"has:attachment", []string{""}, true},
		{"filename:rechnung", []string{"x.png", "RECHNUNG.pdf"}, true},
		{"filename:.pdf", []string{"x.png"}, false},
		{"filename:übung", []string{"Übung 1.odt"}, true},
	} {
		tests := Parse(c.query).Plan(Options{Mailboxes: everyUse[:1]}).Searches[0].Tests
		if got := tests[0].Match(c.names); got != c.want {
			t.Errorf("%s with %q: %v", c.query, c.names, got)
		}
	}
}

// TestPlanMeansQuery compares what a plan finds with what the query says, for queries
// by chance: with bits of a number as messages' properties.
func TestPlanMeansQuery(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	words := []string{"from:a", "subject:b", "has:attachment", "filename:f", "in:inbox", "in:sent", "is:read"}
	var query func(depth int) string
	query = func(depth int) string {
		if depth == 0 || rnd.IntN(3) == 0 {
			return words[rnd.IntN(len(words))]
		}
		sign := []string{"", "-"}[rnd.IntN(2)]
		between := []string{" ", " OR "}[rnd.IntN(2)]
		return sign + "(" + query(depth-1) + between + query(depth-1) + ")"
	}
	for range 3000 {
		q := query(4)
		tree := Parse(q)
		for _, m := range everyUse[:4] {
			plan := tree.Plan(Options{Mailboxes: []Mailbox{m}})
			for props := range 32 {
				want := tree.Root.holds(m, props)
				got := len(plan.Searches) > 0 && found(&plan.Searches[0], props)
				if got != want {
					t.Fatalf("%s in %s, message %05b: found %v", q, m.Name, props, got)
				}
			}
		}
	}
}

// holds is what a query means.
func (n *Node) holds(m Mailbox, props int) bool {
	switch n.Kind {
	case And:
		return !slices.ContainsFunc(n.Nodes, func(s *Node) bool { return !s.holds(m, props) })
	case Or:
		return slices.ContainsFunc(n.Nodes, func(s *Node) bool { return s.holds(m, props) })
	case Not:
		return !n.Nodes[0].holds(m, props)
	}
	if n.Term.Operator == In {
		return m.is(n.Term.Value)
	}
	return props>>slices.Index([]Operator{From, Subject, Is, Has, Filename}, n.Term.Operator)&1 != 0
}

// found is what a caller does with a Search, for one message.
func found(s *Search, props int) bool {
	if !matches(s.Rough, props) || len(s.Tests) == 0 {
		return matches(s.Rough, props)
	}
	var sets []*store.MessageSet
	for _, test := range s.Tests {
		set := store.NewMessageSet(1)
		if test.name == nil && props&8 != 0 || test.name != nil && props&16 != 0 {
			set.Add(0)
		}
		sets = append(sets, set)
	}
	return matches(s.Exact(sets), props)
}

func matches(k *search.Key, props int) bool {
	switch k.Op {
	case search.All:
		return true
	case search.And:
		return !slices.ContainsFunc(k.Keys, func(s *search.Key) bool { return !matches(s, props) })
	case search.Or:
		return slices.ContainsFunc(k.Keys, func(s *search.Key) bool { return matches(s, props) })
	case search.Not:
		return !matches(k.Keys[0], props)
	case search.Member:
		return k.Set.Has(0)
	case search.HasFlag:
		return k.Flag == mail.Seen && props&4 != 0
	case search.Field:
		return k.Name == "from" && props&1 != 0 || k.Name == "subject" && props&2 != 0
	}
	panic("no such key in the test")
}
