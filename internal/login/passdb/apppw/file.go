package apppw

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

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

// read reads an account's file. None is one without passwords.
func (s *Store) read(account string) (*file, error) {
	text, err := s.dir.Read(account)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.open(account, text)
}

// open reads what is in an account's file; nil if there is none.
func (s *Store) open(account string, text []byte) (*file, error) {
	account = strings.ToLower(account)
	if text == nil {
		return &file{account: account}, nil
	}
	f, err := parse(text)
	if err == nil && f.account != account {
		err = errors.New("it is another account's")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.dir.File(account), err)
	}
	return f, nil
}

// change replaces an account's file by what do makes of it, unless do fails. If it must
// not wait for others the error may be accountdir.ErrBusy.
func (s *Store) change(account string, wait bool, do func(*file) error) (err error) {
	return s.dir.Change(account, wait, func(text []byte) ([]byte, error) {
		f, err := s.open(account, text)
		if err != nil {
			return nil, err
		}
		if err := do(f); err != nil {
			return nil, err
		}
		if text = f.format(); len(text) > maxFile {
			return nil, ErrMost
		}
		return text, nil
	})
}
