package uidlist

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
)

var errNoValidity = errors.New("no UIDVALIDITY left")

// validityTries is how often another process may take the number that we want.
const validityTries = 100

// NextValidity returns a UIDVALIDITY for a new mailbox of the account whose root
// Maildir this is: greater than every one given before (RFC 9051 section
// 2.3.1.1), and the clock's seconds for the first. It needs no lock: the counter
// is the name of the empty file dovecot-uidvalidity.<8 hex digits>, and a rename
// to the next number is won by one process. The file dovecot-uidvalidity repeats
// the number, to spare a look at the directory. The number is on disk on return.
func NextValidity(root string, now time.Time) (mail.UIDValidity, error) {
	v, err := nextValidity(disk{}, root, now)
	if err != nil {
		return 0, fmt.Errorf("next UIDVALIDITY: %w", err)
	}
	return v, nil
}

func nextValidity(sys fileSystem, root string, now time.Time) (mail.UIDValidity, error) {
	c := counter{sys: sys, root: root, path: filepath.Join(root, "dovecot-uidvalidity")}
	v, err := c.advance(now)
	if err != nil {
		return 0, err
	}
	if err := sys.syncDir(root); err != nil {
		return 0, err
	}
	if err := c.note(v); err != nil {
		return 0, err
	}
	return mail.UIDValidity(v), nil
}

type counter struct {
	sys        fileSystem
	root, path string
}

func (c *counter) name(v uint32) string { return fmt.Sprintf("%s.%08x", c.path, v) }

// advance wins the next number.
func (c *counter) advance(now time.Time) (uint32, error) {
	last, hint, err := c.hint()
	if err != nil {
		return 0, err
	}
	for range validityTries {
		if !hint {
			if last, err = c.scan(); err != nil {
				return 0, err
			}
		}
		hint = false
		if last == 0 {
			v, err := c.first(now)
			if err == nil || !errors.Is(err, fs.ErrExist) {
				return v, err
			}
			continue
		}
		if last == math.MaxUint32 {
			return 0, errNoValidity
		}
		err := c.step(last, last+1)
		if err == nil {
			return last + 1, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%s: %w", c.path, ErrRaced)
}

// step renames the counter. It must not replace a counter that is further on:
// its number has been given. (Dovecot does; it assumes one file.)
func (c *counter) step(from, to uint32) error {
	err := c.sys.renameNoReplace(c.name(from), c.name(to))
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	if _, err := c.sys.lstat(c.name(to)); err == nil {
		return fs.ErrExist
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return c.sys.rename(c.name(from), c.name(to))
}

// first makes the counter of an account that has none.
func (c *counter) first(now time.Time) (uint32, error) {
	sec := now.Unix()
	if sec <= 0 || sec >= math.MaxUint32 {
		return 0, fmt.Errorf("%w: clock says %s", errNoValidity, now)
	}
	h, err := c.sys.open(c.name(uint32(sec)), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return 0, err
	}
	return uint32(sec), h.Close()
}

// scan returns the highest counter in the directory, 0 without one.
func (c *counter) scan() (uint32, error) {
	names, err := c.sys.readDir(c.root)
	if err != nil {
		return 0, err
	}
	var last uint32
	for _, n := range names {
		if v, ok := parseValidity(strings.TrimPrefix(n, "dovecot-uidvalidity.")); ok && strings.HasPrefix(n, "dovecot-uidvalidity.") {
			last = max(last, v)
		}
	}
	return last, nil
}

func parseValidity(s string) (uint32, bool) {
	v, err := strconv.ParseUint(s, 16, 32)
	return uint32(v), err == nil && len(s) == 8 && v > 0
}

// hint reads the number in the main file.
func (c *counter) hint() (uint32, bool, error) {
	text, _, err := readAll(c.sys, c.path, 4096)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, false, err
	}
	v, ok := parseValidity(text[:min(len(text), 8)])
	return v, ok, nil
}

// note writes the number into the main file, in place: only the digits change,
// and who reads half of two numbers does not find that counter.
func (c *counter) note(v uint32) (err error) {
	who, err := ownerFor(c.sys, c.path)
	if err != nil {
		return err
	}
	h, err := c.sys.open(c.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if err := who.give(h); err != nil {
		return err
	}
	_, err = h.WriteString(fmt.Sprintf("%08x", v))
	return err
}
