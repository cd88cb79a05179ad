// Package text is the text of messages as search sees it: decoded and folded
// (i;unicode-casemap, RFC 5051), so that looking for a needle is looking for octets.
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
package text
