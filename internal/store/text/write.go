package text

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const tmpSuffix = ".tmp"

// Writer appends frames to the file of a mailbox. Its lock is a flock on the file;
// it never waits for another Writer's. Several goroutines may append at once.
type Writer struct {
	v *View
	w *os.File // locked

	mu  sync.Mutex // guards what follows
	end int64      // of the last frame
	err error      // of an earlier Append
}

// Lock makes v's reader a writer, too: v has been gone through to its end, perhaps.
// If another program writes, it returns nil. Otherwise there may be new frames to
// go through, and v.Next tells of them; if v's file has been replaced it begins
// with the first, and again is true. v must be at its end when something is
// appended.
func (v *View) Lock() (w *Writer, again bool, err error) {
	for {
		file, err := openOld(v.path, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return nil, false, err
		}
		err = flock(file)
		if err == unix.EWOULDBLOCK {
			return nil, false, file.Close()
		}
		same := false
		if err == nil {
			same, err = isStill(file, v.path)
		}
		if err != nil {
			return nil, false, errors.Join(fmt.Errorf("lock cache of texts: %w", err), file.Close())
		}
		if !same { // replaced between open and lock
			if err := file.Close(); err != nil {
				return nil, false, err
			}
			continue
		}
		w = &Writer{v: v, w: file}
		again, err = w.begin()
		if err != nil {
			return nil, false, errors.Join(err, w.Close())
		}
		return w, again, nil
	}
}

func flock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EINTR {
			return err
		}
	}
}

// isStill reports whether path names the open file.
func isStill(f *os.File, path string) (bool, error) {
	held, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(held, named), err
}

// begin makes sure that v reads the file that is locked, and that it is of the
// right kind.
func (w *Writer) begin() (again bool, err error) {
	v := w.v
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.file != nil {
		a, err := v.file.Stat()
		if err != nil {
			return false, err
		}
		b, err := w.w.Stat()
		if err != nil {
			return false, err
		}
		if os.SameFile(a, b) {
			return false, nil
		}
		if err := v.file.Close(); err != nil {
			return false, err
		}
		v.file = nil
	}
	file, err := openOld(v.path, os.O_RDONLY)
	if err != nil {
		return false, err
	}
	if err := v.use(file); err != nil || v.file != nil {
		return true, err
	}
	return true, w.replace(v.header, nil)
}

// Append appends a batch as a frame, and empties it. After an error nothing more
// is appended.
func (w *Writer) Append(b *Batch) error {
	if b.Len() == 0 {
		return nil
	}
	frame := b.pack(w.v.seed)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if w.end == 0 {
		w.end = w.v.end()
		if w.err = w.w.Truncate(w.end); w.err != nil { // what a crash left there
			return w.err
		}
	}
	if _, err := w.w.WriteAt(frame, w.end); err != nil {
		// The end of a full disk: nothing of it may stay.
		w.err = errors.Join(fmt.Errorf("write cache of texts: %w", err), w.w.Truncate(w.end))
		return w.err
	}
	w.end += int64(len(frame))
	return nil
}

// end is where the next frame would begin.
func (v *View) end() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.off
}

// replace puts a new file in the place of the one that is locked: the header, and
// what fill writes behind it. v.mu is held. The lock is then on the new file.
func (w *Writer) replace(header []byte, fill func(io.Writer) error) (err error) {
	v := w.v
	tmp := v.path + tmpSuffix
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fresh, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, fresh.Close(), os.Remove(tmp))
		}
	}()
	// Nobody else can have it, so the lock is never free.
	if err := flock(fresh); err != nil {
		return fmt.Errorf("lock cache of texts: %w", err)
	}
	if _, err := fresh.Write(header); err != nil {
		return err
	}
	if fill != nil {
		if err := fill(fresh); err != nil {
			return err
		}
	}
	if err := os.Rename(tmp, v.path); err != nil {
		return err
	}
	old := w.w
	w.w, w.end = fresh, 0
	reader, err := openOld(v.path, os.O_RDONLY)
	if err != nil {
		return errors.Join(err, old.Close())
	}
	return errors.Join(old.Close(), v.closeFile(), v.use(reader))
}

func (v *View) closeFile() error {
	if v.file == nil {
		return nil
	}
	err := v.file.Close()
	v.file = nil
	return err
}

// Close gives the lock up.
func (w *Writer) Close() error { return w.w.Close() }
