package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// derived is what a layer above has computed from the messages of a mailbox. To the
// store it means nothing.
type derived struct {
	value any
	used  time.Time
}

// derivedAge is how long a derived value stays that nobody asks for while nobody has
// the mailbox open.
const derivedAge = time.Minute

// Derived returns what KeepDerived was given last, or nil: such as what sorting
// compares, in the memory of the process, for the next who sorts.
func (m *Mailbox) Derived() any {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.derived.used = time.Now()
	return m.derived.value
}

// KeepDerived keeps a value for Derived. All who have the mailbox open share it.
func (m *Mailbox) KeepDerived(value any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.derived = derived{value, time.Now()}
}

// age gives up a derived value that nobody has asked for of late; m.mu is held.
func (d *derived) age() {
	if time.Since(d.used) > derivedAge {
		*d = derived{}
	}
}

// sortName is the file that WriteDerived writes: what sorting compares, in the form
// that package search gives it.
const sortName = "fantail.sort"

// maxDerived is the size of the file from which on it is not read, in octets: that
// for a million messages has some 120 MB.
const maxDerived = 256 << 20

// ReadDerived returns what some process has given to WriteDerived, or nil. It may be
// damaged, of another version, or of a mailbox that had this name before: who wrote it
// can tell.
func (m *Mailbox) ReadDerived() []byte {
	data, err := readRegular(filepath.Join(m.dir.Path(), sortName), maxDerived)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.acct.opt.Log.Warn("read columns for sorting", "mailbox", m.name, "err", err)
	}
	return data
}

// readRegular returns what is in a file, or nothing if it is not a regular one or has
// more than most octets. Whatever lies there, it does not wait for anybody.
func readRegular(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > most {
		return nil, nil
	}
	data := make([]byte, st.Size())
	n, err := io.ReadFull(f, data)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return data[:n], err
}

// WriteDerived keeps data on disk for ReadDerived of later processes, in place of what
// was there. It is a cache: nothing is synced, what cannot be written is not there,
// and while another process writes it nobody waits.
func (m *Mailbox) WriteDerived(data []byte) {
	dir := m.dir.Path()
	if len(data) > maxDerived || !m.Current() || !roomForTexts(dir) {
		return
	}
	err := writeDerived(filepath.Join(dir, sortName), data)
	if err != nil && !cannotWrite(err) {
		m.acct.opt.Log.Warn("write columns for sorting", "mailbox", m.name, "err", err)
	}
}

// writeDerived writes a file beside the other, and renames it. Whoever has the lock on
// it is alone: the one before has either renamed it, or given it up.
func writeDerived(path string, data []byte) (err error) {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if err == unix.EWOULDBLOCK {
			return nil
		}
		return fmt.Errorf("lock %s: %w", tmp, err)
	}
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(tmp)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(mine, there) {
		return nil // it was renamed between open and lock
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(data, 0)
	}
	if err == nil {
		return os.Rename(tmp, path)
	}
	return errors.Join(err, os.Remove(tmp))
}
