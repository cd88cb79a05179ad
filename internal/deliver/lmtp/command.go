package lmtp

import (
	"strings"
)

// The verbs.
const (
	LHLO     = "LHLO"
	MAIL     = "MAIL"
	RCPT     = "RCPT"
	DATA     = "DATA"
	BDAT     = "BDAT"
	RSET     = "RSET"
	NOOP     = "NOOP"
	VRFY     = "VRFY"
	HELP     = "HELP"
	QUIT     = "QUIT"
	STARTTLS = "STARTTLS"
	XCLIENT  = "XCLIENT"

	// HELO and EHLO are what a client of SMTP says: RFC 2033 section 4.1 forbids
	// them.
	HELO = "HELO"
	EHLO = "EHLO"
)

// MaxLine is the length of the longest command line, in octets without its line end.
// RFC 5321 section 4.5.3.1.4 asks for 512, and each extension for more: RFC 1870
// section 3 for 26, RFC 6152 section 2 for 17, RFC 6531 section 3.1 for 10 and for
// addresses in UTF-8; XCLIENT has a dozen words.
const MaxLine = 2000

// Command is a command line.
type Command struct {
	Verb string // in upper case (RFC 5321 section 2.4)
	Args string // what follows the first space
}

// ParseCommand takes a line without its line end apart. White space at the end of a
// line is tolerated, as RFC 5321 section 4.1.1 asks of a server.
func ParseCommand(line []byte) Command {
	text := strings.TrimRight(string(line), " \t")
	verb, args, _ := strings.Cut(text, " ")
	return Command{Verb: strings.ToUpper(verb), Args: args}
}

// ScanNone is for commands without arguments.
func ScanNone(args string) error {
	if args != "" {
		return badArguments("There are no arguments to it.")
	}
	return nil
}

// ScanDomain reads the argument of LHLO: the client's name, or its address in brackets
// (RFC 5321 section 4.1.1.1). It is only for logs and the trace of a message, so
// whatever can stand there may come.
func ScanDomain(args string) (string, error) {
	name := strings.Trim(args, " ")
	if name == "" || len(name) > maxDomain || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`()<>\"`, r) }) {
		return "", badArguments("Say your name: LHLO example.org.")
	}
	return strings.ToValidUTF8(name, "?"), nil
}

// maxDomain is the length of the longest domain, in octets (RFC 5321 section 4.5.3.1.2).
const maxDomain = 255
