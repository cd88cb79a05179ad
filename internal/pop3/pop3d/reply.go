package pop3d

import (
	"errors"

	"fantail/internal/pop3"
	"fantail/internal/store"
	"fantail/internal/store/maildrop"
)

// refusal is an answer that a client brought upon itself: the text after -ERR.
type refusal string

func (r refusal) Error() string { return string(r) }

// answer is what the client is told about an error of the store. The cause goes
// to the log.
type answer struct {
	code pop3.Code
	text string
}

// answers translates the kinds of the store. Kinds that are not in it, and
// errors of no kind, get otherAnswer.
var answers = map[store.Kind]answer{
	store.NotFound:    {pop3.NoCode, "The mailbox does not exist."},
	store.Denied:      {pop3.SysPerm, "No permission to access the mailbox."},
	store.OverQuota:   {pop3.NoCode, "The disk or the quota is full."},
	store.InUse:       {pop3.InUse, "The mailbox is in use, try again later."},
	store.Limit:       {pop3.SysTemp, "A limit of the server is reached."},
	store.Gone:        {pop3.NoCode, "The message was removed by another session."},
	store.Corrupt:     {pop3.SysPerm, "The mailbox is damaged."},
	store.Unavailable: {pop3.SysTemp, "The mailbox is not available, try again later."},
}

var otherAnswer = answer{pop3.SysTemp, "Internal error, try again later."}

// refusedLogins are what a client is told that may not log in now, in spite of the right
// password (RFC 2449 section 8.1.1 and 8.1.2).
var refusedLogins = map[error]answer{
	maildrop.ErrInUse: {pop3.InUse, "Another session has the maildrop, try again later."},
	maildrop.ErrDelay: {pop3.LoginDelay, "You have logged in a short time ago, try again later."},
}

func isRefused(err error) bool {
	return errors.Is(err, maildrop.ErrInUse) || errors.Is(err, maildrop.ErrDelay)
}

// answerTo returns the answer to an error of the store.
func answerTo(err error) answer {
	for refused, a := range refusedLogins {
		if errors.Is(err, refused) {
			return a
		}
	}
	if a, ok := answers[store.KindOf(err)]; ok {
		return a
	}
	return otherAnswer
}

// isClients reports whether an error is the client's own: nothing for a log.
func isClients(err error) bool {
	_, syntax := errors.AsType[pop3.SyntaxError](err)
	_, refused := errors.AsType[refusal](err)
	return syntax || refused
}

// appendRefusal appends the -ERR line for an error.
func appendRefusal(b []byte, err error) []byte {
	if syntax, ok := errors.AsType[pop3.SyntaxError](err); ok {
		return pop3.AppendErr(b, pop3.NoCode, "Bad command: "+string(syntax)+".")
	}
	if r, ok := errors.AsType[refusal](err); ok {
		return pop3.AppendErr(b, pop3.NoCode, string(r))
	}
	a := answerTo(err)
	return pop3.AppendErr(b, a.code, a.text)
}
