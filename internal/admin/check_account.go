package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
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
			x.wrong(f.next, "%v", f.err)
		}
		return
	}
	x.ok("%s is in the source %s: user %s, group %s, home %s", a.Name, a.Source, nameOf(a.UID), groupOf(a.GID), a.Home)
	if a.Refused != "" {
		x.wrong("", "it may not log in: %s", a.Refused)
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

// accountPassword examines what stands for the password in the passwd-file.
func (x *examination) accountPassword(name string) {
	records, _, err := userdb.ReadFile(x.cfg.Auth.PasswdFile)
	if err != nil {
		x.wrong("", "%v", err)
	}
	for _, r := range records {
		if err := usable(r); r.Name == name && err != nil {
			x.wrong("give it another one: fantail passwd "+argumentOf(name), "its password: %v", err)
		}
	}
}

// accountFactor says whether the right password alone is not enough.
func (x *examination) accountFactor(name string) {
	status, err := secondFactors(x.cfg).Status(name)
	switch {
	case errors.Is(err, factor.ErrNone), errors.Is(err, fs.ErrPermission): // root can see it
	case err != nil:
		x.wrong("end it: rm "+argumentOf(secondFactors(x.cfg).File(name)), "nobody can log in with its password: %v", err)
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
		x.wrong("", "%v", err)
		return false
	}
	o := sessionOptions(x.cfg, programs)
	w := accountOf(a)
	if _, err := o.Wanted(wire.IMAP, &w); err != nil {
		x.wrong("what is set: fantail config session", "no session is started: %v", err)
		return false
	}
	if err := canRead(userOf(a), x.cfg.File); x.cfg.File != "" && err != nil {
		x.wrong("chmod a+r "+argumentOf(x.cfg.File), "its sessions cannot read the configuration: %v", err)
		return false
	}
	return true
}

func userOf(a *authd.Answer) *syscall.Credential {
	return &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
}

// accountMail examines the Maildir, or where it would be made, with the account's rights.
func (x *examination) accountMail(a *authd.Answer) {
	who := userOf(a)
	owner := fmt.Sprintf("%s:%s", nameOf(a.UID), groupOf(a.GID))
	info, err := os.Stat(a.Mail)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		x.accountParent(a, owner)
		return
	case err != nil:
		x.wrong("", "its mail: %v", err)
		return
	case !info.IsDir():
		x.wrong("move it away", "its mail: %s is no directory", a.Mail)
		return
	}
	for _, sub := range []string{"", "cur", "new", "tmp"} {
		path := filepath.Join(a.Mail, sub)
		if err := canChange(who, path); err != nil && (sub == "" || !errors.Is(err, fs.ErrNotExist)) {
			x.wrong("chown -R "+owner+" "+argumentOf(a.Mail)+"; or are the directories above closed to it?", "it cannot use its mail: %v", err)
			return
		}
	}
	x.ok("its mail is %s", a.Mail)
}

// accountParent examines the nearest directory that there is above a Maildir that is not.
func (x *examination) accountParent(a *authd.Answer, owner string) {
	dir := filepath.Dir(a.Mail)
	for {
		_, err := os.Stat(dir)
		if !errors.Is(err, fs.ErrNotExist) || dir == "/" {
			break
		}
		dir = filepath.Dir(dir)
	}
	if err := canChange(userOf(a), dir); err != nil {
		home := a.Home
		if home == "" || !within(a.Mail, home) {
			home = filepath.Dir(a.Mail)
		}
		user, group := nameOf(a.UID), groupOf(a.GID)
		x.wrong("install -d -m 700 -o "+user+" -g "+group+" "+argumentOf(home), "there is no mail at %s, and %s cannot make it: %v", a.Mail, owner, err)
		return
	}
	x.ok("its mail will be %s, which its first session makes", a.Mail)
}

// within reports whether path is dir, or below it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// nameOf and groupOf are the names of a uid and a gid, or the numbers if they have none.
func nameOf(uid uint32) string {
	text := strconv.Itoa(int(uid))
	if u, err := user.LookupId(text); err == nil {
		return u.Username
	}
	return text
}

func groupOf(gid uint32) string {
	text := strconv.Itoa(int(gid))
	if g, err := user.LookupGroupId(text); err == nil {
		return g.Name
	}
	return text
}
