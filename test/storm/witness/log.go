package witness

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
)

// Now returns the machine's monotonic clock in nanoseconds. It means the same in
// every process.
func Now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err) // the clock exists on every Linux
	}
	return ts.Nano()
}

// Row is one message as a reader sees it.
type Row struct {
	UID   mail.UID
	Base  string
	Flags string // as Flags makes it
}

// Flags is the spelling of a set of flags and keywords in a log.
func Flags(set []string) string {
	if len(set) == 0 {
		return "-"
	}
	set = slices.Clone(set)
	slices.Sort(set)
	return strings.Join(slices.Compact(set), ",")
}

// SystemFlags are the letters that file names have for system flags.
var SystemFlags = []struct {
	Letter string
	Flag   mail.Flags
}{{"D", mail.Draft}, {"F", mail.Flagged}, {"R", mail.Answered}, {"S", mail.Seen}, {"T", mail.Deleted}}

// Spell returns flags and keywords as a log has them.
func Spell(f mail.Flags, kws []mail.Keyword) string {
	var set []string
	for _, s := range SystemFlags {
		if f.Has(s.Flag) {
			set = append(set, s.Letter)
		}
	}
	for _, k := range kws {
		set = append(set, string(k))
	}
	return Flags(set)
}

// Log is what one process writes down. It is safe for use by many goroutines;
// an error sticks and is returned by Close.
type Log struct {
	mu  sync.Mutex
	f   *os.File
	w   *bufio.Writer
	err error
}

// Create begins a log.
func Create(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	return &Log{f: f, w: bufio.NewWriterSize(f, 1<<18)}, nil
}

// Close writes what is left.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.err, l.w.Flush(), l.f.Close())
}

// Note writes a line of a kind about a deed that began at from and is done.
func (l *Log) Note(kind string, from int64, args ...any) {
	to := Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(kind, from, to, args...)
}

func (l *Log) line(kind string, from, to int64, args ...any) {
	if _, err := fmt.Fprintln(l.w, append([]any{kind, from, to}, args...)...); err != nil && l.err == nil {
		l.err = err
	}
}

// Trouble notes an error that should not have been.
func (l *Log) Trouble(from int64, doing string, err error) {
	l.Note("trouble", from, doing+": "+strings.ReplaceAll(err.Error(), "\n", "; "))
}

// Snapshot is what one reader saw at one moment.
type Snapshot struct {
	Validity mail.UIDValidity
	Next     mail.UID
	Rows     []Row // in the reader's order
}

// Sync notes a snapshot that was asked for at from and returned at to; before is
// what the same reader saw last. Rows that are not in ascending order of UID are
// trouble.
func (l *Log) Sync(from, to int64, before, now Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line("sync", from, to, now.Validity, now.Next)
	for i := 1; i < len(now.Rows); i++ {
		if now.Rows[i-1].UID >= now.Rows[i].UID {
			l.line("trouble", from, to, "UID", now.Rows[i].UID, "behind", now.Rows[i-1].UID)
			return
		}
	}
	old, fresh := before.Rows, now.Rows
	for len(old) > 0 || len(fresh) > 0 {
		switch {
		case len(old) == 0 || len(fresh) > 0 && fresh[0].UID < old[0].UID:
			fmt.Fprintln(l.w, "+", fresh[0].UID, fresh[0].Base, fresh[0].Flags)
			fresh = fresh[1:]
		case len(fresh) == 0 || old[0].UID < fresh[0].UID:
			fmt.Fprintln(l.w, "-", old[0].UID)
			old = old[1:]
		default:
			if old[0].Base != fresh[0].Base {
				fmt.Fprintln(l.w, "-", old[0].UID)
				fmt.Fprintln(l.w, "+", fresh[0].UID, fresh[0].Base, fresh[0].Flags)
			} else if old[0].Flags != fresh[0].Flags {
				fmt.Fprintln(l.w, "~", fresh[0].UID, fresh[0].Flags)
			}
			old, fresh = old[1:], fresh[1:]
		}
	}
}

// End notes the last snapshot of a reader.
func (l *Log) End(s Snapshot) {
	at := Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range s.Rows {
		l.line("end", at, at, r.UID, r.Base, r.Flags)
	}
}
