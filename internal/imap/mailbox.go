package imap

import (
	"strings"
	"unicode/utf8"

	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/mutf7"
)

// Delimiter separates the levels of mailbox names on the wire.
const Delimiter = '.'

// ScanMailbox scans the rule mailbox and returns the name in UTF-8, with INBOX in
// capitals (RFC 9051 section 5.1).
func ScanMailbox(s *wire.Scanner) string {
	name := decodeName(s, s.AString())
	if strings.EqualFold(name, mail.Inbox) {
		return mail.Inbox
	}
	return name
}

// decodeName decodes a name or pattern as the client writes them. An IMAP4rev1
// client that sends UTF-8 outright breaks RFC 3501 section 5.1.3, but there is
// only one thing that it can mean.
func decodeName(s *wire.Scanner, raw string) string {
	if s.Err() != nil {
		return ""
	}
	name, err := mutf7.Decode(raw)
	if err == nil {
		return name
	}
	if !s.UTF8 && isASCII(raw) || !utf8.ValidString(raw) {
		s.Expected("a mailbox name in modified UTF-7")
		return ""
	}
	return raw
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// WriteMailbox writes a mailbox name.
func WriteMailbox(e *wire.Encoder, name string) *wire.Encoder {
	if e.UTF8 {
		return e.String(name)
	}
	return e.AString(mutf7.Encode(name))
}
