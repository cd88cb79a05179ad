package quota

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Change is mail that is about to come or go. It ends with End or Cancel, and
// belongs to one goroutine.
type Change struct {
	f    *File
	file *os.File // nil if there is none: nobody has counted yet
}

// Begin announces a change of the mail, before it is made.
func (f *File) Begin() (*Change, error) {
	if f.free {
		if err := f.spoil(); err != nil {
			return nil, err
		}
		return &Change{f: f}, nil
	}
	file, _, err := openRegular(f.path(), os.O_RDWR|os.O_APPEND)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("begin change of quota: %w", err)
	}
	return &Change{f: f, file: file}, nil
}

// Cancel ends a change that was not made. After End it does nothing.
func (c *Change) Cancel() error {
	if c.file == nil {
		return nil
	}
	err := c.file.Close()
	c.file = nil
	return err
}

// Spoil ends a change of which nobody knows how much it was, such as the removal of a
// whole mailbox: everybody counts again.
func (c *Change) Spoil() error {
	if err := errors.Join(c.f.spoil(), c.Cancel()); err != nil {
		return fmt.Errorf("change quota: %w", err)
	}
	return nil
}

// End says what has changed, after it has: how many octets and messages have come
// (positive) or gone (negative). An error does not undo the change; the sum will
// be wrong until the next count.
func (c *Change) End(octets, messages int64) error {
	if octets == 0 && messages == 0 {
		return c.Cancel()
	}
	err := c.end(Usage{octets, messages})
	if err = errors.Join(err, c.Cancel()); err != nil {
		return fmt.Errorf("change quota: %w", err)
	}
	return nil
}

func (c *Change) end(u Usage) error {
	if c.file == nil {
		// Without a file there was nothing to add to. One that has been made
		// since may have counted the change or not.
		if _, err := os.Lstat(c.f.path()); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		return c.f.spoil()
	}
	if ended, err := endsLine(c.file); err != nil || !ended {
		// Nobody believes the file as it is, and a line behind half a line could
		// make it look whole.
		return err
	}
	if _, err := c.file.WriteString(u.line()); err != nil {
		// Perhaps half of it is there.
		return errors.Join(err, c.f.spoil())
	}
	same, err := isAt(c.file, c.f.path())
	if err == nil && !same {
		err = c.f.spoil()
	}
	return err
}

// endsLine reports whether the last octet of a file is the end of a line.
func endsLine(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
		return false, err
	}
	return last[0] == '\n', nil
}

// isAt reports whether path is still the name of the open file. No file at all is
// as good: the next reader counts.
func isAt(f *os.File, path string) (bool, error) {
	held, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return err == nil && os.SameFile(held, there), err
}

// Add is Begin and End at once, for a change that is made already. A count by
// another process in between can have seen it, and it counts twice then, until
// the next count.
func (f *File) Add(octets, messages int64) error {
	c, err := f.Begin()
	if err != nil {
		return err
	}
	return c.End(octets, messages)
}
