package imap

import (
	"errors"
	"strings"
	"unicode/utf8"

	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/mutf7"
)

// ErrMailboxName reports a well-formed string that is the name of no mailbox: it
// is not modified UTF-7, or not UTF-8 where that is enabled.
var ErrMailboxName = errors.New("mailbox name is not in the encoding of mailbox names")

// ScanMailbox scans the rule mailbox and returns the name in UTF-8, with INBOX in
// capitals (RFC 9051 section 5.1). The error may be ErrMailboxName.
func ScanMailbox(s *wire.Scanner) string {
	name := decodeName(s, s.AString())
	if strings.EqualFold(name, mail.Inbox) {
		return mail.Inbox
	}
	return name
}

// decodeName is encodedName whose error is the command's.
func decodeName(s *wire.Scanner, raw string) string {
	name, err := encodedName(s, raw)
	if err != nil {
		s.Fail(err)
	}
	return name
}

// encodedName decodes a name or pattern as the client writes it: modified UTF-7
// (RFC 3501 section 5.1.3), or UTF-8 once the client enabled that (RFC 6855
// section 3), where "&" means nothing special. The error is ErrMailboxName, or that
// of the scanner.
func encodedName(s *wire.Scanner, raw string) (string, error) {
	if err := s.Err(); err != nil {
		return "", err
	}
	if s.UTF8 {
		if !utf8.ValidString(raw) {
			return "", ErrMailboxName
		}
		return raw, nil
	}
	if name, err := mutf7.Decode(raw); err == nil {
		return name, nil
	}
	if name, ok := unaskedUTF8(raw); ok {
		return name, nil
	}
	return "", ErrMailboxName
}

// unaskedUTF8 decodes a name that is UTF-8 though the client has not enabled that:
// go-imap v2.0.0-beta.8 (2026) writes names so to every server that has IMAP4rev2,
// and "&-" for "&" all the same. No name in modified UTF-7 is read in another way,
// since that is ASCII.
func unaskedUTF8(raw string) (name string, ok bool) {
	ascii := strings.IndexFunc(raw, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
	if ascii || !utf8.ValidString(raw) || strings.Count(raw, "&") != strings.Count(raw, "&-") {
		return "", false
	}
	return strings.ReplaceAll(raw, "&-", "&"), true
}

// WriteMailbox writes a mailbox name, which is UTF-8, as the client is to have it.
func WriteMailbox(e *wire.Encoder, name string) *wire.Encoder {
	if e.UTF8 {
		return e.AString(name)
	}
	return e.AString(mutf7.Encode(name))
}
