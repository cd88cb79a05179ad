package maildir

import (
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Inspection is a directory of a Maildir as it was read once, with everything in it:
// also what is no message. It is for those who look for damage: nothing is made that is
// missing, and nothing is held open.
type Inspection struct {
	names   names
	kinds   []byte
	stamp   Stamp
	settled bool
}

// Inspect reads the directory at path: tmp, new or cur of a Maildir. count is about how
// many entries are expected.
func Inspect(path string, count int) (*Inspection, error) {
	slack, err := slackOf(path + "/")
	if err != nil {
		return nil, fmt.Errorf("inspect directory: %w", err)
	}
	d := Dir{slack: slack}
	f := &folder{name: "cur", path: path} // which nobody makes if it is missing
	i := &Inspection{}
	if i.stamp, err = d.stamp(f); err != nil {
		return nil, fmt.Errorf("inspect directory: %w", err)
	}
	i.names, err = readDir(path, make([]byte, bufferFor(count, true)), func(kind byte) bool {
		i.kinds = append(i.kinds, kind)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", path, err)
	}
	now, err := d.stamp(f)
	if err != nil {
		return nil, fmt.Errorf("inspect directory: %w", err)
	}
	// A file server's clock is not asked, since that takes a file.
	i.settled = now.Equal(i.stamp) && i.stamp.Settled(time.Now())
	return i, nil
}

// Stamp is that from before the reading.
func (i *Inspection) Stamp() Stamp { return i.stamp }

// Proof reports that what was not seen is not there.
func (i *Inspection) Proof() bool { return i.settled }

// Len is how many entries were seen.
func (i *Inspection) Len() int { return len(i.kinds) }

// Entries yields the names of everything in the directory with its kind (DT_REG and so
// on, DT_UNKNOWN where the file system does not tell). Names share one block of memory.
func (i *Inspection) Entries() iter.Seq2[string, byte] {
	return func(yield func(string, byte) bool) {
		n := 0
		i.names.each(func(file string) bool {
			kind := i.kinds[n]
			n++
			return file == "." || file == ".." || yield(file, kind)
		})
	}
}

// Adopt gives a file whose name cannot be a message's (ParseName) one that can: the file
// becomes a message without flags. It is called for files alone.
func (d *Dir) Adopt(file string, isNew bool) (Entry, error) {
	e := Entry{File: file, New: isNew}
	st, err := stat(d.folder(e), file)
	if err != nil {
		return Entry{}, fmt.Errorf("adopt file: %w", err)
	}
	if !regular(st) {
		return Entry{}, fmt.Errorf("adopt file: %w", fail("stat", d.folder(e), file, ErrNotRegular))
	}
	base, err := d.names.base()
	if err != nil {
		return Entry{}, err
	}
	to := d.target(base, Name{}, true)
	if err := d.renameTo(e, to); err != nil {
		return Entry{}, fmt.Errorf("adopt file: %w", err)
	}
	return to, nil
}

// Resized is the base that the message would have with other sizes: as stored, and with
// CRLF. It keeps its origin, as copies do.
func (n Name) Resized(stored, virtual int64, modified time.Time) string {
	fields := strings.Split(n.Base, ",")
	kept := fields[:1]
	for _, f := range fields[1:] {
		if !strings.HasPrefix(f, "S=") && !strings.HasPrefix(f, "W=") {
			kept = append(kept, f)
		}
	}
	base := strings.Join(kept, ",")
	if _, carried := n.carriedOrigin(); !carried {
		base = withOrigin(base, n.Origin(modified))
	}
	return withSizes(base, stored, virtual)
}

// Alias gives the file of a message a second name, with another base, beside the first,
// which goes with DropAlias. Where the file system refuses links the first name is gone
// already. That the second is there, and is the same file, is no error.
func (d *Dir) Alias(e Entry, base string) (Entry, error) {
	to := Entry{Name: e.Name, File: base + strings.TrimPrefix(e.File, e.Name.Base), New: e.New}
	to.Name.Base = base
	err := d.sys.link(d.folder(e), e.File, d.folder(to), to.File)
	if linkRefused(err) {
		err = d.renameTo(e, to)
	} else if err != nil && d.same(e, to) {
		err = nil
	}
	if err != nil {
		return Entry{}, fmt.Errorf("rename message: %w", err)
	}
	return to, nil
}

// same reports whether two names are of one file.
func (d *Dir) same(a, b Entry) bool {
	x, errX := stat(d.folder(a), a.File)
	y, errY := stat(d.folder(b), b.File)
	return errX == nil && errY == nil && x.Dev == y.Dev && x.Ino == y.Ino
}

// DropAlias removes the name that a message had before Alias, if it still is the same file.
func (d *Dir) DropAlias(old, alias Entry) error {
	if !d.same(old, alias) {
		return nil // it was renamed by Alias, or by somebody else since
	}
	return d.sys.unlink(d.folder(old), old.File)
}

// MoveAside moves something that is no message out of new or cur to a directory of the
// same file system, where it gets a name that nothing has, and returns that path. What it
// is does not matter: a link is moved, not followed.
func (d *Dir) MoveAside(file string, isNew bool, to string) (string, error) {
	f := d.folder(Entry{New: isNew})
	for try := 0; ; try++ {
		path := filepath.Join(to, f.name+"-"+strings.TrimLeft(file, ".:"))
		if try > 0 {
			path += fmt.Sprintf("~%d", try)
		}
		err := f.with(func(fd int) error {
			err := unix.Renameat2(fd, file, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
			if noReplaceRefused(err) && unix.Faccessat(unix.AT_FDCWD, path, unix.F_OK, unix.AT_SYMLINK_NOFOLLOW) == unix.ENOENT {
				err = unix.Renameat(fd, file, unix.AT_FDCWD, path)
			}
			return err
		})
		if err == unix.EEXIST && try < 100 {
			continue
		}
		if err != nil {
			return "", fail("move", f, file, err)
		}
		return path, nil
	}
}
