package pop3

import (
	"strconv"
	"strings"
	"time"
)

// Offer is what a server tells of itself in answer to CAPA. Front and session
// give the same one: what is announced before login must be announced after it
// too (RFC 2449 section 5).
type Offer struct {
	// STLS is true where the command is permitted now: before login, without
	// TLS (RFC 2595 section 4).
	STLS bool

	// User is true where USER and PASS can be, or could have been, used to log
	// in on this connection; not in the clear where passwords need TLS.
	User bool

	// Mechanisms are those of AUTH, under the same condition. They stay after
	// login (RFC 5034 section 3).
	Mechanisms []string

	// Expire is how many days mail stays that is left on the server, 0 for ever. Before
	// login it is the least for any account, and ByUser says that it may be more (RFC
	// 2449 section 6.7).
	Expire int
	ByUser bool

	// UTF8 is true where the command can be given, or could have been given (RFC 6856
	// section 2); names and passwords may be in UTF-8, too (section 2.2).
	UTF8 bool

	// LoginDelay is the least time between two logins (RFC 2449 section 6.5).
	LoginDelay time.Duration
}

// Implementation names the server (RFC 2449 section 6.9): one token.
const Implementation = "Fantail"

// Capabilities returns the lines of a CAPA response (RFC 2449 section 5)
// without line ends.
func (o Offer) Capabilities() []string {
	lines := []string{
		TOP,
		UIDL,
		tagRespCodes,
		tagAuthRespCode,
		tagPipelining,
		LANG,
		o.expire(),
	}
	if o.LoginDelay > 0 {
		seconds := (o.LoginDelay + time.Second - 1) / time.Second
		lines = append(lines, tagLoginDelay+" "+strconv.FormatInt(int64(seconds), 10))
	}
	if o.STLS {
		lines = append(lines, STLS)
	}
	if o.User {
		lines = append(lines, USER)
	}
	if len(o.Mechanisms) > 0 {
		lines = append(lines, tagSASL+" "+strings.Join(o.Mechanisms, " "))
	}
	if o.UTF8 {
		lines = append(lines, UTF8+" "+USER)
	}
	return append(lines, tagImplementation+" "+Implementation)
}

// expire is the line EXPIRE. 0 days would mean that nothing may be left at all, which
// is not to be had here.
func (o Offer) expire() string {
	line := tagExpire + " NEVER"
	if o.Expire > 0 {
		line = tagExpire + " " + strconv.Itoa(o.Expire)
	}
	if o.ByUser {
		line += " USER"
	}
	return line
}

// Append appends the whole response to CAPA to b, from "+OK" to the dot.
func (o Offer) Append(b []byte) []byte {
	b = AppendOK(b, NoCode, "Capability list follows.")
	for _, line := range o.Capabilities() {
		b = append(b, line...)
		b = append(b, "\r\n"...)
	}
	return append(b, ".\r\n"...)
}
