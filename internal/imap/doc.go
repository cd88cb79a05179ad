// Package imap is the grammar of IMAP (RFC 9051, RFC 3501) above single tokens:
// what clients ask for and what servers tell, as Go values, without any idea of
// where mail is kept.
//
// One concept is one file with the RFC's name: set.go has sequence-set, fetch.go
// the data items of FETCH, search.go the search keys. ScanX reads the arguments
// of command X with a [wire.Scanner], up to and including the end of the command,
// and is pure: it neither asks nor changes anything. WriteX writes a rule with a
// [wire.Encoder].
package imap
