// Package pop3 is the grammar of POP3: commands as a server reads them, and
// the single lines, capability lists and continuations that it writes. It does
// no I/O and knows no mailbox. The front speaks it before login
// (login/front), the session after it (pop3/pop3d).
//
// A server reads lines with crlf.NewReader(conn, pop3.MaxLine) and takes each
// apart like this:
//
//	cmd, err := pop3.ParseCommand(line)  // the keyword, in upper case
//	row, ok := commands[cmd.Keyword]     // the server's table
//	n := cmd.Args.Number()               // then the arguments, in order;
//	if err := cmd.Args.End(); err != nil // the first error is kept till End
//
// For AUTH (RFC 5034 section 4), [Args.Initial] gives the initial response; a
// later response is a line of its own, read with the reader's limit raised to
// [MaxResponse] and decoded with [DecodeResponse]; [AppendContinue] writes the
// challenge before it.
//
// Every error of this package is a [SyntaxError]: a fixed phrase that may be
// shown to the client and holds nothing that the client sent.
//
// States, invariants: there is no state here. What the Append functions write
// is always a legal line, whatever text they are given (RFC 2449 section 3).
package pop3
