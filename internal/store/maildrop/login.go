package maildrop

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Dir is the directory of a mailbox.
type Dir string

const loginFile = "fantail-pop3-login"

// Why nobody may log in now.
var (
	ErrInUse = errors.New("another session has the maildrop")
	ErrDelay = errors.New("the last login was too short a time ago")
)

// Session is somebody who is logging in, or is logged in. While it has the lock there is no
// other one.
type Session struct {
	f     *os.File // whose lock it has; nil: it has none any more
	alone bool
}

// Enter begins a login at the time now, unless the last one was less than delay ago
// (ErrDelay) or another session has the lock (ErrInUse). It goes on with Welcome or Leave;
// with alone it keeps the lock until Leave.
func (d Dir) Enter(now time.Time, delay time.Duration, alone bool) (*Session, error) {
	f, err := openLocked(filepath.Join(string(d), loginFile))
	if err != nil {
		return nil, err
	}
	if err := check(f, now, delay); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Session{f, alone}, nil
}

// patience is how long a login waits for one that is not to stay: it takes
// milliseconds, if the file server has them.
const patience = time.Second

// openLocked opens a file and takes its lock.
func openLocked(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, unix.EWOULDBLOCK) && time.Now().Before(end), errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			err = ErrInUse
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
}

// check compares the time with that in the file.
func check(f *os.File, now time.Time, delay time.Duration) error {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return err
	}
	// What is no time, or one to come, since the clock was wrong, delays nobody. Seconds
	// are rounded up, so that no delay is shorter than it should be.
	last, err := strconv.ParseInt(strings.TrimSuffix(string(text), "\n"), 10, 64)
	if ago := now.Sub(time.Unix(last, 0)); err == nil && delay > 0 && ago > -time.Second && ago < delay {
		return ErrDelay
	}
	return nil
}

// Welcome says that the login has succeeded, at the time now: from then on the next one
// is delayed.
func (s *Session) Welcome(now time.Time) error {
	line := strconv.AppendInt(nil, now.Add(time.Second-1).Unix(), 10)
	line = append(line, '\n')
	_, err := s.f.WriteAt(line, 0)
	if err == nil {
		err = s.f.Truncate(int64(len(line)))
	}
	if !s.alone {
		err = errors.Join(err, s.Leave())
	}
	return err
}

// Leave ends the session.
func (s *Session) Leave() error {
	if s.f == nil {
		return nil
	}
	f := s.f
	s.f = nil
	return f.Close()
}
