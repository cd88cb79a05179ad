// Package devices remembers where an account's owner has logged in to webmail from, to tell
// a new place from one that he uses.
//
// What is remembered are marks: hashes of a cookie, or of a browser and its network. All of
// them are one file, fantail-webmail/devices in the account's Maildir: a line each, with the
// day of its last use, counted from 1970, and the mark. It is replaced by rename as a whole,
// under a lock. A file that was damaged is an empty one: at worst somebody is told twice.
package devices

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/webmail/settings"
)

const (
	most     = 100                  // marks that are remembered; those used last stay
	longest  = 400 * 24 * time.Hour // since their last use
	markSize = 16                   // octets
	maxFile  = 16 << 10
)

// Mark is a device or a place.
type Mark [markSize]byte

// Place is the mark of a browser in the network of an address: of IPv4 the first 24 bits, of
// IPv6 48.
func Place(agent, host string) Mark {
	network := host
	if a, err := netip.ParseAddr(host); err == nil {
		bits := 48
		if a = a.Unmap().WithZone(""); a.Is4() {
			bits = 24
		}
		if p, err := a.Prefix(bits); err == nil {
			network = p.String()
		}
	}
	sum := sha256.Sum256([]byte(agent + "\x00" + network))
	return Mark(sum[:markSize])
}

// Device is the mark of a device by what a front calls it: 32 hexadecimal digits. It reports
// false for anything else.
func Device(name string) (m Mark, ok bool) {
	b, err := hex.DecodeString(name)
	if err != nil || len(b) != markSize {
		return m, false
	}
	return Mark(b), true
}

// Store is the marks of an account.
type Store struct{ dir string }

// Open returns the marks of the account with this Maildir.
func Open(maildir string) *Store { return &Store{filepath.Join(maildir, settings.Directory)} }

// Visit remembers marks of somebody who has logged in, and reports whether any of them was
// known, or there was none at all: then nobody is new.
func (s *Store) Visit(now time.Time, marks ...Mark) (known bool, err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return false, fmt.Errorf("remember devices: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(s.dir, "devices.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, fmt.Errorf("remember devices: %w", err)
	}
	defer lock.Close() // and the lock with it
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return false, fmt.Errorf("lock devices: %w", err)
	}
	path := filepath.Join(s.dir, "devices")
	text, err := read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("read devices: %w", err)
	}
	today := now.Unix() / (24 * 60 * 60)
	oldest := today - int64(longest/(24*time.Hour))
	list := slices.DeleteFunc(parse(text), func(v visit) bool { return v.day < oldest })
	known = len(list) == 0
	for _, m := range marks {
		i := slices.IndexFunc(list, func(v visit) bool { return v.mark == m })
		if i >= 0 {
			known = true
			list = slices.Delete(list, i, i+1)
		}
		list = append(list, visit{today, m})
	}
	return known, write(path, format(list[max(0, len(list)-most):]))
}

// read reads a file that is not too large.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxFile || !info.Mode().IsRegular() {
		return nil, err
	}
	return os.ReadFile(path)
}

// visit is a line of the file.
type visit struct {
	day  int64
	mark Mark
}

// parse reads the lines that make sense.
func parse(text []byte) (list []visit) {
	for line := range strings.Lines(string(text)) {
		day, mark, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		n, err := strconv.ParseUint(day, 10, 32)
		if m, ok := Device(mark); ok && err == nil && len(list) < maxFile {
			list = append(list, visit{int64(n), m})
		}
	}
	return list
}

func format(list []visit) []byte {
	var b bytes.Buffer
	for _, v := range list {
		fmt.Fprintf(&b, "%d %x\n", v.day, v.mark)
	}
	return b.Bytes()
}

func write(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "devices.tmp")
	if err != nil {
		return fmt.Errorf("write devices: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write devices: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
