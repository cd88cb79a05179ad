package sources

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/userdb"
	"fantail/internal/login/userdb/nss"
)

// identity completes accounts. What a source does not say of user, group and home, the
// system's user of that name says; if there is none, the settings auth.virtual_*.
type identity struct {
	cfg    *conf.Config
	own    *authd.Owner // the user of every account, or nil
	system system
}

// system is nss.DB.
type system interface {
	User(ctx context.Context, name string) (nss.User, error)
	Groups(ctx context.Context, u nss.User) ([]uint32, error)
	GroupID(ctx context.Context, name string) (uint32, error)
}

// of is a passdb.Identify.
func (i *identity) of(ctx context.Context, user userdb.User) (wire.Account, error) {
	a, err := i.account(ctx, user)
	if err != nil {
		return wire.Account{}, fmt.Errorf("%w: account %s: %w", userdb.ErrUnavailable, user.Name, err)
	}
	return a, nil
}

func (i *identity) account(ctx context.Context, user userdb.User) (wire.Account, error) {
	if i.own != nil {
		if user.UID >= 0 && uint32(user.UID) != i.own.UID {
			return wire.Account{}, fmt.Errorf("it has uid %d, and everything runs under uid %d", user.UID, i.own.UID)
		}
		user.UID, user.GID = int(i.own.UID), int(i.own.GID)
	}
	if user.UID < 0 || user.GID < 0 || user.Home == "" {
		var err error
		if user, err = i.complete(ctx, user); err != nil {
			return wire.Account{}, err
		}
	}
	a := wire.Account{Name: user.Name, UID: uint32(user.UID), GID: uint32(user.GID), Home: user.Home, Mail: user.Mail, Quota: user.Quota}
	var err error
	if user.System && i.own == nil {
		a.Groups, err = i.system.Groups(ctx, nss.User{Name: user.Name, UID: a.UID, GID: a.GID})
	}
	if a.Mail == "" && err == nil {
		a.Mail, err = i.cfg.MailPath(user.Home)
	}
	return a, err
}

// complete fills in user, group and home.
func (i *identity) complete(ctx context.Context, user userdb.User) (userdb.User, error) {
	if user.System {
		return i.virtual(ctx, user)
	}
	u, err := i.system.User(ctx, user.Name)
	if err != nil && !errors.Is(err, userdb.ErrUnknown) {
		return user, err
	}
	if err == nil && user.UID < 0 && user.GID < 0 {
		user.UID, user.GID, user.System = int(u.UID), int(u.GID), true
	}
	if err == nil && user.UID == int(u.UID) { // not one that only has the same name
		if user.GID < 0 {
			user.GID = int(u.GID)
		}
		if user.Home == "" {
			user.Home = u.Home
		}
	}
	return i.virtual(ctx, user)
}

// virtual fills in what the settings say.
func (i *identity) virtual(ctx context.Context, user userdb.User) (userdb.User, error) {
	s := i.cfg.Auth
	if user.UID < 0 {
		if s.VirtualUID == "" {
			return user, errors.New("nobody says which user it is: there is none of that name, and auth.virtual_uid is not set")
		}
		uid, gid, err := i.user(ctx, s.VirtualUID)
		if err != nil {
			return user, fmt.Errorf("auth.virtual_uid: %w", err)
		}
		user.UID = uid
		if user.GID < 0 && s.VirtualGID == "" {
			user.GID = gid
		}
	}
	if user.GID < 0 {
		gid, err := i.group(ctx, s.VirtualGID)
		if err != nil {
			return user, fmt.Errorf("auth.virtual_gid: %w", err)
		}
		user.GID = gid
	}
	if user.Home == "" && s.VirtualHome != "" {
		home, err := s.VirtualHome.Expand(user.Name)
		if err != nil {
			return user, fmt.Errorf("auth.virtual_home: %w", err)
		}
		user.Home = home
	}
	return user, nil
}

// user returns the uid and gid of a user of the system. That of a number has no gid: -1.
func (i *identity) user(ctx context.Context, who conf.Owner) (uid, gid int, err error) {
	if n, ok := number(who); ok {
		return n, -1, nil
	}
	u, err := i.system.User(ctx, string(who))
	if err != nil {
		return -1, -1, fmt.Errorf("the user %q: %w", who, hide(err))
	}
	return int(u.UID), int(u.GID), nil
}

func (i *identity) group(ctx context.Context, who conf.Owner) (int, error) {
	if who == "" {
		return -1, errors.New("nobody says which group it has")
	}
	if n, ok := number(who); ok {
		return n, nil
	}
	gid, err := i.system.GroupID(ctx, string(who))
	if err != nil {
		return -1, fmt.Errorf("the group %q: %w", who, hide(err))
	}
	return int(gid), nil
}

// number is who as a uid or gid.
func number(who conf.Owner) (int, bool) {
	n, err := strconv.ParseUint(string(who), 10, 32)
	return int(n), err == nil && n < math.MaxUint32
}

// hide makes an unknown user of the configuration another error than an unknown account.
func hide(err error) error {
	if errors.Is(err, userdb.ErrUnknown) {
		return errors.New("there is none")
	}
	return err
}
