package admin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/launch"
	"fantail/internal/login/userdb"
	"fantail/internal/store/maildrop"
)

// expire is the verb expire. It reads and removes no mail: for each account it starts
// pop3-session, as the account's user, which does.
type expire struct{ dry bool }

func (e *expire) flags(fs *flag.FlagSet) {
	fs.BoolVar(&e.dry, "n", false, "say of each message what would become of it, and remove nothing")
}

func (e *expire) run(ctx context.Context, t *tool, args []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	names := args
	if len(names) == 0 {
		if days, _ := cfg.POP3.ExpireSoonest(); days == 0 {
			t.say("mail stays for ever: neither pop3.expire nor pop3.expire_least is set")
			return nil
		}
		if names, err = keepers(ctx, t, cfg); err != nil {
			return err
		}
	}
	programs, err := launch.Programs(cfg.Programs.Directory, "pop3-session")
	if err != nil {
		return err
	}
	o := sessionOptions(cfg, programs)
	shown := t.progress("accounts", len(names))
	defer shown.end()
	var failed error
	for i, name := range names {
		shown.at(i, name)
		if err := e.account(ctx, t, cfg, o, name, len(args) > 0); err != nil {
			var f *failure
			if len(args) > 0 && errors.As(err, &f) {
				return err
			}
			t.warn("%s: %v", printable(name), err)
			failed = errFound
		}
	}
	return failed
}

// account has the mail of one account expire. asked is true if the account was named.
func (e *expire) account(ctx context.Context, t *tool, cfg *conf.Config, o *launch.Options, name string, asked bool) error {
	a, err := account(ctx, cfg, name)
	if err != nil {
		return unknown(cfg, name, err)
	}
	days := cfg.POP3.ExpireFor(a.POP3Expire)
	if days == 0 {
		if asked {
			t.say("%s: mail stays for ever", printable(a.Name))
		}
		return nil
	}
	more := []string{"-expire", strconv.Itoa(days)}
	if e.dry {
		more = append(more, "-list")
	}
	w := accountOf(&a)
	cmd, err := o.Once(wire.POP3, &w, more...)
	if err != nil {
		return err
	}
	var says bytes.Buffer
	out := &prefixed{to: t.out, prefix: printable(a.Name) + ": "}
	cmd.Stdout, cmd.Stderr = out, &says
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(says.String()))
	}
	return out.err
}

func accountOf(a *authd.Answer) wire.Account {
	return wire.Account{Name: a.Name, UID: a.UID, GID: a.GID, Groups: a.Groups, Home: a.Home, Mail: a.Mail, Quota: a.Quota}
}

// sessionOptions are as what sessiond, or a front, would start session programs.
func sessionOptions(cfg *conf.Config, programs string) *launch.Options {
	return &launch.Options{
		Programs: programs, ConfigFile: cfg.File, ConfigStamp: func() string { return "" },
		Become: os.Geteuid() == 0, OwnUID: uint32(os.Geteuid()),
		FirstUID: uint32(cfg.Session.FirstUID), FirstGID: uint32(cfg.Session.FirstGID),
	}
}

// prefixed writes each line behind a prefix.
type prefixed struct {
	to     interface{ Write([]byte) (int, error) }
	prefix string
	half   []byte
	err    error
}

func (p *prefixed) Write(text []byte) (int, error) {
	p.half = append(p.half, text...)
	for {
		i := bytes.IndexByte(p.half, '\n')
		if i < 0 || p.err != nil {
			return len(text), p.err
		}
		_, p.err = fmt.Fprintf(p.to, "%s%s\n", p.prefix, printable(string(p.half[:i])))
		p.half = p.half[i+1:]
	}
}

// keepers are the accounts of which something was noted that POP3 has retrieved, as far
// as they can be listed.
func keepers(ctx context.Context, t *tool, cfg *conf.Config) ([]string, error) {
	users, err := listable(ctx, t, cfg)
	var names []string
	for _, u := range users {
		if mayHaveRetrieved(cfg, u) {
			names = append(names, u.Name)
		}
	}
	return names, err
}

// listable are the accounts that can be listed: those of the passwd-file, and the
// system's users.
func listable(ctx context.Context, t *tool, cfg *conf.Config) ([]userdb.User, error) {
	records, _, err := userdb.ReadFile(cfg.Auth.PasswdFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var users []userdb.User
	known := make(map[string]bool)
	for _, r := range records {
		users = append(users, r.User)
		known[r.Name] = true
	}
	system, err := systemUsers(ctx, cfg)
	if err != nil {
		return nil, err
	}
	for _, u := range system {
		if !known[u.Name] {
			users = append(users, u)
		}
	}
	if cfg.LDAP.URI != "" || cfg.SQL.Driver != conf.SQLNone {
		t.warn("accounts of a directory or a database are not listed: name them")
	}
	return users, nil
}

// mayHaveRetrieved reports whether there may be a note of what POP3 has retrieved. Where
// an account's mail is that says neither its home nor its mail, authd alone knows.
func mayHaveRetrieved(cfg *conf.Config, u userdb.User) bool {
	path := u.Mail
	if path == "" {
		var err error
		if path, err = cfg.MailPath(u.Home); err != nil {
			return true
		}
	}
	_, err := os.Lstat(maildrop.Dir(path).RetrievedFile())
	return !errors.Is(err, fs.ErrNotExist)
}

// systemUsers are the system's users that may have mail.
func systemUsers(ctx context.Context, cfg *conf.Config) ([]userdb.User, error) {
	if !slices.Contains(cfg.Auth.Sources, "pam") && !slices.Contains(cfg.Auth.Sources, "shadow") && len(cfg.Auth.Sources) > 0 {
		return nil, nil
	}
	out, err := exec.CommandContext(ctx, "getent", "passwd").Output()
	if err != nil {
		return nil, fmt.Errorf("list the system's users: %w", err)
	}
	var users []userdb.User
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		f := strings.Split(lines.Text(), ":")
		if len(f) != 7 {
			continue
		}
		uid, err := strconv.Atoi(f[2])
		gid, errGID := strconv.Atoi(f[3])
		if err == nil && errGID == nil && uid >= cfg.Session.FirstUID && filepath.IsAbs(f[5]) {
			users = append(users, userdb.User{Name: f[0], UID: uid, GID: gid, Home: f[5]})
		}
	}
	return users, nil
}
