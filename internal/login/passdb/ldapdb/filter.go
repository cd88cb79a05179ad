package ldapdb

import (
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/userdb"
)

// filter is a search filter (RFC 4515) with the variables of conf.Expand.
type filter string

// maxFilter is the longest filter in the configuration, in octets.
const maxFilter = 4096

// parseFilter checks a filter. One without a variable would find the same entry for
// every name.
func parseFilter(s string) (filter, error) {
	if len(s) > maxFilter {
		return "", fmt.Errorf("longer than %d octets", maxFilter)
	}
	one, err := conf.Expand(s, "a@b", ldap.EscapeFilter)
	if err != nil {
		return "", err
	}
	if two, err := conf.Expand(s, "c@d", ldap.EscapeFilter); err == nil && two == one {
		return "", errors.New("it has none of %{user}, %{local}, %{domain}")
	}
	_, err = ldap.CompileFilter(one)
	return filter(s), err
}

// of is the filter for a name. The error wraps userdb.ErrUnknown: nobody can have the
// name, or it has no domain and the filter wants one.
func (f filter) of(name string) (string, error) {
	err := userdb.CheckName(name)
	s := ""
	if err == nil {
		s, err = conf.Expand(string(f), name, ldap.EscapeFilter)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", userdb.ErrUnknown, err)
	}
	return s, nil
}
