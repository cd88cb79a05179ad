package conf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// sources are names of sources of accounts, in order; whether there is such a source is
// for authd to say.
func sources(field func(*Config) *[]string) kind {
	one := list("list of sources", field,
		func(s string) (string, error) {
			if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") != "" {
				return "", fmt.Errorf("%q is no name of a source", s)
			}
			return s, nil
		},
		func(s string) string { return s })
	set := one.set
	one.set = func(c *Config, v value, dir string) error {
		if err := set(c, v, dir); err != nil {
			return err
		}
		all := *field(c)
		for i, s := range all {
			if slices.Contains(all[:i], s) {
				return v.at(i, fmt.Errorf("%q stands there twice", s))
			}
		}
		return nil
	}
	return one
}

// Owner is a user or group of the system, by name or number; "" is none.
type Owner string

// String is the owner as it stands in the configuration.
func (o Owner) String() string { return string(o) }

func owner(field func(*Config) *Owner) kind {
	return parsed("name or number in quotes", field, func(text string) (Owner, error) {
		if strings.HasPrefix(text, "-") || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == ':' || r == '/' }) {
			return "", errors.New("not the name or number of a user or group")
		}
		return Owner(text), nil
	})
}

// IsSet reports whether a file says anything of a setting.
func (c *Config) IsSet(name string) bool {
	_, set := c.origin[name]
	return set
}
