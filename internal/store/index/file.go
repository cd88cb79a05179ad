package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultVanished is how many ranges of expunged UIDs a snapshot remembers.
const DefaultVanished = 64 << 10

// Options say how the files of an index are used.
type Options struct {
	// Networked says that the directory lies on a file server: files are read
	// into the heap instead of mapped, and each transaction is synced, since
	// other machines go on when this one stops.
	Networked bool
	Clock     func() time.Time // nil: time.Now
	Boot      BootID           // as ReadBoot returns it; zero: Open calls that
	Vanished  int              // ranges of expunged UIDs to remember; 0: DefaultVanished
}

// File is the index of one mailbox on disk. Its methods may be called by many
// goroutines.
type File struct {
	dir  string
	opt  Options
	sys  sys
	boot BootID

	cache atomic.Pointer[blobs] // or nil; stored with mu held

	mu      sync.Mutex // guards the following; held while the journal is read
	cur     *Index     // newest that was loaded, or nil
	log     *os.File   // the journal that cur was read from, if cur.matched
	logSize int64      // when it was last read

	writer   sync.Mutex // held while a goroutine of ours has the lock
	lockFile *os.File   // kept from lock to lock
	interner *interner  // of interned
	interned *vocabulary
}

// Open names the index of the mailbox in dir. It reads nothing.
func Open(dir string, o Options) (*File, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Vanished == 0 {
		o.Vanished = DefaultVanished
	}
	f := &File{dir: dir, opt: o, boot: o.Boot}
	if !o.Networked && o.Boot == (BootID{}) {
		var err error
		if f.boot, err = ReadBoot(); err != nil {
			return nil, fmt.Errorf("identify the running kernel: %w", err)
		}
	}
	return f, nil
}

// Close gives up what the File holds open. Every Index that came from it stays
// good.
func (f *File) Close() error {
	f.writer.Lock()
	defer f.writer.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, p := range []**os.File{&f.log, &f.lockFile} {
		if *p != nil {
			errs = append(errs, (*p).Close())
			*p = nil
		}
	}
	f.cur = nil
	f.cache.Store(nil)
	return errors.Join(errs...)
}

func (f *File) path(name string) string { return filepath.Join(f.dir, name) }

// Load returns the index as it is now, which costs one stat while nothing
// changed, and the new frames if the journal only grew. The same pointer means
// the same content. It takes no lock.
//
// Without an index the error is fs.ErrNotExist, with an unusable one a
// *DamagedError: both call for Lock.Reset.
func (f *File) Load() (*Index, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.load()
}

// load is Load; f.mu is held.
func (f *File) load() (*Index, error) {
	if f.cur != nil {
		x, ok, err := f.follow()
		switch damage := f.cur.Err(); {
		case ok && damage != nil:
			return nil, damage // until somebody replaces the files
		case err != nil:
			f.forget()
			return nil, err
		case ok:
			f.cur = x
			return x, nil
		}
	}
	return f.reload()
}

// loadLocked is load for a writer, who has the lock. A reader may stay with the
// journal that a crash left beside a newer snapshot: they say the same. A writer
// who added to it would be heard by nobody.
func (f *File) loadLocked() (*Index, error) {
	x, err := f.load()
	if err != nil || x.beside == f.snapshotID() {
		return x, err
	}
	return f.reload()
}

// snapshotID tells the file that is the snapshot now from others; zero if there
// is none.
func (f *File) snapshotID() (id FileID) {
	var st unix.Stat_t
	if unix.Lstat(f.path(snapshotName), &st) == nil {
		id = FileID{st.Ino, st.Size, st.Ctim.Nano()}
	}
	return id
}

// forget drops what was loaded; f.mu is held.
func (f *File) forget() {
	if f.log != nil {
		f.log.Close() // only read from
	}
	f.log, f.cur = nil, nil
}

