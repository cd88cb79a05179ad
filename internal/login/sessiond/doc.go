// Package sessiond starts session programs as the users whose mail they serve. Beside
// submitd it is the only part that has root's rights, and therefore does nothing else: it reads no
// octet that a client wrote, knows no protocol of mail, no password, no file of
// accounts.
//
//	front ─ Start(ticket, ──► sessiond ─ Redeem(ticket, who the front is) ──► authd
//	        a connection)     sessiond ◄ Account(uid, gid, groups, home, mail) ─ authd
//	                             │ launch: may such an account have a session, and which
//	                             │ roster: the running program, or a new one
//	                             ╰─ Pass(the connection) ──► program
//	front ◄ Started ──────── sessiond ◄ Taken ────────────── program
//	front ─ Together(tickets) ─► sessiond: the same, of several accounts of one user (LMTP)
//	front ─ Leave ──────────► sessiond ─ roster: end those that it has started
//
//	session ─ Due ──────────► sessiond ─ the account ──► submitd, which sends what is in its outbox
//	session ─ Crossed ──────► sessiond ─ the account ──► submitd, which has a program run for its quota
//
//	admin ─ Who, Kick ──────► sessiond ─ roster: which there are, end those of an account
//
// A connection (handover.Passage) is a record, which it passes on unread, and the one or
// two descriptors that go with it, which it passes on and closes. After a start it has
// nothing to do with the connection; the roster hears from the program when it has ended. A front that ends says Leave, and the sessions take leave
// of their clients where their protocol lets them; one that crashes says nothing.
//
// Invariants: what is started, and as whom, follows from authd's answer alone; the
// front's word is only held against it, and an admin cannot start anything. A session
// hears of a front's channel only if its other end is that front's. A front may
// say Start, Together and Leave and nothing else, an admin who is root (as the kernel tells) Who and Kick, and
// what is none ends its connection, not another's. A session says that there is something to do for an
// account that it serves, and nothing of what. Questions are bounded in number for
// each connection, and in time. No descriptor of ours gets into a program, and none of
// a program's stays here. What was started lives on when sessiond ends: sessions are
// their clients', and the next sessiond starts others beside them.
package sessiond
