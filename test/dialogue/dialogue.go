// Package dialogue runs protocol conversations that are written down in
// txtar files and compares them, line by line, with what a server says.
//
// # The file
//
// The part before the first "-- name --" line is the conversation; the
// sections are the mailbox before it and the tree expected after it.
//
//	# text              a comment, or one of the directives below
//	C: text             the client sends text and CRLF
//	C< text             the client sends text with Go escapes, in one write, and no CRLF
//	C@ name             the client sends the section of that name, with CRLF line ends
//	C.                  the client closes the connection and waits for the server's end
//	S: pattern          the server sends exactly this line, ended by CRLF
//	S? pattern          as S:, but consecutive S? lines may come in any order
//	S* pattern          any number of lines, also none, within or without a group of S?
//	S< text             the server sends exactly these bytes (Go escapes)
//	S@ name             the server sends exactly the bytes of that section, with CRLF line ends
//	S.                  the server closes the connection and has said nothing more
//	wait 50ms           nothing is sent for that long
//	mv OLD NEW          another program renames a file below the home directory
//	rm PATH             another program removes one
//	put NAME PATH       another program writes section NAME as PATH (by a rename, as a delivery does),
//	                    with the line ends of the fixture
//
// C2: S2: C3< ... speak on further connections to the same mailbox; each is
// opened by its first step. If that first step is not an S line, the greeting
// is read and must be a good one (PREAUTH, OK or +OK; Dovecot's pop3 without
// its login process has none). A line that begins with
// "[ours] " or "[dovecot] " counts for that peer alone.
//
// In a pattern "..." is any text, also none; $name (a lower-case letter, then
// lower-case letters, digits and _) takes one or more characters without
// space the first time and must be the same text ever after, in C lines too;
// $$ is a dollar sign, and so is one before any other character ($Junk);
// "(~a b c)" is a parenthesised list with these items in any order.
// $size_name is the size in octets of section name, any character of it that
// cannot be in a variable written "_".
//
// Nothing is skipped: a line that the conversation does not list fails it,
// also after its last step. A literal that is followed by anything but SP,
// ")" or CRLF fails an IMAP conversation wherever it stands.
//
// # Directives
//
//	# ours: reason          not run against other peers
//	# peer: NAME only       run against that peer alone
//	# args: words           further arguments for our own session program
//	# config: key = value   a further line of our own configuration; without one a new account gets no folders
//	# dovecot: key = value  a further line of Dovecot's configuration
//	# fixture: crlf         the files of the mailbox get CRLF line ends (default: lf)
//	# uidvalidity: N        the inbox and every folder have a dovecot-uidlist in which the messages of cur have the
//	                        UIDs 1, 2, 3 … in the order of their names: no session is the first
//	# timeout: 20s          how long to wait for a line (default 10s)
//
// # The mailbox
//
// A section "Maildir/..." is a file of the mailbox before the conversation.
// If its name begins with digits, these seconds are its modification time.
// Every directory needed is made a complete Maildir. After " | " in the name
// stand options: crlf, lf, noeol (drop the last line end), go (Go escapes).
//
// Section "after" lists the files below cur and new of every folder, one path
// relative to Maildir a line, in any order; section "folders" lists the
// Maildir++ folders, with their dots; a section "after/PATH" is the content of
// one file. All are patterns. tmp must be empty in the end, always.
package dialogue

import (
	"fmt"
	"strings"
)

// Protocol is what the server speaks.
type Protocol string

// The protocols that a dialogue can be written in.
const (
	IMAP Protocol = "imap"
	POP3 Protocol = "pop3"
)

// Failure says where a dialogue and the server part.
type Failure struct {
	File       string
	Line       int // of the file; 0 for what has no line
	Reason     string
	Transcript string // the conversation so far, each line with the line of the file
}

func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d: %s\n", f.File, f.Line, f.Reason)
	b.WriteString(f.Transcript)
	return b.String()
}
