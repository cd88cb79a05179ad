// Package clients tests Fantail with the mail programs that people use: mbsync,
// curl, neomutt, fetchmail, getmail, mpop, Python's imaplib and poplib, and with Dovecot on the same
// Maildir.
//
// Each test runs an installation of its own (installation_test.go): the real
// daemons on loopback ports that the system chooses, with the mailbox of package
// samplemail. What a client has got, or has done, is compared with the files of
// the Maildir (maildir_test.go), never with another answer of the server alone.
//
// The account and all clients are those of nobody where the tests run as root.
// A test whose program is not installed is skipped and says so.
package clients
