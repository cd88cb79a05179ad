package search

import (
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// Op is what a Key asks.
type Op uint8

// The operations, each with the fields of Key that it uses.
const (
	All     Op = iota
	And        // Keys: all of them match
	Or         // Keys: one of them matches
	Not        // Keys: the one does not match
	Member     // Set
	HasFlag    // Flag: all of them are set
	Keyword    // Keyword
	Larger     // Number: octets with CRLF, more than that
	Smaller    // Number
	ModSeq     // Number: as high or higher
	EmailID    // Text: the store's identifier of the message
	Before     // Date, Time: on an earlier day
	On         // Date, Time: on that day
	Since      // Date, Time: on that day or later
	Until      // Time: INTERNALDATE is that moment or earlier
	From       // Time: that moment or later
	Field      // Name, Text: a header field has it; an empty Text is in each of that name
	Body       // Text: in the text of the body
	Text       // Text: there or in the header
)

// Date says which date of a message a Key is about.
type Date uint8

// The dates.
const (
	Internal Date = iota // INTERNALDATE
	Sent                 // the Date field; without one no key matches
	Saved                // when the message came into the mailbox (RFC 8514)
)

// Key is a search key. Text is UTF-8; it is compared by the collation
// i;unicode-casemap (RFC 5255 section 4.4), as a substring.
type Key struct {
	Op      Op
	Keys    []*Key
	Set     *store.MessageSet
	Flag    mail.Flags
	Keyword mail.Keyword
	Number  int64
	Date    Date
	Time    time.Time // of Before, On, Since: a day, at midnight UTC
	Name    string
	Text    string
}

// cost is what it takes to look at one message, from nothing to reading all of it.
type cost uint8

const (
	costBits cost = iota
	costRow
	costHeader
	costField
	costText
)

func (k *Key) cost() cost {
	switch k.Op {
	case And, Or, Not:
		c := costBits
		for _, sub := range k.Keys {
			c = max(c, sub.cost())
		}
		return c
	case All, Member, HasFlag:
		return costBits
	case Before, On, Since:
		if k.Date == Sent {
			return costHeader
		}
		return costRow
	case EmailID:
		return costHeader
	case Field:
		return costField
	case Body, Text:
		return costText
	}
	return costRow
}
