package imapd

import "context"

// states is a set of session states.
type states uint8

const (
	authenticated states = 1 << iota
	selectedState

	anyState = authenticated | selectedState
)

// law is a set of rules for a command in the selected state, which session.command
// and poll keep for the handlers.
type law uint8

const (
	// usesNumbers: no message may change its number before the answer is complete (RFC
	// 9051 section 7.5.1). COPY has it too: clients send the STORE that makes a move of
	// it without waiting.
	usesNumbers law = 1 << iota
	// usesUIDs: FETCH responses have the UID (RFC 9051 section 6.4.9).
	usesUIDs
	// writes: refused in a mailbox that EXAMINE opened (RFC 9051 section 6.3.3).
	writes
	// removes: its answer are the messages that it has removed. These are told even to
	// a client that wants to hear of no event in the selected mailbox (RFC 5465 section 1:
	// what is the result of a command).
	removes
)

// command is everything that the law says about one command.
type command struct {
	name string
	// run scans the arguments, acts and answers. It returns nil if it wrote the
	// tagged OK.
	run func(*Session, context.Context) error
	in  states
	law law
	rfc string // number and section
}

// commands are all commands of a session that is logged in. "UID FETCH" is a row
// of its own.
var commands = []command{
	// RFC 3501 section 6.1, RFC 9051 section 6.1: any state
	{"CAPABILITY", (*Session).capability, anyState, 0, "9051 6.1.1"},
	{"NOOP", (*Session).noop, anyState, 0, "9051 6.1.2"},
	{"LOGOUT", (*Session).logout, anyState, 0, "9051 6.1.3"},
	{"ID", (*Session).id, anyState, 0, "2971 3.1"},
	{"COMPRESS", (*Session).compress, anyState, 0, "4978 3"},

	// RFC 9051 section 6.2: before login only
	{"STARTTLS", nil, 0, 0, "9051 6.2.1"},
	{"AUTHENTICATE", nil, 0, 0, "9051 6.2.2"},
	{"LOGIN", nil, 0, 0, "9051 6.2.3"},

	// RFC 5161 section 3.1: before a mailbox is selected
	{"ENABLE", (*Session).enable, authenticated, 0, "5161 3.1"},

	// RFC 9051 section 6.3: authenticated and selected
	{"SELECT", (*Session).sel, anyState, 0, "9051 6.3.2"},
	{"EXAMINE", (*Session).examine, anyState, 0, "9051 6.3.3"},
	{"CREATE", (*Session).create, anyState, 0, "9051 6.3.4"},
	{"DELETE", (*Session).delete, anyState, 0, "9051 6.3.5"},
	{"RENAME", (*Session).rename, anyState, 0, "9051 6.3.6"},
	{"SUBSCRIBE", (*Session).subscribe, anyState, 0, "9051 6.3.7"},
	{"UNSUBSCRIBE", (*Session).unsubscribe, anyState, 0, "9051 6.3.8"},
	{"LIST", (*Session).list, anyState, 0, "9051 6.3.9"},
	{"LSUB", (*Session).lsub, anyState, 0, "3501 6.3.9"},
	{"XLIST", (*Session).xlist, anyState, 0, "6154 1"}, // which took its place
	{"NAMESPACE", (*Session).namespace, anyState, 0, "9051 6.3.10"},
	{"STATUS", (*Session).status, anyState, 0, "9051 6.3.11"},
	{"APPEND", (*Session).append, anyState, 0, "9051 6.3.12"},
	{"IDLE", (*Session).idle, anyState, 0, "9051 6.3.13"},
	{"NOTIFY", (*Session).notifyCommand, anyState, 0, "5465 3.1"},

	// RFC 9208 section 4.1
	{"GETQUOTA", (*Session).getQuota, anyState, 0, "9208 4.1.1"},
	{"GETQUOTAROOT", (*Session).getQuotaRoot, anyState, 0, "9208 4.1.2"},

	// RFC 9051 section 6.4: selected
	{"CHECK", (*Session).check, selectedState, 0, "3501 6.4.1"},
	{"CLOSE", (*Session).close, selectedState, 0, "9051 6.4.1"},
	{"UNSELECT", (*Session).unselectCommand, selectedState, 0, "9051 6.4.2"},
	{"EXPUNGE", (*Session).expunge, selectedState, writes | removes, "9051 6.4.3"},
	{"UID EXPUNGE", (*Session).uidExpunge, selectedState, usesUIDs | writes | removes, "9051 6.4.9"},
	{"SEARCH", (*Session).search, selectedState, usesNumbers, "9051 6.4.4"},
	{"UID SEARCH", (*Session).uidSearch, selectedState, usesUIDs, "9051 6.4.9"},
	{"SORT", (*Session).sort, selectedState, usesNumbers, "5256 3"},
	{"UID SORT", (*Session).uidSort, selectedState, usesUIDs, "5256 3"},
	{"THREAD", (*Session).thread, selectedState, usesNumbers, "5256 3"},
	{"UID THREAD", (*Session).uidThread, selectedState, usesUIDs, "5256 3"},
	{"FETCH", (*Session).fetch, selectedState, usesNumbers, "9051 6.4.5"},
	{"UID FETCH", (*Session).uidFetch, selectedState, usesUIDs, "9051 6.4.9"},
	{"STORE", (*Session).store, selectedState, usesNumbers | writes, "9051 6.4.6"},
	{"UID STORE", (*Session).uidStore, selectedState, usesUIDs | writes, "9051 6.4.9"},
	{"COPY", (*Session).copy, selectedState, usesNumbers, "9051 6.4.7"},
	{"UID COPY", (*Session).uidCopy, selectedState, usesUIDs, "9051 6.4.9"},
	{"MOVE", (*Session).move, selectedState, writes | removes, "9051 6.4.8"},
	{"UID MOVE", (*Session).uidMove, selectedState, usesUIDs | writes | removes, "9051 6.4.9"},
}

// commandTable is the table by name. It is made for each session, since the
// handlers would otherwise refer to a variable that refers to them.
func commandTable() map[string]*command {
	t := make(map[string]*command, len(commands))
	for i := range commands {
		t[commands[i].name] = &commands[i]
	}
	return t
}

// wrongState says why the command is not permitted now.
func (c *command) wrongState() string {
	switch c.in {
	case 0:
		return "You are logged in already."
	case selectedState:
		return "Select a mailbox first."
	case authenticated:
		return "Not while a mailbox is selected."
	}
	return "Not permitted in this state."
}
