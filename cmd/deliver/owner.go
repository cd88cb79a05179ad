package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/deliver"
	"fantail/internal/login/userdb"
)

// owner is whose mail it is. User.Mail is the Maildir.
type owner struct {
	userdb.User
	detail string // of the name that -d said, if the account is that of the rest
}

// owner finds out whose mail it is:
//
//	without -d           the user who runs the program; nobody is asked
//	-d                   the passwd-file, if it is the first source;
//	                     who runs this, if the system's users are the only other source;
//	                     or else authd -q, as the same user
//
// authd is started for the question, with the rights of whoever runs this: where it needs
// others, such as to read the password of a database, nothing can be said of an account,
// and the MTA tries again. (LMTP has no such limits.) The program must be run by the
// account's user, or what it delivers would be nobody's to read, or by root, and becomes
// that user then. An account that has no user is that of whoever runs this.
func (a *arguments) owner(ctx context.Context, cfg *conf.Config, log *slog.Logger) (owner, error) {
	if a.account == "" {
		me, err := myself()
		if err == nil {
			me.Mail, err = cfg.MailPath(me.Home)
		}
		return owner{User: me}, err
	}
	ask := asker{cfg, a.keep}
	u, err := account(ctx, ask, a.account, log)
	detail := deliver.Detail(a.account, cfg.Deliver.RecipientDelimiter)
	if errors.Is(err, userdb.ErrUnknown) && detail != "" {
		local, domain, _ := strings.Cut(a.account, "@")
		name := local[:len(local)-len(detail)-1]
		if domain != "" {
			name += "@" + domain
		}
		u, err = account(ctx, ask, name, log)
	} else {
		detail = ""
	}
	if err != nil {
		return owner{}, err
	}
	if u.Mail == "" {
		u.Mail, err = cfg.MailPath(u.Home)
	}
	return owner{u, detail}, err
}

// myself is the user who runs the program.
func myself() (userdb.User, error) {
	me, err := user.Current()
	if err != nil {
		return userdb.User{}, fmt.Errorf("find out who runs this: %w", err)
	}
	return userdb.User{Name: me.Username, UID: os.Geteuid(), Home: me.HomeDir}, nil
}

// account asks the sources. The error wraps userdb.ErrUnknown, or it is not known whether
// there is one.
func account(ctx context.Context, ask asker, name string, log *slog.Logger) (userdb.User, error) {
	if err := userdb.CheckName(name); err != nil {
		return userdb.User{}, fmt.Errorf("%w: %w", userdb.ErrUnknown, err)
	}
	u, err := shortly(ask.cfg, name, log)
	var groups []int
	// Of what the passwd-file leaves open authd knows what is meant.
	open := err == nil && (u.UID < 0 && ask.cfg.Auth.VirtualUID != "" || u.UID >= 0 && u.GID < 0 && os.Geteuid() == 0)
	if errors.Is(err, errAsk) || open {
		var a answer
		a, err = ask.authd(ctx, name)
		u, groups = a.user(), a.Groups
	}
	switch me := os.Geteuid(); {
	case err != nil || u.UID < 0 || u.UID == me:
		return u, err
	case me != 0:
		return u, fmt.Errorf("%w: the mail of %s is uid %d's, and this is run by uid %d", errUser, u.Name, u.UID, me)
	}
	return u, become(u, groups)
}

var (
	// errAsk says that authd has to be asked.
	errAsk = errors.New("authd knows")
	// errUser says that the program is run by the wrong user.
	errUser = errors.New("wrong user")
)

// shortly finds an account for whom nobody has to be asked.
func shortly(cfg *conf.Config, name string, log *slog.Logger) (userdb.User, error) {
	rest := cfg.Auth.Sources
	guessed := len(rest) == 0
	if guessed {
		rest = guess(cfg)
	}
	if len(rest) > 0 && rest[0] == "passwd-file" {
		u, err := userdb.Open(cfg.Auth.PasswdFile, log).Lookup(name)
		if rest = rest[1:]; !errors.Is(err, userdb.ErrUnknown) || len(rest) == 0 && !guessed {
			return u, err
		}
	}
	system := !slices.ContainsFunc(rest, func(s string) bool { return s != "pam" && s != "shadow" })
	if me, err := myself(); err == nil && system && me.Name == name && me.UID >= cfg.Session.FirstUID {
		return me, nil
	}
	return userdb.User{}, errAsk
}

