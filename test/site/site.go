// Package site makes and runs a whole installation of Fantail in one directory:
// configuration, one account with mail, logs, and the daemons. The demo and the
// tests with real mail programs have that in common.
//
// A Site is the directory (site.go, config.go); each part is made only if it is
// not there. Services are the addresses of its configuration (services.go), a
// Group is the daemons that run (group.go), and Ready waits until each service
// answers (ready.go).
//
// Invariants: nothing that exists in the directory is overwritten but the logs
// and the account's home directory in users, which must be absolute; the
// configuration there is the only one, so that a port is changed in it.
package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"fantail/internal/mail"
	"fantail/internal/mutf7"
	"fantail/internal/store/uidlist"
	"fantail/test/samplemail"
)

// The account of every site.
const (
	Account  = "demo"
	Password = "demo"
)

// Site is the directory of an installation.
type Site struct {
	Dir string // absolute
	Bin string // absolute: where the programs are

	// Owner is whose the mail is and who runs the programs; nil: the caller.
	// The caller must be root to name another one.
	Owner *syscall.Credential
}

// New returns the site in directory dir, which Prepare makes, with the
// programs in directory bin.
func New(dir, bin string) (*Site, error) {
	d, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	b, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	return &Site{Dir: d, Bin: b}, nil
}

// Config is the path of the configuration file.
func (s *Site) Config() string { return filepath.Join(s.Dir, "fantail.toml") }

// Users is the path of the passwd-file.
func (s *Site) Users() string { return filepath.Join(s.Dir, "users") }

// Home is the path of the account's home directory, which is its Maildir.
func (s *Site) Home() string { return filepath.Join(s.Dir, "mail", Account) }

// Prepare makes what is missing in the directory, except mail. The ports are
// for a configuration that is not there yet.
func (s *Site) Prepare(p Ports) error {
	if err := os.MkdirAll(filepath.Join(s.Dir, "mail"), 0o700); err != nil {
		return err
	}
	programs, err := filepath.Rel(s.Dir, s.Bin)
	if err != nil {
		return fmt.Errorf("find %s from %s: %w", s.Bin, s.Dir, err)
	}
	if err := createFile(s.Config(), []byte(configText(p, programs))); err != nil {
		return err
	}
	if err := s.writeUsers(); err != nil {
		return err
	}
	return s.own(s.Dir)
}

// HasMail reports whether the account has a Maildir.
func (s *Site) HasMail() (bool, error) {
	_, err := os.Stat(s.Home())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// WriteMail makes the account's Maildir, and subscribes to all its mailboxes.
// The Maildir gets its name last, so that one that is there is whole.
func (s *Site) WriteMail(messages iter.Seq[samplemail.Message]) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(s.Home()), "new-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	folders, err := samplemail.Write(dir, messages)
	if err != nil {
		return fmt.Errorf("write the sample mail: %w", err)
	}
	subscriptions := uidlist.OpenSubscriptions(dir, '.')
	for _, name := range append([]string{mail.Inbox}, folders...) {
		if err := subscriptions.Set(mutf7.Encode(name), true); err != nil {
			return err
		}
	}
	if err := s.own(dir); err != nil {
		return err
	}
	return os.Rename(dir, s.Home())
}

// own gives a directory and all that is below to the owner.
func (s *Site) own(dir string) error {
	if s.Owner == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(s.Owner.Uid), int(s.Owner.Gid))
	})
}

// Deliver hands one message to the delivery agent, with further arguments if
// there are any, and returns when that has it.
func (s *Site) Deliver(ctx context.Context, message []byte, args ...string) error {
	args = append([]string{"-c", s.Config(), "-d", Account}, args...)
	cmd := exec.CommandContext(ctx, filepath.Join(s.Bin, "deliver"), args...)
	cmd.Stdin = bytes.NewReader(message)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.Owner}
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("deliver a message with %s: %w\n%s", strings.Join(cmd.Args, " "), err, said)
	}
	return nil
}
