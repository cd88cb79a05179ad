package userdb

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"fantail/internal/daemon/conf"
)

// Described is an account in the words of a source that is no file: a directory, a
// database. What is empty is not said. Quota is as conf.ParseAccountQuota reads it.
type Described struct{ Name, UID, GID, Home, Mail, Quota string }

// User reads what is said. Mail may have the prefix "maildir:" and begin with "~/", the
// home. The error is of the source's data, and holds none of it but the name.
func (d Described) User() (User, error) {
	if err := CheckName(d.Name); err != nil {
		return User{}, err
	}
	u := User{Name: d.Name, Home: d.Home, Mail: strings.TrimPrefix(d.Mail, "maildir:")}
	var uid, gid error
	u.UID, uid = id("uid", d.UID)
	u.GID, gid = id("gid", d.GID)
	if rest, tilde := strings.CutPrefix(u.Mail, "~/"); tilde && u.Home != "" {
		u.Mail = filepath.Join(u.Home, rest)
	}
	var limits error
	if u.Quota, limits = conf.ParseAccountQuota(d.Quota); limits != nil {
		limits = fmt.Errorf("quota: %w", limits)
	}
	if err := errors.Join(uid, gid, limits, absolute("home", u.Home), absolute("mail", u.Mail)); err != nil {
		return User{}, fmt.Errorf("account %s: %w", d.Name, err)
	}
	return u, nil
}

// absolute wants a path to be absolute, if there is one, and nothing but a path.
func absolute(what, path string) error {
	if path != "" && (!filepath.IsAbs(path) || strings.ContainsRune(path, 0)) {
		return fmt.Errorf("%s is not an absolute path", what)
	}
	return nil
}
