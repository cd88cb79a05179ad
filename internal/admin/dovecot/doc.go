// Package dovecot reads what Dovecot is told to do, as doveconf -n prints it (2.3 and 2.4),
// and says it in the settings of fantail.toml.
//
//	doveconf -nP ─Parse─► Block ─Translate─► Result: Settings, each with what it comes from
//	                                                 Notes, on what does not come along
//
// Mail itself needs no translation: the store reads Dovecot's Maildirs, with their UIDs,
// keywords and subscriptions, as they are, and leaves them so that Dovecot can read them
// again.
//
// Invariant: nothing that the configuration says is passed over in silence unless it is in
// the table of what has no effect on people here (needless.go). Every other setting becomes
// a Setting or a Note. What Translate returns as settings is a configuration that
// conf.Load takes; a test holds that for all it knows.
//
// The parser is given what administrators have written, not what strangers send; it has
// budgets all the same, and no input makes it panic.
package dovecot
