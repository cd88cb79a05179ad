// Package wire is what checkpassword-reply says to authd: the account that a program
// has let in, as fields on a pipe.
//
//	reply = *(name "=" value NUL) NUL
//
// The last NUL tells a reply that was cut off.
package wire

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
)

// FD is the descriptor on which the reply is written.
const FD = 4

// MaxReply is the length of the longest reply, in octets: what a pipe takes at once.
const MaxReply = 4096

// The fields that checkpassword-reply adds to those of the environment: the user and
// group that it runs as.
const (
	ProcessUID = "process uid"
	ProcessGID = "process gid"
)

// ErrReply says that something is no reply.
var ErrReply = errors.New("not a reply about an account")

// Reply is what is said of an account: values by names.
type Reply map[string]string

// Append appends the reply to b. The error is ErrReply.
func (r Reply) Append(b []byte) ([]byte, error) {
	began := len(b)
	for _, name := range slices.Sorted(maps.Keys(r)) {
		b = append(b, name...)
		b = append(append(append(b, '='), r[name]...), 0)
	}
	b = append(b, 0)
	again, err := Parse(b[began:])
	if err != nil || !maps.Equal(again, r) {
		return nil, ErrReply
	}
	return b, nil
}

// Parse reads a reply. The error is ErrReply.
func Parse(b []byte) (Reply, error) {
	body, ok := bytes.CutSuffix(b, []byte{0})
	if !ok || len(b) > MaxReply || len(body) > 0 && body[len(body)-1] != 0 {
		return nil, ErrReply
	}
	r := make(Reply)
	for len(body) > 0 {
		var field []byte
		field, body, _ = bytes.Cut(body, []byte{0})
		name, value, ok := strings.Cut(string(field), "=")
		if _, twice := r[name]; !ok || name == "" || twice {
			return nil, ErrReply
		}
		r[name] = value
	}
	return r, nil
}
