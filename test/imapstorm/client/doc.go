// Package client is what an IMAP client knows, and what it may hold against its
// server: a parser of responses that shares nothing with the server's code, the
// picture of the selected mailbox that the protocol's own words give, and the
// promises that no response may break.
//
// # What there is
//
//	Response  one response, parsed (response.go)
//	View      one connection's picture of its selected mailbox (view.go); it changes
//	          by responses alone, as RFC 9051 section 7 says
//	Notify    what a connection has asked for by NOTIFY, and what it knows from that of
//	          other mailboxes (notify.go); a View asks it what may be told when
//	Truth     what all connections were told, and what all programs did (truth.go):
//	          it knows what can never change, and what may not be missing
//	Report    the promises that were broken (report.go)
//
// A View belongs to the goroutine of its connection. Truth and Report are shared.
//
// # What can be known
//
// Many programs change the mailbox at once, so a View is right when it says what
// the server has told, not what is so. Three things can be held against a server
// all the same: its own words, each response against those before (numbers, UIDs,
// mod-sequences); what cannot change (the octets of a message, its size, its date);
// and what only one client changes. For that each flag of each message has one
// owner, who knows at any time how it is (type Owner). A message may vanish only
// after somebody began to remove it.
package client
