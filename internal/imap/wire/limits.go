package wire

import (
	"errors"
	"fmt"
)

// Limits are the budgets of a Scanner. All sizes are in octets, and all counts
// are for one command. A budget of 0 allows nothing.
type Limits struct {
	Line          int   // all lines of the command, without the literals
	Literal       int64 // one literal that is a string argument and so held in memory
	Literals      int   // how many literals
	Depth         int   // nesting of parentheses and of search keys
	StreamLiteral int64 // one literal that the caller streams (APPEND)
	Skip          int64 // what may be thrown away unread, to stay in step with a failed command
}

// The names of the budgets in LimitError.
const (
	BudgetLine          = "line"
	BudgetLiteral       = "literal"
	BudgetLiterals      = "number of literals"
	BudgetDepth         = "nesting"
	BudgetStreamLiteral = "message literal"
	BudgetSkip          = "refused input"
)

// LimitError reports that a command exceeds a budget.
type LimitError struct {
	Budget string // one of the Budget constants, or the name of a grammar's own limit
	Limit  int64  // what was allowed

	// Sync says that the command stopped at a synchronizing literal for which
	// no continuation was sent: the client waits, and the tagged NO or BAD is
	// its answer (RFC 9051 section 4.3).
	Sync bool
	// Fatal says that the rest of the command cannot be skipped: the session
	// says BYE and closes (RFC 7888 section 4, choice 2).
	Fatal bool
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s exceeds the limit of %d", e.Budget, e.Limit)
}

// SyntaxError reports input that the grammar does not allow. Its text has
// nothing of that input in it, so it may be sent to the client.
type SyntaxError struct {
	Want string // what the grammar has at that place
	At   int    // octets into the current line
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("expected %s at octet %d", e.Want, e.At)
}

// IsFatal reports whether err ends the session: it is neither a SyntaxError
// nor a LimitError after which the stream is still in step, nor another error
// that a grammar reported with [Scanner.Fail].
func IsFatal(err error) bool {
	var fatal *fatalError
	if errors.As(err, &fatal) {
		return true
	}
	var limit *LimitError
	return errors.As(err, &limit) && limit.Fatal
}

// fatalError marks an error of the connection.
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }
