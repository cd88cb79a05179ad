// Package maildrop is what POP3 keeps beside a mailbox, in two text files that other
// programs leave alone:
//
//	fantail-pop3-login       when somebody last logged in; its flock is the one session
//	fantail-pop3-retrieved   which messages POP3 clients have got, and when first
//
// # fantail-pop3-login
//
// One line, the time in seconds since 1970. It exists where logins are delayed or
// sessions locked (RFC 2449 section 6.5, RFC 1939 section 4), and nowhere else. A
// process that ends gives the lock back, however it ends.
//
// # fantail-pop3-retrieved
//
//	fantail-pop3-retrieved 1 V1577797677
//	12 1763884931
//	13 1763884931
//
// The UIDVALIDITY of the mailbox, and for each message its UID and the time in seconds
// since 1970. It is written where mail left on the server expires (the setting
// pop3.expire), and is the only ground on which mail is ever removed; so every damage to
// it must mean that mail stays:
//
//	state                         what it means
//	no file, or another           nothing was retrieved
//	UIDVALIDITY
//	a line that is none           is not there; the message stays
//	a torn last line              nothing: half a time would be an early one. A line counts
//	                              only with its LF, and the next writer takes it away
//	a UID twice                   the first time counts: who fetches mail again and again
//	                              does not keep it for ever
//	a UID that has no message     nothing; the next Compact drops it
//
// Writers append under a flock of the file; Compact replaces it by a rename, under the
// same flock. Who has waited for the lock looks whether the file is still the one in
// the directory. Readers take no lock.
package maildrop
