// Package mail holds the nouns that the store and every protocol share: UIDs,
// flags, keywords. It does no I/O and knows no protocol.
//
// To be defined here a noun must be used by the store and by two protocols.
package mail

import "strings"

// UID is a message's unique identifier in its mailbox (RFC 9051 section
// 2.3.1.1). It is never 0, and never given twice under one UIDValidity.
type UID uint32

// UIDValidity tells whether UIDs of an earlier session still mean the same
// messages (RFC 9051 section 2.3.1.1). It is never 0.
type UIDValidity uint32

// ModSeq is a modification sequence (RFC 7162 section 3.1): greater for every
// later change to a mailbox, below 2^63, never 0 for a message.
type ModSeq uint64

// Flags is a set of system flags (RFC 9051 section 2.3.2). \Recent is not one
// of them: it belongs to a session, not to a message.
type Flags uint8

// The system flags.
const (
	Seen Flags = 1 << iota
	Answered
	Flagged
	Deleted
	Draft

	AllFlags = Seen | Answered | Flagged | Deleted | Draft
)

// Has reports whether every flag of g is set in f.
func (f Flags) Has(g Flags) bool { return f&g == g }

// Keyword is a user-defined flag (RFC 9051 section 2.3.2) such as $Forwarded:
// an IMAP atom, at most MaxKeyword octets. Case is kept and ignored in
// comparisons.
type Keyword string

// MaxKeyword is the longest keyword that the store accepts, in octets.
const MaxKeyword = 255

// Equal reports whether k and l name the same keyword (RFC 9051 section 2.3.2:
// keywords are case-insensitive).
func (k Keyword) Equal(l Keyword) bool { return strings.EqualFold(string(k), string(l)) }

// Op says what a change of flags does with the flags it names.
type Op uint8

// The changes of RFC 9051 section 6.4.6: FLAGS, +FLAGS, -FLAGS.
const (
	Replace Op = iota
	Add
	Remove
)

// Inbox is the name of the mailbox that every account has (RFC 9051 section
// 5.1), as the store and the protocols spell it.
const Inbox = "INBOX"
