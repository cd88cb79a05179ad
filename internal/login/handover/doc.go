// Package handover is how the connection of a client gets from a front to the
// session program of its account, which has others already.
//
//	front ──── a Passage ──────────────────────────────► starter
//	starter ── Pass n, with the Passage, and the ──────► program   control socket
//	           account, if the program has more than one
//	starter ◄─ Taken n ───────────────────────────────── program
//	front ──── what the client says ───────────────────► program   the channel n
//	front ◄─── what the session says ─────────────────── program
//	starter ── Stop n ─────────────────────────────────► program   control socket
//	starter ◄─ Due n, any time between the two ──────── program
//	starter ◄─ Crossed, the account's name ───────────── program
//	starter ◄─ Ended n ───────────────────────────────── program
//
// Most connections end without a Stop; it is how an admin ends one. A program that is
// told of one that it has not, or not any more, does nothing.
//
// A Passage is all that a session needs to begin: the record of a Hello, and the session's
// end of a socketpair, the channel, which the front has made, and into which it has written
// what it has read behind the login. The control socket is the program's standard input,
// and lasts as long as it; package fdpass carries its messages. The starter (package
// roster) keeps its descriptors until the program says that it has taken the connection:
// until then nothing was done with it, and it can be given to another program. From then on
// it is that program's, whatever becomes of it: no connection is served twice.
//
// Who cannot know whether a program will take a connection yet says ErrUnsure: the starter
// whose program is stuck, the front whose starter is. A front whose starter has died sees
// by the channel's other end whether a program has it (Adopted).
//
// Whose mail a connection is for is said by the starter, or was when the program was
// started: never by the front, which could say another name than that of the login.
//
// # The client's socket
//
// What a client says under TLS the front carries over the channel. A client without TLS it
// gives to the session, whose socket is a second descriptor of the Passage:
//
//	client ◄─────────────── all that is said ─────────────► program   its socket
//	front ◄─── Counts, and the end ──────────────────────── program   channel n
//
// The channel is open as long as the session lasts. Its end, from the program, is how
// the front learns that the session has ended, in peace or not; the front then ends
// the connection. From the front's side the channel says nothing more: a front that
// wants a session to end shuts the socket down, and one that has died takes no session
// with it.
//
// Neither side trusts the other with more than one client: as that of a client the program
// takes nothing that is not a socket of TCP, and only reads, writes and closes it, and it
// waits for nothing of which the record says that it is there; a starter of other users'
// programs passes on no channel but one whose other end is the front's; the front takes
// for true neither counts nor the state of the socket.
//
// # Leaving
//
// When a program leaves is the starter's decision alone, for only the starter
// knows of a connection that it is about to pass. It says so by Last. The program has
// taken what was passed before, serves its connections to their ends, each of which the
// starter may still want by Stop, and exits. A starter that is gone has said the same. A
// program that has to go for a reason of its own (a signal, a crash) closes its end: what
// it had not taken, the starter gives to the next program.
//
//	program     control socket         connections   becomes
//	serving     open                   any number    parting after Last, or without starter
//	                                                 stopping when it is told to stop
//	parting     for Stop only          some          gone when the last one ends
//	stopping    closed by itself       are told      gone when the last one ends
//	gone        –                      –
//
// So no connection is lost, nor waits for a program that leaves: a program that can
// still be passed one does not leave, and one that leaves cannot be passed any.
package handover
