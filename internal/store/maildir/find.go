package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"fantail/internal/mail"

	"golang.org/x/sys/unix"
)

// maxTries bounds how often an operation follows a message that others rename
// all the time. Each failure means that somebody else got further.
const maxTries = 256

// Find looks for a message by its base. The error is fs.ErrNotExist only if it
// is proven that it is not there, and ErrBusy if it could not be proven.
func (d *Dir) Find(base string) (Entry, error) {
	return d.resolve(context.Background(), Entry{Name: Name{Base: base}})
}

// resolve finds out where a message is now that was e once. Its likely names
// are tried first; a failed look-up proves nothing, and is followed by a scan.
func (d *Dir) resolve(ctx context.Context, e Entry) (Entry, error) {
	if e.Name.Base == "" {
		return Entry{}, fs.ErrNotExist
	}
	if at, ok, err := d.guess(e); ok || err != nil {
		return at, err
	}
	for look := 1; look <= maxSweeps; look++ {
		if err := ctx.Err(); err != nil {
			return Entry{}, err
		}
		s, err := d.sweep(0, look > 1)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%w: %v", ErrVanished, err)
			}
			return Entry{}, fmt.Errorf("find message: %w", err)
		}
		if found := s.Find(e.Name.Base); len(found) > 0 {
			return found[0], nil
		}
		if s.Proof() {
			return Entry{}, fmt.Errorf("message %s: %w", e.Name.Base, fs.ErrNotExist)
		}
		if err := pause(ctx, d.breath(s, look)); err != nil {
			return Entry{}, err
		}
	}
	return Entry{}, fmt.Errorf("find message %s: %w", e.Name.Base, ErrBusy)
}

// guess tries the names that e had, or would have with other system flags: that
// takes microseconds where a scan of a large Maildir takes milliseconds.
func (d *Dir) guess(e Entry) (Entry, bool, error) {
	try := func(g Entry) (bool, error) {
		st, err := stat(d.folder(g), g.File)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENAMETOOLONG):
			return false, nil
		case err != nil:
			return false, err
		}
		return regular(st), nil
	}
	for flags := mail.Flags(0); flags <= mail.AllFlags; flags++ {
		n := e.Name.With(e.Name.Flags^flags, e.Name.Letters) // the likeliest first
		g := Entry{Name: n, File: n.String()}
		if ok, err := try(g); ok || err != nil {
			return g, ok, err
		}
	}
	bare := Name{Base: e.Name.Base}
	for _, g := range []Entry{
		{Name: bare, File: bare.Base, New: true},
		{Name: bare, File: bare.Base},
		e,
	} {
		if g.File == "" {
			continue
		}
		if ok, err := try(g); ok || err != nil {
			return g, ok, err
		}
	}
	return Entry{}, false, nil
}

// follow runs op on e, and as long as that says fs.ErrNotExist on the entry that
// e has become. It returns fs.ErrNotExist only if that is proven.
func (d *Dir) follow(ctx context.Context, e Entry, op func(Entry) error) (Entry, error) {
	for range maxTries {
		if err := ctx.Err(); err != nil {
			return e, err
		}
		err := op(e)
		if !errors.Is(err, fs.ErrNotExist) {
			return e, err
		}
		now, err := d.resolve(ctx, e)
		if err != nil {
			return e, err
		}
		e = now
	}
	return e, fmt.Errorf("follow message %s: %w", e.Name.Base, ErrBusy)
}

// Info is what a file system knows of a message.
type Info struct {
	Regular  bool      // it is a file
	Size     int64     // its octets
	Modified time.Time // mtime: the INTERNALDATE (RFC 9051 section 2.3.3)
	Changed  time.Time // ctime: when it came into this mailbox, at the latest
}

// Stat looks at the file of a message. The error is fs.ErrNotExist if the message
// is proven to be gone.
func (d *Dir) Stat(e Entry) (Info, error) {
	var st *unix.Stat_t
	_, err := d.follow(context.Background(), e, func(e Entry) (err error) {
		st, err = stat(d.folder(e), e.File)
		return err
	})
	if err != nil {
		return Info{}, fmt.Errorf("stat message: %w", err)
	}
	return infoOf(st), nil
}

// OpenMessage opens a message for reading and tells where it is now. The error
// is fs.ErrNotExist if the message is proven to be gone, and ErrNotRegular if
// the name belongs to something else than a file: links are not followed.
func (d *Dir) OpenMessage(e Entry) (*os.File, Entry, error) {
	var file *os.File
	at, err := d.follow(context.Background(), e, func(e Entry) (err error) {
		file, err = openRegular(d.folder(e), e.File)
		return err
	})
	if err != nil {
		return nil, Entry{}, fmt.Errorf("open message: %w", err)
	}
	return file, at, nil
}

// openRegular opens a file for reading.
func openRegular(f *folder, name string) (*os.File, error) {
	fd, _, err := openFD(f, name)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		return nil, errors.Join(fail("open", f, name, err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), f.path+"/"+name), nil
}

// openFD opens a file for reading. O_NONBLOCK is for the case that somebody put a
// FIFO there, whose open would wait for a writer.
func openFD(f *folder, name string) (int, *unix.Stat_t, error) {
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	var fd int
	err := f.with(func(dir int) error {
		return again(func() (err error) {
			fd, err = unix.Openat(dir, name, flags, 0)
			return err
		})
	})
	if errors.Is(err, unix.ELOOP) {
		err = ErrNotRegular
	}
	if err != nil {
		return -1, nil, fail("open", f, name, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return -1, nil, errors.Join(fail("stat", f, name, err), unix.Close(fd))
	}
	if !regular(&st) {
		return -1, nil, errors.Join(fail("open", f, name, ErrNotRegular), unix.Close(fd))
	}
	return fd, &st, nil
}
