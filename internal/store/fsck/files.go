package fsck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"fantail/internal/crlf"
	"fantail/internal/store/maildir"
	"fantail/internal/store/packed"
)

// look is what one look at a mailbox has found.
type look struct {
	*box
	derived
	jobs  []job
	count int // messages

	bases   map[string]maildir.Entry // of the messages so far, if the index does not tell
	doubled map[string]bool          // bases that are to be separated first
	sizes   *resizing
}

// look looks once. It changes nothing.
func (b *box) look() (*look, error) {
	l := &look{box: b, doubled: make(map[string]bool), sizes: &resizing{box: b}}
	l.derived.begin(l)
	l.lists()
	// new before cur: messages go that way.
	var in [2]*maildir.Inspection
	for i, sub := range []string{"new", "cur"} {
		var err error
		if in[i], err = maildir.Inspect(filepath.Join(b.path, sub), l.expected()); err != nil {
			return nil, err
		}
	}
	if l.derived.compare(l, in[0], in[1]); !l.comparable {
		l.bases = make(map[string]maildir.Entry, in[0].Len()+in[1].Len())
	}
	for i, sub := range []string{"cur", "new"} { // the one in cur keeps its name
		if err := l.files(sub, in[1-i]); err != nil {
			return nil, err
		}
	}
	l.derived.end(l)
	return l, nil
}

func (l *look) add(f Finding, mend func(*maildir.Dir) (string, error)) {
	f.Mailbox = l.name
	f.Path = filepath.Join(l.rel, f.Path)
	l.jobs = append(l.jobs, job{Finding: f, mend: mend})
}

// files looks at everything in new or cur.
func (l *look) files(sub string, in *maildir.Inspection) error {
	dir, err := unix.Open(filepath.Join(l.path, sub), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: filepath.Join(l.path, sub), Err: err}
	}
	defer unix.Close(dir) // opened for reading: nothing to lose
	var st unix.Stat_t
	for file := range in.Entries() {
		if file[0] == '.' {
			continue // no program takes it for a message
		}
		err := unix.Fstatat(dir, file, &st, unix.AT_SYMLINK_NOFOLLOW)
		for err == unix.EINTR {
			err = unix.Fstatat(dir, file, &st, unix.AT_SYMLINK_NOFOLLOW)
		}
		if err == unix.ENOENT {
			l.movedOn = true
			continue
		}
		if err != nil {
			return &os.PathError{Op: "stat", Path: filepath.Join(l.path, sub, file), Err: err}
		}
		l.file(dir, sub, file, &st)
	}
	return nil
}

// file looks at one thing in new or cur.
func (l *look) file(dir int, sub, file string, st *unix.Stat_t) {
	isNew := sub == "new"
	at := sub + "/" + file
	if kindOf(st) != unix.S_IFREG {
		l.add(Finding{Kind: NotAFile, Path: at, Problem: "it is " + what(st) + ", and no message"}, func(d *maildir.Dir) (string, error) {
			to, err := l.lostAndFound()
			if err == nil {
				to, err = d.MoveAside(file, isNew, to)
			}
			return "moved to " + l.rel1(to), err
		})
		return
	}
	name, ok := maildir.ParseName(file)
	if !ok {
		l.add(Finding{Kind: Hidden, Path: at, Problem: "no program shows a message with this name"}, func(d *maildir.Dir) (string, error) {
			e, err := d.Adopt(file, isNew)
			return "renamed to " + e.File, err
		})
		return
	}
	l.count++
	e := maildir.Entry{Name: name, File: file, New: isNew}
	l.derived.see(l, e, st)
	if !l.comparable {
		if other, ok := l.bases[name.Base]; ok {
			l.twice(e, other, st)
			return
		}
		l.bases[name.Base] = e
	}
	if !l.readable(dir, at, file, st) {
		return
	}
	l.size(dir, at, e, st)
}

// rel1 is rel for what may be empty.
func (b *box) rel1(path string) string {
	if path == "" {
		return path
	}
	return b.check.rel(path)
}

func what(st *unix.Stat_t) string {
	switch kindOf(st) {
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFLNK:
		return "a symbolic link"
	case unix.S_IFIFO:
		return "a FIFO"
	case unix.S_IFSOCK:
		return "a socket"
	}
	return "a device"
}

// linkGrace is how long another program may take between link and unlink, generously, in
// seconds.
const linkGrace = 60

