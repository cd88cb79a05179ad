package deliver

import (
	"bytes"
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

// seenFile is beside the mail, in the account's Maildir. It is text:
//
//	1763884931 ann@example.org <20261123.1@example.net>
//
// the time of a delivery, in seconds since 1970, the address, "-" if it is not known, and
// the Message-ID. A message is a duplicate if a line has its address and Message-ID, and a
// time that is not longer ago than the setting says. All doubt means that it is none:
//
//	a line that is none            counts for nothing
//	a torn last line               the same; it has no LF, and the next writer ends it
//	a time to come                 the clock was wrong: counts for nothing
//	a file that cannot be read,    nothing is a duplicate; it is told in the log
//	or locked in time
//
// A line is written after the message is durable, under the flock that its writer has had
// since he looked, so of two deliveries at a time the second one knows of the first. It is
// not synced: what a power cut takes away is a line, and a duplicate is delivered. When
// the file is larger than maxSeen it is replaced, by a rename and under the same flock, by
// one with what still counts, at most the newest half. Who has waited for the lock looks
// whether the file is still the one that has the name.
const seenFile = "fantail-delivered"

const (
	maxSeen = 256 << 10
	// maxID is the length of the longest Message-ID that counts, in octets: that of a
	// line (RFC 5322 section 2.1.1).
	maxID = 998
	// seenPatience is how long somebody waits for other deliveries of the account.
	seenPatience = 10 * time.Second
)

// seen is the open and locked file, for one message. nil has seen nothing, and keeps
// nothing.
type seen struct {
	f      *os.File
	path   string
	key    string // address and Message-ID
	now    time.Time
	window time.Duration
	text   []byte
	r      *Recipient
}

// lockSeen opens and locks the file, and reads it.
func (a *Agent) lockSeen(r *Recipient, id string) *seen {
	address := strings.ToLower(r.Address)
	if address == "" {
		address = "-"
	}
	if len(id) > maxID || strings.ContainsFunc(address+id, isSeparator) {
		return nil
	}
	now := time.Now
	if a.Clock != nil {
		now = a.Clock
	}
	s := &seen{
		path: filepath.Join(r.Account.Path(), seenFile), key: address + " " + id,
		now: now(), window: time.Duration(a.Settings.Duplicates), r: r,
	}
	patience := a.patience
	if patience == 0 {
		patience = seenPatience
	}
	err := s.open(time.Now().Add(patience))
	if err == nil {
		s.text, err = io.ReadAll(io.LimitReader(s.f, 2*maxSeen))
	}
	if err != nil {
		r.Log.Warn("duplicates are not looked for", "err", err)
		s.close()
		return nil
	}
	return s
}

// isSeparator reports whether a character cannot stand in a word of a line.
func isSeparator(r rune) bool { return r <= ' ' || r == 0x7f }

// open opens and locks the file, until a time.
func (s *seen) open(end time.Time) error {
	for {
		f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return err
		}
		if err := flock(f, end); err != nil {
			return errors.Join(fmt.Errorf("lock %s: %w", s.path, err), f.Close())
		}
		mine, err := f.Stat()
		if err == nil {
			var there os.FileInfo
			if there, err = os.Lstat(s.path); err == nil && os.SameFile(mine, there) {
				s.f = f
				return nil
			}
		}
		if closed := f.Close(); closed != nil || err != nil && !errors.Is(err, os.ErrNotExist) {
			return errors.Join(err, closed)
		}
	}
}

// flock locks a file, until a time.
func flock(f *os.File, end time.Time) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK) && time.Now().Before(end):
			time.Sleep(5 * time.Millisecond)
		default:
			return err
		}
	}
}

// has reports whether the message has been delivered.
func (s *seen) has() bool {
	if s == nil {
		return false
	}
	for line := range bytes.Lines(s.text) {
		if s.counts(line) && string(line[bytes.IndexByte(line, ' ')+1:len(line)-1]) == s.key {
			return true
		}
	}
	return false
}

// counts reports whether a line is one, of a delivery that is not too long ago.
func (s *seen) counts(line []byte) bool {
	text, _, ok := bytes.Cut(line, []byte(" "))
	seconds, err := strconv.ParseInt(string(text), 10, 64)
	if !ok || err != nil || line[len(line)-1] != '\n' {
		return false
	}
	ago := s.now.Sub(time.Unix(seconds, 0))
	return ago >= -time.Second && ago < s.window
}

// add says that the message has been delivered.
func (s *seen) add() {
	if s == nil {
		return
	}
	line := strconv.FormatInt(s.now.Unix(), 10) + " " + s.key + "\n"
	var err error
	switch {
	case len(s.text)+len(line) > maxSeen:
		err = s.replace(line)
	case len(s.text) > 0 && s.text[len(s.text)-1] != '\n':
		_, err = s.f.WriteString("\n" + line)
	default:
		_, err = s.f.WriteString(line)
	}
	if err != nil {
		s.r.Log.Warn("a delivery is not remembered", "err", err)
	}
}

// replace writes what still counts into a new file.
func (s *seen) replace(line string) error {
	var lines [][]byte
	for l := range bytes.Lines(s.text) {
		if s.counts(l) {
			lines = append(lines, l)
		}
	}
	size, from := len(line), len(lines)
	for from > 0 && size+len(lines[from-1]) <= maxSeen/2 {
		from--
		size += len(lines[from])
	}
	text := append(bytes.Join(lines[from:], nil), line...)
	// Nobody else writes it: the lock is ours.
	next := s.path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, s.path)
}

// close gives the lock back.
func (s *seen) close() {
	if s == nil || s.f == nil {
		return
	}
	if err := s.f.Close(); err != nil {
		s.r.Log.Warn("close the list of deliveries", "err", err)
	}
}
