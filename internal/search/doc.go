// Package search finds, sorts and threads the messages of a mailbox, for whatever
// protocol asks: it sits above the store and knows none of them.
//
// A query is a tree of Keys. Its messages are those of one store.Snapshot, counted
// from 0. Find takes a set of candidates and
// returns those that match; every key looks only at the candidates that the keys
// before it have left, and the cheapest is first:
//
//	nothing to read   sets that the caller made, flags
//	the index's row   keywords, dates, sizes, modseqs; a file once where they are not known yet
//	the header        sent dates, fields: from what is kept of it
//	all of the text   TEXT and BODY
//
// Sort and Thread compare what package message computes from a header: its sort
// keys and thread keys. They are computed once, kept by the store, and read from
// there by whoever comes next. What is asked for most, dates, subjects and links,
// is kept for a whole mailbox at a time as well: in memory, and in the file
// fantail.sort for the next process (columns).
//
// What has to read messages does so with as many goroutines as there are
// processors. A message that is expunged meanwhile matches nothing, under NOT
// neither. A snapshot whose file turns out to be damaged answers with zeros: the
// caller asks Snapshot.Err before it believes a result.
package search
