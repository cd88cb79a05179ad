// Package crlf is about the ends of lines: reading protocol lines within a
// budget, turning the LF of a Unix file into the CRLF of the wire, counting
// what that costs, and the dot-stuffing that ends a message in POP3 and SMTP.
//
// Three rules hold for everything here:
//
//   - LF ends a line; a CR directly before it belongs to the line end. A CR
//     anywhere else (a lone CR) is data and is passed on as it is.
//   - Every type works on any division of its input: a CRLF may be split
//     between two reads or writes.
//   - Nothing is buffered beyond a size that the caller named.
//
// Protocol sessions read commands with [Reader]; the store measures messages
// with [Counter]; POP3 sends them through [Expander] and [DotWriter]; LMTP
// receives them through [DotReader]. The package knows none of them.
package crlf
