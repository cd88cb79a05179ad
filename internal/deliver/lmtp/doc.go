// Package lmtp is the grammar of LMTP (RFC 2033), which is that of SMTP (RFC 5321)
// with LHLO in the place of HELO: commands, paths, parameters, replies. It knows no
// connection; package lmtpfront speaks it.
//
//	LHLO domain                        RFC 2033 section 4.1
//	MAIL FROM:<path> [SIZE= BODY= SMTPUTF8]   RFC 5321 section 4.1.1.2, RFC 1870, 6152, 6531
//	RCPT TO:<path>                     RFC 5321 section 4.1.1.3
//	DATA, BDAT size [LAST]             RFC 5321 section 4.1.1.4, RFC 3030 section 2
//	RSET NOOP VRFY HELP QUIT           RFC 5321 section 4.1.1.5 to 4.1.1.10
//	STARTTLS                           RFC 3207
//	XCLIENT name=value ...             of Postfix: whose connection it is that is relayed
//
// A ScanXxx reads the arguments of one command, all of them, and touches nothing else.
// What is wrong with them is a *Reply, ready for the client, as is everything else that
// a client is told. Invariants: what a scanner returns has no octet that could not stand
// in a header field (no control characters), and is no longer than the line that it came
// from; no reply has a line end inside a line.
//
// Where this is more patient than the RFCs: spaceBeforePath, looseDots.
package lmtp
