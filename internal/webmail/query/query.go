// Package query is the language in which people search their mail.
//
//	query = *either
//	either = term *("OR" term)             OR binds closer than what stands side by side
//	term  = ["-"] (word / phrase / operator ":" value / "(" query ")")
//	value = word / phrase / "(" query ")"  subject:(a OR b) is (subject:a OR subject:b)
//
// A word or phrase without an operator is looked for in the fields that people see
// and in the text; operator.go has the table of operators. A phrase stands in
// quotes, in which \" and \\ mean the characters; typographic quotes do as well. AND
// may be said. What is compared is a substring, without regard to case.
//
// Dates (before: after: older_than: newer_than:) are 2024, 2024-05, 2024-05-17,
// today, yesterday, or an age: 2d 3w 6m 1y. before:2024-05 and older_than:2024-05 are
// the same, before that month began; after:2024-05-17 includes that day. Sizes
// (larger: smaller:) are 10M, 500k, 1.5G or octets.
//
// Parse never fails: what it cannot understand becomes a word, and a Note says so and
// where. Tree.String gives the query in its normal form, which parses to the same
// tree; Tree.Chips are its terms one by one, for a page that shows and removes them.
//
// Tree.Plan turns a query into what package search can find in each mailbox. Which
// mailboxes those are follows from in: if there is none that is not negated, all but
// those for trash and junk. What package search does not know, attachments, is left
// to the caller as Tests.
package query

// The budgets. What exceeds them is left out, with a note.
const (
	MaxLength = 4096 // octets of a query
	MaxTerms  = 100
	MaxDepth  = 16 // parentheses in parentheses
)

// Kind is what a Node is.
type Kind uint8

// The kinds of Node.
const (
	TermKind Kind = iota
	And           // all of Nodes, two at least, none of them And
	Or            // one of Nodes, two at least, none of them Or
	Not           // not the one in Nodes, which is no Not
)

// Node is a query or a part of one.
type Node struct {
	Kind  Kind
	Nodes []*Node
	Term  *Term
}

// Term is one condition.
type Term struct {
	Operator Operator
	Value    string // in its normal form
	Pos, End int    // where it stands in the query, in octets; without "-"

	date date
	size int64
}

// Tree is a query.
type Tree struct {
	Root  *Node // nil: everything
	Notes []Note
}

// Note says what was not understood. The page has the words for it.
type Note struct {
	Kind     NoteKind
	Pos, End int    // octets of the query
	Text     string // what stands there
}

// NoteKind is the reason of a Note.
type NoteKind string

// The kinds of Note.
const (
	UnknownOperator NoteKind = "unknown-operator" // looked for as a word
	BadValue        NoteKind = "bad-value"        // the operator has no such value; looked for as a word
	MissingValue    NoteKind = "missing-value"    // looked for as a word
	OpenQuote       NoteKind = "open-quote"       // the phrase goes on to the end
	OpenParenthesis NoteKind = "open-parenthesis" // closed at the end
	ExtraClosing    NoteKind = "extra-closing"    // passed over
	LoneOr          NoteKind = "lone-or"          // passed over
	TooLong         NoteKind = "too-long"         // the query ends there
	TooMany         NoteKind = "too-many"         // terms: the rest is left out
	TooDeep         NoteKind = "too-deep"         // the parenthesis is passed over
	UnknownMailbox  NoteKind = "unknown-mailbox"  // of Plan: in: names none
	UnknownLabel    NoteKind = "unknown-label"    // of Plan: no message can have it
)

// join makes a node of that kind of any number of nodes, in the normal form.
func join(kind Kind, list []*Node) *Node {
	var flat []*Node
	for _, n := range list {
		switch {
		case n == nil:
		case n.Kind == kind:
			flat = append(flat, n.Nodes...)
		default:
			flat = append(flat, n)
		}
	}
	switch len(flat) {
	case 0:
		return nil
	case 1:
		return flat[0]
	}
	return &Node{Kind: kind, Nodes: flat}
}

// negate returns the opposite of n.
func negate(n *Node) *Node {
	switch {
	case n == nil:
		return nil
	case n.Kind == Not:
		return n.Nodes[0]
	}
	return &Node{Kind: Not, Nodes: []*Node{n}}
}

// terms calls f for each term, in order, and says whether it is negated.
func (n *Node) terms(negated bool, f func(t *Term, negated bool)) {
	switch {
	case n == nil:
	case n.Kind == TermKind:
		f(n.Term, negated)
	default:
		for _, sub := range n.Nodes {
			sub.terms(negated != (n.Kind == Not), f)
		}
	}
}
