// Package broker is the way from a password to a running session program: what
// a front asks, and the one implementation that there is when everything runs
// under one uid.
//
//	front ── Authenticate(credentials) ──► Grant
//	front ── Start(service, Grant) ──────► connection to a session program
//	front ── handover.Hello ─────────────► first record on that connection
//	front ◄─ bytes of the protocol ──────► session program, unless it gets the
//	                                       client's socket with the record
//
// A front knows the two interfaces only. Local implements both by a password
// source and by a roster of session programs; a daemon that holds the
// passwords, and one that may change its uid, take its place behind the same
// interfaces.
//
// Invariants: a Grant is made by a successful check and by nothing else; a
// session program is of one account and service, and of the files (program,
// configuration) that there were at the login; it has an environment without
// anything of the front's, and is reaped; what it writes to standard error is in
// the front's log.
package broker

import (
	"context"

	"fantail/internal/login/handover"
	"fantail/internal/login/userdb"
)

// The answers of an Authenticator that are not a Grant.
var (
	// ErrWrong says that name and password do not belong together, not which of
	// them is wrong.
	ErrWrong = userdb.ErrWrong
	// ErrUnavailable says that it could not be found out, or that the account
	// cannot be opened.
	ErrUnavailable = userdb.ErrUnavailable
)

// Credentials are what somebody who wants to log in says.
type Credentials struct {
	Name     string
	Password userdb.Secret
}

// Grant is the right to open an account.
type Grant struct {
	Account string // as its source spells it, which need not be what was typed
	SID     string // of the session, for logs; the front may set it before Start

	// IMAPWithout are capabilities that this account is not offered, with commas
	// between them.
	IMAPWithout string

	user userdb.User // for Local
}

// Authenticator checks credentials. Its errors wrap ErrWrong or ErrUnavailable.
type Authenticator interface {
	Authenticate(ctx context.Context, c Credentials) (Grant, error)
}

// Starter starts session programs, or finds them running.
type Starter interface {
	// Start returns a connection to a session program of the account, on which
	// nothing was sent yet. service is imap, pop3 or webmail. The program may have
	// other connections of the account. The session ends when its connection is
	// closed. ctx bounds the start, not the session. Errors wrap ErrUnavailable.
	Start(ctx context.Context, service string, g Grant) (handover.Channel, error)
}
