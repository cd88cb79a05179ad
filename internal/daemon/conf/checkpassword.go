package conf

import (
	"errors"
	"path/filepath"
	"strings"
)

// CheckpasswordSettings say which program checks passwords.
type CheckpasswordSettings struct {
	Command []string // the program with its arguments; none: there is no such program
	Lookup  bool     // it can be asked without a password
}

// command is a program with its arguments; empty is none.
func command(field func(*Config) *[]string) kind {
	one := list("list of a path and arguments", field,
		func(s string) (string, error) {
			if strings.ContainsRune(s, 0) {
				return "", errors.New("an argument has a NUL")
			}
			return s, nil
		},
		func(s string) string { return s })
	set := one.set
	one.set = func(c *Config, v value, dir string) error {
		if err := set(c, v, dir); err != nil {
			return err
		}
		if all := *field(c); len(all) > 0 && !filepath.IsAbs(all[0]) {
			return v.at(0, errors.New("the path of a program is absolute"))
		}
		return nil
	}
	return one
}
