package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fantail/internal/login/inquiry"
	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/passdb/shadow"
	"fantail/internal/login/userdb"
)

// directory: authd has one of its own.
func (x *examination) directory() {
	const why = "authd keeps app passwords and second factors there"
	path := x.cfg.Auth.Directory
	info, err := os.Stat(path)
	who, errUser := systemUser(authdName)
	if errUser != nil {
		x.wrong("find the user %s: %v", authdName, errUser).because(why).typing("getent passwd " + authdName)
		return
	}
	install := "install -d -m 700 " + argumentOf(path)
	if who != nil {
		install = "install -d -m 700 -o " + authdName + " -g " + authdName + " " + argumentOf(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		x.wrong("there is no directory for authd's files: %s", path).because(why).typing(install)
	case err != nil:
		x.wrong("%v", err).because(why).typing(install)
	case !info.IsDir():
		x.wrong("%s is no directory", path).because(why).typing("mv "+argumentOf(path)+" "+argumentOf(path+".away"), install)
	case who != nil && ownerOf(info).Uid != who.Uid:
		x.wrong("%s is not %s's, as whom authd runs", path, authdName).because(why).
			typing("chown -R "+authdName+":"+authdName+" "+argumentOf(path), "systemctl try-restart fantail-authd")
	case info.Mode().Perm()&0o007 != 0:
		x.wrong("%s is open to everybody: its mode is %s", path, octal(info.Mode())).
			because("hashes of app passwords and secrets of second factors are there").typing("chmod o= " + argumentOf(path))
	default:
		x.ok("%s", path)
	}
}

// usesPasswdFile reports whether accounts may be in the passwd-file.
func (x *examination) usesPasswdFile() bool {
	return len(x.cfg.Auth.Sources) == 0 || slices.Contains(x.cfg.Auth.Sources, "passwd-file")
}

// usesPAM reports whether passwords may be checked by PAM.
func (x *examination) usesPAM() bool {
	if len(x.cfg.Auth.Sources) > 0 {
		return slices.Contains(x.cfg.Auth.Sources, "pam")
	}
	_, err := os.Stat(x.cfg.Auth.PasswdFile)
	return missing(err)
}

// passwdFile: each of its lines can be used, authd can read it, and others cannot.
func (x *examination) passwdFile() {
	path := x.cfg.Auth.PasswdFile
	if !x.usesPasswdFile() {
		return
	}
	records, problems, err := userdb.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && len(x.cfg.Auth.Sources) == 0 && !x.cfg.IsSet("auth.passwd_file") {
		return // other sources are asked
	}
	if err != nil {
		x.wrong("%v", err).because("its accounts cannot log in").typing("fantail user add NAME")
		return
	}
	x.ok("%s: %d accounts", path, len(records))
	x.clock(path)
	for _, p := range problems {
		x.wrong("%s:%d: %v", path, p.Line, p.Err).because("who is meant cannot log in, or not as meant").typing(editing(path, p.Line))
	}
	for _, r := range records {
		x.password(r)
	}
	if canRead(nobody, path) == nil {
		x.wrong("everybody on this machine can read the hashes in %s", path).
			because("who reads them can guess passwords at leisure").typing("chmod o= " + argumentOf(path))
	}
	who, err := inquiry.User(x.cfg)
	if err != nil {
		x.wrong("%v", err).because("authd does not start").typing("fantail config auth.directory")
	}
	if who == nil { // or it is who has just read it
		return
	}
	if err := canRead(who, path); err != nil {
		x.wrong("authd cannot read %s: %v", path, reason(err)).because("its accounts cannot log in").
			typing(granting(nameOf(who.Uid), who, path)...)
	}
}

// quick is how long the check of a password takes of which there are too many each second
// for who guesses: a salted hash of one round, and the oldest of crypt(3).
const quick = 500 * time.Microsecond

// password says what is wrong with what stands for the password of an account.
func (x *examination) password(r userdb.Record) {
	if r.Broken() != nil || r.Refused != nil {
		return // a problem of the line
	}
	mending := "fantail passwd " + argumentOf(r.Name)
	if err := usable(r); errors.Is(err, scheme.ErrLocked) {
		return // by somebody who wanted that
	} else if err != nil {
		x.warning("nobody can log in to %s: %v", r.Name, err).because("its password says nothing that can be checked").typing(mending)
		return
	}
	h, err := scheme.Parse(string(r.Password))
	if err == nil && h.Cost().Time < quick {
		x.warning("the password of %s is kept in a way that is no protection: %s", r.Name, h.Scheme()).
			because("who gets a copy of the file has the password soon, and people use theirs elsewhere, too").typing(mending)
	}
}

// clock says if a file has been changed in the future, when the clock was wrong or because
// it is now. authd reads a passwd-file again for each login while that is so.
func (x *examination) clock(path string) {
	info, err := os.Stat(path)
	if err == nil && info.ModTime().Sub(x.now()) > time.Minute {
		x.warning("%s will have been changed at %s", path, info.ModTime().Format(time.RFC3339)).
			because("this machine's clock is wrong, or was").typing("date", "touch "+argumentOf(path))
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
		x.wrong("%v", err).because("nobody can log in").typing("fantail config programs.directory")
		return
	}
	var says bytes.Buffer
	cmd.Stderr = &says
	if err := cmd.Run(); err != nil {
		text := inquiry.Words(says.String())
		if text == "" {
			text = err.Error()
		}
		f := x.wrong("%s", text).because("accounts of that source cannot log in")
		if who := cmd.SysProcAttr; who != nil && strings.Contains(text, shadow.Path+": permission denied") {
			f.typing("usermod --append --groups shadow "+nameOf(who.Credential.Uid), "systemctl restart fantail-authd")
		} else {
			f.typing("fantail config auth")
		}
		return
	}
	list := strings.Join(x.cfg.Auth.Sources, ", ")
	if list == "" {
		list = "those that there are"
	}
	x.ok("%s can be asked", list)
}

const pamFile = "/etc/pam.d/fantail"

// pamModules are where PAM's modules are, on the families of systems there are.
var pamModules = []string{"/usr/lib/*/security", "/lib/*/security", "/usr/lib64/security", "/lib64/security", "/usr/lib/security", "/lib/security"}

// pam: the file that says how PAM checks passwords is there, and what it names.
func (x *examination) pam() {
	if !x.usesPAM() || !x.has("/etc/pam.d") {
		return
	}
	const why = "users of the system cannot log in"
	if !x.has(pamFile) {
		x.wrong("%s is not there", pamFile).because(why + ": PAM refuses what it knows nothing of").typing(x.restoring(pamFile)...)
		return
	}
	var auth, account bool
	whole := true
	for number, line := range strings.Split(x.text(pamFile), "\n") {
		f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "-"))
		switch {
		case len(f) == 0 || strings.HasPrefix(f[0], "#"):
			continue
		case f[0] == "@include" && len(f) > 1:
			auth, account = auth || strings.Contains(f[1], "auth"), account || strings.Contains(f[1], "account")
			whole = x.pamIncludes(f[1], number+1) && whole
		case len(f) > 2 && (f[1] == "include" || f[1] == "substack"):
			auth, account = auth || f[0] == "auth", account || f[0] == "account"
			whole = x.pamIncludes(f[2], number+1) && whole
		case len(f) > 2:
			auth, account = auth || f[0] == "auth", account || f[0] == "account"
			whole = x.pamModule(f, number+1) && whole
		}
	}
	if !auth || !account {
		x.wrong("%s has not both auth and account", pamFile).because(why).typing(x.restoring(pamFile)...)
		return
	}
	if whole {
		x.ok("%s", pamFile)
	}
}

