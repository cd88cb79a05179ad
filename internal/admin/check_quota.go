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

// whereQuotaCommand is what to type to see what is set.
const whereQuotaCommand = "what is set: fantail config mail.quota_warning"

// quotaCommand: the administrator's program for accounts that become full, if there is one,
// can be run, and will be.
func (x *examination) quotaCommand() {
	s := x.cfg.Mail.Warnings
	if len(s.Command) == 0 {
		return
	}
	program := s.Command[0]
	if _, err := exec.LookPath(program); err != nil {
		x.wrong("is it there, with the mode 755? "+whereQuotaCommand, "%s cannot be run when an account becomes full: %v", program, errors.Unwrap(err))
		return
	}
	if err := as(nobody, func() error { _, err := exec.LookPath(program); return err }); err != nil {
		x.warning("chmod a+x "+argumentOf(program)+", and for the directories above it; or for one account: fantail check name", "%s is run as the users of accounts, and not every user can run it: %v", program, errors.Unwrap(err))
	}
	if len(s.Percents) == 0 {
		x.warning(whereQuotaCommand+"s", "%s is never run: mail.quota_warnings is empty", program)
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
		x.warning("systemctl restart fantail-submitd, which makes it", "%s is not there: what deliver sees is told by the account's next session", dir)
	case err != nil:
		x.wrong(whereQuotaCommand+"_directory", "%v", err)
	case !info.IsDir() || info.Mode().Perm()&0o003 != 0o003 || info.Mode()&fs.ModeSticky == 0:
		x.warning("chmod 1733 "+argumentOf(dir), "%s must be a directory in which everybody can make files, and remove his own", dir)
	case unread(dir):
		x.warning("systemctl enable --now fantail-submitd.socket fantail-submitd.service", "nobody reads what deliver has written to %s", dir)
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
		x.wrong("can its user run it? "+whereQuotaCommand+"_command", "%s, for when it becomes full: %v", s.Command[0], err)
	case waits:
		x.warning("systemctl start fantail-submitd.socket; why it fails, if it does: journalctl -u fantail-submitd", "it has crossed a percentage of its limits, and %s was not run for that yet", s.Command[0])
	}
}
