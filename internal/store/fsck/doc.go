// Package fsck examines the mail of one account, and mends what can be mended without
// losing anything. It runs as the account's user, beside all the daemons.
//
// # What is looked at, and what becomes of it
//
//	kind          what is wrong                                 what mends it
//	------------  --------------------------------------------  ------------------------------------------
//	directory     tmp or new is missing, or cur of a folder     mkdir
//	mode          a directory is closed to its owner, or open   chmod: u+rwx, o-rwx. The group's rights are
//	              to everybody; a message is closed to its      an administrator's choice and stay
//	              owner
//	owner         something belongs to somebody else, who has   nothing: only root can
//	              it closed to the account
//	not-a-file    a directory, link or device in new or cur     moved to fantail-lost+found
//	hidden        a message whose name no program shows         a name of its own
//	twice         two files have one unique name                the second gets one of its own; if both are
//	                                                            one file, one of the names goes
//	size          S= or W= in the name are not the file's       the file's name and its line of the UID
//	                                                            list: the UID, keywords and EMAILID stay
//	empty         the file has no octet, and had some           nothing: a backup may have it
//	tmp           what deliveries have left, for 36 hours       removed, as Maildir has it
//	leftover      what a crash has left of our own files, and   removed
//	              of folders that were made or deleted
//	lock          a lock file whose owner is gone               removed
//	uidlist       lines that break a rule, or no list where     package uidlist's table; the old file stays
//	              the index knows one                           beside it
//	uidnext       UIDs would be given that were given before    raised
//	keywords      lines of dovecot-keywords or                  written anew, the old file stays beside it
//	              fantail-keywords that mean nothing
//	index         damaged; or it claims to be true, and is not  removed, and made anew
//	text          the cache of texts is damaged                 removed
//	quota         maildirsize has another sum than there is     counted anew
//	subscription  to what is no mailbox                         nothing: RFC 9051 section 6.3.7 forbids it
//	folder        a directory that no mailbox can be            nothing: somebody has to choose a name
//	unexamined    something could not be looked at              nothing
//
// What is no damage: files that have no UID yet, lines of the UID list whose files are
// gone, an index that is older than the directory, a maildirsize that nobody believes, an
// unfinished last line. All of these are states that the packages below heal by
// themselves. Every sequence of octets is a message.
//
// # Never
//
// No message is deleted, and none moved out of its mailbox. A name of a message is only
// removed when the file has another one in the same mailbox. What is moved aside goes to
// fantail-lost+found in the account's Maildir.
//
// # Locks
//
// A mailbox is looked at twice. The first look takes no lock: it costs about what reading
// the directory and a stat of each file costs, and nobody waits for it. If it has found
// nothing, that was all. Otherwise the mailbox's lock is taken (store.Mailbox.Exclusive,
// with Dovecot's where that is set) and it is looked at again: what was wrong both times
// is a finding, and is mended before the lock is given up. With DryRun the lock is taken
// if there is a journal, since taking it would make one, and Dovecot's is not.
//
// Deliveries, other programs' renames and Dovecot without mail.coexist go on all the
// time. So nothing is concluded from what a single look did not see. A comparison with
// the index is made only if the index claims the state of the very directories that were
// read, and these did not change while they were.
//
// # A crash while it mends
//
// Each step leaves a mailbox that every program can use, and in which no message is
// missing; running it again finishes the work. The one repair with several steps is that
// of sizes, since the name is what the UID list knows a message by:
//
//	links under the new names; sync; the UID list, replaced as a whole; old names removed
//
// Killed before the list was replaced, it leaves second names without UIDs; after it, the
// first ones. Both have files, so a session shows them as further messages until it is run
// again: then a name that is wrong, and the same file under the right name, are one
// message, with the UID that was there first.
package fsck