// guess are the sources that the configuration names otherwise than by auth.sources, in
// their order. The system's users, who come last, are not among them.
func guess(cfg *conf.Config) []string {
	var list []string
	for _, s := range []struct {
		name string
		is   bool
	}{
		{"passwd-file", cfg.IsSet("auth.passwd_file") || exists(cfg.Auth.PasswdFile)},
		{"ldap", cfg.LDAP.URI != ""},
		{"sql", cfg.SQL.Driver != conf.SQLNone},
		{"oauth", cfg.OAuth.IsSet()},
		{"checkpassword", len(cfg.Checkpassword.Command) > 0},
	} {
		if s.is {
			list = append(list, s.name)
		}
	}
	return list
}

// exists reports whether there is a file, or nobody can say so.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// answer is that of authd -q, as far as it is of interest: see authd(8).
type answer struct {
	Name   string `json:"name"`
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
	Groups []int  `json:"groups"`
	Home   string `json:"home"`
	Mail   string `json:"mail"`
	Quota  string `json:"quota"`
}

func (a *answer) user() userdb.User {
	return userdb.User{Name: a.Name, UID: a.UID, GID: a.GID, Home: a.Home, Mail: a.Mail, Quota: a.Quota}
}

// asker starts authd.
type asker struct {
	cfg  *conf.Config
	keep bool // it gets the environment
}

// authd asks it for an account.
func (ask asker) authd(ctx context.Context, name string) (a answer, err error) {
	cfg := ask.cfg
	args := []string{"-q", name}
	if cfg.File != "" {
		args = append(args, "-c", cfg.File)
	}
	if os.Geteuid() != 0 { // as where fronts start it
		args = append(args, "-i")
	}
	path, err := authdPath(cfg)
	if err != nil {
		return a, err
	}
	var out, says bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", &out, &says
	if !ask.keep {
		cmd.Env = []string{} // what an MTA has said of a message is not for authd
	}
	err = cmd.Run()
	exit, isExit := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		if err = json.Unmarshal(out.Bytes(), &a); err != nil {
			err = fmt.Errorf("authd says of %s what is no answer: %w", name, err)
		}
		return a, err
	case !isExit:
		return a, fmt.Errorf("%w: run authd: %w", userdb.ErrUnavailable, err)
	case exit.ExitCode() != command.NoUser:
		return a, fmt.Errorf("%w: %s", userdb.ErrUnavailable, strings.TrimSpace(says.String()))
	}
	// An authd that guesses its sources, with the rights of this user, may lack that of
	// the system's users.
	if _, err := user.Lookup(name); err == nil && len(cfg.Auth.Sources) == 0 {
		return a, fmt.Errorf("%w: the system knows %s, and no source of accounts does", userdb.ErrUnavailable, name)
	}
	return a, userdb.ErrUnknown
}

// authdPath is where the program is: beside this one, or where an installation has it.
func authdPath(cfg *conf.Config) (string, error) {
	dir := cfg.Programs.Directory
	if dir == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("find authd: %w", err)
		}
		dir = filepath.Dir(self)
		if !exists(filepath.Join(dir, "authd")) {
			dir = filepath.Join(dir, "../libexec/fantail")
		}
	}
	return filepath.Join(dir, "authd"), nil
}

// become has the program, which is root, become the account's user.
func become(u userdb.User, groups []int) error {
	if err := errors.Join(syscall.Setgroups(groups), syscall.Setgid(u.GID)); err != nil {
		return fmt.Errorf("take the groups of %s: %w", u.Name, err)
	}
	if err := syscall.Setuid(u.UID); err != nil {
		return fmt.Errorf("become %s: %w", u.Name, err)
	}
	return nil
}
