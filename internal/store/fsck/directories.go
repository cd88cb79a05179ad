package fsck

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	openToOwner = 0o700
	everybody   = 0o007
)

// openable looks at a Maildir's own directories: the one at path below the root, and tmp,
// new and cur in it.
func (c *check) openable(path, mailbox string) error {
	if err := c.directory(path, mailbox); err != nil {
		return err
	}
	// cur comes last, as when a Maildir is made: what has it is complete.
	for _, sub := range []string{"tmp", "new", "cur"} {
		at := filepath.Join(path, sub)
		_, err := os.Lstat(filepath.Join(c.root, at))
		if errors.Is(err, fs.ErrNotExist) {
			c.report(Finding{Kind: Directory, Mailbox: mailbox, Path: at, Problem: "the directory is missing"}, func() (string, error) {
				return "made", os.Mkdir(filepath.Join(c.root, at), 0o700)
			})
			continue
		}
		if err := c.directory(at, mailbox); err != nil {
			return err
		}
	}
	return nil
}

// directory looks at the mode of a directory, or of what a link leads to: an
// administrator may have put mail on another disk.
func (c *check) directory(path, mailbox string) error {
	full := filepath.Join(c.root, path)
	var st unix.Stat_t
	if err := unix.Stat(full, &st); err != nil {
		c.unexamined(mailbox, path, &fs.PathError{Op: "stat", Path: full, Err: err})
		return nil
	}
	if kindOf(&st) != unix.S_IFDIR {
		c.Report(Finding{Kind: Directory, State: Left, Mailbox: mailbox, Path: path, Problem: "it is no directory",
			Next: "mv " + shell(full) + " " + shell(full+".away")})
		return nil
	}
	c.mode(path, mailbox, &st, openToOwner)
	return nil
}

// mode looks at the rights to a file or directory; need are those that the owner must
// have. Everybody has none.
func (c *check) mode(path, mailbox string, st *unix.Stat_t, need uint32) {
	full := filepath.Join(c.root, path)
	mode := st.Mode & 0o7777
	wanted := mode&^everybody | need
	if int(st.Uid) != c.uid {
		if unix.Access(full, accessOf(need)) != nil {
			c.Report(Finding{Kind: Owner, State: Left, Mailbox: mailbox, Path: path,
				Problem: fmt.Sprintf("it belongs to uid %d, and is closed to this account", st.Uid), Next: c.chown(path)})
		} else if mode&everybody != 0 {
			c.Report(Finding{Kind: Mode, State: Left, Mailbox: mailbox, Path: path,
				Problem: fmt.Sprintf("it belongs to uid %d, and everybody has rights to it (%#o)", st.Uid, mode), Next: c.chown(path)})
		}
		return
	}
	if mode == wanted {
		return
	}
	problem := fmt.Sprintf("everybody has rights to it (%#o)", mode)
	if mode&need != need {
		problem = fmt.Sprintf("its owner has not all rights to it (%#o)", mode)
	}
	c.report(Finding{Kind: Mode, Mailbox: mailbox, Path: path, Problem: problem}, func() (string, error) {
		return fmt.Sprintf("now %#o", wanted), chmod(full, wanted)
	})
}

func accessOf(need uint32) uint32 { return need >> 6 & 7 }

// chmod changes the mode of what was looked at, also if it is closed to its owner.
func chmod(path string, mode uint32) error {
	if err := unix.Chmod(path, mode); err != nil {
		return &fs.PathError{Op: "chmod", Path: path, Err: err}
	}
	return nil
}

// private looks at a directory that is the account's alone, and at all below it. Links
// are not followed.
func (c *check) private(dir string) {
	full := filepath.Join(c.root, dir)
	st, err := lstat(full)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil || kindOf(st) == unix.S_IFLNK {
		if err != nil {
			c.unexamined("", dir, err)
		}
		return
	}
	need := uint32(0o600)
	if kindOf(st) == unix.S_IFDIR {
		need = openToOwner
	}
	c.mode(dir, "", st, need)
	if kindOf(st) != unix.S_IFDIR {
		return
	}
	entries, err := os.ReadDir(full)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.unexamined("", dir, err)
		}
		return
	}
	for _, e := range entries {
		c.private(filepath.Join(dir, e.Name()))
	}
}

// surroundings looks at what lies in the Maildir beside mail.
func (c *check) surroundings() error {
	for _, dir := range c.Private {
		c.private(dir)
	}
	entries, err := os.ReadDir(c.root)
	if err != nil {
		return fmt.Errorf("read the Maildir: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "..fantail-") || !e.IsDir() {
			continue
		}
		st, err := lstat(filepath.Join(c.root, e.Name()))
		if err != nil || age(st) < old {
			continue
		}
		c.report(Finding{Kind: Leftover, Path: e.Name(), Problem: "a folder that was being made or deleted, long ago"}, func() (string, error) {
			return "removed", os.RemoveAll(filepath.Join(c.root, e.Name()))
		})
	}
	return nil
}
