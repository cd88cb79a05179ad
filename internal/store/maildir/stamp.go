package maildir

import (
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/store/volume"
)

// Stamp tells one state of a directory from another: while it is equal and was
// settled, nothing has been added to, removed from or renamed in the directory.
type Stamp struct {
	Dev, Ino     uint64
	Mtime, Ctime int64 // nanoseconds since 1970

	slack time.Duration // two changes closer than this may leave one stamp
}

// Equal reports whether two stamps are of the same state, as far as stamps can
// tell: see Settled.
func (s Stamp) Equal(t Stamp) bool {
	return s.Dev == t.Dev && s.Ino == t.Ino && s.Mtime == t.Mtime && s.Ctime == t.Ctime
}

// Settled reports whether a change made at now or later must alter the stamp.
// Where it is false, a change in the same tick of the file system's clock could
// hide behind an equal stamp; wait and look again.
//
// A stamp in the future (the clock was set back) is settled too: the next
// change would not carry the same time.
func (s Stamp) Settled(now time.Time) bool {
	slack := s.slack
	if slack < coarseSlack && s.Ctime%int64(time.Second) == 0 {
		slack = coarseSlack // whole seconds: old inodes of 128 bytes have no more
	}
	return slack == 0 || now.Sub(time.Unix(0, s.Ctime)).Abs() > slack
}

// How far apart two changes have to be for two stamps. Times are taken from the
// kernel's tick (1 to 10 ms) on local file systems without multigrain
// timestamps; file servers may count in whole seconds.
const (
	localSlack  = 20 * time.Millisecond
	coarseSlack = 2 * time.Second
)

// slackOf finds the slack of the file system under path.
func slackOf(path string) (time.Duration, error) {
	switch kind, err := volume.Of(path); {
	case err != nil:
		return 0, err
	case kind.Multigrain:
		return 0, nil
	case kind.Local:
		return localSlack, nil
	}
	return coarseSlack, nil
}

func stampOf(st *unix.Statx_t) Stamp {
	return Stamp{
		Dev:   unix.Mkdev(st.Dev_major, st.Dev_minor),
		Ino:   st.Ino,
		Mtime: st.Mtime.Sec*int64(time.Second) + int64(st.Mtime.Nsec),
		Ctime: st.Ctime.Sec*int64(time.Second) + int64(st.Ctime.Nsec),
	}
}

// stamp looks at the directory that has the folder's path now. A file server is
// asked, not the cache of its attributes: a stamp that is seconds old would
// prove nothing.
func (d *Dir) stamp(f *folder) (Stamp, error) {
	var st unix.Statx_t
	const want = unix.STATX_INO | unix.STATX_MTIME | unix.STATX_CTIME
	for {
		err := unix.Statx(unix.AT_FDCWD, f.path, unix.AT_STATX_FORCE_SYNC, want, &st)
		if err == unix.EINTR || err == unix.ENOENT && f.mend() {
			continue
		}
		if err != nil {
			return Stamp{}, &fs.PathError{Op: "statx", Path: f.path, Err: err}
		}
		s := stampOf(&st)
		s.slack = d.slack
		return s, nil
	}
}

// statFD is the stamp of an open directory, without slack.
func statFD(fd int) (Stamp, error) {
	var st unix.Statx_t
	const want = unix.STATX_INO | unix.STATX_MTIME | unix.STATX_CTIME
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, want, &st); err != nil {
		return Stamp{}, fmt.Errorf("statx: %w", err)
	}
	return stampOf(&st), nil
}

// now is the time by the clock that makes the stamps. On a local file system
// that is ours (and not Options.Clock, which the stamps know nothing of). A file
// server's is only found out by making a file there.
func (d *Dir) now() (time.Time, error) {
	if d.slack < coarseSlack {
		return time.Now(), nil
	}
	base, err := d.names.base()
	if err != nil {
		return time.Time{}, err
	}
	f, err := d.sys.create(d.tmp, base)
	if err != nil {
		return time.Time{}, err
	}
	st, err := statFD(int(f.Fd()))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if uerr := d.sys.unlink(d.tmp, base); err == nil {
		err = uerr
	}
	return time.Unix(0, st.Ctime), err
}
