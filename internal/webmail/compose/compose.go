// Package compose makes the messages that people send: the octets of RFC 5322 and MIME
// from what somebody has typed, replies and forwarded messages from what they answer,
// and drafts that are found again as they were left.
//
//	Message ──Build──► Built ──WriteTo──► octets (to be sent, for Sent, or for Drafts)
//	message.Part ──Read──► Message (a draft that is taken up again)
//	message.Part ──ReadOriginal──► Original ──Reply, ForwardInline, ForwardAttached──► Begun
//
// A Message is a value. Build checks all of it and makes the whole header before the
// first octet is written, so what cannot be sent is refused with the name of the field,
// and WriteTo can only fail in reading an attachment or in writing. Attachments stream:
// memory does not depend on their size.
//
// What the files do:
//
//	address.go   addresses, domains as A-labels, what is refused in a header
//	recipient.go addresses as people type them          mailto.go   mailto: URLs
//	field.go     fields of the header: folding          word.go     encoded-words
//	build.go     the tree of parts, and writing it      transfer.go transfer encodings
//	flowed.go    format=flowed, quoting                 markup.go   HTML as it is sent
//	totext.go    HTML to plain text                     tohtml.go   plain text to HTML
//	original.go  a message that is answered             subject.go  its subject
//	reply.go     replies                                forward.go  forwarded messages
//	draft.go     reading drafts                         text.go     what is pasted
//	check.go     doubts before sending
//
// # Text
//
// The text of a Message has LF between its lines. A line is a paragraph of any length
// and Build wraps it. The ">" that a line begins with are its depth of quotation, with
// one space behind them; a line of text that begins with ">" itself has a space before
// it. The line "-- " begins the signature (RFC 3676 section 4.3).
//
// # What a draft keeps, and where
//
// A draft is a message like others, so that every program can take it up: addresses,
// subject, text, HTML and files are where they always are. Whether it is rich follows
// from its parts, whether it is flowed from the parameter format. What no field of an
// RFC says is in fields of ours, which are in drafts only: X-Fantail-Identity,
// X-Fantail-Source and X-Fantail-Action (the message that is answered or forwarded),
// X-Fantail-Notify (delivery reports wanted), and X-Fantail-To, -Cc and -Bcc for what
// was typed there and is no address yet.
//
// # Limits of what is sent
//
// Lines have at most 78 characters where words allow it, and never more than 998 octets
// (RFC 5322 section 2.1.1). Header fields are in ASCII unless the local part of an
// address is not: then the header is in UTF-8 and can only go to a server that offers
// SMTPUTF8 (RFC 6531), which Built.SMTPUTF8 says.
//
// Package htmlsafe cleans HTML before it comes here. What this package does with HTML
// is for the reader's sake, not for safety's, but it does not rely on it either: parsers
// are linear in their input, and nothing that loads from elsewhere is sent.
package compose

import (
	"crypto/rand"
	"io"
	"strings"
	"time"
)

// Message is a message that is being written. Its zero value is an empty one in plain
// text. Strings are UTF-8.
type Message struct {
	From    Address
	Sender  *Address // who sends it, if that is somebody else (RFC 5322 section 3.6.2)
	ReplyTo []Address
	To      []Address
	Cc      []Address
	Bcc     []Address

	Subject    string    // one line
	Date       time.Time // in the zone of who writes
	MessageID  string    // with its brackets: NewMessageID
	InReplyTo  string    // with its brackets, "" if it is no reply
	References []string  // with their brackets, the oldest first

	// Rich tells that HTML is the text, with Inline the pictures that it names as
	// cid: URLs (RFC 2392). Then Text is not used: it is made from HTML.
	Rich   bool
	Text   string
	HTML   string
	Inline []File
	// Fixed sends Text as it is, without format=flowed.
	Fixed bool

	Files    []File
	Calendar *Calendar

	Receipt  bool // ask for a note when it is read (RFC 8098)
	Priority Priority

	Draft Draft
}

// Draft is what is kept of a message as long as it is a draft, and what no recipient
// sees.
type Draft struct {
	Identity string // the caller's name for the identity
	Source   string // the caller's name for the message that is answered or forwarded
	Action   Action // what is done with Source
	Notify   bool   // delivery reports are wanted (RFC 3461)
	To       string // what was typed and is no address yet
	Cc       string
	Bcc      string
}

// Action is what a message does with another one.
type Action uint8

// The actions. After sending, Replied sets \Answered on the source, and Forwarded
// $Forwarded.
const (
	NoAction Action = iota
	Replied
	Forwarded
)

// File is an attachment or an inline picture. One of type message/rfc822 is sent as a
// message, octet for octet.
type File struct {
	Name string // as people see it, "" for none
	Type string // media type without parameters; "" is application/octet-stream
	ID   string // Content-ID without brackets; inline pictures have one
	Size int64  // about how large it is, in octets, for people; 0 if that is not known
	// Open gives the content from its beginning. Build opens messages once, to
	// look at them; WriteTo opens everything once.
	Open func() (io.ReadCloser, error)
}

// Calendar is an iCalendar object that goes beside the text (RFC 6047 section 2.4).
type Calendar struct {
	Method string // REQUEST, REPLY and so on, as in the object
	Data   string
}

// Priority is the importance that the sender claims.
type Priority int8

// The priorities.
const (
	Low    Priority = -1
	Normal Priority = 0
	High   Priority = 1
)

// NewMessageID returns a Message-ID that has not been used, with its brackets: nothing
// in it but chance and the domain, which must be the one of the sender's address.
func NewMessageID(domain string) (string, error) {
	ascii, err := asciiDomain(domain)
	if err != nil {
		return "", &FieldError{Field: "Message-ID", Err: err}
	}
	return "<" + strings.ToLower(rand.Text()) + "@" + ascii + ">", nil
}

// Recipients returns the addresses that the message is to be sent to, once each, as the
// transport wants them: domains are A-labels.
func (m *Message) Recipients() ([]string, error) {
	var out []string
	seen := make(map[string]bool)
	for _, l := range []struct {
		name string
		list []Address
	}{{"To", m.To}, {"Cc", m.Cc}, {"Bcc", m.Bcc}} {
		for _, a := range l.list {
			a, err := a.checked()
			if err != nil {
				return nil, &FieldError{Field: l.name, Err: err}
			}
			if addr := a.Addr(); !seen[a.key()] {
				seen[a.key()] = true
				out = append(out, addr)
			}
		}
	}
	return out, nil
}
