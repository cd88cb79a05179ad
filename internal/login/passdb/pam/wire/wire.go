// Package wire is what authd and pam-helper say to each other: one request on a pipe to
// the helper, one octet back.
//
//	request = kind name NUL remote NUL password NUL
//	kind    = "P" (check the password) / "A" (only whether the account may log in)
//
// The last NUL tells a request that was cut off from a short password.
package wire

import (
	"bytes"
	"errors"

	"fantail/internal/login/userdb"
)

// Request asks about an account.
type Request struct {
	Name     string
	Remote   string // the client's address, or ""
	Password userdb.Secret
	// Account says that there is no password to check: another proof did.
	Account bool
}

// Most octets of the fields.
const (
	maxName     = userdb.MaxName
	maxRemote   = 64
	maxPassword = 1024
)

// MaxRequest is the length of the longest request, in octets.
const MaxRequest = 1 + maxName + 1 + maxRemote + 1 + maxPassword + 1

// ErrRequest says that something is no request.
var ErrRequest = errors.New("not a request about an account")

// Append appends the request to b. The error is ErrRequest.
func (r *Request) Append(b []byte) ([]byte, error) {
	kind := byte('P')
	if r.Account {
		kind = 'A'
	}
	began := len(b)
	b = append(b, kind)
	for _, field := range []string{r.Name, r.Remote, string(r.Password)} {
		b = append(append(b, field...), 0)
	}
	if _, err := Parse(b[began:]); err != nil {
		return nil, err
	}
	return b, nil
}

// Parse reads a request. The error is ErrRequest.
func Parse(b []byte) (*Request, error) {
	if len(b) == 0 || b[0] != 'P' && b[0] != 'A' {
		return nil, ErrRequest
	}
	fields := bytes.Split(b[1:], []byte{0})
	if len(fields) != 4 || len(fields[3]) != 0 {
		return nil, ErrRequest
	}
	r := &Request{
		Name:     string(fields[0]),
		Remote:   string(fields[1]),
		Password: userdb.Secret(fields[2]),
		Account:  b[0] == 'A',
	}
	if userdb.CheckName(r.Name) != nil || len(r.Remote) > maxRemote || len(r.Password) > maxPassword || r.Account != (r.Password == "") {
		return nil, ErrRequest
	}
	return r, nil
}

// Answer is what the helper says, one octet.
type Answer byte

// The answers. Any other octet, none, and more than one are no answer.
const (
	Accepted    Answer = 'y'
	Wrong       Answer = 'n'
	Unknown     Answer = 'x' // PAM knows no such user
	Expired     Answer = 'e' // the password is right, but the account or it has expired
	Denied      Answer = 'd' // the password is right, but the account may not log in
	Unavailable Answer = 'u'
)
