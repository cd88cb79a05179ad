package ldapdb

import (
	"errors"
	"fmt"
	"slices"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/userdb"
)

// filter is a search filter (RFC 4515) with the variables of conf.Expand.
type filter string

// maxFilter is the longest filter in the configuration, in octets.
const maxFilter = 4096

// parseFilter checks a filter. Variables stand in values and nowhere else, where escaping
// would not help. One without a variable would find the same entry for every name.
func parseFilter(s string) (filter, error) {
	if len(s) > maxFilter {
		return "", fmt.Errorf("longer than %d octets", maxFilter)
	}
	var texts [2]string
	var fixed [2][]string
	// They do not begin with hexadecimal digits: those might end a backslash that is not whole.
	for i, name := range []string{"y1@y1", "z22@z22"} {
		var err error
		if texts[i], err = conf.Expand(s, name, ldap.EscapeFilter); err != nil {
			return "", err
		}
		packet, err := ldap.CompileFilter(texts[i])
		if err != nil {
			return "", err
		}
		fixed[i] = attributes(packet)
	}
	switch {
	case texts[0] == texts[1]:
		return "", errors.New("it has none of %{user}, %{local}, %{domain}")
	case !slices.Equal(fixed[0], fixed[1]):
		return "", errors.New("a variable where no value is")
	}
	return filter(s), nil
}

// attributes returns what of a filter (RFC 4511 section 4.5.1.7) is no value.
func attributes(p *ber.Packet) []string {
	var list []string
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		for _, c := range p.Children {
			list = append(list, attributes(c)...)
		}
	case ldap.FilterPresent:
		list = append(list, p.Data.String())
	case ldap.FilterExtensibleMatch:
		for _, c := range p.Children {
			if c.Tag != ldap.MatchingRuleAssertionMatchValue {
				list = append(list, c.Data.String())
			}
		}
	default: // the attribute, and one value or several
		list = append(list, p.Children[0].Data.String())
	}
	return list
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
