// Package text is the text of messages as search sees it: decoded and folded
// (i;unicode-casemap, RFC 5051), so that looking for a needle is looking for octets;
// and a cache of it on disk, one file for a mailbox.
//
// # Text
//
// A Reader makes it of a stored message; a Matcher is a query made ready for many
// of them. What is text, and which part of it a query is about:
//
//	section   runs                                              HEADER  TEXT  BODY
//	Address   From, To, Cc, Bcc, Subject of the message            x      x
//	Header    its other fields; the fields of its parts          own      x
//	Body      its text/* parts; the fields of messages in it               x     x
//
// A needle is found inside one run: one field as "Name: value", encoded-words
// decoded (RFC 2047) and unfolded, or one part, without transfer encoding and in
// Unicode. White space is looked for as it stands, and markup is text.
//
// Of one part MaxPart octets are searched. A Reader keeps the text of most messages
// in one piece; a body above a megabyte is shown in pieces, and not kept.
//
// # The cache
//
// The file fantail.text is a log: a header, and frames of some hundred messages or
// half a megabyte of text. To search is to go through the frames, and to unpack of
// each the sections that the queries need, if it has messages that matter and its
// signature (signature.go) does not rule the needle out. So
// nothing has to be kept in memory, and the file is read in its order. It can be
// deleted at any time.
//
//	     on disk                      read as              who moves on, how; what a crash leaves
//	S0   nothing, or another kind     empty                Lock: S1 (rename), or a file that is empty: S0
//	     of file
//	S1   header and frames            the frames           Append: S1, a crash may leave S2; Compact: S1 (rename),
//	                                                       a crash may leave fantail.text.tmp beside it
//	S2   S1, and behind it octets     the frames           the next Append cuts them off: S1
//	     that are no frame
//	S3   S1 with damage in sections   what is whole        Compact: S1; the caller sees ErrDamaged and asks for it
//
// One writes at a time: whoever has the flock on the file. Nobody waits for it, since
// whoever cannot write has the messages to read. Readers take no lock: every head and
// every section has a checksum, so what a reader meets while the end of the file is
// cut off or written again is a frame as it was written, or none. The file is never
// mapped and never synced: what a power cut takes is read from the messages again. A
// writer that waited sees by the inode that the file was replaced.
//
// What a UID means never changes within a UIDVALIDITY, which stands in the header; nor
// does what a message says, but how text is made of it may. Its version, and those of
// Unicode that folding knows, stand there too. An answer from the cache is therefore
// the answer that the message would give. Of a message too long to be kept, and
// of one whose header alone was read, not everything is there, and Decides tells for
// which questions it is enough.
//
// A hostile file costs at most some megabytes: a frame has at most 512 messages, and
// a section 4 MiB. Nothing is believed of what a checksum does not cover.
package text
