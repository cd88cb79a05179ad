package admin

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fantail/internal/daemon/tlsconf"
	"fantail/internal/login/inquiry"
	"fantail/internal/login/launch"
	"fantail/internal/login/passdb/shadow"
	"fantail/internal/login/userdb"
)

// Users that an installed system has for the daemons.
const (
	frontsName = "_fantail"
	authdName  = "_fantail-auth"
	keydName   = "_fantail-key"
)

// needed are the programs that the daemons start, or are.
var needed = []string{"authd", "sessiond", "submitd", "imap-session", "pop3-session", "webmail-session", "webmail-submit"}

// programs: they are there, and session programs can be started by everybody.
func (x *examination) programs() {
	directory, err := launch.Programs(x.cfg.Programs.Directory, "authd")
	if err != nil {
		x.wrong("", "%v", err)
		return
	}
	missing := false
	names := needed
	if x.cfg.TLS.KeyProcess {
		names = append(slices.Clone(names), "keyd")
	}
	if len(x.cfg.Mail.Warnings.Command) > 0 {
		names = append(slices.Clone(names), "quota-command")
	}
	for _, name := range names {
		path := filepath.Join(directory, name)
		if err := as(nobody, func() error { _, err := exec.LookPath(path); return err }); err != nil {
			missing = true
			x.wrong("is it there, with the mode 755? Where it is looked for: fantail config programs.directory", "%s cannot be run: %v", path, errors.Unwrap(err))
		}
	}
	if !missing {
		x.ok("%s", directory)
	}
}

// certificates: they can be read by the fronts, and by nobody else, and clients trust
// them, for a while.
func (x *examination) certificates() {
	s := x.cfg.TLS
	found, err := tlsconf.Examine(tlsconf.Options{Certificate: s.Certificate, Key: s.Key, Directory: s.Directory, Clock: time.Now})
	if err != nil {
		x.wrong("where it should be: fantail config tls", "%v", err)
	}
	if err == nil && len(found) == 0 {
		x.warning("get one, and set tls.certificate and tls.key, or tls.directory", "there is none: the first front that starts makes itself one, which no client trusts")
	}
	if s.ClientCA != "" {
		x.clientCA(s.ClientCA)
	}
	for _, f := range found {
		if f.Err != nil {
			x.wrong("where it should be: fantail config tls", "%v", f.Err)
			continue
		}
		x.certificate(f)
		x.pairAccess(f)
	}
}

// clientCA says whether the fronts can use the file of those who certify clients.
func (x *examination) clientCA(path string) {
	if err := tlsconf.CheckClientCA(path); err != nil {
		x.wrong("where it should be: fantail config tls.client_ca", "%v", err)
		return
	}
	x.readable(frontsName, path)
}

// certificate says whether clients trust one.
func (x *examination) certificate(f tlsconf.Found) {
	until := "until " + f.Leaf.NotAfter.Format("2006-01-02") + " for " + strings.Join(f.Leaf.DNSNames, ", ")
	switch now := time.Now(); {
	case now.After(f.Leaf.NotAfter):
		x.wrong("renew it; the fronts notice by themselves", "%s has expired: it was good %s", f.Certificate, until)
	case now.Before(f.Leaf.NotBefore):
		x.wrong("is this machine's clock right? date", "%s is good from %s only", f.Certificate, f.Leaf.NotBefore.Format(time.RFC3339))
	case f.Soon:
		x.warning("renew it; the fronts notice by themselves", "%s expires: it is good %s", f.Certificate, until)
	case f.SelfSigned:
		x.warning("get one from an authority that clients know", "%s is self-signed, good %s", f.Certificate, until)
	case f.Trusted != nil:
		x.warning("the certificates between it and its authority belong behind it in the file", "%s is not trusted here, good %s: %v", f.Certificate, until, f.Trusted)
	default:
		x.ok("%s, good %s", f.Certificate, until)
	}
}

// pairAccess says who can read a pair and should not, or the other way round. An
// installation of another kind has not the users that it is about.
func (x *examination) pairAccess(f tlsconf.Found) {
	if canRead(nobody, f.Key) == nil {
		x.wrong("chmod o-r "+argumentOf(f.Key), "everybody on this machine can read the key %s", f.Key)
	}
	x.readable(frontsName, f.Certificate)
	if !x.cfg.TLS.KeyProcess {
		x.readable(frontsName, f.Key)
		return
	}
	x.readable(keydName, f.Key)
	if fronts, err := systemUser(frontsName); err == nil && fronts != nil && canRead(fronts, f.Key) == nil {
		x.warning("chown "+keydName+" "+argumentOf(f.Key)+" && chmod 400 "+argumentOf(f.Key), "the fronts can read the key %s, which is to be keyd's alone", f.Key)
	}
}

