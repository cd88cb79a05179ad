package compose

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"fantail/internal/message"
)

// ErrMailto says that a URL is no mailto: URL.
var ErrMailto = errors.New("not a mailto address")

// maxMailto is the longest URL that is read, in octets.
const maxMailto = 64 << 10

// Mailto is what a mailto: URL asks for (RFC 6068). Other fields than these are not
// looked at, as its section 4 advises: a link must not decide who the sender is or what
// is attached.
type Mailto struct {
	To, Cc, Bcc []Address
	Subject     string
	Body        string
	InReplyTo   string
	// Bad is what was asked for as a recipient and is no address.
	Bad []*RecipientError
}

// ParseMailto reads a mailto: URL.
func ParseMailto(s string) (*Mailto, error) {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !strings.EqualFold(scheme, "mailto") {
		return nil, ErrMailto
	}
	if len(s) > maxMailto {
		return nil, fmt.Errorf("%w: %w", ErrMailto, ErrLong)
	}
	rest, _, _ = strings.Cut(rest, "#")
	to, query, _ := strings.Cut(rest, "?")
	m := &Mailto{}
	m.recipients(&m.To, to)
	for pair := range strings.SplitSeq(strings.ReplaceAll(query, "&amp;", "&"), "&") {
		name, value, _ := strings.Cut(pair, "=")
		m.field(strings.ToLower(decoded(name)), value)
	}
	return m, nil
}

// field takes a field, whose value is still encoded.
func (m *Mailto) field(name, value string) {
	switch name {
	case "to":
		m.recipients(&m.To, value)
	case "cc":
		m.recipients(&m.Cc, value)
	case "bcc":
		m.recipients(&m.Bcc, value)
	case "subject":
		m.Subject = OneLine(message.DecodeHeader(OneLine(decoded(value))))
	case "body":
		m.Body = CleanText(decoded(value))
	case "in-reply-to":
		id := strings.TrimSpace(decoded(value))
		if !strings.HasPrefix(id, "<") {
			id = "<" + id + ">"
		}
		if isMessageID(id) {
			m.InReplyTo = id
		}
	}
}

// recipients adds addresses. A comma between two of them is not encoded, one in a name
// is (RFC 6068 section 2): decoded together they are an address list.
func (m *Mailto) recipients(list *[]Address, value string) {
	good, bad := ParseRecipients(OneLine(decoded(value)))
	*list = append(*list, good...)
	m.Bad = append(m.Bad, bad...)
}

// decoded undoes percent-encoding. A plus sign is one, not a space, and what is no
// encoding stays.
func decoded(s string) string {
	if d, err := url.PathUnescape(s); err == nil {
		return d
	}
	return s
}
