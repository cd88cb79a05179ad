package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/login/authd"
	"fantail/internal/login/userdb"
)

// How much is looked at when all accounts are: of more, the first ones.
const (
	maxAccounts  = 200
	maxInquiries = 20  // of authd, about accounts of which no file says whose they are
	maxMessages  = 100 // in each directory of a Maildir
)

// mail: accounts can use their mail, and others cannot.
func (x *examination) mail() {
	list, all := x.accounts()
	good := 0
	for i := range list {
		before := len(x.findings)
		x.accountMail(&list[i])
		if len(x.findings) == before {
			good++
		}
	}
	if len(list) > 0 && good == len(list) {
		x.ok("%d of %d accounts can use their mail, and others cannot", good, all)
	}
}

// accounts are those that can be listed, and that have mail, or are to have some: with a
// home, or a Maildir. all is how many there are.
func (x *examination) accounts() (list []authd.Answer, all int) {
	var users []userdb.User
	if x.usesPasswdFile() {
		records, _, err := userdb.ReadFile(x.cfg.Auth.PasswdFile)
		if err == nil {
			for _, r := range records {
				if r.Broken() == nil && r.Refused == nil {
					users = append(users, r.User)
				}
			}
		}
	}
	if system, err := systemUsers(x.ctx, x.cfg); err == nil && x.usesPAM() {
		users = append(users, slices.DeleteFunc(system, notPeople)...)
	}
	inquiries := 0
	for _, u := range users {
		if len(list) == maxAccounts || x.ctx.Err() != nil {
			break
		}
		a, ok := x.described(u)
		if !ok && inquiries < maxInquiries {
			inquiries++
			ctx, cancel := context.WithTimeout(x.ctx, time.Second)
			var err error
			a, err = account(ctx, x.cfg, u.Name)
			cancel()
			ok = err == nil && a.Refused == ""
		}
		if ok {
			list = append(list, a)
		}
	}
	return list, len(users)
}

// notPeople are users of the system without mail, whatever the settings say: those of
// daemons, and nobody.
func notPeople(u userdb.User) bool {
	const firstPerson, overflow = 1000, 65534
	return u.UID < firstPerson || u.UID == overflow || u.Home == "/" || strings.HasPrefix(u.Home, "/nonexistent")
}

// described is what authd would say of an account, if a file says all of it.
func (x *examination) described(u userdb.User) (authd.Answer, bool) {
	mail := u.Mail
	if mail == "" && u.Home != "" {
		mail, _ = x.cfg.MailPath(u.Home) // "" if that is not enough
	}
	if u.UID < 0 || u.GID < 0 || mail == "" {
		return authd.Answer{}, false
	}
	return authd.Answer{Name: u.Name, UID: uint32(u.UID), GID: uint32(u.GID), Home: u.Home, Mail: mail}, true
}

// accountMail examines the Maildir, or where it would be made, with the account's rights.
func (x *examination) accountMail(a *authd.Answer) {
	info, err := os.Stat(a.Mail)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		x.accountParent(a)
		return
	case err != nil:
		x.wrong("the mail of %s: %v", a.Name, err).because("it cannot be read").typing("ls -ld " + argumentOf(a.Mail))
		return
	case !info.IsDir():
		x.wrong("%s, where the Maildir of %s is to be, is a file, such as an mbox", a.Mail, a.Name).
			because("sessions need a directory there, and make it if there is nothing").
			typing("mv " + argumentOf(a.Mail) + " " + argumentOf(a.Mail+".mbox"))
		return
	}
	if !x.accountDirectories(a) || !x.accountFiles(a) {
		return
	}
	x.accountSecrecy(a)
	if x.about == "account" {
		x.ok("its mail is %s", a.Mail)
	}
}

// owning is the command that gives an account its mail.
func owning(a *authd.Answer) string {
	return fmt.Sprintf("chown -R %s:%s %s", nameOf(a.UID), groupOf(a.GID), argumentOf(a.Mail))
}

