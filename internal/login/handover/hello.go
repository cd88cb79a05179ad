package handover

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Hello is the first record on a connection to a session program: what it
// cannot see for itself. On the wire it is one line of at most MaxHello octets:
//
//	fantail 1 sid=<sid> remote=<remote> tls=<yes|no> tag=<tag> client=<hex> without=<list>
//
// with exactly these keys in this order, single spaces, and LF at the end. The
// program that reads it came from the same build as the one that writes it; a
// line that differs in anything is an error.
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
}

const (
	// MaxHello is the length of the longest record, in octets with its LF.
	MaxHello = 1536

	maxSID    = 64
	maxRemote = 64
	// MaxTag is the longest tag of an IMAP command that a front can hand over.
	MaxTag = 128
	// MaxClient is the longest Hello.Client.
	MaxClient = 128
	// MaxWithout is the longest Hello.Without.
	MaxWithout = 512

	helloStart = "fantail 1 "
)

// ErrHello says that a record is not as it must be.
var ErrHello = errors.New("malformed hello")

// WriteTo writes the record in one call of w.Write.
func (h Hello) WriteTo(w io.Writer) (int64, error) {
	if err := h.check(); err != nil {
		return 0, err
	}
	tls := "no"
	if h.TLS {
		tls = "yes"
	}
	n, err := fmt.Fprintf(w, helloStart+"sid=%s remote=%s tls=%s tag=%s client=%x without=%s\n",
		h.SID, h.Remote, tls, h.Tag, h.Client, h.Without)
	return int64(n), err
}

// ReadHello reads the record and not one octet beyond it: what follows on r is
// the client's.
func ReadHello(r io.Reader) (Hello, error) {
	line := make([]byte, 0, MaxHello)
	for {
		// One octet at a time, once per session, is what it costs not to own
		// the octets behind the record.
		n, err := r.Read(line[len(line) : len(line)+1])
		line = line[:len(line)+n]
		switch {
		case n == 1 && line[len(line)-1] == '\n':
			return parseHello(string(line[:len(line)-1]))
		case errors.Is(err, io.EOF):
			return Hello{}, fmt.Errorf("read hello: %w", io.ErrUnexpectedEOF)
		case err != nil:
			return Hello{}, fmt.Errorf("read hello: %w", err)
		case len(line) == MaxHello:
			return Hello{}, fmt.Errorf("%w: longer than %d octets", ErrHello, MaxHello)
		}
	}
}

func parseHello(line string) (Hello, error) {
	rest, ok := strings.CutPrefix(line, helloStart)
	if !ok {
		return Hello{}, fmt.Errorf("%w: not of this version", ErrHello)
	}
	var values [6]string
	for i, key := range []string{"sid=", "remote=", "tls=", "tag=", "client=", "without="} {
		word, more, last := strings.Cut(rest, " ")
		if last == (i == len(values)-1) {
			return Hello{}, fmt.Errorf("%w: wrong number of keys", ErrHello)
		}
		value, ok := strings.CutPrefix(word, key)
		if !ok {
			return Hello{}, fmt.Errorf("%w: want %s", ErrHello, key)
		}
		values[i], rest = value, more
	}
	client, err := hex.DecodeString(values[4])
	if err != nil || values[4] != strings.ToLower(values[4]) {
		return Hello{}, fmt.Errorf("%w: client", ErrHello)
	}
	h := Hello{
		SID: values[0], Remote: values[1], TLS: values[2] == "yes", Tag: values[3],
		Client: string(client), Without: values[5],
	}
	if !h.TLS && values[2] != "no" {
		return Hello{}, fmt.Errorf("%w: tls is neither yes nor no", ErrHello)
	}
	return h, h.check()
}

// check reports whether every field can stand in a record.
func (h Hello) check() error {
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
