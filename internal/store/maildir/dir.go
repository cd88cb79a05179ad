package maildir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	foreign "github.com/emersion/go-maildir"
)

// Errors that callers tell apart with errors.Is. A message or Maildir that is
// not there is fs.ErrNotExist.
var (
	// ErrLost says that another process has claimed the message.
	ErrLost = errors.New("maildir: claimed by another process")
	// ErrBusy says that the Maildir changed so fast that neither a message nor
	// its absence could be found. Nothing has been done; try again later.
	ErrBusy = errors.New("maildir: changing too fast")
	// ErrVanished says that tmp, new or cur is no longer there. It is not
	// fs.ErrNotExist: a file system that is not mounted proves nothing about
	// messages.
	ErrVanished = errors.New("maildir: directory has vanished")
	// ErrNotRegular says that a name in new or cur is not of a regular file.
	ErrNotRegular = errors.New("maildir: not a regular file")
)

// Options are what names of new messages are made from, and how a Tree has its
// folders. Zero values mean the system's clock, host name and random numbers, and
// Maildir++.
type Options struct {
	Clock  Clock
	Host   string
	Rand   io.Reader // must be safe for many goroutines
	Layout Layout    // of a Tree
}

func (o Options) withDefaults() (Options, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Rand == nil {
		o.Rand = random{}
	}
	if o.Host == "" {
		host, err := os.Hostname()
		if err != nil {
			return o, fmt.Errorf("find the host name: %w", err)
		}
		o.Host = host
	}
	return o, nil
}

// Dir is one Maildir, open. Descriptors are opened when they are first needed: who
// only looks whether something has changed needs none. It is safe for many goroutines, and for any number
// of other programs that work on the same Maildir.
type Dir struct {
	path          string
	names         *namer
	sys           *sys
	slack         time.Duration
	tmp, new, cur *folder

	lastCount atomic.Int64 // files seen by the last scan: the next one's buffer
	limit     int          // of the buffer for getdents; tests lower it to have bad scans
}

// Open opens the Maildir at path. The error is fs.ErrNotExist if there is none, which
// is to say no cur: what is missing beside it is made when it is needed.
func Open(path string, o Options) (*Dir, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return open(path, newNamer(o), &sys{})
}

func open(path string, names *namer, s *sys) (*Dir, error) {
	d := &Dir{path: path, names: names, sys: s, limit: maxBuffer}
	for _, sub := range []struct {
		name string
		to   **folder
	}{{"tmp", &d.tmp}, {"new", &d.new}, {"cur", &d.cur}} {
		*sub.to = &folder{name: sub.name, path: filepath.Join(path, sub.name)}
	}
	var err error
	if d.slack, err = slackOf(d.cur.path + "/"); err != nil { // with the slash it must be a directory
		return nil, fmt.Errorf("open maildir: %w", err)
	}
	return d, nil
}

// Create makes the Maildir at path durably, unless it is there, and opens it.
// The directory above must exist. What a crash leaves half made is completed.
func Create(path string, o Options) (*Dir, error) {
	d, err := Open(path, o)
	if !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	if err := initialize(path); err != nil {
		return nil, fmt.Errorf("create maildir: %w", err)
	}
	return Open(path, o)
}

// initialize makes the directories and their names durable. cur is made last, so
// what has cur is complete.
func initialize(path string) error {
	if err := foreign.Dir(path).Init(); err != nil {
		return err
	}
	if err := syncPath(path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(filepath.Clean(path)))
}

// syncPath makes the names in a directory durable.
func syncPath(path string) error {
	f, err := openFolder(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Close gives the descriptors back. No other method may be running or follow;
// files and deliveries that are open stay usable only for Close and Abort.
func (d *Dir) Close() error {
	var errs []error
	for _, f := range []*folder{d.tmp, d.new, d.cur} {
		errs = append(errs, f.close())
	}
	return errors.Join(errs...)
}

// Networked reports whether the Maildir lies on a file server, or on a file system
// that is not known not to.
func (d *Dir) Networked() bool { return d.slack >= coarseSlack }

// Path is the path that the Maildir was opened by.
func (d *Dir) Path() string { return d.path }

// Entry is a message where it was last seen.
type Entry struct {
	Name Name
	File string // its name on disk, as it is there
	New  bool   // in new, not in cur
}

// folder is the directory that the entry is in.
func (d *Dir) folder(e Entry) *folder {
	if e.New {
		return d.new
	}
	return d.cur
}

// Stamp looks at cur and new. While both are equal to the stamps of a Listing
// that is Complete, the Maildir is as listed and needs no scan. The stamps of
// another Listing prove nothing, not even later: what changed in the same tick
// of the clock as they did stays hidden for good.
func (d *Dir) Stamp() (cur, new Stamp, err error) {
	if new, err = d.stamp(d.new); err != nil {
		return Stamp{}, Stamp{}, fmt.Errorf("look at maildir: %w", err)
	}
	if cur, err = d.stamp(d.cur); err != nil {
		return Stamp{}, Stamp{}, fmt.Errorf("look at maildir: %w", err)
	}
	return cur, new, nil
}

// SyncCur makes the names in cur durable: after a batch of LinkInto.
func (d *Dir) SyncCur() error { return d.sys.syncDir(d.cur) }
