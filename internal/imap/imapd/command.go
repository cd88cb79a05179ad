package imapd

import "context"

// states is a set of session states.
type states uint8

const (
	authenticated states = 1 << iota
	selectedState

	anyState = authenticated | selectedState
)

// command is everything that the law says about one command.
type command struct {
	name string
	// run scans the arguments, acts and answers. It returns nil if it wrote the
	// tagged OK.
	run func(*Session, context.Context) error
	in  states
	rfc string // number and section
}

// commands are all commands of a session that is logged in. "UID FETCH" is a row
// of its own.
var commands = []command{
	// RFC 3501 section 6.1, RFC 9051 section 6.1: any state
	{"CAPABILITY", (*Session).capability, anyState, "9051 6.1.1"},
	{"NOOP", (*Session).noop, anyState, "9051 6.1.2"},
	{"LOGOUT", (*Session).logout, anyState, "9051 6.1.3"},
	{"ID", (*Session).id, anyState, "2971 3.1"},
	{"COMPRESS", (*Session).compress, anyState, "4978 3"},

	// RFC 9051 section 6.2: before login only
	{"STARTTLS", nil, 0, "9051 6.2.1"},
	{"AUTHENTICATE", nil, 0, "9051 6.2.2"},
	{"LOGIN", nil, 0, "9051 6.2.3"},

	// RFC 5161 section 3.1: before a mailbox is selected
	{"ENABLE", (*Session).enable, authenticated, "5161 3.1"},

	// RFC 9051 section 6.3: authenticated and selected
	{"SELECT", (*Session).sel, anyState, "9051 6.3.2"},
	{"EXAMINE", (*Session).examine, anyState, "9051 6.3.3"},
	{"CREATE", (*Session).create, anyState, "9051 6.3.4"},
	{"DELETE", (*Session).delete, anyState, "9051 6.3.5"},
	{"RENAME", (*Session).rename, anyState, "9051 6.3.6"},
	{"SUBSCRIBE", (*Session).subscribe, anyState, "9051 6.3.7"},
	{"UNSUBSCRIBE", (*Session).unsubscribe, anyState, "9051 6.3.8"},
	{"LIST", (*Session).list, anyState, "9051 6.3.9"},
	{"LSUB", (*Session).lsub, anyState, "3501 6.3.9"},
	{"XLIST", (*Session).xlist, anyState, "6154 1"}, // which took its place
	{"NAMESPACE", (*Session).namespace, anyState, "9051 6.3.10"},
	{"STATUS", (*Session).status, anyState, "9051 6.3.11"},
	{"APPEND", (*Session).append, anyState, "9051 6.3.12"},
	{"IDLE", (*Session).idle, anyState, "9051 6.3.13"},

	// RFC 9208 section 4.1
	{"GETQUOTA", (*Session).getQuota, anyState, "9208 4.1.1"},
	{"GETQUOTAROOT", (*Session).getQuotaRoot, anyState, "9208 4.1.2"},

	// RFC 9051 section 6.4: selected
	{"CHECK", (*Session).check, selectedState, "3501 6.4.1"},
	{"CLOSE", (*Session).close, selectedState, "9051 6.4.1"},
	{"UNSELECT", (*Session).unselectCommand, selectedState, "9051 6.4.2"},
	{"EXPUNGE", (*Session).expunge, selectedState, "9051 6.4.3"},
	{"UID EXPUNGE", (*Session).uidExpunge, selectedState, "9051 6.4.9"},
	{"SEARCH", (*Session).search, selectedState, "9051 6.4.4"},
	{"UID SEARCH", (*Session).uidSearch, selectedState, "9051 6.4.9"},
	{"FETCH", (*Session).fetch, selectedState, "9051 6.4.5"},
	{"UID FETCH", (*Session).uidFetch, selectedState, "9051 6.4.9"},
	{"STORE", (*Session).store, selectedState, "9051 6.4.6"},
	{"UID STORE", (*Session).uidStore, selectedState, "9051 6.4.9"},
	{"COPY", (*Session).copy, selectedState, "9051 6.4.7"},
	{"UID COPY", (*Session).uidCopy, selectedState, "9051 6.4.9"},
	{"MOVE", (*Session).move, selectedState, "9051 6.4.8"},
	{"UID MOVE", (*Session).uidMove, selectedState, "9051 6.4.9"},
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