// readable says if a daemon's user cannot read a file.
func (x *examination) readable(name, path string) {
	who, err := systemUser(name)
	if err != nil {
		x.wrong("", "find the user %s: %v", name, err)
	}
	if who == nil {
		return
	}
	if err := canRead(who, path); err != nil {
		x.wrong("give "+name+" the right to read it, such as: setfacl -m u:"+name+":r "+argumentOf(path), "%s cannot read it: %v", name, err)
	}
}

// directory: authd has one of its own.
func (x *examination) directory() {
	path := x.cfg.Auth.Directory
	info, err := os.Stat(path)
	who, errUser := systemUser(authdName)
	if errUser != nil {
		x.wrong("", "find the user %s: %v", authdName, errUser)
		return
	}
	install := "install -d -m 700 " + argumentOf(path)
	if who != nil {
		install = "install -d -m 700 -o " + authdName + " " + argumentOf(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		x.wrong(install, "there is no directory for its files: %s", path)
		return
	case err != nil:
		x.wrong(install, "%v", err)
		return
	case !info.IsDir():
		x.wrong("set another one: fantail config auth.directory", "%s is no directory", path)
		return
	}
	if who != nil && ownerOf(info).Uid != who.Uid {
		x.wrong("chown -R "+authdName+" "+argumentOf(path), "%s is not %s's, as whom authd runs", path, authdName)
	} else if info.Mode().Perm()&0o007 != 0 {
		x.wrong("chmod o= "+argumentOf(path), "%s is open to everybody: its mode is %#o", path, info.Mode().Perm())
	} else {
		x.ok("%s", path)
	}
}

// passwdFile: each of its lines can be used, authd can read it, and others cannot.
func (x *examination) passwdFile() {
	path := x.cfg.Auth.PasswdFile
	names := x.cfg.Auth.Sources
	if len(names) > 0 && !slices.Contains(names, "passwd-file") {
		return
	}
	records, problems, err := userdb.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && len(names) == 0 && !x.cfg.IsSet("auth.passwd_file") {
		return // other sources are asked
	}
	if err != nil {
		x.wrong("make it with its first account: fantail user add NAME", "%v", err)
		return
	}
	x.ok("%s: %d accounts", path, len(records))
	x.clock(path)
	for _, p := range problems {
		x.wrong("mend that line", "%s:%d: %v", path, p.Line, p.Err)
	}
	for _, r := range records {
		if err := usable(r); err != nil && r.Broken() == nil && r.Refused == nil { // those are problems
			x.warning("give it another one: fantail passwd "+argumentOf(r.Name), "nobody can log in to %s: %v", r.Name, err)
		}
	}
	if canRead(nobody, path) == nil {
		x.wrong("chmod o-r "+argumentOf(path), "everybody on this machine can read the hashes in %s", path)
	}
	who, err := inquiry.User(x.cfg)
	if err != nil {
		x.wrong("", "%v", err)
	}
	if who == nil { // or it is who has just read it
		return
	}
	if err := canRead(who, path); err != nil {
		x.wrong("chgrp "+groupOf(who.Gid)+" "+argumentOf(path)+" && chmod g+r "+argumentOf(path), "authd cannot read it: %v", err)
	}
}

// clock says if a file has been changed in the future, when the clock was wrong or because
// it is now. authd reads a passwd-file again for each login while that is so.
func (x *examination) clock(path string) {
	info, err := os.Stat(path)
	if err == nil && time.Until(info.ModTime()) > time.Minute {
		x.warning("is this machine's clock right? If it is: touch "+argumentOf(path), "%s will have been changed at %s", path, info.ModTime().Format(time.RFC3339))
	}
}

// sources: authd says what it says when it starts.
func (x *examination) sources() {
	args := []string{"-n"}
	if os.Geteuid() == 0 { // accounts have users of their own
		args = append(args, "-S", x.run)
	}
	cmd, err := inquiry.Command(x.ctx, x.cfg, args...)
	if err != nil {
		x.wrong("", "%v", err)
		return
	}
	var says bytes.Buffer
	cmd.Stderr = &says
	if err := cmd.Run(); err != nil {
		text := inquiry.Words(says.String())
		if text == "" {
			text = err.Error()
		}
		next := "what is set: fantail config auth"
		if who := cmd.SysProcAttr; who != nil && strings.Contains(text, shadow.Path+": permission denied") {
			next = "usermod -a -G shadow " + nameOf(who.Credential.Uid) + ", and start authd again"
		}
		x.wrong(next, "%s", text)
		return
	}
	list := strings.Join(x.cfg.Auth.Sources, ", ")
	if list == "" {
		list = "those that there are"
	}
	x.ok("%s can be asked", list)
}
