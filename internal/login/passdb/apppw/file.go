package apppw

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/userdb"
)

// file is the app passwords of one account. Its first line says whose they are; each
// further one is a password, with tabs between the fields:
//
//	fantail-apppw 1 name
//	id  services,with,commas  SHA-256 in hexadecimal digits  day of creation  day of last use  label
//
// A line that is anything else is an error of the whole file: a program that does not
// know what it says must not write it anew.
type file struct {
	account   string // in lower case
	passwords []Password
}

const magic = "fantail-apppw 1 "

// maxFile is the largest file that is read, in octets: Most passwords with the longest
// labels fit.
const maxFile = 64 << 10

var errFile = errors.New("not a file of app passwords")

func (f *file) has(id string) bool {
	for _, p := range f.passwords {
		if p.ID == id {
			return true
		}
	}
	return false
}

// format writes the file.
func (f *file) format() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s%s\n", magic, f.account)
	for _, p := range f.passwords {
		services := make([]string, len(p.Services))
		for i, s := range p.Services {
			services[i] = s.String()
		}
		fmt.Fprintf(&b, "%s\t%s\t%x\t%d\t%d\t%s\n", p.ID, strings.Join(services, ","), p.hash, p.Created, p.Used, p.Label)
	}
	return b.Bytes()
}

// parse reads a file. Its errors hold nothing of it.
func parse(text []byte) (*file, error) {
	lines := strings.Split(string(text), "\n")
	account, ok := strings.CutPrefix(lines[0], magic)
	if !ok || userdb.CheckName(account) != nil || strings.ToLower(account) != account || len(lines) < 2 || lines[len(lines)-1] != "" {
		return nil, errFile
	}
	f := &file{account: account}
	for i, line := range lines[1 : len(lines)-1] {
		p, err := parseLine(line)
		if err != nil || f.has(p.ID) || len(f.passwords) == Most {
			return nil, fmt.Errorf("line %d: %w", i+2, errFile)
		}
		f.passwords = append(f.passwords, p)
	}
	return f, nil
}

func parseLine(line string) (p Password, err error) {
	fields := strings.Split(line, "\t")
	if len(fields) != 6 {
		return p, errFile
	}
	p.ID, p.Label = fields[0], fields[5]
	if len(p.ID) != 8 || strings.Trim(p.ID, "0123456789abcdef") != "" {
		return p, errFile
	}
	for name := range strings.SplitSeq(fields[1], ",") {
		s, ok := wire.ServiceOf(name)
		if !ok {
			return p, errFile
		}
		p.Services = append(p.Services, s)
	}
	hash, err := hex.DecodeString(fields[2])
	if err != nil || len(hash) != sha256.Size || strings.ToLower(fields[2]) != fields[2] {
		return p, errFile
	}
	p.hash = [sha256.Size]byte(hash)
	if p.Created, err = parseDay(fields[3]); err != nil {
		return p, err
	}
	if p.Used, err = parseDay(fields[4]); err != nil {
		return p, err
	}
	return p, errors.Join(checkServices(p.Services), checkLabel(p.Label))
}

func parseDay(text string) (Day, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0, errFile
	}
	return Day(n), nil
}

// printable reports whether text is UTF-8 for one line.
func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	})
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

// read reads an account's file. None is one without passwords.
func (s *Store) read(account string) (*file, error) {
	if err := userdb.CheckName(account); err != nil {
		return nil, err
	}
	account = strings.ToLower(account)
	path := filepath.Join(s.dir, fileName(account))
	in, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return &file{account: account}, nil
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d octets", path, maxFile)
	}
	f, err := parse(text)
	if err == nil && f.account != account {
		err = errors.New("it is another account's")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// change replaces an account's file by what do makes of it, unless do fails. If it must
// not wait for others the error may be errBusy.
func (s *Store) change(account string, wait bool, do func(*file) error) (err error) {
	if err := userdb.CheckName(account); err != nil {
		return err
	}
	owner, err := s.make()
	if err != nil {
		return err
	}
	unlock, err := s.lock(owner, wait)
	if err != nil {
		return err
	}
	defer unlock()
	f, err := s.read(account)
	if err != nil {
		return err
	}
	if err := do(f); err != nil {
		return err
	}
	text := f.format()
	if len(text) > maxFile {
		return ErrMost
	}
	return s.write(fileName(f.account), text, owner)
}

// make makes the directory, and returns whom everything in it belongs to.
func (s *Store) make() (owner *syscall.Stat_t, err error) {
	above := filepath.Dir(s.dir)
	if err := os.MkdirAll(above, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Stat(above)
	if err != nil {
		return nil, err
	}
	owner = info.Sys().(*syscall.Stat_t) // what os.Stat gives on Linux
	err = os.Mkdir(s.dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return owner, nil
	}
	if err == nil && os.Geteuid() == 0 {
		err = os.Lchown(s.dir, int(owner.Uid), int(owner.Gid))
	}
	return owner, err
}

// lockName is not the name of any account's file.
const lockName = ".lock"

// errBusy says that somebody else is writing.
var errBusy = errors.New("somebody else changes app passwords")

// lock keeps other writers out until unlock is called.
func (s *Store) lock(owner *syscall.Stat_t, wait bool) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.dir, lockName), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
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
		err = errBusy
	}
	return nil, errors.Join(fmt.Errorf("lock %s: %w", s.dir, err), f.Close())
}

// give makes a file the owner's, which only root has to do.
func give(f *os.File, owner *syscall.Stat_t) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// write replaces a file.
func (s *Store) write(name string, text []byte, owner *syscall.Stat_t) error {
	f, err := os.CreateTemp(s.dir, ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, give(f, owner), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(s.dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
