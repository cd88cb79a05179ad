package ldapdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"fantail/internal/login/userdb"
)

// request is a search. One entry is wanted; that there are two is an error, and more
// need not be told.
func (d *DB) request(scope int, filter string) *ldap.SearchRequest {
	attributes := []string{"1.1"} // none: RFC 4511 section 4.5.1.8
	a := d.s.Attributes
	if named := slices.DeleteFunc([]string{a.User, a.UID, a.GID, a.Home, a.Mail, a.Quota}, func(s string) bool { return s == "" }); scope != ldap.ScopeBaseObject {
		attributes = named
	}
	return ldap.NewSearchRequest(d.s.Base, scope, ldap.NeverDerefAliases, 2, int(requestTime.Seconds()), false, filter, attributes, nil)
}

// find finds the entry of a name. Its errors wrap userdb.ErrUnknown or
// userdb.ErrUnavailable.
func (d *DB) find(ctx context.Context, name string) (*ldap.Entry, userdb.User, error) {
	filter, err := d.filter.of(name)
	if err != nil {
		return nil, userdb.User{}, err
	}
	var entries []*ldap.Entry
	err = d.searching.do(ctx, func(c *ldap.Conn) error {
		r, err := c.Search(d.request(ldap.ScopeWholeSubtree, filter))
		if err == nil {
			entries = r.Entries
		}
		return err
	})
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded), len(entries) > 1:
		return nil, userdb.User{}, fmt.Errorf("%w: more than one entry is of %s", userdb.ErrUnavailable, name)
	case err != nil:
		return nil, userdb.User{}, fmt.Errorf("%w: search: %w", userdb.ErrUnavailable, undecided{err})
	case len(entries) == 0:
		return nil, userdb.User{}, userdb.ErrUnknown
	}
	user, err := d.account(entries[0], name)
	if err != nil {
		return nil, userdb.User{}, fmt.Errorf("%w: entry %s: %w", userdb.ErrUnavailable, entries[0].DN, err)
	}
	return entries[0], user, nil
}

// account reads an entry that was found for a name. Its own name is as the directory
// spells it.
func (d *DB) account(e *ldap.Entry, name string) (userdb.User, error) {
	if e.DN == "" {
		return userdb.User{}, errors.New("it has no name")
	}
	values := func(attribute string) []string {
		if attribute == "" {
			return nil
		}
		return e.GetEqualFoldAttributeValues(attribute)
	}
	var wrong error
	one := func(attribute string) string {
		v := values(attribute)
		if len(v) == 0 {
			return ""
		}
		if len(v) > 1 {
			wrong = errors.Join(wrong, fmt.Errorf("%s has %d values", attribute, len(v)))
		}
		return v[0]
	}
	a := d.s.Attributes
	described := userdb.Described{UID: one(a.UID), GID: one(a.GID), Home: one(a.Home), Mail: one(a.Mail), Quota: one(a.Quota)}
	// Of several names it is the one that was asked for.
	names := values(a.User)
	if i := slices.IndexFunc(names, func(s string) bool { return strings.EqualFold(s, name) }); i >= 0 {
		described.Name = names[i]
	} else {
		described.Name = one(a.User)
	}
	if described.Name == "" {
		wrong = errors.Join(wrong, fmt.Errorf("no %s", a.User))
	}
	if wrong != nil {
		return userdb.User{}, wrong
	}
	user, err := described.User()
	user.Also = others(names, user.Name)
	return user, err
}

// others are the names but one, as userdb.User has them. What can be no name is none.
func others(names []string, name string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(names), func(s string) bool {
		return s == name || userdb.CheckName(s) != nil
	}), ":")
}
