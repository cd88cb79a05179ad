package maildrop

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
)

const (
	retrievedFile = "fantail-pop3-retrieved"
	retrievedHead = "fantail-pop3-retrieved 1 V"

	// maxRetrieved is the largest file that is read, in octets: for some millions of
	// messages.
	maxRetrieved = 64 << 20
)

// Retrieved says when messages were first retrieved.
type Retrieved map[mail.UID]time.Time

// Retrieved reads what was retrieved of the mailbox while it had this UIDVALIDITY.
func (d Dir) Retrieved(v mail.UIDValidity) (Retrieved, error) {
	f, err := os.OpenFile(d.RetrievedFile(), os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := readWhole(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read what was retrieved: %w", err)
	}
	r, _ := parseRetrieved(text, v)
	return r, nil
}

// RetrievedFile is where that stands.
func (d Dir) RetrievedFile() string { return filepath.Join(string(d), retrievedFile) }

var errTooLarge = errors.New("the file is too large")

func readWhole(f *os.File) (string, error) {
	text, err := io.ReadAll(io.LimitReader(f, maxRetrieved+1))
	if err == nil && len(text) > maxRetrieved {
		err = errTooLarge
	}
	return string(text), err
}

// parseRetrieved reads the file. ours is false if it says nothing of this UIDVALIDITY.
func parseRetrieved(text string, v mail.UIDValidity) (r Retrieved, ours bool) {
	rest, ok := strings.CutPrefix(text, retrievedHead+strconv.FormatUint(uint64(v), 10)+"\n")
	if !ok {
		return nil, false
	}
	r = make(Retrieved, strings.Count(rest, "\n"))
	for {
		line, more, whole := strings.Cut(rest, "\n")
		if !whole {
			return r, true
		}
		rest = more
		first, second, _ := strings.Cut(line, " ")
		uid, err1 := strconv.ParseUint(first, 10, 32)
		at, err2 := strconv.ParseInt(second, 10, 64)
		if err1 != nil || err2 != nil || uid == 0 || at < 0 {
			continue
		}
		if _, known := r[mail.UID(uid)]; !known {
			r[mail.UID(uid)] = time.Unix(at, 0)
		}
	}
}

// AddRetrieved notes messages that were retrieved now.
func (d Dir) AddRetrieved(v mail.UIDValidity, uids []mail.UID, now time.Time) error {
	return d.change(func(f *os.File) error {
		head := make([]byte, len(retrievedHead)+len("4294967295\n"))
		n, err := f.ReadAt(head, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if _, ours := parseRetrieved(string(head[:bytes.IndexByte(head[:n], '\n')+1]), v); !ours {
			all := make(Retrieved, len(uids))
			for _, uid := range uids {
				all[uid] = now
			}
			return d.replace(v, all)
		}
		return appendLines(f, uids, now)
	})
}

// appendLines appends a line for each message, in place of what a crash has left of
// one: with an LF behind it, half a time would be an early time.
func appendLines(f *os.File, uids []mail.UID, now time.Time) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var tail [64]byte // longer than a line, and not longer than what is there
	from := max(0, info.Size()-int64(len(tail)))
	n, err := f.ReadAt(tail[:], from)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	end := from + int64(bytes.LastIndexByte(tail[:n], '\n')) + 1
	var lines []byte
	for _, uid := range uids {
		lines = appendLine(lines, uid, now)
	}
	if end+int64(len(lines)) > maxRetrieved {
		return errTooLarge
	}
	if err := f.Truncate(end); err != nil {
		return err
	}
	_, err = f.WriteAt(lines, end)
	return err
}

func appendLine(b []byte, uid mail.UID, at time.Time) []byte {
	b = append(strconv.AppendUint(b, uint64(uid), 10), ' ')
	return append(strconv.AppendInt(b, at.Unix(), 10), '\n')
}

// Compact forgets all messages but those to keep.
func (d Dir) Compact(v mail.UIDValidity, keep func(mail.UID) bool) error {
	return d.change(func(f *os.File) error {
		text, err := readWhole(f)
		if err != nil {
			return err
		}
		r, _ := parseRetrieved(text, v)
		maps.DeleteFunc(r, func(uid mail.UID, _ time.Time) bool { return !keep(uid) })
		return d.replace(v, r)
	})
}

// change opens the file, or an empty one, locks it, and has do change it.
func (d Dir) change(do func(*os.File) error) error {
	for {
		f, err := openLocked(d.RetrievedFile())
		if err != nil {
			return err
		}
		stands, err := d.stands(f)
		if stands {
			err = do(f)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("change what was retrieved: %w", err)
		}
		if stands {
			return nil
		}
	}
}

// stands reports whether f is still the file in the directory.
func (d Dir) stands(f *os.File) (bool, error) {
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Lstat(d.RetrievedFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(mine, now), err
}

// replace writes the file anew; its lock is held.
func (d Dir) replace(v mail.UIDValidity, r Retrieved) error {
	text := append([]byte(retrievedHead), strconv.FormatUint(uint64(v), 10)+"\n"...)
	for _, uid := range slices.Sorted(maps.Keys(r)) {
		text = appendLine(text, uid, r[uid])
	}
	temp := d.RetrievedFile() + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return os.Rename(temp, d.RetrievedFile())
}
