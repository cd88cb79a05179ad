// Package userdb answers who an account is: its name, its uid and gid, its
// home, its mail. The source is a passwd-file in Dovecot's format.
//
// The file is read at the first look-up and again when it changed; between two
// changes a look-up is one stat and one map access. What cannot be read is
// ErrUnavailable, never "no such account": mail must not bounce and a login must
// not fail for good because of a typing error in a file. A line that cannot be
// understood costs its own account only, and is logged when the file is read.
//
// deliver asks Lookup, the password check of package passdb asks Record; the
// package itself knows no hash and opens no socket.
package userdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// The answers of an account source and of a password source.
var (
	ErrUnknown     = errors.New("no such account")
	ErrWrong       = errors.New("wrong name or password") // says not which
	ErrUnavailable = errors.New("account source unavailable")
)

// User is an account.
type User struct {
	Name     string // as the source spells it
	UID, GID int    // -1 if the source says nothing
	Home     string // absolute, or ""
	Mail     string // absolute path of the Maildir, or "": the setting mail.path

	// IMAPWithout are the IMAP capabilities that the account is not offered, with
	// commas between them, in addition to those of the setting imap.without.
	IMAPWithout string

	// POP3Expire is what the account says of pop3.expire: a number of days, "never",
	// or "" for nothing (conf.ParseDays).
	POP3Expire string

	// Quota is what the account says in place of mail.quota, as conf.ParseAccountQuota
	// returns it; "" for nothing.
	Quota string

	// System says that it is the user of the system with that name, whose groups it
	// has.
	System bool

	// Also are its other names, with ":" between them, if the source has several for one
	// account and Name depends on which was asked for.
	Also string
}

// Names are all names of the account at its source.
func (u User) Names() []string {
	if u.Also == "" {
		return []string{u.Name}
	}
	return append([]string{u.Name}, strings.Split(u.Also, ":")...)
}

// Record is what a passwd-file says of an account.
type Record struct {
	User
	Password Secret // with its {SCHEME}; "" if the account has none

	// Refused says why nobody may log in to the account although the password
	// may be right: an extra field asks for what is not supported. nil
	// otherwise.
	Refused error

	broken error // why the account cannot be used at all
}

// maxFile is the largest passwd-file that is read, in octets.
const maxFile = 64 << 20

// settle is how long after its last change a file may be changed again without
// a visible change of its time stamp.
const settle = 2 * time.Second

// File is a passwd-file. It is safe for many goroutines.
type File struct {
	path string
	log  *slog.Logger

	mu      sync.Mutex  // guards what follows
	info    fs.FileInfo // of the content in records; nil if there is none
	settled bool        // info tells of every later change
	told    fs.FileInfo // of the content whose problems are in the log
	records map[string]Record
	names   []string // of records, in the order of the file
}

// Open returns the passwd-file at path; it reads nothing yet.
func Open(path string, log *slog.Logger) *File {
	return &File{path: path, log: log}
}

// Check reports why the file cannot be read, if it cannot.
func (f *File) Check() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refresh(); err != nil {
		return fmt.Errorf("read the passwd-file: %w", err)
	}
	return nil
}

// Lookup returns the account called name. Its errors wrap ErrUnknown or
// ErrUnavailable.
func (f *File) Lookup(name string) (User, error) {
	r, err := f.Record(name)
	return r.User, err
}

// Record returns all that the file says of the account called name. A name
// that is not in the file as it is spelled is looked for in lower case, since
// Dovecot folds the case of login names. Its errors wrap ErrUnknown or
// ErrUnavailable.
func (f *File) Record(name string) (Record, error) {
	if err := CheckName(name); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refresh(); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	r, ok := f.records[name]
	if !ok {
		r, ok = f.records[strings.ToLower(name)]
	}
	switch {
	case !ok:
		return Record{}, ErrUnknown
	case r.broken != nil:
		return Record{}, fmt.Errorf("%w: account %s in %s: %w", ErrUnavailable, r.Name, f.path, r.broken)
	}
	return r, nil
}

// Decoy returns the password of some account, always the same one for the same
// n while the file does not change. A check of a name that does not exist does
// the work of checking it. It is "" if there is none.
func (f *File) Decoy(n uint64) Secret {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.names) == 0 {
		return ""
	}
	return f.records[f.names[n%uint64(len(f.names))]].Password
}

// refresh reads the file if it may have changed. mu is held.
func (f *File) refresh() error {
	info, err := os.Stat(f.path)
	if err != nil {
		f.info, f.records, f.names = nil, nil, nil
		return err
	}
	if f.settled && sameStamp(info, f.info) {
		return nil
	}
	f.info, f.records, f.names = nil, nil, nil
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer file.Close()
	// The stamp is taken before reading: what changes from here on is seen as
	// a change.
	if info, err = file.Stat(); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", f.path)
	}
	if info.Size() > maxFile {
		return fmt.Errorf("%s is larger than %d octets", f.path, maxFile)
	}
	now := time.Now()
	problem := f.problem
	if sameStamp(info, f.told) { // read again only because it is not settled
		problem = func(int, error) {}
	}
	parsed, err := parse(io.LimitReader(file, maxFile), problem)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.path, err)
	}
	f.records, f.names, f.info, f.told = parsed.records, parsed.names, info, info
	f.settled = now.Sub(info.ModTime()) > settle
	return nil
}

// sameStamp reports whether nothing tells that a file changed from b to a. b
// may be nil.
func sameStamp(a, b fs.FileInfo) bool {
	return b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// problem reports a line of the file that is not as it should be.
func (f *File) problem(line int, err error) {
	f.log.Warn("passwd-file line", "file", f.path, "line", line, "err", err)
}
