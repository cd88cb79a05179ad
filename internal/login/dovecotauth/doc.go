// Package dovecotauth is Dovecot's authentication protocol, version 1.2, in which mail
// servers ask whether a client that wants to send mail is who it says: Postfix, Exim and
// others are its clients, authd is its server. It is grammar only.
//
//	server ─ VERSION, MECH …, SPID, CUID, COOKIE, DONE ─► client    at once, each side
//	server ◄ VERSION, CPID ────────────────────────────── client    without waiting
//
//	server ◄ AUTH id mechanism service=smtp … resp=base64 ─ client  as many as it likes at a time
//	server ─ CONT id base64 ────────────────────────────► client
//	server ◄ CONT id base64 ────────────────────────────── client
//	server ◄ CANCEL id ─────────────────────────────────── client   has no answer
//	server ─ OK id user=… / FAIL id user=… code=… ──────► client
//
// A line ends with LF and has fields with TABs between them; in a field the octet 1
// escapes what would end it. A client that says anything else than the above, in this
// order, is none: ErrLine. What is no fault of the client, because it passes on what
// somebody on the network has typed, is no such error: base64 that is none is marked
// in its line. Parameters that nobody here knows are passed over.
//
// What else there is in the protocol is not here: questions of masters (REQUEST) and for
// accounts without a proof (USER) are asked on sockets of their own, which authd has not.
// Who may ask which names there are would know more than a guesser finds out.
//
// Invariants: nothing that is parsed holds more than MaxLine octets; nothing that is
// written holds a line's end within or is longer than MaxAnswer, whatever the names are.
package dovecotauth
