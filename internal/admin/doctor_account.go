package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"fantail/internal/login/authd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/launch"
	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/userdb"
)

// account says why an account could not log in with the right password.
func (x *examination) account(name string) {
	a, err := account(x.ctx, x.cfg, name)
	if err != nil {
		var f *failure
		if errors.As(unknown(x.cfg, name, err), &f) {
			x.wrong("%v", f.err).because("nobody can log in with that name").typing(commandOf(f.next))
		}
		return
	}
	x.ok("%s is in the source %s: user %s, group %s, home %s", a.Name, a.Source, nameOf(a.UID), groupOf(a.GID), a.Home)
	if a.Refused != "" {
		x.wrong("it may not log in: %s", a.Refused).because("its source says so").typing("fantail user show " + argumentOf(a.Name))
	}
	if a.Source == "passwd-file" {
		x.accountPassword(a.Name)
	}
	x.accountFactor(a.Name)
	if !x.accountSession(&a) {
		return
	}
	x.accountMail(&a)
	x.accountQuotaCommand(&a)
}

// commandOf is the command at the end of what is to be done next.
func commandOf(next string) string {
	if _, command, ok := cutLast(next, ": "); ok {
		return command
	}
	return next
}

// accountPassword examines what stands for the password in the passwd-file.
func (x *examination) accountPassword(name string) {
	records, _, err := userdb.ReadFile(x.cfg.Auth.PasswdFile)
	if err != nil {
		x.wrong("%v", err).because("its password cannot be checked").typing("ls -l " + argumentOf(x.cfg.Auth.PasswdFile))
	}
	for _, r := range records {
		if r.Name != name {
			continue
		}
		if err := usable(r); err != nil {
			x.wrong("its password: %v", err).because("nobody can log in with it").typing("fantail passwd " + argumentOf(name))
		} else {
			x.password(r)
		}
	}
}

// accountFactor says whether the right password alone is not enough.
func (x *examination) accountFactor(name string) {
	status, err := secondFactors(x.cfg).Status(name)
	switch {
	case errors.Is(err, factor.ErrNone), errors.Is(err, fs.ErrPermission): // root can see it
	case err != nil:
		x.wrong("nobody can log in with its password: %v", err).because("its second factor cannot be read; without it there is none").
			typing("rm " + argumentOf(secondFactors(x.cfg).File(name)))
	case status.Active():
		x.ok("it has a second factor: its password is good for webmail only, with %s, and its mail programs need app passwords", factorsOf(status))
	}
}

// factorsOf says which factors there are.
func factorsOf(s factor.Status) string {
	switch {
	case len(s.Keys) == 0:
		return "a code"
	case s.App:
		return fmt.Sprintf("a code or a security key (%d)", len(s.Keys))
	}
	return fmt.Sprintf("a security key (%d)", len(s.Keys))
}

// accountSession reports whether sessiond would start a session, as whom.
func (x *examination) accountSession(a *authd.Answer) bool {
	programs, err := launch.Programs(x.cfg.Programs.Directory, "authd")
	if err != nil {
		x.wrong("%v", err).because("no session is started").typing("fantail config programs.directory")
		return false
	}
	o := sessionOptions(x.cfg, programs)
	w := accountOf(a)
	if _, err := o.Wanted(wire.IMAP, &w); err != nil {
		x.wrong("no session is started: %v", err).because("who logs in is sent away").typing("fantail config session")
		return false
	}
	if err := canRead(userOf(a), x.cfg.File); x.cfg.File != "" && err != nil {
		x.wrong("its sessions cannot read the configuration: %v", err).because("they end at once").typing("chmod a+r " + argumentOf(x.cfg.File))
		return false
	}
	return true
}

func userOf(a *authd.Answer) *syscall.Credential {
	return &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
}

// within reports whether path is dir, or below it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
