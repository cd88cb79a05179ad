package ldapdb

import (
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

// The errors of the password policy control (draft-behera-ldap-password-policy-10
// section 6.2) that a directory sends only if the password was right.
var policy = map[int8]error{
	0: passdb.ErrExpired, // passwordExpired
	2: passdb.ErrExpired, // changeAfterReset: it may be changed, and nothing else
}

// lockedOut is accountLocked: the password was not looked at. Who guesses learns no
// more than that it was wrong.
const lockedOut = 1

// active are the words of Active Directory that it has, after "data", only for who
// knew the password.
var active = []struct {
	word string
	err  error
}{
	{"532", passdb.ErrExpired},
	{"773", passdb.ErrExpired}, // must be changed first
	{"533", passdb.ErrDisabled},
	{"701", passdb.ErrDisabled}, // the account has expired
	{"530", passdb.ErrDisabled}, // not at this hour
	{"531", passdb.ErrDisabled}, // not from here
}

// answer says what the answer to a bind means. An error is ErrWrong, ErrExpired,
// ErrDisabled or ErrUnavailable, or that of the connection.
func answer(result *ldap.SimpleBindResult, err error) error {
	if result != nil {
		if c, ok := ldap.FindControl(result.Controls, ldap.ControlTypeBeheraPasswordPolicy).(*ldap.ControlBeheraPasswordPolicy); ok {
			if why := policy[c.Error]; why != nil {
				return fmt.Errorf("%w: %s", why, c.ErrorString)
			}
			if c.Error == lockedOut && err != nil {
				return userdb.ErrWrong
			}
		}
	}
	if ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
		for _, row := range active {
			if strings.Contains(err.Error(), "AcceptSecurityContext error, data "+row.word+",") {
				return row.err
			}
		}
		return userdb.ErrWrong
	}
	return err
}

// undecided is an error of the directory that decides nothing about a password: the
// password of who searches may be wrong, too.
type undecided struct{ err error }

func (u undecided) Error() string { return u.err.Error() }
