// Package authd decides who somebody is. Fronts carry the challenges and responses
// of SASL between it and their clients; sessiond asks it whose session a ticket is
// for. Both speak package wire to it. Mail servers ask it about their clients in a
// protocol of Dovecot's, for which mailserver.go stands in as a front would. Nobody else
// can learn anything here, and it tells neither a password nor a hash to anybody.
//
//	             Begin, Continue, Cancel                 sources of passwords
//	front ──────► conn.go ──► exchange.go ──► Accounts (package passdb)
//	      ◄────── Challenge      │    │
//	              Success        │    ╰ penalty: how long an attempt waits
//	              Failure        ╰ sasl: the mechanism
//	                 │
//	             ticket.go ◄── Redeem ── sessiond
//	                 ▲
//	             ticket.go ◄── Manage ── front (manage.go, newkey.go): app passwords, second factors
//	front ──────► locate.go ──► Accounts     who brings mail, and proves nothing
//
// # The states of an exchange
//
//	state      leaves it
//	thinking   the mechanism has a response: challenged, won or lost
//	challenged the client has the word: Continue: thinking; Cancel, or too long: lost;
//	           also if its password was right and a second factor is wanted (code.go)
//	won        a ticket was made and told: gone
//	lost       told, after a delay: gone
//
// An exchange belongs to the connection on which it began and ends with it; what it
// is doing then is given up. A front that speaks out of turn (a second response while
// the first is thought about, a number that is in use, a message that is none) is not
// one of ours: its connection is closed, and nobody else notices.
//
// # Invariants
//
// A ticket is made by a mechanism's success, and not for a mail server, or on the socket
// of who brings mail, and is for the service LMTP there; by nothing else. It is of one
// account and service, is redeemed once, within ticketLife, and
// only if it is shown by the process that it was given to. What waits holds no worker:
// a penalty and the delay of a failure are timers. Exchanges and tickets are bounded
// in number, for each connection and in all. A failed attempt takes the same time
// whether there is such an account or not; that the sources see to.
package authd
