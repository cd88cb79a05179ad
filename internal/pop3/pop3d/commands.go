package pop3d

import (
	"context"

	"fantail/internal/pop3"
)

// command is a row: everything that is to know about a command. The states it is
// permitted in are pop3.StatesOf; all here are of the TRANSACTION state.
type command struct {
	// run reads the arguments, answers in full, and returns nil; or answers
	// nothing and returns what to answer, or errBroken.
	run func(s *session, ctx context.Context, args *pop3.Args) error
	rfc string
}

var commands = map[string]command{
	pop3.CAPA: {(*session).capa, "2449 5"},
	pop3.DELE: {(*session).dele, "1939 5"},
	pop3.LANG: {(*session).lang, "6856 3"},
	pop3.LIST: {(*session).list, "1939 5"},
	pop3.NOOP: {(*session).noop, "1939 5"},
	pop3.QUIT: {(*session).quitCommand, "1939 6"},
	pop3.RETR: {(*session).retr, "1939 5"},
	pop3.RSET: {(*session).rset, "1939 5"},
	pop3.STAT: {(*session).stat, "1939 5"},
	pop3.TOP:  {(*session).top, "1939 7"},
	pop3.UIDL: {(*session).uidl, "1939 7"},
}
