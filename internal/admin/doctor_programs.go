package admin

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"fantail/internal/login/launch"
)

// needed are the programs that the daemons start, or are.
var needed = []string{"authd", "sessiond", "submitd", "imap-session", "pop3-session", "webmail-session", "webmail-submit"}

// programs: they are there, and session programs can be started by everybody.
func (x *examination) programs() {
	directory, err := launch.Programs(x.cfg.Programs.Directory, "authd")
	if err != nil {
		x.wrong("%v", err).because("nobody can log in").typing("fantail config programs.directory").typing(x.reinstalling()...)
		return
	}
	var absent []string
	good := true
	names := needed
	if x.cfg.TLS.KeyProcess {
		names = append(slices.Clone(names), "keyd")
	}
	if len(x.cfg.Mail.Warnings.Command) > 0 {
		names = append(slices.Clone(names), "quota-command")
	}
	if x.usesPAM() && (len(x.cfg.Auth.Sources) > 0 || x.hasUnits()) {
		names = append(slices.Clone(names), "pam-helper")
	}
	for _, name := range names {
		path := filepath.Join(directory, name)
		err := as(nobody, func() error { _, err := exec.LookPath(path); return err })
		if err == nil {
			continue
		}
		good = false
		if _, errStat := os.Stat(path); missing(errStat) {
			absent = append(absent, path)
			continue
		}
		x.wrong("%s cannot be run: %v", path, errors.Unwrap(err)).
			because("what it does is not done; sessions run as the users of their accounts").typing("chmod 755 " + argumentOf(path))
	}
	if absent != nil {
		x.wrong("programs are missing: %s", strings.Join(absent, ", ")).
			because("what they do is not done").typing(x.reinstalling()...)
	}
	if good {
		x.ok("%s", directory)
	}
}

// replaced: what runs is what is on disk.
func (x *examination) replaced() {
	var units []string
	for _, s := range services {
		u := x.units()[s.unit]
		if u.pid == 0 {
			continue
		}
		target, err := os.Readlink(x.path(fmt.Sprintf("/proc/%d/exe", u.pid)))
		if err == nil && strings.HasSuffix(target, " (deleted)") {
			units = append(units, s.unit)
		}
	}
	if units != nil {
		x.warning("programs have been replaced, and the old ones still run: %s", strings.Join(units, ", ")).
			because("what has been mended in the new version is not mended there").
			typing("systemctl restart " + strings.Join(units, " "))
		return
	}
	x.ok("what runs is what is on disk")
}

// packaged: the files of the package are as it has brought them. Configuration is the
// administrator's.
func (x *examination) packaged() {
	changed, again, err := x.verify()
	if err != nil {
		return // it was not installed as a package
	}
	for _, file := range changed {
		x.warning("%s", file).because("it is not what the package has brought: a disk, or somebody, has changed it").typing(again)
	}
	if changed == nil {
		x.ok("its files are as it has brought them")
	}
}

var errNoPackage = errors.New("not installed as a package")

// verify asks the system's packages which files have been changed, or are missing, and
// says what brings them back.
func (x *examination) verify() (changed []string, again string, err error) {
	var out string
	switch {
	case x.has("/var/lib/dpkg/info/fantail.list"):
		out, err = x.command(x.ctx, "dpkg", "--verify", "fantail")
	case x.has("/var/lib/rpm") || x.has("/usr/lib/sysimage/rpm"):
		out, err = x.command(x.ctx, "rpm", "--verify", "fantail")
		if strings.Contains(out, "is not installed") {
			return nil, "", errNoPackage
		}
	default:
		return nil, "", errNoPackage
	}
	if errors.Is(err, errNoCommand) {
		return nil, "", errNoPackage
	}
	return parseVerify(out), x.reinstalling()[0], nil
}

// parseVerify reads what "dpkg --verify" and "rpm --verify" say: nine tests, of which those
// that failed have a letter, "c" for configuration, and the path.
func parseVerify(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || len(f) > 3 || len(f) == 3 && f[1] == "c" {
			continue
		}
		path := f[len(f)-1]
		switch {
		case strings.HasPrefix(path, "/usr/share/doc/"), strings.HasPrefix(path, "/usr/share/man/"), strings.HasPrefix(path, "/usr/share/locale/"):
			// small systems leave these out
		case f[0] == "missing":
			list = append(list, path+" is missing")
		case strings.Contains(f[0], "5"):
			list = append(list, path+" has been changed")
		}
	}
	return list
}
