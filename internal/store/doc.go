// Package store is the only door to users' mail. An Account is one Maildir++
// tree; a Mailbox is one Maildir in it, with the UIDs, flags and keywords that
// the protocols speak of.
//
// The truth lies in files that several programs share: messages and their flags
// in package maildir, UIDs and keyword names in package uidlist. What this
// package adds is the meeting of the two.
//
// # Views
//
// Mailbox.Sync answers with a Snapshot: an immutable picture of the mailbox,
// sorted by UID. A session keeps the snapshot that its client knows and compares
// it with a newer one. Between two snapshots of one Mailbox
//
//   - a UID means the same message;
//   - messages come in only at the end: a message that is in the later snapshot
//     and not in the earlier one has a UID of at least the earlier UIDNext;
//   - a message leaves only when its file has been proven absent (algorithm L of
//     package maildir), never because one directory scan did not show it.
//
// # UIDs
//
// A delivery needs no UID and takes no lock. Whoever first sees a file without
// one (any process, at a sync) takes the mailbox's lock, reads the UID list
// again, and appends; the list is on disk before the snapshot that shows the UID
// exists. The list is read before the directory, so each record in it was a file
// when the scan began: it is either seen or proven gone. Records that others
// appended since make the sync look again; if they still cannot be placed, the
// snapshot ends before the first of them (its horizon), which keeps the second
// rule above.
//
// # Locks
//
// One flock per mailbox, on fantail.log in the Maildir, guards UID assignment,
// keyword letters and rewrites of the list. It is held for disk I/O only. Flags
// need no lock: a rename is compare-and-swap on them. Within the process
// Mailbox.mu guards the current snapshot; it may be held during disk I/O, never
// during network I/O. Who needs both takes mu first; nobody holds the locks of
// two mailboxes.
//
// # Errors
//
// Every error that leaves this package is an *Error with a Kind, which each
// protocol translates in one table.
package store
