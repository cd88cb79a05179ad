package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"fantail/internal/login/inquiry"
)

// Users that an installed system has for the daemons.
const (
	frontsName = "_fantail"
	authdName  = "_fantail-auth"
	keydName   = "_fantail-key"
	lmtpdName  = "_fantail-lmtp"
)

// nobody is a user with no rights but those of everybody.
var nobody = &syscall.Credential{Uid: 65534, Gid: 65534}

// systemUser is the user of the system called name, or nil if there is none.
func systemUser(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if errors.As(err, new(user.UnknownUserError)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return inquiry.Credential(u)
}

// ownerOf is whose a file is, for commands that are shown.
func ownerOf(info os.FileInfo) *syscall.Stat_t { return info.Sys().(*syscall.Stat_t) }

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

// readable says if a daemon's user cannot read a file, and what does not work without.
func (x *examination) readable(name, path, without string) {
	who, err := systemUser(name)
	if err != nil {
		x.wrong("find the user %s: %v", name, err).because(without).typing("getent passwd " + name)
	}
	if who == nil {
		return
	}
	if err := canRead(who, path); err != nil {
		x.wrong("%s cannot read %s: %v", name, path, reason(err)).because(without).typing(granting(name, who, path)...)
	}
}

// reason is what is wrong, without what was tried.
func reason(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// granting are the commands that let a user read a file, with the directories on the way
// to it, those behind links included. Where a group may read already that is of some use,
// such as ssl-cert, he becomes a member of it; other files are given to his group.
func granting(name string, who *syscall.Credential, path string) []string {
	var list []string
	add := func(command string) {
		for _, c := range list {
			if c == command {
				return
			}
		}
		list = append(list, command)
	}
	grant := func(path string, mode uint32, letters string) {
		if as(who, func() error { return unix.Faccessat(unix.AT_FDCWD, path, mode, unix.AT_EACCESS) }) == nil {
			return
		}
		info, err := os.Stat(path)
		if err != nil {
			return
		}
		if group := ownerOf(info).Gid; group != 0 && uint32(info.Mode().Perm())>>3&mode == mode {
			add("usermod --append --groups " + groupOf(group) + " " + name)
			add("systemctl try-restart 'fantail-*.service'")
			return
		}
		add("chgrp " + groupOf(who.Gid) + " " + argumentOf(path))
		add("chmod g+" + letters + " " + argumentOf(path))
	}
	for _, p := range wayTo(path) {
		grant(p, unix.X_OK, "x")
	}
	grant(path, unix.R_OK, "r")
	return list
}

// wayTo are the directories through which a path leads, from the top, and those to which
// links lead.
func wayTo(path string) []string {
	var list []string
	for _, p := range []string{path, resolved(path)} {
		var up []string
		for dir := filepath.Dir(p); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
			up = append([]string{dir}, up...)
		}
		list = append(list, up...)
	}
	return list
}

func resolved(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path
}

// quoteOf is an argument of which nothing is known, as it is typed to a shell.
func quoteOf(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// owned is a directory that the package makes, and whose it is.
type owned struct {
	path, owner string
	mode        fs.FileMode
}

// directories are those of tmpfiles.d, with the modes that they have there.
var directories = []owned{
	{"/run/fantail", "root", 0o755},
	{"/var/lib/fantail", "root", 0o755},
	{"/var/lib/fantail/auth", authdName, 0o700},
	{"/var/lib/fantail/crossed", "root", 0o733 | fs.ModeSticky},
	{"/var/lib/fantail/submit", "root", 0o700},
	{"/var/lib/fantail/tls", frontsName, 0o700},
}

// users: the system's users for daemons are there, and the directories of theirs.
func (x *examination) users() {
	missing := false
	for _, name := range []string{frontsName, authdName, keydName, lmtpdName} {
		who, err := systemUser(name)
		if err == nil && who == nil {
			missing = true
			x.wrong("there is no user %s", name).because("the daemon that is to be this user does not start").
				typing("systemd-sysusers fantail.conf", "systemd-tmpfiles --create fantail.conf")
		}
	}
	if missing {
		return
	}
	for _, d := range directories {
		x.owned(d)
	}
}

// owned says if a directory is not as the package has made it.
func (x *examination) owned(d owned) {
	info, err := os.Stat(d.path)
	why := "the daemon that has its files there cannot use it, or others can"
	making := "systemd-tmpfiles --create fantail.conf"
	switch {
	case missing(err):
		x.wrong("%s is not there", d.path).because(why).typing(making)
	case err != nil || !info.IsDir():
		x.wrong("%s is no directory", d.path).because(why).typing("mv "+d.path+" "+d.path+".away", making)
	case nameOf(ownerOf(info).Uid) != d.owner || info.Mode()&(fs.ModePerm|fs.ModeSticky) != d.mode:
		x.wrong("%s is of %s with the mode %s, and should be of %s with %s", d.path, nameOf(ownerOf(info).Uid), octal(info.Mode()), d.owner, octal(d.mode)).
			because(why).typing(making)
	}
}

// octal is a mode as chmod(1) takes it.
func octal(m fs.FileMode) string {
	bits := uint32(m.Perm())
	if m&fs.ModeSticky != 0 {
		bits |= unix.S_ISVTX
	}
	return fmt.Sprintf("%04o", bits)
}