// twice: of two files with one base the one that was seen first keeps it.
func (l *look) twice(e, other maildir.Entry, st *unix.Stat_t) {
	var o unix.Stat_t
	path := filepath.Join(l.path, "cur", other.File)
	if other.New {
		path = filepath.Join(l.path, "new", other.File)
	}
	if unix.Lstat(path, &o) != nil {
		return // it was renamed, and this is what it is now
	}
	problem := "another message has the same unique name: " + other.File
	if o.Ino == st.Ino && o.Dev == st.Dev {
		if age(st).Seconds() < linkGrace {
			return
		}
		problem = "the same file has another name: " + other.File
	}
	l.doubled[e.Name.Base] = true
	l.add(Finding{Kind: Twice, Path: filepath.Join(subOf(e), e.File), Problem: problem}, func(d *maildir.Dir) (string, error) {
		to, err := d.Separate(context.Background(), e)
		if err == nil && to.Name.Base == e.Name.Base {
			return "this name is gone", nil
		}
		return "renamed to " + to.File, err
	})
}

func subOf(e maildir.Entry) string {
	if e.New {
		return "new"
	}
	return "cur"
}

// readable reports whether the account can read the file; else that is a finding.
func (l *look) readable(dir int, at, file string, st *unix.Stat_t) bool {
	mine := int(st.Uid) == l.uid
	if mine && st.Mode&0o400 != 0 {
		return true
	}
	if unix.Faccessat(dir, file, unix.R_OK, unix.AT_EACCESS|unix.AT_SYMLINK_NOFOLLOW) == nil {
		return true
	}
	if !mine {
		l.add(Finding{Kind: Owner, State: Left, Path: at, Problem: fmt.Sprintf("it belongs to uid %d, and this account cannot read it", st.Uid),
			Next: l.chown(filepath.Join(l.rel, at))}, nil)
		return false
	}
	mode := st.Mode&0o7777 | 0o600
	l.add(Finding{Kind: Mode, Path: at, Problem: fmt.Sprintf("its owner cannot read it (%#o)", st.Mode&0o7777)}, func(*maildir.Dir) (string, error) {
		return fmt.Sprintf("now %#o", mode), chmod(filepath.Join(l.path, at), mode)
	})
	return false
}

// size compares what the name says with the file.
func (l *look) size(dir int, at string, e maildir.Entry, st *unix.Stat_t) {
	stored, hasStored := e.Name.Size()
	virtual, hasVirtual := e.Name.VirtualSize()
	if !l.Full && (!hasStored || stored == st.Size) && (!hasVirtual || virtual >= st.Size && virtual <= 2*st.Size) {
		return
	}
	var wrong []string
	if hasStored && stored != st.Size {
		wrong = append(wrong, fmt.Sprintf("S=%d, and the file has %d octets", stored, st.Size))
	} else if hasVirtual && (virtual < st.Size || virtual > 2*st.Size) {
		wrong = append(wrong, fmt.Sprintf("W=%d, which %d octets cannot have with CRLF", virtual, st.Size))
	}
	if len(wrong) == 0 && !(l.Full && hasVirtual) {
		return
	}
	if st.Size == 0 && stored > 0 {
		l.add(Finding{Kind: Empty, State: Left, Path: at, Problem: fmt.Sprintf("the file is empty, and its name says %d octets: what was in it is lost, unless a backup has it", stored)}, nil)
		return
	}
	count, plain, err := countFile(dir, e.File, len(wrong) > 0 && !l.Full)
	if err != nil {
		l.add(Finding{Kind: Unexamined, State: Left, Path: at, Problem: "read it: " + err.Error()}, nil)
		return
	}
	if !plain {
		return // Dovecot has compressed it: the name says what it was before
	}
	if len(wrong) == 0 && count.Virtual != virtual {
		wrong = append(wrong, fmt.Sprintf("W=%d, and with CRLF it has %d octets", virtual, count.Virtual))
	}
	if len(wrong) == 0 || l.doubled[e.Name.Base] {
		return
	}
	l.add(Finding{Kind: Size, Path: at, Problem: "the name says " + strings.Join(wrong, " and ")}, func(d *maildir.Dir) (string, error) {
		return l.sizes.mend(d, e)
	})
	l.jobs[len(l.jobs)-1].announce = func() { l.sizes.add(e) }
}

// countFile counts a message, unless it is compressed; with headOnly it only finds that out.
func countFile(dir int, file string, headOnly bool) (c crlf.Counter, plain bool, err error) {
	fd, err := unix.Openat(dir, file, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return c, false, err
	}
	f := os.NewFile(uintptr(fd), file)
	defer f.Close() // opened for reading: nothing to lose
	head := make([]byte, packed.Head)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return c, false, err
	}
	if packed.Detect(head[:n]) != packed.Plain {
		return c, false, nil
	}
	if headOnly {
		return c, true, nil
	}
	_, _ = c.Write(head[:n]) // never fails
	_, err = io.Copy(&c, f)
	return c, true, err
}

// plural is a number of things.
func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}
