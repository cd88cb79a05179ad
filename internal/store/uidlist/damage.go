package uidlist

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
)

// Kind is a kind of damage; the package comment has the table.
type Kind uint8

// The kinds of damage.
const (
	Empty Kind = iota
	BadVersion
	BadHeader
	BadGUID
	BadLine
	BadUID
	Merged
	Descending
	DuplicateUID
)

var kindText = [...]string{
	Empty:        "empty file",
	BadVersion:   "unknown version",
	BadHeader:    "unreadable header",
	BadGUID:      "unreadable GUID",
	BadLine:      "unreadable line",
	BadUID:       "impossible UID",
	Merged:       "two lines in one",
	Descending:   "UID not ascending",
	DuplicateUID: "same UID twice",
}

func (k Kind) String() string { return kindText[k] }

// maxProblems is how many problems a DamagedError names.
const maxProblems = 8

// Problem is one place where a file breaks the rules of its format.
type Problem struct {
	Line int // from 1; the header is line 1
	Kind Kind
	Text string // the beginning of the line
}

// problems collects what is wrong with a file.
type problems struct {
	first []Problem
	count int // of all
}

func (p *problems) add(line int, k Kind, text string) {
	p.count++
	if len(p.first) < maxProblems {
		p.first = append(p.first, Problem{line, k, strings.Clone(text[:min(len(text), 120)])})
	}
}

// damage returns them as an error, or nil if there are none.
func (p *problems) damage(path string) *DamagedError {
	if p.count == 0 {
		return nil
	}
	return &DamagedError{Path: path, Problems: slices.Clip(p.first), Count: p.count}
}

// DamagedError says that a file breaks the rules of its format, and what could be
// saved from it.
type DamagedError struct {
	Path     string
	Problems []Problem // the first few
	Count    int       // of all
	// Saved is what Repair of a UID list would write. Its Validity is 0 if that is
	// lost.
	Saved *List
}

func (e *DamagedError) Error() string {
	p := e.Problems[0]
	s := fmt.Sprintf("%s: line %d: %s: %q", e.Path, p.Line, p.Kind, p.Text)
	if e.Count > 1 {
		s += fmt.Sprintf(" (and %d more)", e.Count-1)
	}
	return s
}

// RepairOptions say what the caller knows that the file may have lost.
type RepairOptions struct {
	Now time.Time // names the file that is kept
	// Index is what another source remembers of this list, or nil. Its Next is
	// respected, its Validity replaces a lost one, and under the same Validity its
	// records stand in for lost ones.
	Index *List
	// Fresh makes a new UIDVALIDITY. It is called only if the old one is lost. If
	// it is nil, Repair gives the *DamagedError back instead.
	Fresh func() (mail.UIDValidity, error)
}

// Repair writes what can be saved from a damaged list and keeps the old file as
// dovecot-uidlist.broken-<time>. A file that is not damaged stays. The caller
// holds the mailbox's lock.
func (f *File) Repair(o RepairOptions) (*List, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.from = position{}, nil // nothing remembered counts now
	list, err := f.load()
	var damage *DamagedError
	if err == nil || !errors.As(err, &damage) {
		return list, err
	}
	l, err := damage.mend(o)
	if err != nil {
		return nil, err
	}
	if err := keepBroken(f.sys, f.path, maxFile, o.Now); err != nil {
		return nil, fmt.Errorf("keep damaged UID list: %w", err)
	}
	if err := f.rewrite(l); err != nil {
		return nil, fmt.Errorf("repair UID list: %w", err)
	}
	return f.at.list, nil
}

// mend completes what was saved by what the caller knows.
func (e *DamagedError) mend(o RepairOptions) (*List, error) {
	l := *e.Saved
	x := o.Index
	if l.Validity == 0 && x != nil {
		l.Validity = x.Validity
	}
	if l.Validity == 0 {
		if o.Fresh == nil {
			return nil, e
		}
		v, err := o.Fresh()
		if err != nil {
			return nil, fmt.Errorf("new UIDVALIDITY: %w", err)
		}
		l.Validity = v
	}
	if x != nil && x.Validity == l.Validity {
		l.Next = max(l.Next, x.Next, x.lastUID()+1)
		l.Records = merge(l.Records, x.Records)
		if l.GUID == "" {
			l.GUID = x.GUID
		}
	}
	return &l, nil
}

// merge adds the records of known whose UID and base are both missing in saved.
func merge(saved, known []Record) []Record {
	bases := make(map[string]bool, len(saved))
	uids := make(map[mail.UID]bool, len(saved))
	for _, r := range saved {
		bases[r.Base], uids[r.UID] = true, true
	}
	all := slices.Clone(saved)
	for _, r := range known {
		if !bases[r.Base] && !uids[r.UID] && checkBase(r.Base) == nil {
			bases[r.Base], uids[r.UID] = true, true
			all = append(all, r)
		}
	}
	slices.SortFunc(all, byUID)
	return all
}

// keepBroken gives the file a second name, <path>.broken-<time>, so that there is
// one at every moment until it is replaced. Where links are refused it is copied.
func keepBroken(sys fileSystem, path string, limit int64, now time.Time) error {
	name := path + ".broken-" + strconv.FormatInt(now.Unix(), 10)
	for try := 1; ; try++ {
		to := name
		if try > 1 {
			to += "-" + strconv.Itoa(try)
		}
		err := sys.link(path, to)
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EMLINK) {
			err = copyBroken(sys, path, to, limit)
		}
		if err == nil {
			return sys.syncDir(filepath.Dir(path))
		}
		if !errors.Is(err, fs.ErrExist) || try == 100 {
			return err
		}
	}
}

func copyBroken(sys fileSystem, path, to string, limit int64) (err error) {
	text, _, err := readAll(sys, path, limit)
	if err != nil {
		return err
	}
	h, err := sys.open(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if _, err := h.WriteString(text); err != nil {
		return err
	}
	return h.datasync()
}
