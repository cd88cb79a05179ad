package query

import (
	"slices"
	"strings"
)

// Operator is what stands before the colon, in lower case.
type Operator string

// The operators. A word has none.
const (
	Anywhere  Operator = ""
	From      Operator = "from"
	To        Operator = "to"
	Cc        Operator = "cc"
	Bcc       Operator = "bcc"
	Subject   Operator = "subject"
	Body      Operator = "body"
	In        Operator = "in"
	Label     Operator = "label"
	Has       Operator = "has"
	Filename  Operator = "filename"
	Larger    Operator = "larger"
	Smaller   Operator = "smaller"
	Before    Operator = "before"
	After     Operator = "after"
	OlderThan Operator = "older_than"
	NewerThan Operator = "newer_than"
	Is        Operator = "is"
	List      Operator = "list"
)

// operators is the table of the language, in the order in which they are suggested.
// other are further names for the same, understood and not written.
var operators = []struct {
	name   Operator
	other  []string
	parse  func(*Term) bool // checks the value and brings it into its normal form
	values []string         // all there are, or nil
}{
	{From, nil, text, nil},
	{To, nil, text, nil},
	{Cc, nil, text, nil},
	{Bcc, nil, text, nil},
	{Subject, nil, text, nil},
	{Body, nil, text, nil},
	{In, []string{"folder"}, text, nil},
	{Label, []string{"tag"}, text, nil},
	{Has, nil, oneOf(hasValues), []string{"attachment"}},
	{Filename, nil, text, nil},
	{Is, nil, oneOf(isValues), []string{"unread", "read", "flagged", "answered", "draft"}},
	{Larger, []string{"larger_than"}, bySize, nil},
	{Smaller, []string{"smaller_than"}, bySize, nil},
	{Before, []string{"older"}, byDate, nil},
	{After, []string{"newer"}, byDate, nil},
	{OlderThan, nil, byDate, nil},
	{NewerThan, nil, byDate, nil},
	{List, nil, text, nil},
}

// What people write for the values of has: and is:, and what it means.
var (
	hasValues = map[string]string{"attachment": "attachment", "attachments": "attachment"}
	isValues  = map[string]string{
		"unread": "unread", "unseen": "unread",
		"read": "read", "seen": "read",
		"flagged": "flagged", "starred": "flagged",
		"answered": "answered", "replied": "answered",
		"draft": "draft",
	}
)

// maxOperator is the longest name that is looked up.
const maxOperator = 16

// row returns the place of an operator in the table, negative if there is none.
func row(name string) int {
	if len(name) > maxOperator {
		return -1
	}
	name = strings.ToLower(name)
	for i, o := range operators {
		if string(o.name) == name || slices.Contains(o.other, name) {
			return i
		}
	}
	return -1
}

func text(*Term) bool { return true }

func oneOf(values map[string]string) func(*Term) bool {
	return func(t *Term) bool {
		v, ok := values[strings.ToLower(t.Value)]
		t.Value = v
		return ok
	}
}
