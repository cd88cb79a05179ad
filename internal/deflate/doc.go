// Package deflate compresses and decompresses a conversation: streams of RFC 1951
// in which each side waits for the other one's answer, as in IMAP's COMPRESS (RFC
// 4978).
//
// # Reader
//
// A file's decompressor may wait for more input before it gives what it has. In a
// conversation that would be for ever. So a Reader returns every octet that the
// input received so far determines, whether the other side ended it by a sync flush
// (an empty stored block), a partial flush (an empty fixed block), or by nothing,
// and reads from below only when it has no octet to return. It is always at one of
// these places:
//
//	header    before a block
//	size      before the length of a stored block
//	stored    in a stored block
//	tables    in the sizes of a dynamic block's tables; then
//	precode   in the code of its code lengths; then
//	lengths   in the code lengths
//	symbol    in a block of literals and matches
//	match     in a match that is not copied to its end
//
// Each step from one place takes the bits that it needs or, if they are not all
// there, none; so it can be interrupted anywhere. An error from below leaves the
// Reader as it is: a later Read goes on. A stream that is over (a final block) may
// be followed by another one, on the next octet, that knows nothing of the first.
//
// A Reader holds what matches may refer to, 32 kB once that much has passed, and
// less before. It produces as much as it is asked for: how much a hostile stream
// blows up is the caller's to count, as he counts octets that are not compressed.
//
// # Writer
//
// A connection is idle most of its life, so a Writer holds no more than what the
// next matches may refer to. What a compressor needs besides, some 100 kB, it has
// only between the first octet that is written and the Flush that follows.
package deflate