// accountDirectories reports whether the account can use the directories.
func (x *examination) accountDirectories(a *authd.Answer) bool {
	for _, sub := range []string{"", "cur", "new", "tmp"} {
		path := filepath.Join(a.Mail, sub)
		err := canChange(userOf(a), path)
		if err == nil || sub != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		f := x.wrong("%s cannot use %s: %v", a.Name, path, reason(err)).because("its sessions end at once, and its mail is not delivered")
		x.opening(f, a, path)
		return false
	}
	return true
}

// opening adds the commands by which an account can use a directory of its own.
func (x *examination) opening(f *finding, a *authd.Answer, path string) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(reason(canChange(userOf(a), path)), unix.EROFS):
		f.typing("mount -o remount,rw "+argumentOf(mountPoint(path)), "dmesg | tail -50")
		return
	case err != nil:
		f.typing("ls -ld " + argumentOf(path))
		return
	}
	for _, dir := range wayTo(path) {
		if as(userOf(a), func() error { return unix.Faccessat(unix.AT_FDCWD, dir, unix.X_OK, unix.AT_EACCESS) }) == nil {
			continue
		}
		if within(dir, a.Home) && a.Home != "" {
			f.typing(fmt.Sprintf("chown %s:%s %s", nameOf(a.UID), groupOf(a.GID), argumentOf(dir)), "chmod u+rwx "+argumentOf(dir))
		} else {
			f.typing("chmod a+x " + argumentOf(dir))
		}
	}
	if ownerOf(info).Uid != a.UID {
		f.typing(owning(a))
	}
	if info.Mode().Perm()&0o700 != 0o700 {
		f.typing("chmod u+rwx " + argumentOf(path))
	}
}

// accountFiles reports whether the files are the account's, as far as they are looked at:
// who restores mail as root leaves files that nobody else can read.
func (x *examination) accountFiles(a *authd.Answer) bool {
	for _, sub := range []string{"", "new", "cur"} {
		dir := filepath.Join(a.Mail, sub)
		for _, name := range someNames(dir, maxMessages) {
			path := filepath.Join(dir, name)
			info, err := os.Lstat(path)
			if err != nil || ownerOf(info).Uid == a.UID {
				continue
			}
			if info.IsDir() && canChange(userOf(a), path) == nil || !info.IsDir() && canRead(userOf(a), path) == nil && sub != "" {
				continue // it is shared with a group
			}
			x.wrong("%s is not %s's but %s's", path, a.Name, nameOf(ownerOf(info).Uid)).
				because("its sessions cannot use it: messages are missing, or nothing can be changed").typing(owning(a))
			return false
		}
	}
	return true
}

// someNames are names in a directory, the first ones; none if it cannot be read.
func someNames(dir string, most int) []string {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(most) // what could be read
	return names
}

// accountSecrecy: others do not read this mail.
func (x *examination) accountSecrecy(a *authd.Answer) {
	cur := filepath.Join(a.Mail, "cur")
	open := as(nobody, func() error { return unix.Faccessat(unix.AT_FDCWD, cur, unix.R_OK|unix.X_OK, unix.AT_EACCESS) }) == nil
	if open && os.Geteuid() == 0 {
		x.warning("everybody on this machine can list the mail of %s, in %s", a.Name, a.Mail).
			because("names of files tell when mail came, and one of them may be readable").typing("chmod o= " + argumentOf(a.Mail))
	}
}

// accountParent examines the nearest directory that there is above a Maildir that is not.
func (x *examination) accountParent(a *authd.Answer) {
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
		x.wrong("there is no mail at %s, and %s:%s cannot make it: %v", a.Mail, user, group, err).
			because("its sessions end at once, and its mail is not delivered").
			typing("install -d -m 700 -o " + user + " -g " + group + " " + argumentOf(home))
		return
	}
	if x.about == "account" {
		x.ok("its mail will be %s, which its first session makes", a.Mail)
	}
}

// mountPoint is where the file system of a path is mounted.
func mountPoint(path string) string {
	device := func(path string) (uint64, bool) {
		info, err := os.Stat(path)
		if err != nil {
			return 0, false
		}
		return info.Sys().(*syscall.Stat_t).Dev, true
	}
	path = resolved(path)
	own, ok := device(path)
	for ok && path != "/" {
		above, there := device(filepath.Dir(path))
		if !there || above != own {
			break
		}
		path = filepath.Dir(path)
	}
	return path
}
