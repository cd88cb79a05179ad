// Package watch tells what happens in Maildirs while somebody looks on, so that
// an idle session needs no polling and a session that knows its mailbox needs no
// second look at it.
//
// A [Watch] says that something may have changed, and nothing more: many events
// become one token in a channel. A [Tail] says which files appeared in and went
// from new and cur, exactly or not at all. A [Group] is many Watches with one
// receiver, also of directories that hold Maildirs.
//
// # States
//
// A Watcher has no inotify descriptor until the first Add or Tail, then one
// until Close, whatever the number of mailboxes (the kernel allows 128
// descriptors a user). It has no polling goroutine unless a Watch is polled.
//
// A Watch is told by events, by polling, or by both. It starts with what its file
// system is good for, by the table below, and only ever adds polling: when the
// kernel refuses a descriptor or a watch, or when a watched directory is moved or
// removed.
//
//	file system                                  Watch              Tail
//	ext2-4, xfs, btrfs, f2fs, zfs, bcachefs,     inotify            yes
//	tmpfs, ramfs, overlay
//	the same, case-folding directory             inotify            no
//	nfs, cifs, ceph, gluster, fuse, 9p,          inotify + polling  no
//	whatever is not listed
//	any, without an inotify descriptor or watch  polling            no
//
// inotify tells of what this machine does. Where other machines, or a program
// below the mount, change files too, only their stamps tell; see [Watcher.Add] for
// how often they are looked at.
//
// A Tail is running, lost or closed. It is lost when events were dropped
// (IN_Q_OVERFLOW), when more than [MaxChanges] names changed between two calls of
// Drain, when new or cur is no longer the directory under its path, and when others
// rename to and fro so fast that doubts (see below) do not end. The next Drain says
// so, once, and makes it run again.
//
// # Who calls whom
//
// The store has one Watcher for an account. A session that idles waits for its
// Watch and then has the store look; the store asks its Tail before it scans.
//
// The kernel's queue is read with Watcher.mu held, by the reader goroutine when
// nobody asks and by Drain when somebody does: never outside of it, so that no
// event is in anybody's pocket while Drain believes to have them all. Whoever
// reads hands each event to the Watches and Tails of its directory. The lock is
// held for no file system access except the look-up of a new watch; neither
// polling nor Drain's fence takes place under it. Tail.mu is taken before
// Watcher.mu.
//
// # The fence
//
// A caller looks at the directories' stamps and then drains. Every change that
// the stamps could have shown must come with that Drain, or the caller would
// take the new stamp for one of the old content. By the order of things in Linux
// (from 5.3 to 6.18) that needs a step between the two:
//
//   - rename, unlink, link, mkdir, mknod, symlink and open with O_CREAT lock the
//     directory's inode for writing (both directories, for a rename), let the file
//     system change entries and times, then queue the event (fsnotify_move,
//     d_delete_notify or fsnotify_unlink, fsnotify_link, fsnotify_create), and
//     only then unlock it. Servers in the kernel (nfsd, ksmbd) and overlays come
//     by the same functions.
//   - stat takes no lock. It sees the new times when no event is queued yet.
//   - getdents64 takes the lock for reading, whatever the size of its buffer.
//     When it returns, every operation that had changed the directory before the
//     call has queued its events.
//
// So Drain calls getdents64 on both directories, with a buffer of no size and on
// descriptors kept for that, and then reads the queue until it is empty: 0.3 µs
// each. TestFence and TestConserved fail without it, and would on a kernel with
// another order. The same step when a Tail starts makes sure that an operation is
// either over by then, or sees the new watch.
//
// A rename queues two events, and the queue may be read between them. Only the
// last event of a directory can be such a half, since the directory is locked
// until the other is queued. A half is put back until another event of the
// directory, its counterpart, or a second fence shows that the rename is over: so
// what Drain returns is the content at one moment, in which no message is under
// way from one name to the other.
//
// renameat2 with RENAME_EXCHANGE leaves two names of which the last event says
// that they are gone, as if a file were renamed there and back. Names of which
// the two last events of the directory say "came" and "went" are therefore looked
// up. One hole remains: a Drain in the middle of an exchange, between its second
// and third event, tells of it as of a plain rename, and the next Drain mends that.
// No mail program is known to exchange names.
package watch
