package authd

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/sandbox"
)

// Needs are what sources need that authd would give up otherwise (package sandbox).
type Needs struct {
	Foreign  bool     // they start programs of others: modules of PAM, checkpassword
	Network  bool     // they ask daemons on other machines
	Programs []string // that they start
	Writes   []string // directories
	Own      string   // the one of them that is authd's own, or ""
}

// cover reports whether whoever has n has also more.
func (n Needs) cover(more Needs) bool {
	if n.Foreign {
		return true
	}
	within := func(all, some []string) bool {
		return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
	}
	return !more.Foreign && (n.Network || !more.Network) && within(n.Programs, more.Programs) && within(n.Writes, more.Writes)
}

// giveUp enters the sandbox that leaves what the sources need.
//
// An authd that a front has started for its own user leaves programs of others as they
// are: by unix_chkpwd(8), a program with privileges, PAM can check that user's password.
func (d *daemon) giveUp() error {
	d.entered = d.needs
	if d.programs == conf.SandboxOff || d.needs.Foreign && d.arguments.child {
		return nil
	}
	role, o := sandbox.Checker, sandbox.Options{
		Network:  d.needs.Network,
		Programs: d.needs.Programs,
	}
	if d.needs.Foreign {
		role = sandbox.Foreign
	}
	if err := makeOwn(d.needs.Own); err != nil {
		d.log.Debug("nothing can be kept before authd is started anew", "err", err)
	}
	for _, dir := range d.needs.Writes {
		if _, err := os.Stat(dir); err == nil {
			o.Trees = append(o.Trees, dir)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return sandbox.Begin(role, o, d.log)
}

// makeOwn makes the directory of authd's own, if there is none and somebody has made the
// place for it: one that is made later is not left to who is in the sandbox by then.
func makeOwn(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
