package main

import (
	"fmt"
	"time"
)

// line is one thing that is measured.
type line struct {
	name, about string

	// What Fantail is to reach: so many times Dovecot's speed, in time or in
	// processor time; and no more than that time, whatever Dovecot does.
	goal  float64
	byCPU bool
	most  time.Duration

	pick     func([]time.Duration) time.Duration // what stands for all rounds; nil: the report's choice
	transfer bool                                // shown in MB/s
}

// The names of the lines.
const (
	selectFirst     = "SELECT, first"
	selectAgain     = "SELECT, again"
	selectUnchanged = "SELECT, unchanged"
	selectDelivered = "SELECT, one delivered"
	selectFlagged   = "SELECT, one flagged"
	noop            = "NOOP"
	flagsOfAll      = "FETCH flags"
	envelopesCold   = "FETCH envelopes, cold"
	envelopesCached = "FETCH envelopes, cached"
	textCold        = "SEARCH TEXT, first"
	textWarm        = "SEARCH TEXT"
	bodyWarm        = "SEARCH BODY"
	subjectCold     = "SEARCH SUBJECT, first"
	subjectWarm     = "SEARCH SUBJECT"
	unseen          = "SEARCH UNSEEN"
	sortCold        = "SORT, first"
	sortWarm        = "SORT"
	threadCold      = "THREAD, first"
	threadWarm      = "THREAD"
	storeOne        = "STORE one"
	storeAll        = "STORE all"
	copyAll         = "COPY all"
	moveAll         = "MOVE all"
	expungeAll      = "EXPUNGE all"
	appendOne       = "APPEND one"
	appendCrowd     = "APPEND, 16 connections"
	idle            = "IDLE, median"
	idleSlow        = "IDLE, slowest of a hundred"
	statusFirst     = "STATUS of 200, first"
	statusUnchanged = "STATUS of 200, unchanged"
	download        = "download"
	downloadTLS     = "download, TLS"
	fetchAlone      = "FETCH one, median"
	fetchSlow       = "FETCH one, slowest of a hundred"
	pop3Look        = "POP3 look"
	pop3Retr        = "POP3 RETR"
	pop3Pipelined   = "POP3 RETR, pipelined"
	loginOne        = "login"
	loginMany       = "login, many accounts"
	loginShared     = "login, many accounts, one uid"
	loginTLS        = "login, TLS"
	loginTLSMany    = "login, TLS, many accounts"
	loginTLSShared  = "login, TLS, many, one uid"
	loginTLSClassic = "login, TLS, X25519"
	loginTLSResumed = "login, TLS, resumed"
	loginTLSRSA     = "login, TLS, RSA"
	lmtpOne         = "LMTP"
	lmtpMany        = "LMTP, 8 connections"
	lmtpShared      = "LMTP, 8 connections, one account"
	lmtpLarge       = "LMTP, into 30,000 messages"
	firstLogin      = "first login, median"
	firstLoginSlow  = "first login, slowest"
	deliverPipe     = "deliver"
	deliverPipeFull = "deliver, all in the mailbox"

	memorySelected = "selected"
	memoryFlags    = "flags fetched"
	memoryMore     = "one more idle connection"

	memoryFew        = "idle account, of 100"
	memoryMany       = "idle account, of 500"
	memorySeveral    = "five connections of one"
	memoryFewShared  = "of one uid, of 100"
	memoryManyShared = "of one uid, of 500"
)

