// Package warning writes the message to who owns a mailbox that becomes full: in one of
// some languages (text.go), or with a text of the administrator's; and, as a Letter, any
// other that the system has for him. Who calls it delivers the message, and knows when.
//
// The message is one that nobody answers automatically (RFC 3834 section 5); it is as it
// is stored, with LF line ends.
package warning

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"math/bits"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/store/quota"
)

// Warning is one message.
type Warning struct {
	User   string // the account's name
	Host   string // this machine's
	Usage  quota.Usage
	Limits quota.Limits // one at least is not 0
	Now    time.Time
}

// Message returns the message as the settings say. The error is that of a text that
// conf.ParseWarningText has not read.
func (w Warning) Message(s conf.WarningSettings) ([]byte, error) {
	l := catalogue[s.Language]
	if l == nil {
		l = catalogue["en"]
	}
	text := s.Text
	if text == "" {
		text = l.text
	}
	subject, body, err := text.Expand(w.value(l))
	if err != nil {
		return nil, fmt.Errorf("text of the warning: %w", err)
	}
	return Letter{User: w.User, Host: w.Host, From: s.From, Subject: subject, Text: body, Now: w.Now}.Message(), nil
}

// Letter is a message of the system's to the owner of an account.
type Letter struct {
	User          string // the account's name
	Host          string // this machine's
	From          string // "": postmaster
	Subject, Text string // UTF-8; the subject is one line, the text has LF line ends
	Now           time.Time
}

// Message returns the message.
func (l Letter) Message() []byte {
	if l.From == "" {
		l.From = address("postmaster@" + l.domain())
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\n", encoded(l.From), address(l.local()+"@"+l.domain()))
	fmt.Fprintf(&b, "Subject: %s\r\nDate: %s\r\n", mime.QEncoding.Encode("utf-8", l.Subject), l.Now.Format(time.RFC1123Z))
	fmt.Fprintf(&b, "Message-ID: <%s@%s>\r\n", rand.Text(), l.Host)
	b.WriteString("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	q := quotedprintable.NewWriter(&b)
	// Writes to a buffer do not fail.
	_, _ = q.Write([]byte(l.Text))
	_ = q.Close()
	return bytes.ReplaceAll(b.Bytes(), []byte("\r\n"), []byte("\n"))
}

// domain is that of the account's name, or the machine.
func (l Letter) domain() string {
	if i := strings.LastIndexByte(l.User, '@'); i >= 0 && i+1 < len(l.User) {
		return l.User[i+1:]
	}
	return l.Host
}

func (l Letter) local() string {
	if i := strings.LastIndexByte(l.User, '@'); i > 0 {
		return l.User[:i]
	}
	return l.User
}

// address is an address with what it needs of quotes.
func address(a string) string {
	return strings.Trim((&mail.Address{Address: a}).String(), "<>")
}

// encoded is an address of the configuration as it stands in a field.
func encoded(a string) string {
	if p, err := mail.ParseAddress(a); err == nil && p.Name != "" {
		return p.String()
	}
	return a
}

// value says what the variables are.
func (w Warning) value(l *language) func(string) string {
	percent := share(w.Usage.Octets, w.Limits.Octets)
	used, limit := l.octets(w.Usage.Octets), l.octets(w.Limits.Octets)
	if p := share(w.Usage.Messages, w.Limits.Messages); p > percent {
		percent = p
		used, limit = l.messages(w.Usage.Messages), l.messages(w.Limits.Messages)
	}
	return func(variable string) string {
		switch variable {
		case "user":
			return w.User
		case "percent":
			return strconv.FormatUint(percent, 10)
		case "used":
			return used
		}
		return limit
	}
}

// share is how much of a limit is used, in percent; 0 if there is none.
func share(used, limit int64) uint64 {
	if limit <= 0 || used <= 0 {
		return 0
	}
	const most = 9999
	hi, lo := bits.Mul64(uint64(used), 100)
	if hi >= uint64(limit) {
		return most
	}
	percent, _ := bits.Div64(hi, lo, uint64(limit))
	return min(percent, most)
}
