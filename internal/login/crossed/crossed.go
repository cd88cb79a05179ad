// Package crossed is how somebody whom no sessiond has started, such as deliver on a pipe,
// tells submitd that an account has crossed a percentage of its limits, and the
// administrator's program is to be run for it.
//
//	who delivers ── Tell: a file with the account's name ──► directory ── Watch ──► submitd
//
// The directory is one in which everybody may make files, and see and remove those of
// others not (mode 1733). What a file says is "look at this account", and nothing else: who
// may say so of whom is for the one who hears it to judge, by whose the file is, which is
// the kernel's word. What has happened to the account is in its Maildir (package quota), so
// a file that is lost is made good by the next session.
//
//	.new-*     is being written; one that is an hour old was left by a crash, and goes
//	all else   says an account, until that was heard, or refused, or a day has passed
package crossed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/userdb"
)

const (
	unfinished = ".new-"
	maxFile    = userdb.MaxName + 1
	// crashed is how old an unfinished file is that nobody writes, and late how old one
	// whose account cannot be asked for.
	crashed = time.Hour
	late    = 24 * time.Hour
)

// Directory is where a process may Tell, and must be in its sandbox: "" if there is no
// program to be run, or no directory.
func Directory(s *conf.WarningSettings) (string, error) {
	if len(s.Command) == 0 || s.Directory == "" {
		return "", nil
	}
	_, err := os.Stat(s.Directory)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return s.Directory, err
}

// Tell says that there is something to do for an account.
func Tell(dir, account string) error {
	if err := tell(dir, account); err != nil {
		return fmt.Errorf("tell of account %s: %w", account, err)
	}
	return nil
}

func tell(dir, account string) error {
	if err := userdb.CheckName(account); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, unfinished)
	if err != nil {
		return err
	}
	_, err = f.WriteString(account + "\n")
	if err == nil {
		// The name is unique with the prefix, and so without.
		err = os.Rename(f.Name(), filepath.Join(dir, strings.TrimPrefix(filepath.Base(f.Name()), unfinished)))
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return errors.Join(f.Sync(), f.Close())
}

// ErrRefused says that nothing is to be done for an account because a file says so.
var ErrRefused = errors.New("not believed")

// Heard acts on a file that belongs to a uid. After an error that is not ErrRefused it is
// called again later.
type Heard func(ctx context.Context, account string, uid uint32) error

const (
	lookAgain = 10 * time.Minute // when nothing says that there is something
	tryAgain  = time.Minute      // when there is what could not be heard
)

// Watch makes the directory if there is none, and calls heard for what is in it and for
// what comes, until ctx ends: in one goroutine.
func Watch(ctx context.Context, dir string, log *slog.Logger, heard Heard) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	defer events.Close() // it was only read from
	stop := context.AfterFunc(ctx, func() { _ = events.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	w := watcher{dir: dir, log: log, heard: heard}
	buf := make([]byte, 64<<10)
	for ctx.Err() == nil {
		wait := lookAgain
		err := prepare(dir)
		if err == nil { // a directory that was made anew is another one
			_, err = unix.InotifyAddWatch(fd, dir, unix.IN_MOVED_TO|unix.IN_ONLYDIR)
		}
		if err == nil {
			err = w.sweep(ctx)
		}
		if err != nil && ctx.Err() == nil {
			log.Error("cannot hear of accounts for which a program is to be run", "err", err)
		}
		if err != nil || w.left {
			wait = tryAgain
		}
		if err := events.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return err
		}
		if ctx.Err() != nil { // it may have ended before that deadline was set
			return nil
		}
		if _, err := events.Read(buf); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("watch %s: %w", dir, err)
		}
	}
	return nil
}

// prepare makes the directory. Root's is for everybody to write into.
func prepare(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil && os.Geteuid() == 0 {
		err = os.Chmod(dir, 0o733|fs.ModeSticky)
	}
	return err
}

type watcher struct {
	dir   string
	log   *slog.Logger
	heard Heard
	left  bool // something could not be heard yet
}

// said is what a file says.
type said struct {
	account string
	uid     uint32
}

// sweep hears what is in the directory. Of files that say the same it hears one.
func (w *watcher) sweep(ctx context.Context) error {
	dir, err := os.Open(w.dir)
	if err != nil {
		return err
	}
	defer dir.Close() // it was only read from
	w.left = false
	done := make(map[said]bool)
	for ctx.Err() == nil {
		entries, err := dir.ReadDir(256)
		for _, e := range entries {
			if ctx.Err() == nil {
				w.look(ctx, int(dir.Fd()), e.Name(), done)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// look hears one file, and removes it.
func (w *watcher) look(ctx context.Context, dir int, name string, done map[said]bool) {
	s, age, err := read(dir, name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && strings.HasPrefix(name, unfinished) && age < crashed {
		return
	}
	if err == nil && !strings.HasPrefix(name, unfinished) && !done[s] {
		err = w.heard(ctx, s.account, s.uid)
		if err != nil && !errors.Is(err, ErrRefused) && age < late {
			if ctx.Err() == nil {
				w.log.Warn("an account cannot be asked for, for which a program is to be run", "user", s.account, "err", err)
			}
			w.left = true
			return
		}
		if len(done) < 10_000 {
			done[s] = true
		}
	}
	if err != nil {
		w.log.Warn("a file is not believed that says for whom a program is to be run", "uid", s.uid, "err", err)
	}
	err = unix.Unlinkat(dir, name, 0)
	if errors.Is(err, unix.EISDIR) {
		err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.log.Warn("what is among the files that say for whom a program is to be run cannot be removed", "err", err)
	}
}

// read reads a file that anybody may have made.
func read(dir int, name string) (s said, age time.Duration, err error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return s, 0, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close() // it was only read from
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return s, 0, err
	}
	s.uid, age = st.Uid, time.Since(time.Unix(st.Mtim.Unix()))
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink != 1 { // a link may lead to another one's
		return s, age, fmt.Errorf("%w: it is no file of its own", ErrRefused)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return s, age, err
	}
	s.account, err = parse(b)
	if err != nil && strings.HasPrefix(name, unfinished) {
		err = nil
	}
	return s, age, err
}

// parse returns the account's name.
func parse(b []byte) (string, error) {
	name, ok := strings.CutSuffix(string(b), "\n")
	if err := userdb.CheckName(name); !ok || err != nil {
		return "", fmt.Errorf("%w: no name in it", ErrRefused)
	}
	return name, nil
}
