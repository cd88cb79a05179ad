package compose

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"fantail/internal/message"
)

// Original is a message that is answered or forwarded: what its header says, and its
// text as the caller has chosen it among its parts. Fields that begin with Resent- are
// not looked at: who passed a message on did not write it (RFC 5322 section 3.6.6).
type Original struct {
	From       []Address
	ReplyTo    []Address
	To         []Address
	Cc         []Address
	FollowupTo []Address // Mail-Followup-To, which lists know and no RFC does
	List       *Address  // where one writes to the list (List-Post, RFC 2369 section 3.4)
	Delivered  []Address // whom it was delivered for: Delivered-To, X-Original-To, Envelope-To

	Subject    string
	Date       time.Time
	MessageID  string
	InReplyTo  []string
	References []string

	// Text is its text, in the form of a Message's: PartText gives it. HTML, if there
	// is any, has been through htmlsafe.
	Text string
	HTML string
	// Inline are the pictures that HTML names, Files its attachments.
	Inline []File
	Files  []File
}

// ReadOriginal returns what the header of a message says. The caller fills in the rest.
func ReadOriginal(root *message.Part) *Original {
	o := &Original{
		From:       addressField(root, "From"),
		ReplyTo:    addressField(root, "Reply-To"),
		To:         addressField(root, "To"),
		Cc:         addressField(root, "Cc"),
		FollowupTo: addressField(root, "Mail-Followup-To"),
		List:       listPost(root),
		Subject:    textField(root, "Subject"),
		MessageID:  idField(root, "Message-ID"),
		InReplyTo:  idsField(root, "In-Reply-To"),
		References: idsField(root, "References"),
	}
	o.Date, _ = root.Date() // without one it is the zero time
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To"} {
		o.Delivered = append(o.Delivered, addressField(root, name)...)
	}
	return o
}

// maxQuoted is how much of a text is quoted, in octets: more than anybody reads again.
const maxQuoted = 1 << 20

// PartText returns what a text/plain part says as text of a Message, or the first
// megabyte of it and a line "[…]". r holds the message that it is part of.
func PartText(p *message.Part, r io.ReaderAt) (string, error) {
	b, err := io.ReadAll(p.Text(r, maxQuoted+1))
	if err != nil {
		return "", fmt.Errorf("read text: %w", err)
	}
	rest := ""
	if len(b) > maxQuoted {
		b, rest = b[:bytes.LastIndexByte(b[:maxQuoted], '\n')+1], "\n[…]"
	}
	flowed, delsp := isFlowed(p)
	return Unflow(CleanText(string(b)), flowed, delsp) + rest, nil
}

// listPost returns where one writes to the list: the first mailto: URL of List-Post, nil
// if there is none, or NO (RFC 2369 section 3.4).
func listPost(root *message.Part) *Address {
	field, _ := root.Get("List-Post")
	for rest := field; ; {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			return nil
		}
		inner, after, ok := strings.Cut(after, ">")
		if !ok {
			return nil
		}
		rest = after
		if m, err := ParseMailto(strings.TrimSpace(inner)); err == nil && len(m.To) > 0 {
			return &m.To[0]
		}
	}
}

// maxReferences is how many of the latest references are kept beside the first, which
// began the conversation: what shortens the field must keep these (RFC 5322 section
// 3.6.4 sets no limit, but lines and programs do).
const maxReferences = 20

// thread returns the fields that connect an answer to the message (RFC 5322 section
// 3.6.4).
func (o *Original) thread() (inReplyTo string, references []string) {
	references = o.References
	if len(references) == 0 && len(o.InReplyTo) == 1 {
		references = o.InReplyTo
	}
	if o.MessageID == "" {
		// Nobody can refer to it, but the conversation goes on.
		return "", trimReferences(references)
	}
	var all []string
	for _, id := range references {
		if id != o.MessageID {
			all = append(all, id)
		}
	}
	return o.MessageID, trimReferences(append(all, o.MessageID))
}

func trimReferences(ids []string) []string {
	if len(ids) <= 1+maxReferences {
		return ids
	}
	return append([]string{ids[0]}, ids[len(ids)-maxReferences:]...)
}
