package handover

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Hello is what a session program cannot see for itself of its client.
type Hello struct {
	SID    string // names the session in the logs of both programs
	Remote string // address of the client without port, or "local"
	TLS    bool   // whether the client's connection is encrypted
	Tag    string // IMAP: of the command whose OK the session answers; POP3: ""

	// Client is what an IMAP client has said of itself by ID before login, name and
	// version with a slash between them; "" if nothing. It may have any octets.
	Client string
	// Without are the capabilities that this account is not offered, with commas
	// between them.
	Without string

	// Mechanisms are those of SASL that a POP3 client was offered, with commas between
	// them, since it must be after login as it was before.
	Mechanisms string
	// Expire is what the account says of mail that POP3 leaves: days, "never", or "".
	Expire string
	// UTF8 says that a POP3 client has said UTF8 before login (RFC 6856 section 2).
	UTF8 bool
}

// record is what a front says of a connection. On the wire it is one line of at most
// MaxHello octets:
//
//	fantail 3 sid=<sid> remote=<remote> tls=<yes|no> tag=<tag> client=<hex> without=<list> mechanisms=<list> expire=<days> utf8=<yes|no> socket=<yes|no> ahead=<n>
//
// with exactly these keys in this order, single spaces, and LF at the end. The
// program that reads it came from the same build as the one that writes it; a
// line that differs in anything is an error.
type record struct {
	Hello

	// socket says that the client's own socket comes behind the channel, and ahead how
	// many octets, which the channel has, were read from it before. Without socket the
	// channel has them, too, and whatever the client says afterwards.
	socket bool
	ahead  int
}

const (
	// MaxHello is the length of the longest record, in octets with its LF.
	MaxHello = 1536
	// usualHello is that of most.
	usualHello = 256

	maxSID    = 64
	maxRemote = 64
	// MaxTag is the longest tag of an IMAP command that a front can hand over.
	MaxTag = 128
	// MaxClient is the longest Hello.Client.
	MaxClient = 128
	// MaxWithout is the longest Hello.Without.
	MaxWithout = 512
	// MaxMechanisms is the longest Hello.Mechanisms.
	MaxMechanisms = 256
	maxExpire     = 16
	// MaxAhead is how many octets a front may have read beyond the login.
	MaxAhead = 16 << 10

	helloStart = "fantail 3 "
)

// ErrHello says that a record is not as it must be.
var ErrHello = errors.New("malformed hello")

// append appends the record to b.
func (h record) append(b []byte) ([]byte, error) {
	if err := h.check(); err != nil {
		return b, err
	}
	return fmt.Appendf(b, helloStart+"sid=%s remote=%s tls=%s tag=%s client=%x without=%s mechanisms=%s expire=%s utf8=%s socket=%s ahead=%d\n",
		h.SID, h.Remote, yes(h.TLS), h.Tag, h.Client, h.Without, h.Mechanisms, h.Expire, yes(h.UTF8), yes(h.socket), h.ahead), nil
}

// parseRecord is the inverse of append.
func parseRecord(text string) (record, error) {
	line, ok := strings.CutSuffix(text, "\n")
	if !ok || len(text) > MaxHello {
		return record{}, fmt.Errorf("%w: not a line", ErrHello)
	}
	rest, ok := strings.CutPrefix(line, helloStart)
	if !ok {
		return record{}, fmt.Errorf("%w: not of this version", ErrHello)
	}
	var values [11]string
	for i, key := range []string{"sid=", "remote=", "tls=", "tag=", "client=", "without=", "mechanisms=", "expire=", "utf8=", "socket=", "ahead="} {
		word, more, last := strings.Cut(rest, " ")
		if last == (i == len(values)-1) {
			return record{}, fmt.Errorf("%w: wrong number of keys", ErrHello)
		}
		value, ok := strings.CutPrefix(word, key)
		if !ok {
			return record{}, fmt.Errorf("%w: want %s", ErrHello, key)
		}
		values[i], rest = value, more
	}
	client, err := hex.DecodeString(values[4])
	if err != nil || values[4] != strings.ToLower(values[4]) {
		return record{}, fmt.Errorf("%w: client", ErrHello)
	}
	h := record{Hello: Hello{
		SID: values[0], Remote: values[1], TLS: values[2] == "yes", Tag: values[3],
		Client: string(client), Without: values[5], Mechanisms: values[6], Expire: values[7], UTF8: values[8] == "yes",
	}, socket: values[9] == "yes"}
	if values[2] != yes(h.TLS) || values[8] != yes(h.UTF8) || values[9] != yes(h.socket) {
		return record{}, fmt.Errorf("%w: neither yes nor no", ErrHello)
	}
	if h.ahead, err = strconv.Atoi(values[10]); err != nil || strconv.Itoa(h.ahead) != values[10] {
		return record{}, fmt.Errorf("%w: ahead", ErrHello)
	}
	if err := h.check(); err != nil {
		return record{}, err
	}
	return h, nil
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// check reports whether every field can stand in a record.
func (h record) check() error {
	switch {
	case !word(h.SID, 1, maxSID, isIDChar):
		return fmt.Errorf("%w: sid", ErrHello)
	case !word(h.Remote, 1, maxRemote, isAddressChar):
		return fmt.Errorf("%w: remote", ErrHello)
	case !word(h.Tag, 0, MaxTag, isTagChar):
		return fmt.Errorf("%w: tag", ErrHello)
	case len(h.Client) > MaxClient:
		return fmt.Errorf("%w: client", ErrHello)
	case !word(h.Without, 0, MaxWithout, isTagOrPlus):
		return fmt.Errorf("%w: without", ErrHello)
	case !word(h.Mechanisms, 0, MaxMechanisms, isTagOrPlus):
		return fmt.Errorf("%w: mechanisms", ErrHello)
	case !word(h.Expire, 0, maxExpire, isIDChar):
		return fmt.Errorf("%w: expire", ErrHello)
	case h.ahead < 0 || h.ahead > MaxAhead:
		return fmt.Errorf("%w: ahead", ErrHello)
	case h.socket && h.TLS:
		return fmt.Errorf("%w: the socket of a client with TLS", ErrHello)
	}
	return nil
}

func word(s string, least, most int, legal func(c byte) bool) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		if !legal(s[i]) {
			return false
		}
	}
	return true
}

func isIDChar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_'
}

// isAddressChar allows the zone of an IPv6 address.
func isAddressChar(c byte) bool {
	return isIDChar(c) || c == '.' || c == ':' || c == '%'
}

// isTagOrPlus is what names of capabilities, and commas, consist of.
func isTagOrPlus(c byte) bool { return isTagChar(c) || c == '+' }

// isTagChar is the rule tag of RFC 9051 section 9.
func isTagChar(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune(`(){%*"\+`, rune(c))
}
