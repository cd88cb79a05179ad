package admin

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/inquiry"
	"fantail/internal/login/userdb"
)

// account asks authd for an account of any source (inquiry.Account).
func account(ctx context.Context, cfg *conf.Config, name string) (a authd.Answer, err error) {
	err = inquiry.Account(ctx, cfg, name, &a)
	return a, err
}

// unknown is the failure of a verb for an account that no source knows, or that could
// not be asked for.
func unknown(cfg *conf.Config, name string, err error) error {
	if !errors.Is(err, userdb.ErrUnknown) {
		return &failure{exitUnavailable, err, "more: fantail doctor"}
	}
	f := &failure{exitNoUser, fmt.Errorf("no source of accounts knows %s", printable(name)),
		"make it in " + cfg.Auth.PasswdFile + ": fantail user add " + argumentOf(name)}
	u, err := user.Lookup(name)
	if err != nil {
		return f // whether it is a user of the system would only be a hint
	}
	if uid, err := strconv.Atoi(u.Uid); err == nil && (uid == 0 || uid < cfg.Session.FirstUID) {
		f.err = fmt.Errorf("%w: it is a user of the system with the uid %d, and accounts begin at %d", f.err, uid, max(1, cfg.Session.FirstUID))
		f.next = "where that is set: fantail config session.first_uid"
	} else {
		f.err = fmt.Errorf("%w, but it is a user of the system: is one of the sources pam, or shadow?", f.err)
		f.next = "where they are set: fantail config auth.sources"
	}
	return f
}

// argumentOf is a name as it is typed to a shell.
func argumentOf(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._+=-/") == "" {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
