// Package webmail tests webmail as a whole: its daemons run as they do when they are
// installed, a person without scripts uses them (package visitor), and a program in the
// place of sendmail counts what leaves. What is asked is what nobody sees in a browser:
// that a message is sent once whatever is killed, that other programs on the same Maildir
// see what webmail does and the other way round, that accounts are apart.
//
// As root each daemon and each account is a user of its own, unless a test wants it
// otherwise; else all are the one who tests, and webmaild starts what it needs.
package webmail
