// Package store is the only door to users' mail. An Account is one tree
// of Maildirs (Maildir++ or fs, see maildir.Tree); a Mailbox is one of them, with
// the UIDs, flags and keywords that the protocols speak of.
//
// The truth lies in files that several programs share: messages and their flags
// in package maildir, UIDs and keyword names in package uidlist. Package index
// keeps what follows from them, so that nobody has to look at everything again.
// What this package adds is the meeting of the three.
//
// # Views
//
// Mailbox.Sync answers with a Snapshot: an immutable picture of the mailbox,
// sorted by UID. A session keeps the snapshot that its client knows and asks a
// newer one what has changed Since. Between two snapshots of one Mailbox
//
//   - a UID means the same message;
//   - messages come in only at the end: a message that is in the later snapshot
//     and not in the earlier one has a UID of at least the earlier UIDNext;
//   - a message leaves only when its file has been proven absent (algorithm L of
//     package maildir), never because one directory scan did not show it;
//   - every change of flags has a modseq of its own, greater than all before.
//
// # When the index is true
//
// The index says of which state of the directories and text files it was made.
// A sync compares that with the present one: five stat calls, no lock.
//
//	the index's stamps are   came from                     and if they are equal now
//	hard                     a scan that was proof         the index is true
//	soft (not Hard)          changes of our own in cur,    it is believed for two seconds; then a
//	                         which a foreign change        scan has to prove it
//	                         may hide behind
//	zero                     a scan that was no proof      they never are
//
// Where something differs, the sync takes the lock and makes a survey: it reads
// new alone if cur is as it was, both otherwise; joins what it sees with what the
// index knows; and enters the difference as one transaction. Whoever waited for
// the lock finds it done.
//
// An operation of ours (a batch) holds the lock from the comparison of cur to the
// stamp after the change, and enters exactly what it did. If cur was not as the
// index says, its stamp stays as it is, and the next sync looks. The stamp of new
// always stays: deliveries take no lock and may come at any time, and new is
// small.
//
// A process that writes or waits for news watches the directories as well (a tail,
// package watch). The tail is anchored at a moment at which the index was proven
// true; from then on index and changes together are the truth. So
//
//   - a batch that was alone leaves hard stamps;
//   - what other programs did is entered without reading a directory;
//   - soft stamps are believed only if the index has all that was told, since a
//     second change within a tick of the clock leaves stamps as they are;
//   - a sweep in the midst of a storm becomes a proof: of the names that were
//     touched meanwhile the tail knows the last state, and the others were seen.
//
// Where there is no tail (file servers, the kernel's limits, more changes than it
// remembers) the table above is all there is.
//
// A mailbox that is not open and did not change since somebody knew it has a summary
// with the same stamps (fantail.status in the root): its status is told without its
// index.
//
// Where nothing can be written (a full disk, a backup) a sync keeps what it finds
// in memory, and shows no message that has no UID.
//
// # UIDs
//
// A delivery needs no UID and takes no lock. Whoever first sees a file without
// one (any process, at a sync) appends it to the UID list under the lock; the
// list is on disk before the snapshot that shows the UID exists. The list is read
// before the directory, so each record in it was a file when the scan began: it is
// either seen or proven gone. Records that a program without our lock has appended
// since, and whose files were not seen, end the snapshot: it shows nothing from
// the first of them on (its horizon), which keeps the second rule above.
//
// The index knows what became of every UID below its UIDNext. A file that the
// list gives such a UID, and that the index does not have, was proven gone; if it
// comes back it is a new message. If the index is lost the list alone counts; if
// the list is lost the index stands in for it.
//
// A mailbox that has neither, but files of Courier's, goes on with Courier's UIDs
// and keywords, unless another server has been there since. The list is written
// last, so that whoever finds one finds all the rest.
//
// # Locks
//
// One flock per mailbox, on the journal of its index, guards UID assignment,
// keyword letters, rewrites of the list, scans, and batches of changes. It is held
// for disk I/O only. Flags would not need it, since a rename is compare-and-swap
// on them; it keeps the stamps exact. Where a Dovecot works on the same files
// (Options.Coexist) its dotlock is taken as well, after the flock. Within the
// process Mailbox.mu comes before both; it may be held during disk I/O, never
// during network I/O. Only Move holds the locks of two mailboxes, in the order of
// their inodes.
//
// # Quota
//
// What adds mail asks package quota first, before it takes a lock, since mail may
// have to be counted; then it announces the change, makes it, and says how much it
// was. Moves within the account change nothing, unless one of the mailboxes does not
// count (Options.Ignored). A quota that cannot be read or
// written is told in the log and refuses nobody. Without limits in the configuration
// and without a file maildirsize all this is one look whether there is the file.
//
// After every change that counts, the owner is told if the account is as full as the
// settings say, and a crossing is kept for the administrator's program, which others run
// (warn.go).
//
// # Errors
//
// Every error that leaves this package is an *Error with a Kind, which each
// protocol translates in one table. An index that cannot be written does not fail
// an operation on the files: they are the truth.
package store
