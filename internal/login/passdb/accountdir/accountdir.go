// Package accountdir keeps a small file for each account in a directory of authd's.
//
// A file is replaced as a whole (written beside, synced, renamed), under a lock that
// whoever changes anything in the directory takes: authd, and commands of the
// administrator. Readers need no lock. What root writes belongs to the owner of the
// directory above, who is authd.
//
// Names that differ in case only are one account here, as for penalties. What is in a
// file its owner says; it should hold the account's name, since that of the file may be
// a hash.
package accountdir

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"fantail/internal/login/userdb"
)

// Dir is a directory, which need not exist. It is safe for many goroutines, and many
// processes.
type Dir struct {
	Path string
	Most int // octets of a file
}

// ErrBusy says that somebody else is changing something.
var ErrBusy = errors.New("somebody else changes accounts")

// Read returns an account's file. The error wraps fs.ErrNotExist if there is none.
func (d Dir) Read(account string) ([]byte, error) {
	if err := userdb.CheckName(account); err != nil {
		return nil, err
	}
	path := d.File(account)
	in, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, int64(d.Most)+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(text) > d.Most {
		return nil, fmt.Errorf("%s is larger than %d octets", path, d.Most)
	}
	return text, nil
}

// Change replaces an account's file by what do makes of it, unless do fails. If there is
// none it is given nil, and if do returns nil there is none afterwards. If Change must
// not wait for others the error may be ErrBusy.
func (d Dir) Change(account string, wait bool, do func(text []byte) ([]byte, error)) error {
	if err := userdb.CheckName(account); err != nil {
		return err
	}
	owner, err := d.make()
	if err != nil {
		return err
	}
	unlock, err := d.lock(owner, wait)
	if err != nil {
		return err
	}
	defer unlock()
	text, err := d.Read(account)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if text, err = do(text); err != nil {
		return err
	}
	if text == nil {
		if err := os.Remove(d.File(account)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return d.sync()
	}
	return d.write(fileName(strings.ToLower(account)), text, owner)
}

// File is the path of an account's file.
func (d Dir) File(account string) string {
	return filepath.Join(d.Path, fileName(strings.ToLower(account)))
}

// maxPlain is the longest name of a file that is made of that of an account.
const maxPlain = 200

// fileName is the name of an account's file: its own, with every octet that is not a
// small letter, a digit or one of "@-_", or "." within, as %XX; or, if that is too long,
// a hash.
func fileName(account string) string {
	var b strings.Builder
	for i, c := range []byte(account) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("@-_", c) >= 0 || c == '.' && i > 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() > maxPlain {
		return fmt.Sprintf("%%sha256-%x", sha256.Sum256([]byte(account)))
	}
	return b.String()
}

// make makes the directory, and returns whom everything in it belongs to.
func (d Dir) make() (owner *syscall.Stat_t, err error) {
	above := filepath.Dir(d.Path)
	if err := os.MkdirAll(above, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Stat(above)
	if err != nil {
		return nil, err
	}
	owner = info.Sys().(*syscall.Stat_t) // what os.Stat gives on Linux
	err = os.Mkdir(d.Path, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return owner, nil
	}
	if err == nil && os.Geteuid() == 0 {
		err = os.Lchown(d.Path, int(owner.Uid), int(owner.Gid))
	}
	return owner, err
}

// lockName is not the name of any account's file.
const lockName = ".lock"

// lock keeps other writers out until unlock is called.
func (d Dir) lock(owner *syscall.Stat_t, wait bool) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(d.Path, lockName), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	how := unix.LOCK_EX
	if !wait {
		how |= unix.LOCK_NB
	}
	if err = give(f, owner); err == nil {
		for err = unix.EINTR; errors.Is(err, unix.EINTR); {
			err = unix.Flock(int(f.Fd()), how)
		}
	}
	switch {
	case err == nil:
		return func() { f.Close() }, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		err = ErrBusy
	}
	return nil, errors.Join(fmt.Errorf("lock %s: %w", d.Path, err), f.Close())
}

// give makes a file the owner's, which only root has to do.
func give(f *os.File, owner *syscall.Stat_t) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// write replaces a file.
func (d Dir) write(name string, text []byte, owner *syscall.Stat_t) error {
	f, err := os.CreateTemp(d.Path, ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, give(f, owner), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(d.Path, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return d.sync()
}

func (d Dir) sync() error {
	f, err := os.Open(d.Path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
