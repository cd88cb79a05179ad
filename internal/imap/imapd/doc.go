// Package imapd is the IMAP session: what happens between a client that has
// logged in and the mail of one account.
//
// # States
//
// A Session begins authenticated (RFC 9051 section 3.2): the connection was
// logged in by a front, or it is a pipe from the user's own shell (PREAUTH).
//
//	authenticated --SELECT, EXAMINE--> selected
//	selected --CLOSE, UNSELECT, failed SELECT--> authenticated
//	any --LOGOUT, BYE, end of the connection--> logged out
//
// Commands are rows of one table (command.go), each with the states in which the
// law permits it; a handler lies in the file named for its command. It reads all
// its arguments, then acts, then answers: with nil for a tagged OK that it wrote
// itself by ok, with a *status for a tagged NO or BAD, with a store error that
// reply.go translates. Any other error ends the session.
//
// # Modes
//
// What a client has turned on (enabled) decides how it is told things, for the rest
// of the session:
//
//	CONDSTORE   MODSEQ and UID in every FETCH response that it has not asked for
//	QRESYNC     the same, and VANISHED in place of EXPUNGE
//	UTF8=ACCEPT names of mailboxes in UTF-8, in both directions
//	IMAP4rev2   the same, ESEARCH in place of SEARCH, LIST in SELECT, no RECENT
//
// NOTIFY decides what is told unasked, and when (notify, others).
//
// Everything else that the capabilities name a client just uses. Both revisions of
// IMAP4 are one program: what RFC 9051 has dropped of RFC 3501 still works.
//
// # Goroutines
//
// One goroutine owns a Session: it reads, acts and writes. During IDLE a second
// one waits for input and touches nothing else; the owner takes over again before
// it reads. So it is between commands, once the client has asked for that by NOTIFY.
// What may take long, such as a search, is done by another one, which does not touch
// the session, while the owner tells the client how far it has come. The
// store's goroutines only send to channels that a session which waits listens on.
//
// # Truth
//
// What the client knows of the selected mailbox is in one type, view. At the end
// of each command the session syncs with the store and tells the difference.
//
// The store answers from an index that lies mapped in memory. Where its file turns
// out to be damaged it says zeros, and that it did: before anything is sent that
// was read from a snapshot, trusted is asked. The session ends if it was not so,
// for its message numbers mean nothing any more.
//
// # Speed
//
// Nothing that a client does often walks over all messages: SELECT, NOOP, STATUS
// and IDLE cost time for what has changed. FETCH and SEARCH open no file for what
// the index knows, nor FETCH for what somebody has computed from the message
// before: ENVELOPE, BODYSTRUCTURE, BODY, and the header fields that clients fill
// their lists from.
package imapd

import (
	_ "github.com/emersion/go-message/charset" // in which messages may be

	_ "fantail/internal/store/zstd/linked" // of which they may be made
)