// lines are all lines of time, in the order of the report.
var lines = []line{
	{name: selectFirst, about: "nothing in the mailbox but messages"},
	{name: selectAgain, about: "the next session after that, 2.5 s later; Dovecot trusts the times of directories when they are 2 s old and it has looked again"},
	{name: selectUnchanged, about: "the session after that; all other lines begin so", most: 3 * time.Millisecond},
	{name: selectDelivered, about: "after another program has delivered a message"},
	{name: selectFlagged, about: "after another program has changed the name of a file in cur"},
	{name: noop, about: "nothing has changed"},
	{name: flagsOfAll, about: "1:* (UID FLAGS)", goal: 3, byCPU: true},
	{name: envelopesCold, about: "1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE) for the first time: each message is opened, from the page cache", goal: 2},
	{name: envelopesCached, about: "the same in the next session", goal: 5},
	{name: textCold, about: "a word that no message has, when no server knows anything but flags", goal: 2},
	{name: textWarm, about: "another such word in the next session", goal: 20},
	{name: bodyWarm, about: "the same with BODY", goal: 20},
	{name: subjectCold, about: "a syllable that some subjects have, for the first time"},
	{name: subjectWarm, about: "the same in the next session", goal: 3},
	{name: unseen, about: "and UNSEEN"},
	{name: sortCold, about: "(REVERSE DATE) UTF-8 ALL for the first time"},
	{name: sortWarm, about: "the same in the next session", goal: 3},
	{name: threadCold, about: "REFERENCES UTF-8 ALL for the first time"},
	{name: threadWarm, about: "the same in the next session", goal: 3},
	{name: storeOne, about: `+FLAGS (\Flagged) of one message, with the answer`},
	{name: storeAll, about: `+FLAGS (\Flagged) of all, with the answers`, goal: 2},
	{name: copyAll, about: "into an empty mailbox", goal: 2},
	{name: moveAll, about: "into an empty mailbox"},
	{name: expungeAll, about: `UID EXPUNGE 1:* of messages that are \Deleted`},
	{name: appendOne, about: "a message of 4 kB, which is on disk when the answer comes"},
	{name: appendCrowd, about: "time for each message when 16 connections do so at once", goal: 4},
	{name: idle, about: "from the rename that delivers a message to * EXISTS", most: 2 * time.Millisecond},
	{name: idleSlow, about: "99 of 100 are faster", most: 10 * time.Millisecond, pick: percentile99},
	{name: statusFirst, about: "200 mailboxes of 50 messages that no server has seen"},
	{name: statusUnchanged, about: "the same in a later session"},
	{name: download, about: "UID FETCH 1:* (BODY.PEEK[]) over TCP, 10,000 messages at most", goal: 1.2, transfer: true},
	{name: downloadTLS, about: "the same over TLS", goal: 3, transfer: true},
	{name: fetchAlone, about: "one BODY.PEEK[] after the other over TCP, each when the last has come"},
	{name: fetchSlow, about: "99 of 100 are faster; 40 ms would be a delayed ACK", most: 20 * time.Millisecond, pick: percentile99},
	{name: pop3Look, about: "a session program from its start, with STAT, LIST and UIDL, in a mailbox that it has seen: what a client does that finds nothing new", goal: 3, byCPU: true},
	{name: pop3Retr, about: "RETR of all messages, 10,000 at most, each when the last has come", goal: 1.3, byCPU: true},
	{name: pop3Pipelined, about: "the same with a hundred commands on their way", goal: 1.3, byCPU: true},
	{name: loginOne, about: "time for each when 8 clients connect, log in, SELECT and log out, all of one account; both servers as for many users, with hashes that cost nothing, Dovecot in its high-performance mode", goal: 1.5},
	{name: loginMany, about: "the same of 64 accounts in turn; Fantail's have a uid each, Dovecot's share one, or it could not reuse its processes", goal: 1.5},
	{name: loginShared, about: "the same, where Fantail's accounts share a uid and a session program, too", goal: 1.5},
	{name: loginTLS, about: "of one account, over TLS 1.3 with a new handshake each, as clients do by default, and an ECDSA key (P-256); Fantail has the client's X25519MLKEM768, Dovecot X25519", goal: 1.3},
	{name: loginTLSMany, about: "the same of 64 accounts", goal: 1.3},
	{name: loginTLSShared, about: "the same with one uid and one session program", goal: 1.3},
	{name: loginTLSClassic, about: "of 64 accounts with a uid each, by clients that know no hybrid key agreement", goal: 1.3},
	{name: loginTLSResumed, about: "the same by clients that resume their sessions", goal: 1.3},
	{name: loginTLSRSA, about: "the same with an RSA key of 2048 bits and without resumption", goal: 1.3},
	{name: lmtpOne, about: "a message of 4 kB, which is on disk when the answer comes, on one connection", goal: 3},
	{name: lmtpMany, about: "time for each message of 8 connections at once, each to an account of its own", goal: 3},
	{name: lmtpShared, about: "the same, all to one account"},
	{name: lmtpLarge, about: "on one connection, into an inbox that has 30,000", goal: 10},
	{name: firstLogin, about: "from the connection to the answer, of 50 accounts no session program of which runs", most: 10 * time.Millisecond},
	{name: firstLoginSlow, about: "of those the slowest", most: 10 * time.Millisecond, pick: slowest},
	{name: deliverPipe, about: "a message of 4 kB by a program on a pipe, from its start to its end, into a small INBOX", goal: 4, byCPU: true},
	{name: deliverPipeFull, about: "the same into the mailbox of all other lines", goal: 4, byCPU: true},
}

// memoryLines are those of kB of proportional set size.
var memoryLines = []struct {
	name, about string
	most        int     // kB
	times       float64 // at most so many times what Dovecot takes
}{
	{memorySelected, "a session that has the mailbox selected", 0, 0},
	{memoryFlags, "the same after FETCH flags", 0, 0},
	{memoryMore, "all of the server's processes, for each further connection of an account that IDLEs in its mailbox", 100, 0},
	{memoryFew, "all of the server's processes, by 100 accounts with a connection each that has fetched 100 envelopes and IDLEs", 0, 4},
	{memoryMany, "the same of 500 accounts", 0, 4},
	{memorySeveral, "the same of an account that has five such connections, among these", 0, 1},
	{memoryFewShared, "the same of 100 accounts of one uid, which share a process (session.scope)", 0, 0},
	{memoryManyShared, "the same of 500 accounts", 0, 0.25},
}

// show writes a figure in the line's unit.
func (l line) show(d time.Duration, octets int64) string {
	switch {
	case d == 0:
		return "-"
	case l.transfer:
		return fmt.Sprintf("%.0f", float64(octets)/1e6/d.Seconds())
	}
	return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond))
}
