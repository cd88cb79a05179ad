package uidlist

import (
	"errors"
	"io/fs"
	"strings"

	"fantail/internal/mail"
)

// FileID tells one state of a file from another by a single lstat. It is zero
// where there is no file.
type FileID struct {
	Ino   uint64
	Size  int64 // octets
	Mtime int64 // nanoseconds since 1970
}

func (s stamp) id() FileID { return FileID{s.ino, s.size, s.mtime} }

// stat returns the identity of what the path names now.
func stat(sys fileSystem, path string) (FileID, error) {
	fi, err := sys.lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return FileID{}, nil
	}
	if err != nil {
		return FileID{}, err
	}
	return stampOf(fi).id(), nil
}

// Mark is a state of a UID list, and what a reader of it knew: that every record
// with a UID below Next is seen. A caller with an index keeps one between two
// processes, so that the second need not read what the first has read.
type Mark struct {
	FileID   // Size ends behind a whole line; the file may have had an unfinished one behind it
	Validity mail.UIDValidity
	Next     mail.UID // List.Next
	Lines    int      // List.Lines
}

// Stat returns the identity of the file that is there now: equal to a Mark's,
// nothing has changed since.
func (f *File) Stat() (FileID, error) { return stat(f.sys, f.path) }

// Mark returns the mark of the list that Load returned last, or that the last
// Append, Compact or other change made. Without one ok is false. What the mark
// covers is on disk.
func (f *File) Mark() (m Mark, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.at
	if p.list == nil || !p.settled {
		return Mark{}, false
	}
	return Mark{FileID{p.stamp.ino, p.end, p.stamp.mtime}, p.list.Validity, p.list.Next, p.list.Lines}, true
}

// Resume says that the caller knows every record with a UID below m.Next. If the
// file is still the one that was marked, the next Load reads its header and what
// follows the mark, and its List begins with List.From; else it reads everything.
// In either case no UID below m.Next is given again under the mark's
// UIDVALIDITY, and to Append the records below it are known to the caller.
//
// Resume does nothing if the File has loaded already, or if the mark is none.
func (f *File) Resume(m Mark) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at.read() || m.Size <= 0 || m.Validity == 0 || m.Next == 0 || m.Lines < 0 {
		return
	}
	f.from = &m
	if f.shownFor != m.Validity {
		f.shown = 0
	}
	f.shown, f.shownFor = max(f.shown, m.Next), m.Validity
}

// resume reads what follows the mark. It reports false if the file is not the
// one that was marked, or if a line that it reads breaks a rule: then it must be
// read as a whole.
//
// The number of an inode is soon given again, but this does no harm: UIDs ascend,
// so where the last line before the mark has a UID below the mark's Next, the
// records before it have too, in whatever file of this UIDVALIDITY.
func (f *File) resume(h handle, s stamp) (bool, error) {
	m := f.from
	if m == nil || s.ino != m.Ino || s.size < m.Size {
		return false, nil
	}
	top, err := readRange(h, 0, min(m.Size, maxLine+1))
	if err != nil {
		return false, err
	}
	head, _, whole := strings.Cut(top, "\n")
	list := &List{Next: m.Next, Lines: m.Lines}
	ps := parser{line: 1}
	if !whole {
		return false, nil
	}
	if ps.header(list, head); ps.count > 0 || list.Version != 3 || list.Validity != m.Validity {
		return false, nil
	}
	start := max(int64(len(head)+1), m.Size-maxLine-1)
	text, err := readRange(h, start, s.size)
	if err != nil {
		return false, err
	}
	last, uid, ok := lastRecord(text[:m.Size-start])
	if !ok || uid >= m.Next {
		return false, nil
	}
	if last == "" {
		last = head + "\n" // no records before the mark
	}
	list.Next = max(list.Next, m.Next)
	list.From = uid + 1
	f.at = position{
		list:    list,
		stamp:   s,
		end:     m.Size,
		header:  strings.Clone(head + "\n"),
		last:    strings.Clone(last),
		settled: true,
		placed:  true,
	}
	if !f.extend(text[m.Size-start:], s) {
		f.at = position{}
		return false, nil
	}
	return true, nil
}

// lastRecord returns the last line of the text, with LF, and its UID: "" and 0 of
// no text. It is not ok if the text does not end with a sound line, whose
// beginning is in the text.
func lastRecord(text string) (line string, uid mail.UID, ok bool) {
	if text == "" {
		return "", 0, true
	}
	if text[len(text)-1] != '\n' || len(text) == 1 {
		return "", 0, false
	}
	line = text[strings.LastIndexByte(text[:len(text)-1], '\n')+1:]
	ps := parser{version: 3, line: 1}
	ps.record(line[:len(line)-1], false)
	if ps.count > 0 {
		return "", 0, false
	}
	return line, ps.prev, true
}
