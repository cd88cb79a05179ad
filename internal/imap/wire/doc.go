// Package wire reads and writes the tokens of IMAP (RFC 9051 section 9, RFC
// 3501 section 9): a [Scanner] for what a client sends, an [Encoder] for what
// the server answers. It knows no command, no mailbox and no connection.
//
// A command is one line, or several lines joined by literals. The Scanner holds
// one line at a time and hands out its tokens by the names that the ABNF gives
// them; a literal is never held unless it is a string argument within
// Limits.Literal. It is always in one of four states:
//
//	idle     between commands: [Scanner.Next] or [Scanner.Line] comes next
//	inLine   a line is held, some of its tokens may have been taken
//	inBody   a literal was announced and its octets are not all read
//	between  the literal is read, the line that goes on behind it is not
//
// The first error stays until the next command, and every later call does
// nothing and returns zero, so that a caller reads all arguments and looks at
// [Scanner.Err] once. A [SyntaxError], and a [LimitError] that is not Fatal,
// leave the stream in step: the session answers BAD, and [Scanner.Skip] finds
// the end of the command. Any other error ends the session.
//
// The session package calls Next, then the ScanXxx functions of package imap,
// which are written in terms of this one, then Skip if those failed.
package wire
