// Package sources makes the sources of accounts and passwords that the configuration
// names. Only authd links it: whatever speaks to directories, databases or modules is
// below here.
package sources

import (
	"context"
	"fmt"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

// New returns the chain of the configured sources.
func New(m authd.Means) (authd.Sources, error) {
	who := identity{cfg: m.Config, own: m.Own}
	file := passdb.NewFile(userdb.Open(m.Config.Auth.PasswdFile, m.Log), m.Hashing, m.Decoy)
	return passdb.NewChain(who.of, file), nil
}

// identity completes accounts.
type identity struct {
	cfg *conf.Config
	own *authd.Owner
}

// of is a passdb.Identify.
func (i identity) of(_ context.Context, user userdb.User) (wire.Account, error) {
	a := wire.Account{Name: user.Name, Home: user.Home, Mail: user.Mail}
	switch {
	case i.own != nil:
		a.UID, a.GID = i.own.UID, i.own.GID
		if user.UID >= 0 && uint32(user.UID) != a.UID {
			return a, fmt.Errorf("%w: account %s has uid %d, and everything runs under uid %d", userdb.ErrUnavailable, user.Name, user.UID, a.UID)
		}
	case user.UID < 0 || user.GID < 0:
		return a, fmt.Errorf("%w: nobody says which user account %s is", userdb.ErrUnavailable, user.Name)
	default:
		a.UID, a.GID = uint32(user.UID), uint32(user.GID)
	}
	if a.Mail == "" {
		var err error
		if a.Mail, err = i.cfg.MailPath(user.Home); err != nil {
			return a, fmt.Errorf("%w: account %s: %w", userdb.ErrUnavailable, user.Name, err)
		}
	}
	return a, nil
}
