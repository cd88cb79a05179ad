// Package packed reads mail that Dovecot's mail-compress plugin (zlib, before
// Dovecot 2.4) has written into a Maildir: the file of a message may be packed
// by gzip, bzip2, zstd or LZ4, and nothing but its first octets tells. The store
// gives Open every message file that it opens, and reads what Open returns. We
// never write such files.
//
// # What is on disk, and how it is told apart
//
//	first octets                      what it is                            Open returns
//	--------------------------------  ------------------------------------  --------------------------
//	1F 8B                             gzip (RFC 1952), several members      the plain octets
//	"BZh" 1-9 "1AY&SY", then binary   bzip2, several streams                the plain octets
//	28 B5 2F FD                       Zstandard (RFC 8878), several frames  the plain octets
//	"Dovecot-LZ4" 0D 2A 9B C5         LZ4 blocks in Dovecot's own frame     the plain octets
//	FD "7zXZ" 00                      xz, by Dovecot before 2.4             ErrUnsupported
//	"CRYPTED" 03 07                   Dovecot's mail-crypt                  ErrEncrypted
//	anything else                     mail                                  the file as it is
//
// No header of a message begins so: field names are printable ASCII (RFC 5322
// section 2.2). The magic of bzip2 alone is printable, so a file is bzip2 only
// if something that is no text follows within Head octets; the compressed form
// of any message has that. LZ4's usual frame (magic 04 22 4D 18) is not on the
// list, because Dovecot neither writes nor reads it.
//
// A client could store a file of its own making as a message and have us unpack
// it ever after, so the store refuses, by Detect, to store what is not Plain;
// Dovecot does that, too.
//
// # Budgets
//
// Nothing is allocated because a header claims to need it, and nothing is
// unpacked beyond a budget, in octets:
//
//   - the size in the file's name (S=), which Dovecot always gives to packed
//     files, and slack, since names can be wrong by a little;
//   - without it, the most that gzip can make of the file: 1,032 times its size,
//     and slack;
//   - never more than Options.Limit.
//
// A window of zstd is at most 128 MiB, which every zstd level up to the highest
// needs and the reference decoder allows, and at most the budget.
//
// # Half a message is none
//
// The plain octets go into an anonymous file, and the caller gets it only when
// the packed stream has ended as it should and its checksums are right.
// Otherwise the error is ErrDamaged or ErrTooLarge, or that of the system call
// that failed. A crash leaves nothing, for the file has no name.
package packed
