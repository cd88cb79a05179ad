// Package uidlist reads and writes the text files in which Dovecot keeps what
// a Maildir cannot say by itself: dovecot-uidlist (which UID is which file),
// dovecot-keywords (which letter is which keyword), subscriptions and
// dovecot-uidvalidity; and files of our own, fantail-keywords for the keywords that
// have no letter, fantail-specialuse for what mailboxes are for. They are truth, not cache: a lost line is a message
// that every client downloads again, a wrong line is a client that shows one
// message under the headers of another.
//
// # States of dovecot-uidlist
//
// The file is found in one of these states. A reader takes no lock and must
// make sense of each; only a holder of the mailbox's lock moves on.
//
//	     what is on disk                who moves on, how               what a crash of the writer leaves
//	S0   no file                        Create: S3 without a file       S0, or S3 without a file
//	S1   header and whole lines         Append: one write, fdatasync    S2, or S1 with whole lines of the batch
//	                                    Compact: S3
//	S2   S1 and an unfinished line      Append, Compact: S3 (a reader   S2
//	                                    waits or does without the line)
//	S3   S0, S1, S2 or S4, and beside   rename: S1                      S3: the temporary file means nothing
//	     it dovecot-uidlist.tmp                                         and the next writer removes it
//	S4   lines that break a rule        Repair: a link .broken-<time>,  S4, perhaps with the link;
//	     (table below)                  then S3                         a second Repair makes a second link
//
// Who loses when two act at once: writers exclude each other by the lock, so
// only readers meet writers. A reader that opened the file before the rename
// reads the old S1, which was true. A reader in the middle of an append sees
// S2 and reads whole lines only. It may see lines whose fdatasync has not
// returned, so Load syncs what it found when the file is younger than a
// minute: a UID is on disk before anybody is told of it, whoever wrote it.
// The directory is synced too unless the file is known to have been there.
//
// A Mark tells a later process how far one has read, and that this much is on
// disk; Resume makes its first Load read the header and what follows the mark.
// Damage before the mark is not seen then. Whatever writes all records reads
// all records first.
//
// An append that failed (a full disk) is not cut off again: a reader may have
// seen its whole lines, and a UID seen is a UID spent. Its unfinished last line
// was seen by nobody; it is left out by the rewrite that the next Append makes
// because the last byte is not LF, and its UID, if legible, is not used again.
// (Dovecot 2.3 appends behind such a line and so invents a record; see Merged.)
//
// # Damage
//
// Dovecot deletes a file that breaks a rule, and every client downloads
// everything again. Here Load returns a *DamagedError with what can be saved,
// and Repair writes that, keeping the old file as dovecot-uidlist.broken-<time>.
// What can be read keeps its UID; a message that has lost its line gets a new
// UID above every number seen anywhere in the file, so that no client can take
// it for another. Only a lost UIDVALIDITY changes UIDVALIDITY.
//
//	damage                      what Load and Repair do
//	unfinished last line        none (S2): the line is not read, its UID is spent
//	same base twice             none: the later UID counts, as in Dovecot, where a file that came back gets a new one
//	N below the last UID + 1    none: appends never touch N; Next = max(N, last + 1, what this File has shown before)
//	header without records      none: an empty mailbox
//	Empty: no byte at all       nothing to save but what the caller's index knows
//	BadVersion                  lines of an unknown format are not guessed at: as Empty
//	BadHeader: V, N unreadable  records are saved; V from the caller's index or fresh; N = last + 1
//	BadGUID                     records are saved; a new GUID
//	BadLine: garbage, NUL, '/', the line is dropped; so is a record directly behind it whose UID does not ascend,
//	longer than 8 kB            since it may be the end of a longer number
//	BadUID: 0, above 2^32 - 2   the line is dropped
//	Merged: Dovecot appended    the second half is saved if it carries the line's own UID, the line is dropped
//	behind an unfinished line   otherwise
//	Descending                  every record keeps its UID; sorted
//	DuplicateUID                one base: once. Two bases: both dropped, since nobody knows which of the two a
//	                            client has under that UID
//
// # fantail-keywords
//
// A mailbox has 26 letters for keywords. Which message has which further ones is
// in this file; Dovecot does not know it and leaves it alone.
//
//	file = "fantail-keywords 1" LF *( line LF )
//	line = *( keyword SP ) ":" base
//
// A line has all further keywords of a message, sorted without regard to case; of
// two lines for one base the later counts, and one without keywords takes them
// away. Lines are appended; the file is rewritten, under a temporary name, when
// many lines mean nothing any more. An append is not synced, as the rename that
// sets a flag is not; a rewrite is. Whatever is found can be read:
//
//	unfinished last line        not read; the next Set rewrites the file without it
//	line that breaks the rules  skipped; a rewrite drops it. After a power cut, NULs may stand before whole lines
//	no byte at all              no keywords
//	first line unreadable       the lines that can be read count; the next Set or Compact that writes
//	                            keeps the file as fantail-keywords.broken-<time>
//	another version             no keywords; kept likewise
//
// # Courier's files
//
// ImportCourier and CourierSubscriptions read what Courier kept, and change
// nothing of it. Courier replaces its files by rename; what they lack, or what
// cannot be read of them, never makes a UID another message's:
//
//	courierimapuiddb            UIDs: a list of version 1. Without both numbers of its header a fresh UIDVALIDITY
//	courierpop3dsizelist        unique-ids, which go into the field P, and the order, into O
//	courierimapkeywords/:list   keywords of all messages
//	courierimapkeywords/<base>  all keywords of one message, newer than the list; .<N>.<base> is older, the highest
//	                            N the newest. An empty one takes them away
//	courierimapsubscribed       mailboxes: in UTF-8 as of Courier 5, modified UTF-7 before
//
// # The other files
//
// dovecot-keywords and subscriptions are replaced by rename, so they are whole
// or absent; unreadable lines in them are skipped. dovecot-uidvalidity is a
// hint; the name of the file dovecot-uidvalidity.<hex> is the counter.
//
// The caller holds the mailbox's lock around everything that writes
// dovecot-uidlist, dovecot-keywords and fantail-keywords. Set of Subscriptions
// and NextValidity lock for themselves, the way Dovecot does.
package uidlist
