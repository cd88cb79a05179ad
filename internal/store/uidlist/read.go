package uidlist

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
)

// position is how far a File has read.
type position struct {
	list    *List
	damage  *DamagedError // list is nil then
	stamp   stamp
	end     int64     // behind the last whole line
	torn    bool      // something follows it
	header  string    // first line, with LF
	last    string    // last whole line, with LF: it must still stand before end
	index   baseIndex // of list.Records
	settled bool      // on disk as far as this process could see to it
	placed  bool      // and so is the file's name
}

// Load returns what the file holds now, which costs one stat while it does not
// change, and the new lines if it only grew. The same pointer means the same
// content. Everything in the list is on disk.
//
// Without a file the error is fs.ErrNotExist. A damaged file makes a
// *DamagedError with what could be saved.
func (f *File) Load() (*List, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.load()
}

func (f *File) load() (*List, error) {
	err := retryStale(f.refresh)
	if err == nil && !f.at.settled {
		err = f.settle()
	}
	if err != nil {
		return nil, fmt.Errorf("read UID list: %w", err)
	}
	if f.at.damage != nil {
		return nil, f.at.damage
	}
	return f.at.list, nil
}

// loadAll is load for those who need every record.
func (f *File) loadAll() (*List, error) {
	f.readAll()
	return f.load()
}

// readAll makes the next reading one of everything, unless that has been read.
func (f *File) readAll() {
	f.from = nil
	if l := f.at.list; l != nil && l.From > 1 {
		f.at = position{}
	}
}

// refresh brings f.at up to date.
func (f *File) refresh() error {
	fi, err := f.sys.lstat(f.path)
	if err != nil {
		f.at = position{}
		return err
	}
	if f.at.read() && stampOf(fi) == f.at.stamp {
		return nil
	}
	h, s, err := openRegular(f.sys, f.path, maxFile)
	if err != nil {
		f.at = position{}
		return err
	}
	defer h.Close()
	if ok, err := f.readTail(h, s); ok || err != nil {
		return err
	}
	if ok, err := f.resume(h, s); ok || err != nil {
		return err
	}
	text, err := readRange(h, 0, s.size)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.adopt(parse(text), text, s)
	return nil
}

// read reports whether anything was read.
func (p *position) read() bool { return p.list != nil || p.damage != nil }

// readTail reads what was appended since the last time. It reports false if the
// file is not the one that was read then, or if a new line breaks a rule: then
// it must be read as a whole.
func (f *File) readTail(h handle, s stamp) (bool, error) {
	p := &f.at
	if p.list == nil || !s.sameFile(p.stamp) || s.size < p.end || p.list.Version != 3 {
		return false, nil
	}
	// The number of an inode that was freed is given again soon, so the same
	// number is no proof: the first and the last line must be the same too.
	if ok, err := stands(h, p.header, 0); !ok {
		return false, err
	}
	if ok, err := stands(h, p.last, p.end-int64(len(p.last))); !ok {
		return false, err
	}
	tail, err := readRange(h, p.end, s.size)
	if err != nil {
		return false, err
	}
	return f.extend(tail, s), nil
}

// stands reports whether the file still has this text at off.
func stands(h handle, text string, off int64) (bool, error) {
	now, err := readRange(h, off, off+int64(len(text)))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	return now == text, err
}

// readRange returns the octets from off to end. The file may have been cut
// meanwhile: io.ErrUnexpectedEOF.
func readRange(h handle, off, end int64) (string, error) {
	var b strings.Builder
	b.Grow(int(end - off))
	n, err := io.CopyBuffer(&b, io.NewSectionReader(h, off, end-off), make([]byte, min(end-off+1, 1<<18)))
	if err == nil && n < end-off {
		err = io.ErrUnexpectedEOF
	}
	return b.String(), err
}

// adopt takes what was read from the text of a whole file.
func (f *File) adopt(read reading, text string, s stamp) {
	f.remember(read.list)
	f.at = position{
		stamp: s,
		end:   int64(len(text) - len(read.rest)),
		torn:  read.rest != "",
	}
	p := &f.at
	if read.count > 0 {
		p.damage = read.damage(f.path)
		return
	}
	p.list, p.index = read.list, read.index
	whole := text[:p.end]
	p.header = strings.Clone(whole[:strings.IndexByte(whole, '\n')+1])
	p.last = whole[strings.LastIndexByte(whole[:len(whole)-1], '\n')+1:]
}

// extend takes the text that follows what was read. It reports false, and has
// done nothing, if a line in it breaks a rule.
func (f *File) extend(tail string, s stamp) bool {
	p := &f.at
	old := p.list
	ps := parser{version: old.Version, line: old.Lines + 2, prev: old.lastUID(), seen: old.Next - 1}
	ps.recs = slices.Grow(old.Records, strings.Count(tail, "\n"))
	rest := ps.lines(tail)
	if ps.count > 0 {
		return false
	}
	list := *old
	list.Next = max(old.Next, ps.seen+1)
	list.Lines = ps.line - 2
	list.Records = ps.recs
	if p.index.add(&list, len(old.Records)) {
		p.index.fill(list.Records, len(list.Records))
	}
	p.torn = rest != ""
	whole := tail[:len(tail)-len(rest)]
	p.end += int64(len(whole))
	if whole != "" {
		p.last = whole[strings.LastIndexByte(whole[:len(whole)-1], '\n')+1:]
		p.settled = false
	}
	p.stamp = s
	f.remember(&list)
	if list.Next != old.Next || list.Lines != old.Lines {
		p.list = &list
	}
	return true
}

// lastUID returns the UID of the last record, 0 without one. With all records
// left out it returns what is known of it: the one below From.
func (l *List) lastUID() mail.UID {
	if len(l.Records) == 0 {
		return max(l.From, 1) - 1
	}
	return l.Records[len(l.Records)-1].UID
}

// remember raises l.Next to what was shown before, and remembers it as shown.
func (f *File) remember(l *List) {
	if l.Validity == 0 {
		return
	}
	if f.shownFor == l.Validity && f.shown > l.Next {
		l.Next = f.shown
	}
	f.shown, f.shownFor = l.Next, l.Validity
}

// youth is the age below which a file's content, and the name it was given by a
// rename, may not be on disk yet.
const youth = time.Minute

// settle makes sure that what was read from a young file is on disk, also if
// its writer has not come as far as to sync it: the UIDs are about to be shown.
// The directory is synced only if the file is not known to have been there.
func (f *File) settle() error {
	p := &f.at
	age := f.now().Sub(time.Unix(0, max(p.stamp.mtime, p.stamp.ctime)))
	if p.damage != nil || age > youth {
		p.settled, p.placed = true, true
		return nil
	}
	h, err := f.sys.open(f.path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		f.at = position{}
		return err
	} else if err != nil {
		return err
	}
	defer h.Close()
	fi, err := h.Stat()
	if err != nil {
		return err
	}
	if err := h.datasync(); err != nil && !cannotSync(err) {
		return err
	}
	// If the file was replaced meanwhile, what was read is safe when the file in
	// its place is.
	if !p.placed || !stampOf(fi).sameFile(p.stamp) {
		if err := f.sys.syncDir(f.dir); err != nil && !cannotSync(err) {
			return err
		}
	}
	p.settled, p.placed = true, true
	return nil
}

// cannotSync tells a file system that has nothing to sync (read-only, or in
// memory) from one that lost data.
func cannotSync(err error) bool {
	return errors.Is(err, unix.EROFS) || errors.Is(err, unix.EINVAL)
}
