// Package policy is the grammar in which a mail server asks others what they think of a
// recipient, before it takes mail: the access policy delegation of Postfix
// (SMTPD_POLICY_README), which others can speak too. It knows no accounts and opens no
// socket; package lmtpfront answers.
//
//	request   = *( name "=" value LF ) LF     ; unknown names are ignored
//	answer    = "action=" action LF LF
//
// One connection carries requests one after the other. A client that does not speak the
// grammar gets no answer: the connection ends, and a mail server takes that for a fault of
// the service. Nothing is kept of what a request has but the fields of Request.
package policy

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"fantail/internal/crlf"
	"fantail/internal/deliver/lmtp"
)

// Request is what is asked. Fields that the client did not send are empty.
type Request struct {
	Type      string // "smtpd_access_policy"
	State     string // of the conversation, such as "RCPT"
	Recipient string // the address, without angle brackets; "" if there is none, or are many
	Size      int64  // octets that the client has announced (RFC 1870), or the message has; 0: not known
}

// AccessPolicy is the Type of a request that the documentation knows.
const AccessPolicy = "smtpd_access_policy"

const (
	// MaxLine is how long a line may be, in octets: Postfix cuts at half of it.
	MaxLine = 4 << 10
	// maxLines is how many a request may have. Postfix sends about forty.
	maxLines = 500
)

// Errors of requests that are none.
var (
	ErrAttribute = errors.New("a line that is no attribute")
	ErrEndless   = errors.New("a request without end")
)

// Read reads one request. The error is io.EOF if there is no further one. The reader's
// limit is MaxLine.
func Read(in *crlf.Reader) (Request, error) {
	var r Request
	for n := range maxLines {
		line, err := in.ReadLine()
		if err == io.EOF && n > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return Request{}, err
		}
		if len(line) == 0 {
			return r, nil
		}
		name, value, ok := strings.Cut(string(line), "=")
		if !ok || name == "" || strings.ContainsRune(value, 0) {
			return Request{}, ErrAttribute
		}
		r.set(name, value)
	}
	return Request{}, ErrEndless
}

// set takes an attribute. Of several with one name the last one counts.
func (r *Request) set(name, value string) {
	switch name {
	case "request":
		r.Type = value
	case "protocol_state":
		r.State = value
	case "recipient":
		r.Recipient = value
	case "size":
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			n = 0
		}
		r.Size = int64(min(n, 1<<63-1))
	}
}

// Dunno is the answer that says nothing against a recipient.
const Dunno = "action=DUNNO\n\n"

// Refuse is the answer that has the client refused by a reply, of which the first line
// counts.
func Refuse(r lmtp.Reply) string {
	r.Text, _, _ = strings.Cut(r.Text, "\n")
	line, _, _ := strings.Cut(string(r.Append(nil)), "\r\n")
	return "action=" + line + "\n\n"
}