// follow reads what was added to the journal. It reports false if cur does not
// lead to what is there now.
func (f *File) follow() (*Index, bool, error) {
	if f.log == nil {
		return nil, false, nil
	}
	var named, held unix.Stat_t
	if unix.Lstat(f.path(journalName), &named) != nil || unix.Fstat(int(f.log.Fd()), &held) != nil ||
		named.Ino != held.Ino || named.Dev != held.Dev {
		return nil, false, nil
	}
	switch {
	case held.Size == f.logSize && !f.cur.more:
		return f.cur, true, nil
	case held.Size < f.cur.off:
		return nil, false, nil
	}
	x, err := readFrames(f.log, held.Size, f.cur)
	if err != nil {
		return nil, false, err
	}
	// A journal that was cut off and written again does not continue what we
	// know, which looks like an unfinished frame.
	if x.more && !x.continues(f.log) {
		return nil, false, nil
	}
	f.logSize = held.Size
	return x, true, nil
}

// maxTries is how often a reader starts again because a writer replaced the files
// under its eyes.
const maxTries = 10

// reload reads everything; f.mu is held.
func (f *File) reload() (*Index, error) {
	f.forget()
	for range maxTries {
		x, log, size, err := f.read()
		if err == errRaced {
			continue
		}
		if err != nil {
			return nil, err
		}
		f.cur, f.log, f.logSize = x, log, size
		return x, nil
	}
	return nil, fmt.Errorf("read index: %w", errRaced)
}

var errRaced = errors.New("files were replaced while they were read")

// read reads the journal's header, the snapshot, and the frames. The journal
// comes first: a snapshot opened after it is of its generation or a later one,
// and of a later one only if the journal's content is in it or the journal is
// about to be replaced.
func (f *File) read() (x *Index, log *os.File, size int64, err error) {
	log, st, err := openOld(f.path(journalName), os.O_RDONLY)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, 0, err
	}
	defer func(opened *os.File) {
		if log == nil && opened != nil {
			opened.Close() // only read from
		}
	}(log)
	var head journalHead
	good := false
	if log != nil {
		size = st.Size()
		if head, good, err = readHead(log, size); err != nil {
			return nil, nil, 0, err
		}
	}
	beside := f.snapshotID()
	snap, err := openImage(f.path(snapshotName), f.opt.Networked)
	damaged := (*DamagedError)(nil)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.As(err, &damaged) {
		return nil, nil, 0, err
	}
	missing := err
	if good && head.alone && (snap == nil || snap.h.generation < head.generation) {
		snap, missing = nil, nil
	}
	switch {
	case missing != nil && good && damaged == nil:
		return nil, nil, 0, f.raced(st, &DamagedError{f.path(journalName), Orphan, 0})
	case missing != nil:
		return nil, nil, 0, missing
	}
	x = newIndex(snap)
	defer func() {
		if err == nil {
			x.beside = beside
		}
	}()
	switch {
	case good && snap == nil:
		x.meta = head.meta
		head.start(x)
	case good && !head.alone && head.generation == snap.h.generation:
		head.start(x)
	case good && head.generation > snap.h.generation:
		return nil, nil, 0, f.raced(st, &DamagedError{f.path(journalName), Orphan, 0})
	default:
		// No journal, or that of an earlier generation. Only a crash between two
		// renames leaves the latter for longer than a moment.
		if err := f.raced(st, nil); err != nil {
			return nil, nil, 0, err
		}
		x.tail = tail{generation: snap.h.generation, boot: snap.h.boot, doubt: !good || f.otherBoot(snap.h.boot)}
		return x, nil, 0, nil
	}
	if x, err = readFrames(log, size, x); err != nil {
		return nil, nil, 0, err
	}
	x.doubt = !x.clean && f.otherBoot(x.boot)
	return x, log, size, nil
}

// otherBoot reports whether the machine was started again since the time of id.
func (f *File) otherBoot(id BootID) bool { return !f.opt.Networked && id != f.boot }

// raced returns errRaced if the journal of this stat was replaced, and err
// otherwise. st is nil if there was none.
func (f *File) raced(st fs.FileInfo, err error) error {
	now, serr := os.Lstat(f.path(journalName))
	switch {
	case errors.Is(serr, fs.ErrNotExist) && st == nil:
		return err
	case errors.Is(serr, fs.ErrNotExist) || serr == nil && (st == nil || !os.SameFile(st, now)):
		return errRaced
	case serr != nil:
		return serr
	}
	return err
}
