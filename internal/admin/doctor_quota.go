package admin

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"time"

	"fantail/internal/login/authd"
	quotafile "fantail/internal/store/quota"
)

const notTold = "the program for accounts that become full is not run"

// quotaCommand: the administrator's program for accounts that become full, if there is one,
// can be run, and will be.
func (x *examination) quotaCommand() {
	s := x.cfg.Mail.Warnings
	if len(s.Command) == 0 {
		return
	}
	program := s.Command[0]
	if _, err := exec.LookPath(program); err != nil {
		f := x.wrong("%s cannot be run when an account becomes full: %v", program, errors.Unwrap(err)).because(notTold)
		if _, err := os.Stat(program); err == nil {
			f.typing("chmod 755 " + argumentOf(program))
		} else {
			f.typing("fantail config mail.quota_warning_command")
		}
		return
	}
	if err := as(nobody, func() error { _, err := exec.LookPath(program); return err }); err != nil {
		x.warning("%s is run as the users of accounts, and not every user can run it: %v", program, errors.Unwrap(err)).
			because(notTold + " for all accounts").typing("chmod a+x " + argumentOf(program))
	}
	if len(s.Percents) == 0 {
		x.warning("%s is never run: mail.quota_warnings is empty", program).because(notTold).
			typing(append(x.setting("quota", "mail.quota_warnings = [80, 95]"), "systemctl restart fantail-submitd")...)
		return
	}
	x.crossedDirectory()
	x.ok("%s, at %v percent", program, s.Percents)
}

// crossedDirectory: who delivers on a pipe can tell submitd.
func (x *examination) crossedDirectory() {
	dir := x.cfg.Mail.Warnings.Directory
	if dir == "" || os.Geteuid() != 0 {
		return
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		x.warning("%s is not there", dir).because("what deliver sees is told by the account's next session").typing("systemctl restart fantail-submitd")
	case err != nil:
		x.wrong("%v", err).because(notTold).typing("fantail config mail.quota_warning_directory")
	case !info.IsDir() || info.Mode().Perm()&0o003 != 0o003 || info.Mode()&fs.ModeSticky == 0:
		x.warning("%s is no directory in which everybody can make files, and remove his own", dir).
			because("deliver tells there that an account becomes full").typing("chmod 1733 " + argumentOf(dir))
	case unread(dir):
		x.warning("nobody reads what deliver has written to %s", dir).because(notTold).
			typing("systemctl enable --now fantail-submitd.socket fantail-submitd.service", "systemctl restart fantail-submitd.service")
	}
}

// unread reports whether there is a file in the directory that a submitd would have read.
func unread(dir string) bool {
	list, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(list, func(e fs.DirEntry) bool {
		info, err := e.Info()
		return err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > time.Minute
	})
}

// accountQuotaCommand says whether the program can be run for an account, and is.
func (x *examination) accountQuotaCommand(a *authd.Answer) {
	s := x.cfg.Mail.Warnings
	if len(s.Command) == 0 {
		return
	}
	var waits bool
	err := as(userOf(a), func() error {
		_, err := exec.LookPath(s.Command[0])
		if err != nil {
			return errors.Unwrap(err)
		}
		waits, err = quotafile.Waiting(a.Mail)
		return err
	})
	switch {
	case err != nil:
		x.wrong("%s, for when it becomes full: %v", s.Command[0], err).because("its user is not told").
			typing("chmod a+x "+argumentOf(s.Command[0]), "fantail config mail.quota_warning_command")
	case waits:
		x.warning("it has crossed a percentage of its limits, and %s was not run for that yet", s.Command[0]).because("submitd does not run, or the program fails").
			typing("systemctl start fantail-submitd.socket", "journalctl -u fantail-submitd -n 20")
	}
}
