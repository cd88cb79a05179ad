// Package wire is the language in which fronts, authd and sessiond speak to each
// other: messages of fixed fields, each a datagram of at most MaxMessage octets on
// a unix socket of the type SOCK_SEQPACKET. It is grammar only; package broker and
// the daemons carry it.
//
//	front ─ Begin, Continue, Cancel ──────► authd       an exchange of SASL
//	front ◄ Offer, Challenge, FactorWanted, Success, Failure ─ authd
//	front ─ Manage ───────────────────────► authd       how an account logs in (webmail)
//	front ◄ Managed, Failure ────────────── authd
//	front ─ Start, with descriptors ──────► sessiond    a connection for a session
//	front ◄ Started, Refused ────────────── sessiond
//	sessiond ─ Redeem ────────────────────► authd       whose ticket is this?
//	sessiond ◄ Account, Denied ──────────── authd
//	front ─ Locate ───────────────────────► authd       whose mail is this? (LMTP)
//	front ◄ Located, Failure ────────────── authd
//	front ─ Together, with descriptors ───► sessiond    one session of several accounts (LMTP)
//	admin ─ Who, Kick ────────────────────► sessiond    whose sessions are there?
//	admin ◄ Sessions, Kicked ────────────── sessiond
//
// Start and Together have descriptors (handover.Passage), and no other message has.
//
// Every message but Offer has the number of its exchange, which the asking side
// gives; answers may come in any order, one to each question. Who may say what on
// which socket is a table of the daemons, of Kinds.
//
// On the wire a message is its kind (one octet), the exchange's number (four, in
// network byte order) and the fields in the order of their declaration: a number in
// network byte order; a flag as 0 or 1; text and octets with their length in two
// octets before them. Invariants: a message that is longer or shorter than its
// fields, or has a field beyond its limit, is an error; what Append wrote, Parse
// reads, and of each message there is one encoding. A decoded message shares no
// memory with what it was decoded from.
//
// Both sides are of one build, or of two that an upgrade made neighbours: a change
// of a message is a new kind.
package wire
