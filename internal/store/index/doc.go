// Package index keeps on disk what is derived of one mailbox, so that nobody has
// to list the directory, read the UID list and open messages again: flags and
// file names by UID, modseqs and the expunged UIDs that QRESYNC wants (RFC 7162),
// sizes, dates, and cached items such as envelopes. Everything here can be
// deleted at any time. What it costs is time and, for CONDSTORE clients, one
// resynchronization; never mail, UIDs or flags.
//
// The package knows nothing of Maildirs. Its caller, the store, tells it what it
// found and did, and compares Stamps to learn whether the index still is true.
//
// # Files
//
//	fantail.index   the snapshot: never changes, replaced by rename; mapped
//	fantail.log     the journal since the snapshot; its flock is the mailbox's lock
//	fantail.cache   items that were parsed out of messages; append-only
//	*.tmp           being written by the holder of the lock, or left by a crash
//
// All numbers are little-endian on every machine, which costs nothing where it
// is the machine's own order and makes a foreign one impossible. Version and magic are
// checked; what is not of this version is thrown away.
//
// # States
//
// Readers take no lock and must make sense of every state. g is the generation
// that snapshot and journal carry.
//
//	     on disk                        read as                 who moves on, how; what a crash leaves
//	S0   nothing, or an empty journal   fs.ErrNotExist          Reset: S1 (rename of the journal)
//	S1   journal g, "alone"             the journal             Commit: S1; checkpoint: S4. An older snapshot
//	                                                            beside it counts for nothing
//	S2   snapshot g, journal g          snapshot and journal    Commit: S2; checkpoint: S4
//	S3   S1 or S2, then a bad frame     up to the bad frame     the next writer cuts it off: S1 or S2
//	S4   snapshot g+1, journal g        the snapshot            second rename of the checkpoint: S2. After a crash
//	                                                            the next Commit writes the journal g+1
//	S5   snapshot, no journal           the snapshot, doubtful  Commit: S2
//	S6   journal g+1, snapshot g        *DamagedError, Orphan   Reset: S1
//	S7   damaged snapshot, journal not  *DamagedError           Reset: S1
//	     alone
//
// A reader opens the journal first and the snapshot second, so what it meets in
// the midst of a checkpoint is S2 or S4; when it meets anything else, and the
// name fantail.log now means another file, it starts again. It keeps the journal
// open: as long as it does, no other file can have its inode, and a stat tells
// whether anything was replaced. Generations are made of the clock, so that one
// of a deleted index does not come again.
//
// A transaction is one frame and one write. Its checksum covers the checksum of
// the frame before, so a frame counts at its place in its journal alone, and what
// a reader applies is always a prefix of what was committed, in whole
// transactions. A reader that had applied frames which a writer then cut off
// notices that its last frame is not there any more and reads everything again.
//
// # Mapped files
//
// No file is changed where it has been mapped. A snapshot is replaced, a cache
// grows or is replaced, and only journals are cut off, which are never mapped;
// so no mapping loses its pages, and no access ends in SIGBUS. On file servers,
// where a replaced file can vanish under its readers, Options.Networked reads
// into the heap instead. A mapping goes when the last Index on it does.
//
// # Trust
//
// Every page of a snapshot has a checksum. Opening looks at the header and at the list
// of checksums, 0.1 % of the file; the rest is checked page by page when it is
// first touched: 0.3 µs each, once per process. A page of 4096 octets is 64
// records is one word of bits is one leaf of the tree over the journal's changes, so
// ChangedSince skips pages whose highest modseq is too low. UIDs and flags stand
// once more in columns of their own: all flags of a million messages are one
// megabyte, all UIDs four, where the records are sixty-four. When a page is bad, accessors return zero values and the
// error sticks to the Index (Err), as with a scanner: the alternatives are an
// error from every accessor, or 15 ms for a million messages at every open. A
// transaction on a damaged index does not commit, so damage is never sealed again.
//
// Whatever the files hold, readers do not panic, do not loop, and allocate no
// more than the file is long.
//
// # Modseqs
//
// A transaction has one modseq for all it changes: max(last + 1, microseconds of
// the clock). The clock makes them survive the loss of the index, and those of a
// predecessor.
//
// UIDs that the index passes over (Add of a higher one, SetUIDNext) are entered as
// expunged. They may be messages that came and went while no index saw it, or
// that stood in a part of the journal that was lost; a client that knows them
// must be told. The history is bounded; VANISHED since an older modseq is answered with
// every UID that is absent, which RFC 7162 section 3.2.5.2 shows to be right.
//
// # Power cuts
//
// Commit does not sync: the data is derived, and a sync costs a thousand times
// the write. After a power cut the journal therefore ends at some frame, perhaps
// followed by garbage or zeros, and the index is what it was then; the stamps
// differ from the directories', and the store finds the difference out. But one
// thing it cannot find: a message whose flags changed and changed back, when
// both changes are lost and a client has seen the first. To the directory and to the
// index nothing has happened, and the client would keep the wrong flags for good.
// So the journal says under which boot of the kernel it was written, and the
// first transaction of a new journal, or behind the mark that Lock.Clean leaves,
// is synced. If an index was last written under another boot and does not end
// with the mark, changes may be missing: it is Doubtful, and the next
// transaction gives every message a new modseq, which makes clients ask for all
// flags once. The price is one sync for each time that a mailbox is opened for
// writing; after a clean shutdown, and after the death of a mere process, nothing
// is lost and nobody doubts. The same holds for a journal that somebody deleted.
//
// Snapshots are synced before the rename, with the directory after it: they are
// rare, and hold the history.
//
// # Checkpoints
//
// A transaction that is longer than the limit of the journal becomes a snapshot
// directly, and its frame is not kept. Otherwise the caller asks Lock.Due and calls
// Lock.Checkpoint when nobody waits: it is housekeeping, and its failure (a full
// disk) must not be the failure of a Commit that succeeded. A snapshot is written
// in one pass over the messages; pages that did not change are copied.
//
// # Memory
//
// An open index is a mapping, a bit for each of its pages, and the journal's
// changes: a leaf holds only the rows that changed, and no pointers in them. A
// change copies one leaf and one node of the tree, whatever the size of the
// mailbox, and older Indexes go on as they were. A transaction keeps at most as
// much of a frame as the journal may hold, and a megabyte of items.
package index
