package uidlist

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"fantail/internal/mail"
)

// Rebase gives records other bases: the files have been renamed. A base that has a
// record already keeps the lower of the two UIDs, the one that clients know. The caller
// holds the mailbox's lock. It reports whether there was anything to change.
//
// If unique-ids of POP3 are made of names, uidl tells what a record's was: the record
// keeps that as its own (Record.Field, 'P'). Otherwise it is nil.
func (f *File) Rebase(bases map[string]string, uidl func(mail.UIDValidity, Record) string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, err := f.loadAll()
	if err == nil {
		if next, changed := l.rebased(bases, uidl); changed {
			return true, f.rewrite(next)
		}
	}
	if err != nil {
		return false, fmt.Errorf("rename in UID list: %w", err)
	}
	return false, nil
}

func (l *List) rebased(bases map[string]string, uidl func(mail.UIDValidity, Record) string) (*List, bool) {
	next := *l
	next.Records = slices.Clone(l.Records)
	owner := make(map[string]int, len(bases)) // of new bases, by place
	for _, to := range bases {
		owner[to] = -1
	}
	var spare []int
	changed := false
	for i := range next.Records {
		r := &next.Records[i]
		if to, ok := bases[r.Base]; ok {
			r.keepUIDL(l.Validity, uidl)
			r.Base, changed = to, true
		}
		if at, ok := owner[r.Base]; !ok {
			continue
		} else if at >= 0 {
			spare, changed = append(spare, i), true
			continue
		}
		owner[r.Base] = i
	}
	for _, i := range slices.Backward(spare) {
		next.Records = slices.Delete(next.Records, i, i+1)
	}
	return &next, changed
}

// keepUIDL gives the record the unique-id that clients know it by, before its base changes.
func (r *Record) keepUIDL(v mail.UIDValidity, uidl func(mail.UIDValidity, Record) string) {
	value, named := r.Field('P')
	switch {
	case value != "":
		return
	case named:
		value = r.Base
	case uidl != nil:
		value = uidl(v, *r)
	}
	if ext := withField(r.Ext, 'P', value); value != "" && !strings.Contains(value, " ") && legalExt(ext) {
		r.Ext = ext
	}
}

// withField returns extension fields in which key has the value.
func withField(ext string, key byte, value string) string {
	var b strings.Builder
	for field := range splitFields(ext) {
		if field[0] != key {
			b.WriteString(" " + field)
		}
	}
	return b.String() + " " + string(key) + value
}

// RemoveLock removes path.lock, the dotlock of a file, if nobody has touched it for so long.
// Who holds one touches it (TouchEvery), so that must be much longer. The error is
// ErrLockTimeout if it was touched.
func RemoveLock(path string, untouched time.Duration) error {
	w := newWaiter(disk{}, path, LockOptions{})
	fi, err := w.sys.lstat(w.lock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && w.now().Sub(fi.ModTime()) < untouched {
		err = ErrLockTimeout
	}
	if err == nil {
		err = w.takeAway(stampOf(fi))
	}
	if err != nil {
		return fmt.Errorf("remove lock of %s: %w", path, err)
	}
	return nil
}

// Check tells which lines of the file mean nothing; nil if there are none. The error's
// Saved is nil.
func (k *Keywords) Check() (*DamagedError, error) {
	text, _, err := readAll(k.sys, k.path, maxKeywordsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read keywords: %w", err)
	}
	p := checkKeywords(text)
	return p.damage(k.path), nil
}

func checkKeywords(text string) (p problems) {
	seen := map[uint64]bool{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		index, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		i, err := strconv.ParseUint(index, 10, 8)
		if err != nil || i >= MaxKeywords || name == "" || seen[i] || !strings.HasSuffix(line, "\n") {
			p.add(n, BadLine, line)
		}
		seen[i] = true
	}
	return p
}

// Repair writes what can be read of the file, and keeps the old one as
// dovecot-keywords.broken-<time>. The caller holds the mailbox's lock.
func (k *Keywords) Repair(now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stamp = stamp{}
	err := k.load()
	if err == nil {
		err = keepBroken(k.sys, k.path, maxKeywordsFile, now)
	}
	if err == nil {
		names := k.names
		err = k.write(&names)
	}
	if err != nil {
		return fmt.Errorf("repair keywords: %w", err)
	}
	return nil
}

// Repair writes what can be read of the file, and keeps the old one as
// fantail-keywords.broken-<time>. The caller holds the mailbox's lock.
func (o *Overflow) Repair() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.load()
	if err == nil {
		o.text.unreadable = true // so that it is kept
		err = o.rewrite(o.text.encode(nil))
	}
	if err != nil {
		return fmt.Errorf("repair further keywords: %w", err)
	}
	return nil
}
