// Package courier reads what Courier's IMAP and POP3 servers and its authentication library
// are told to do, and says it in the settings of fantail.toml.
//
//	imapd imapd-ssl pop3d pop3d-ssl authdaemonrc ─parseShell──┐
//	authldaprc authmysqlrc authpgsqlrc authsqliterc ─parseFields─┴► Config ─Translate─► translation.Result
//	userdb ─parseUserdb──────────────────────────────────────────►    └───Accounts─► lines of a passwd-file
//
// The directories in which these files lie are Courier's: Read takes them from a file system
// that begins at "/", so that what the files name is found in it, too. Nothing is written
// and nothing run: the files are shell scripts to Courier, and of a line that is more than an
// assignment a Note says that it was not understood.
//
// Mail itself needs no translation here: the store makes its UID list of Courier's when it
// first opens a mailbox, and reads Courier's subscriptions as long as it has none of its own.
//
// Invariant: nothing that a file says is passed over in silence unless it is in the table of
// what needs nothing (needless.go), where the reason stands. Every other variable becomes a
// Setting or a Note. What Translate returns as settings is a configuration that conf.Load
// takes. No password is in a Result.
//
// The parsers are given what administrators have written, not what strangers send; they have
// budgets all the same, and no input makes them panic.
package courier
