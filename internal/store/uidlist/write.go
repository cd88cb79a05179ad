package uidlist

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"fantail/internal/mail"
)

// Create writes the list of a mailbox that has none: UIDs from 1 for the bases,
// and a new GUID. The error is fs.ErrExist if there is a file, even a damaged
// one. The caller holds the mailbox's lock.
func (f *File) Create(v mail.UIDValidity, bases []string) (*List, error) {
	_, fresh, err := give(1, bases, func(string) (Record, bool) { return Record{}, false })
	if err != nil {
		return nil, fmt.Errorf("create UID list: %w", err)
	}
	return f.Import(&List{Validity: v, Records: fresh})
}

// Import writes a list that came from elsewhere, such as Courier's, to a mailbox
// that has none. Records must ascend and each base occur once. The caller holds
// the mailbox's lock.
func (f *File) Import(l *List) (*List, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list, err := f.create(l)
	if err != nil {
		return nil, fmt.Errorf("create UID list: %w", err)
	}
	return list, nil
}

func (f *File) create(from *List) (*List, error) {
	if err := from.check(); err != nil {
		return nil, err
	}
	_, err := f.sys.lstat(f.path)
	if err == nil {
		err = &fs.PathError{Op: "create", Path: f.path, Err: fs.ErrExist}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l := *from
	l.Next = max(l.Next, l.lastUID()+1)
	if err := f.rewrite(&l); err != nil {
		return nil, err
	}
	return f.at.list, nil
}

var errList = errors.New("not a legal UID list")

// check says whether the format can hold the list.
func (l *List) check() error {
	if l.Validity == 0 {
		return fmt.Errorf("%w: UIDVALIDITY 0", errList)
	}
	if l.From > 1 {
		return fmt.Errorf("%w: records below %d were left out", errList, l.From)
	}
	if !legalHeader(l.Header) || l.GUID != "" && !isGUID(l.GUID) {
		return fmt.Errorf("%w: GUID %q, header %q", errList, l.GUID, l.Header)
	}
	seen := make(map[string]bool, len(l.Records))
	var prev mail.UID
	var line []byte
	for _, r := range l.Records {
		if err := checkBase(r.Base); err != nil {
			return err
		}
		if r.UID <= prev || r.UID > MaxUID || seen[r.Base] {
			return fmt.Errorf("%w: UID %d of %q", errList, r.UID, r.Base)
		}
		line = r.append(line[:0])
		if cleanExt(r.Ext) != r.Ext || !legalExt(r.Ext) || len(line) > maxLine+1 {
			return fmt.Errorf("%w: fields %q", errList, r.Ext)
		}
		prev, seen[r.Base] = r.UID, true
	}
	return nil
}

// Append gives the next UIDs to the bases, in their order, and returns when they
// are on disk. The result has one record for each base. A base that already had
// a record when this File last loaded gets a new UID, which replaces the old one
// (a file that came back after clients were told that it is gone); one whose
// record another process has written since then keeps that UID. What Resume was
// told counts as loaded, so this holds also for records that were left out. The
// caller holds the mailbox's lock.
//
// After an error some of the bases may have got their UIDs: Load tells.
func (f *File) Append(bases []string) ([]Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	recs, err := f.append(bases)
	if err != nil {
		return nil, fmt.Errorf("append to UID list: %w", err)
	}
	return recs, nil
}

func (f *File) append(bases []string) ([]Record, error) {
	horizon, of := f.shown, f.shownFor // UIDs from here on are news to the caller
	l, err := f.load()
	if err == nil && f.wantsRewrite() {
		l, err = f.loadAll()
	}
	if err != nil {
		return nil, err
	}
	if of != l.Validity {
		horizon = 0
	}
	p := &f.at
	recs, fresh, err := give(p.list.Next, bases, func(base string) (Record, bool) {
		i := p.index.find(p.list.Records, base)
		if i < 0 || p.list.Records[i].UID < horizon {
			return Record{}, false
		}
		return p.list.Records[i], true
	})
	if err != nil || len(fresh) == 0 {
		return recs, err
	}
	if f.wantsRewrite() {
		err = f.rewrite(p.list.with(fresh))
	} else {
		err = f.appendLines(fresh)
	}
	if err != nil {
		return nil, err
	}
	return recs, nil
}

// wantsRewrite reports whether lines cannot be appended to the file. The last
// octet must be LF, or what we append would become part of a line that was torn
// off.
func (f *File) wantsRewrite() bool {
	return f.at.torn || f.at.list.Version != 3 || f.at.list.GUID == ""
}

// with returns the list with more records, whose UIDs follow.
func (l *List) with(recs []Record) *List {
	next := *l
	next.Records = slices.Concat(l.Records, recs)
	next.Next = max(l.Next, next.lastUID()+1)
	return &next
}

// give makes records for the bases, with UIDs from next on, except for those
// that keep the record which known finds. all has one for each base.
func give(next mail.UID, bases []string, known func(string) (Record, bool)) (all, fresh []Record, err error) {
	all, fresh = make([]Record, 0, len(bases)), make([]Record, 0, len(bases))
	given := make(map[string]int, len(bases))
	for i, base := range bases {
		if err := checkBase(base); err != nil {
			return nil, nil, err
		}
		r, ok := known(base)
		if at, again := given[base]; again {
			r, ok = all[at], true
		}
		if !ok {
			if next > MaxUID {
				return nil, nil, ErrExhausted
			}
			r = Record{UID: next, Base: base}
			fresh = append(fresh, r)
			next++
		}
		given[base] = i
		all = append(all, r)
	}
	return all, fresh, nil
}

// lineRoom is more than what a line has beside its fields: a UID of ten digits, a
// space and a colon, and LF.
const lineRoom = 16

// appendLines writes the records behind the last line.
func (f *File) appendLines(recs []Record) error {
	size := 0
	for i := range recs {
		size += len(recs[i].Base) + len(recs[i].Ext) + lineRoom
	}
	lines := make([]byte, 0, size)
	for _, r := range recs {
		lines = r.append(lines)
	}
	text := string(lines)
	h, err := f.sys.open(f.path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer h.Close()
	if err := untouched(h, f.path, f.at.stamp); err != nil {
		return err
	}
	if _, err := h.WriteString(text); err != nil {
		return err // see the package comment: nothing is cut off
	}
	if err := h.datasync(); err != nil {
		// The kernel tells of a lost page once and then takes it for written, so
		// trying again would lie. A new file holds pages of its own.
		if again := f.rewriteWith(recs); again != nil {
			return errors.Join(err, again)
		}
		return nil
	}
	fi, err := h.Stat()
	if err != nil {
		return err
	}
	s := stampOf(fi)
	if s.size != f.at.stamp.size+int64(len(text)) || !f.extend(text, s) {
		f.at = position{}
		return fmt.Errorf("%s: %w", f.path, ErrRaced)
	}
	f.at.settled = true
	return nil
}

// rewriteWith rewrites the list with the records, of which those before it may
// have been left out and those themselves may be in the file.
func (f *File) rewriteWith(recs []Record) error {
	f.readAll()
	if f.at.list == nil {
		if err := retryStale(f.refresh); err != nil {
			return err
		}
		if f.at.damage != nil {
			return f.at.damage
		}
	}
	last := f.at.list.lastUID()
	recs = slices.DeleteFunc(slices.Clone(recs), func(r Record) bool { return r.UID <= last })
	return f.rewrite(f.at.list.with(recs))
}

// untouched reports an error unless the open file is what was read under the
// lock, and its last octet LF.
func untouched(h handle, path string, read stamp) error {
	fi, err := h.Stat()
	if err != nil {
		return err
	}
	if s := stampOf(fi); !s.sameFile(read) || s.size != read.size {
		return fmt.Errorf("%s: %w", path, ErrRaced)
	}
	var last [1]byte
	if _, err := h.ReadAt(last[:], read.size-1); err != nil && err != io.EOF {
		return err
	}
	if last[0] != '\n' {
		return fmt.Errorf("%s: %w", path, ErrRaced)
	}
	return nil
}

// Compact rewrites the list without the records for whose base keep is false.
// If keep wants them all, the file stays as it is. Absence of a file must have
// been proven: the UID is gone for good. The caller holds the mailbox's lock.
func (f *File) Compact(keep func(base string) bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.compact(keep); err != nil {
		return fmt.Errorf("compact UID list: %w", err)
	}
	return nil
}

func (f *File) compact(keep func(base string) bool) error {
	l, err := f.loadAll()
	if err != nil {
		return err
	}
	next := *l
	next.Records = make([]Record, 0, len(l.Records))
	for _, r := range l.Records {
		if keep(r.Base) {
			next.Records = append(next.Records, r)
		}
	}
	if len(next.Records) == l.Lines && !f.at.torn {
		return nil
	}
	return f.rewrite(&next)
}

// Wasteful reports whether so few of the list's lines are messages that exist
// that Compact is worth its fsync: at most three quarters, Dovecot's measure.
func (l *List) Wasteful(live int) bool {
	return l.Lines > 0 && live <= l.Lines*3/4
}

// RaiseNext makes sure that no UID below next is ever given: a caller's index
// may remember higher UIDs than the file. The caller holds the mailbox's lock.
func (f *File) RaiseNext(next mail.UID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, err := f.load()
	if err == nil && l.Next < next {
		if l, err = f.loadAll(); err == nil {
			raised := *l
			raised.Next = max(l.Next, next)
			err = f.rewrite(&raised)
		}
	}
	if err != nil {
		return fmt.Errorf("raise next UID: %w", err)
	}
	return nil
}

// rewrite replaces the file by the list, as version 3 and with a GUID.
func (f *File) rewrite(l *List) error {
	if l.GUID == "" {
		l.GUID = newGUID()
	}
	text := string(l.encode())
	read := parse(text)
	if read.count > 0 {
		panic("uidlist: about to write a damaged list: " + read.damage(f.path).Error())
	}
	s, err := replace(f.sys, replacement{path: f.path, temp: f.path + ".tmp", data: text})
	if err != nil {
		return err
	}
	// The rename has changed the ctime.
	if fi, err := f.sys.lstat(f.path); err == nil && stampOf(fi).sameFile(s) && fi.Size() == s.size {
		s = stampOf(fi)
	}
	f.adopt(read, text, s)
	f.at.settled, f.at.placed = true, true
	return nil
}
