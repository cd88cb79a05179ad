// Package maildir is one Maildir on disk, and the tree of folders around it
// (Maildir++, or Dovecot's LAYOUT=fs; see Tree): the names of messages, delivery,
// listing, changes of flags, removal.
// It knows no UIDs and no protocol; the store calls it, and nobody else does.
//
// # The problem
//
// The Maildir is the truth, and it is not ours alone. Delivery agents, mail
// readers, synchronizers and other servers work on it at the same time, and take
// no lock that we know of. They rename files under our hands. Two things must
// hold all the same: a message is never reported gone while it is there, for that
// would cost its UID and every client's copy; and mail that has been accepted
// survives a power cut.
//
// # The states of a file
//
// Every message is one file, and these are all the states it can be in. A crash
// may leave it in any of them; nothing has to be repaired afterwards.
//
//	state                    who moves it on, and how             what a crash leaves
//	-----------------------  -----------------------------------  ---------------------------------
//	1 tmp/u, growing         Delivery.Write                       rubbish: CleanTmp, after 36 h
//	2 tmp/u, whole           Commit: utimes, fsync, close         rubbish: CleanTmp, after 36 h
//	3 tmp/u, durable         Commit: rename to state 5 or 6       rubbish: CleanTmp, after 36 h
//	4 tmp/u and 5 or 6       Commit without RENAME_NOREPLACE:     a message; the other name in tmp
//	  (one file, two names)  link, then unlink                    is rubbish: CleanTmp
//	3 in several Maildirs    Twin: link; each goes its own way    as 3, in each
//	5 new/base               TakeNew, ChangeFlags: rename to 6    new mail. If the directory was not
//	                                                              synced yet: 3 or 5; the sender has
//	                                                              had no answer, and sends again
//	6 cur/base:2,FLAGS       ChangeFlags: rename to 6             old or new flags
//	7 no name                Remove: unlink                       6 or 7
//
// From 5 on the content never changes, so a copy is a hard link (LinkInto), with
// a base of its own. The base is the identity of the message. Two files with one
// base are nobody's intention, but happen (a copy made by hand, another program's
// crash between link and unlink): List reports them, Separate ends it.
//
// A file in new has no info field. Mail that is delivered with flags goes to
// state 6 at once.
//
// # Durability
//
// Commit does this, in this order, and returns success only after the last step:
//
//	write, utimes, fsync(file), close     each file
//	rename                                each file
//	fsync(directory)                      once
//
// Deliveries into one folder at the same time share the last step (together): each
// returns after an fsync that began after its rename.
//
// Of 50 mails before a simulated power cut, 50 survive. Without the first fsync
// there are 50 names of empty files, without the second some names are missing.
// A batch is all or nothing for everyone who is told about it: if any step fails,
// what has been renamed is taken back. (A crash in the middle of a batch may
// leave some of it; its sender has had no answer.)
//
// Changes of flags and removals are not synced: after a power cut the old flags
// are a nuisance, and a sync for each costs 12 to 23 times the rename (ext4, xfs;
// btrfs: 1,000 times). LinkInto leaves the sync to SyncCur, once for a batch.
//
// # Listing: algorithm L
//
// Reading a directory while others rename in it is a race. A rename takes an
// entry away and adds one; a reader that gets the directory in pieces can pass
// the new place before the rename and the old one after it, and miss a live
// file. With the 8 and 32 kB buffers of Go and C libraries that happens in 3 to
// 55 of 100 scans of 100,000 messages at only 20 renames a second. So:
//
//  1. new is read before cur: a message goes from new to cur, seldom back, and is
//     then seen in one of them.
//  2. The buffer is large enough for the whole directory. The kernel holds the
//     directory's lock during one getdents64 call, so on ext4, xfs and tmpfs such
//     a scan is of one moment. That is a property of these file systems and no
//     promise (btrfs, FUSE, a signal in the middle), so it makes bad scans rare
//     and decides nothing. Above 200,000 messages writers would wait too long for
//     the lock: the first scan is done in pieces.
//  3. What a scan has seen is there. What it has not seen is gone only if the
//     stamps of both directories, mtime and ctime, are the same before the
//     directories are opened and after they are read, and if they are settled:
//     old enough for any change since to have altered them. Otherwise another
//     scan follows, and after some of these the message is Unconfirmed: the
//     caller keeps it, and asks again later.
//
// The proof must come from one scan with its own stamps. If sightings of several
// scans have to be put together, the stamps of the first are returned.
//
// What loses: to believe one scan (messages vanish and come back with new UIDs);
// to read twice and compare (two scans can miss the same file); a lock file (only
// programs that know it take it); inotify alone (it tells nothing of the time
// before it was asked, nor of other machines, and overflows).
//
// # Flags: rename is compare-and-swap
//
// ChangeFlags renames the name that it has seen to the one that it wants. If
// somebody was faster, the name is gone, the rename fails with ENOENT, and the
// change is computed again from the name that the message has now. No update is
// lost, without any lock, and every rename that fails means that another one
// succeeded. TakeNew is the same: of those who rename new/base, one succeeds.
//
// Where a message is now is first guessed, from flags that it might have; that
// takes microseconds. A guess that fails proves nothing, only algorithm L does.
// So fs.ErrNotExist from this package means: proven. If there is no proof in
// reasonable time the error is ErrBusy.
//
// rename(2) replaces a file that has the new name. RENAME_NOREPLACE does not; NFS,
// FUSE and GlusterFS refuse it. There deliveries are linked and unlinked, as
// Maildir has always done, and flags are changed by looking first and renaming
// then. (Link and unlink for flags would let two processes both believe that they
// have claimed a message.)
//
// # Descriptors
//
// tmp, new and cur are held open from their first use on, and files are named
// relative to them: shorter look-ups, and no path of ours is resolved through
// something that was put in its way. Scans open the directories by path, and thereby notice that they have been
// replaced. Names are from getdents or made here, and hold no slash.
//
// # go-maildir
//
// The module github.com/emersion/go-maildir serves where it is sound: it makes
// the directories of a new Maildir (we sync them), it defines the flag letters,
// and in the tests it is the foreign program. It does not deliver, list or rename
// here: it syncs nothing, renames over existing files, lists no names without
// info field or with two colons, and loses foreign flags' places.
package maildir
