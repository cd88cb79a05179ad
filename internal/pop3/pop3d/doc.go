// Package pop3d is a POP3 session after login: the TRANSACTION and UPDATE
// states of RFC 1939 on a stream, over one mailbox. What comes before login is
// the front's (login/front); how commands and replies are written is in the
// package above, pop3; what a message is and where, in the store.
//
// # States
//
//	Serve ── open fails ──────────────────────────► -ERR, closed
//	  │
//	  ▼ +OK
//	TRANSACTION ── QUIT ──► UPDATE: remove, mark ─► +OK or -ERR, closed
//	  │
//	  ╰── drop, autologout, shutdown, nonsense ───► closed, nothing removed
//
// # Invariants
//
//   - The maildrop is the INBOX as it was at login. Numbers, sizes and
//     unique-ids stay what they were, whatever other sessions and deliveries do
//     meanwhile. A message that somebody else removed keeps its number and can
//     no longer be retrieved.
//   - Messages are removed by QUIT alone, by UID, and only if the mailbox still
//     has the UIDVALIDITY of the login. Several sessions at once are permitted:
//     an exclusive lock (RFC 1939 section 4) would shut users out for as long as
//     a dead connection lingers. Who wants it, or a pause between logins, has it
//     by a file beside the mailbox (store/maildrop), since the processes of an
//     account come and go, on several machines perhaps.
//   - RETR sets \Seen, in batches and at the end of the session however it
//     ends, for messages that the client got whole. TOP does not. A message in
//     new stays there until then.
//   - A client that has not said UTF8 gets no header fields in UTF-8, but a surrogate
//     (RFC 6856 section 2.1).
//   - What a client has got whole, by TOP too, is noted in the same batches as \Seen,
//     where it is to expire (pop3/expire).
//   - A multi-line response is ended by its dot only if all of it was sent; if
//     the file cannot be read to its end, the connection breaks instead.
//   - Output waits in a buffer until the session needs more input, so a response
//     is one write and pipelined commands share one (RFC 2449 section 6.6).
//
// Sizes count every line end as CRLF (RFC 1939 section 11). They are what RETR
// sends without stuffing (of a surrogate: of the message that it stands for); the CRLF that RETR adds where the last line of a
// message has none belongs to the end of the response.
package pop3d

import _ "fantail/internal/store/zstd/linked" // of which messages may be made