// pamIncludes reports whether there is another file that is included.
func (x *examination) pamIncludes(name string, line int) bool {
	for _, dir := range []string{"/etc/pam.d", "/usr/lib/pam.d", "/usr/share/pam.d", "/usr/etc/pam.d"} {
		if x.has(filepath.Join(dir, name)) || filepath.IsAbs(name) && x.has(name) {
			return true
		}
	}
	x.wrong("%s:%d includes %s, which is not there", pamFile, line, name).
		because("users of the system cannot log in").typing(x.restoring(pamFile)...)
	return false
}

// pamModule reports whether a module is there, of a line of its words.
func (x *examination) pamModule(words []string, line int) bool {
	module := ""
	for _, word := range words[1:] {
		if strings.HasSuffix(word, ".so") {
			module = word
			break
		}
	}
	if module == "" || filepath.IsAbs(module) && x.has(module) {
		return true
	}
	for _, dir := range pamModules {
		if list, _ := filepath.Glob(x.path(filepath.Join(dir, module))); list != nil { // the pattern is right
			return true
		}
	}
	x.wrong("%s:%d names the module %s, which is not there", pamFile, line, module).
		because("users of the system cannot log in").typing(editing(pamFile, line))
	return false
}

// restoring are the commands that write the file again as the package has it.
func (m *machine) restoring(path string) []string {
	lines := []string{"auth include password-auth", "account include password-auth"}
	if m.has("/etc/pam.d/common-auth") {
		lines = []string{"@include common-auth", "@include common-account"}
	}
	return []string{fmt.Sprintf(`printf '%%s\n' '%s' >%s`, strings.Join(lines, "' '"), path)}
}
