package quota

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ErrOver says that mail has no room within the limits.
var ErrOver = errors.New("over quota")

// Mail is the mail that a quota covers, and how to count it.
type Mail interface {
	// Stamp is a number for the state of all mailboxes: a different one if any
	// message has come or gone, or any mailbox, since another stamp was taken.
	// It looks at the directories, not at what is known of them.
	Stamp(ctx context.Context) (uint64, error)
	// Count adds up all messages, in octets as stored.
	Count(ctx context.Context) (Usage, error)
}

// Options are what a File takes from its surroundings.
type Options struct {
	Mail Mail
	// Unlimited says that there are no limits, whatever the file says.
	Unlimited bool
	Clock     func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: nothing is logged
}

// File is the maildirsize of one account. It is safe for many goroutines, and for
// other programs that use the same file.
type File struct {
	root   string
	limits Limits
	free   bool // of limits, whatever the file says
	mail   Mail
	clock  func() time.Time
	log    *slog.Logger

	counting sync.Mutex // one recount at a time, in this process
}

const (
	name = "maildirsize"
	// freshFor is how long a sum that refuses mail is believed without another
	// count.
	freshFor = 15 * time.Minute
)

// Open is the quota of the account whose Maildir++ is at root, with the limits
// that are configured for it; see the package comment for what none means. It
// reads nothing yet.
func Open(root string, l Limits, o Options) *File {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &File{root: root, limits: l, free: o.Unlimited, mail: o.Mail, clock: o.Clock, log: o.Log}
}

func (f *File) path() string { return filepath.Join(f.root, name) }

// configured reports whether the limits are the administrator's, not the file's.
func (f *File) configured() bool { return f.free || f.limits != Limits{} }

// Exists reports whether there is a quota: configured limits, or a file of whatever
// kind. Without one nothing needs to be counted or announced.
func (f *File) Exists() bool {
	if f.configured() && !f.free {
		return true
	}
	_, err := os.Lstat(f.path())
	return !errors.Is(err, fs.ErrNotExist)
}

// Limits are those that count: the configured ones, or else those in the file, or
// none.
func (f *File) Limits() (Limits, error) {
	if f.configured() {
		return f.limits, nil
	}
	s, err := f.read()
	if err != nil {
		return Limits{}, fmt.Errorf("read quota: %w", err)
	}
	return s.limits, nil
}

// Usage is how much mail there is. Most often that costs the reading of one small
// file; if that is not to be believed, all mail is counted.
func (f *File) Usage(ctx context.Context) (Usage, error) {
	u, _, err := f.usage(ctx, Usage{}, Beyond{})
	if err != nil {
		return Usage{}, fmt.Errorf("quota: %w", err)
	}
	return u, nil
}

// Fits returns nil if more mail has room, ErrOver if it has none. Nobody is
// refused by a sum that is not fresh: the mail is counted first.
func (f *File) Fits(ctx context.Context, more Usage) error { return f.FitsBeyond(ctx, more, Beyond{}) }

// FitsBeyond is Fits for mail that may go beyond the limits.
func (f *File) FitsBeyond(ctx context.Context, more Usage, b Beyond) error {
	// Without limits there is nothing to count for.
	if l, err := f.Limits(); err != nil || l == (Limits{}) {
		return err
	}
	u, l, err := f.usage(ctx, more, b)
	if err != nil {
		return fmt.Errorf("quota: %w", err)
	}
	if !b.room(l, u, more) {
		return fmt.Errorf("%w: %d octets and %d messages more than %d and %d, limits %d and %d",
			ErrOver, more.Octets, more.Messages, u.Octets, u.Messages, l.Octets, l.Messages)
	}
	return nil
}

// usage is the mail that there is, and the limits. They are sure enough to decide
// whether more has room.
func (f *File) usage(ctx context.Context, more Usage, b Beyond) (Usage, Limits, error) {
	s, err := f.read()
	if err != nil {
		return Usage{}, Limits{}, err
	}
	if f.believes(s, more, b) {
		return s.usage, s.limits, nil
	}
	f.counting.Lock()
	defer f.counting.Unlock()
	if s, err = f.read(); err != nil { // another goroutine has counted, perhaps
		return Usage{}, Limits{}, err
	}
	if f.believes(s, more, b) {
		return s.usage, s.limits, nil
	}
	u, err := f.recount(ctx, s)
	return u, s.limits, err
}

// state is the file as it was read.
type state struct {
	content
	damage error // why the sum is none
	mtime  time.Time
}

// read reads the file. That it is absent or damaged is no error. The limits are
// those that count.
func (f *File) read() (state, error) {
	s, err := f.readContent()
	if f.configured() {
		if s.damage == nil && s.limits != f.limits {
			s.damage = errors.New("limits have changed")
		}
		s.first, s.limits = f.limits.line(), f.limits
	}
	return s, err
}

// maxStale is how often the file is opened again because the file server has
// forgotten its handle: another machine has replaced it.
const maxStale = 10

func (f *File) readContent() (s state, err error) {
	for range maxStale {
		if s, err = f.readOnce(); !errors.Is(err, unix.ESTALE) {
			break
		}
	}
	return s, err
}

func (f *File) readOnce() (state, error) {
	file, info, err := openRegular(f.path(), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return state{damage: err}, nil
	}
	if err != nil {
		return state{}, err
	}
	defer file.Close() // opened for reading: nothing to lose
	text, err := io.ReadAll(io.LimitReader(file, maxSize))
	if err != nil {
		return state{}, err
	}
	s := state{mtime: info.ModTime()}
	s.content, s.damage = parse(text)
	return s, nil
}

// believes reports whether the sum in s may decide about more mail.
func (f *File) believes(s state, more Usage, b Beyond) bool {
	if s.damage != nil {
		return false
	}
	return b.room(s.limits, s.usage, more) || s.lines == 1 && f.clock().Sub(s.mtime).Abs() < freshFor
}

// openRegular opens what must be a file: no link is followed, no FIFO waited for.
func openRegular(path string, flag int) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}
