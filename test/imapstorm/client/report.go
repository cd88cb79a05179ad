package client

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// Rule is a promise that was broken.
type Rule string

// The rules.
const (
	Grammar     Rule = "a response is not well-formed, or nobody asked for it"
	Refused     Rule = "a command was refused that has to work"
	FewerExist  Rule = "EXISTS told of fewer messages without EXPUNGE"
	NotNow      Rule = "EXPUNGE or VANISHED when none may be sent"
	NoNumber    Rule = "a message number that does not exist"
	OtherUID    Rule = "a message number or a UID means another message"
	NotAtEnd    Rule = "a message did not come in behind the others, or came back"
	Changed     Rule = "something changed that never changes"
	Unannounced Rule = "a keyword was used before FLAGS had it"
	LostFlag    Rule = "a flag is not as its only owner left it"
	Untold      Rule = "a change of flags was never told"
	Vanished    Rule = "a message is gone that nobody removed"
	Lingers     Rule = "a message is there that was removed"
	Invented    Rule = "a message that nobody made"
	Doubled     Rule = "a message is there more often than it was made"
	Lost        Rule = "a message was made and is not there"
	WrongCount  Rule = "views and directory do not agree when all is quiet"
	WrongFound  Rule = "a search found what is not so, or missed something"
	WrongPlace  Rule = "APPENDUID or COPYUID told what is not so"
	ModSeqBack  Rule = "a mod-sequence did not rise with a change, or fell"
	Condition   Rule = "UNCHANGEDSINCE was not heeded"
	Resync      Rule = "QRESYNC did not arrive at the true state"
	Complaint   Rule = "a server failed, or complained"
	Unasked     Rule = "NOTIFY does not ask for what was told"
	Unnotified  Rule = "NOTIFY asks for what was not told"
	Compression Rule = "COMPRESS did not do what it has to"
	WrongMode   Rule = "a response that does not exist in this mode"
)

// maxExamples is how many examples a report gives for each rule.
const maxExamples = 3

// Report is what was found. Several goroutines may use it.
type Report struct {
	mu       sync.Mutex
	Broken   map[Rule]int
	Examples map[Rule][]string
	Deeds    map[string]int // commands by name, and what others did
}

// NewReport returns an empty report.
func NewReport() *Report {
	return &Report{Broken: make(map[Rule]int), Examples: make(map[Rule][]string), Deeds: make(map[string]int)}
}

// Blame notes that a rule was broken. detail is called if it will be shown.
func (r *Report) Blame(rule Rule, detail func() string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Broken[rule]++; len(r.Examples[rule]) < maxExamples {
		r.Examples[rule] = append(r.Examples[rule], detail())
	}
}

// Count counts a deed.
func (r *Report) Count(deed string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Deeds[deed]++
}

// Write prints the report.
func (r *Report) Write(w io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, deed := range slices.Sorted(maps.Keys(r.Deeds)) {
		if i > 0 {
			fmt.Fprint(w, ", ")
		}
		fmt.Fprintf(w, "%s %d", deed, r.Deeds[deed])
	}
	fmt.Fprintln(w)
	for _, rule := range slices.Sorted(maps.Keys(r.Broken)) {
		fmt.Fprintf(w, "BROKEN %d times: %s\n", r.Broken[rule], rule)
		for _, e := range r.Examples[rule] {
			fmt.Fprintf(w, "\t%s\n", e)
		}
	}
}
