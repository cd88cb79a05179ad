package uidlist

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"fantail/internal/mail"
)

// ErrTooManyKeywords is the error for more keywords than a mailbox or a message
// may have.
var ErrTooManyKeywords = errors.New("too many keywords")

// Limits of fantail-keywords.
const (
	// MaxOverflow is how many keywords without a letter the messages of a mailbox
	// may have together.
	MaxOverflow = 1000

	maxOverflowFile  = 64 << 20 // octets: half a million messages
	maxOverflowBases = 1 << 20  // messages with such keywords
	maxOverflowLine  = 16 << 10 // octets of one line: the keywords of one message

	// overflowSlack is how many lines that mean nothing any more are too few for a
	// rewrite.
	overflowSlack = 64
)

// Overflow is the fantail-keywords of one mailbox: which message has which
// keywords beyond those that have a letter. The package comment has the format.
// Its methods may be called by several goroutines; those that write want the
// mailbox's lock besides.
type Overflow struct {
	path string
	sys  fileSystem
	now  func() time.Time

	mu    sync.Mutex // guards what follows
	stamp stamp      // of what was read; zero if nothing was, or there is no file
	text  overflowText
}

// OpenOverflow names the file in a Maildir. It reads nothing.
func OpenOverflow(dir string) *Overflow { return openOverflow(disk{}, dir) }

func openOverflow(sys fileSystem, dir string) *Overflow {
	return &Overflow{path: filepath.Join(dir, "fantail-keywords"), sys: sys, now: time.Now}
}

// Stat returns the identity of the file that is there now.
func (o *Overflow) Stat() (FileID, error) { return stat(o.sys, o.path) }

// Loaded returns the identity of the file that was read last.
func (o *Overflow) Loaded() FileID {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stamp.id()
}

// Load reads the file if it changed, which costs one stat if not, and only the
// new lines if it grew. Without a file no message has further keywords. Lines
// that break the format are skipped; Damage tells of them. A file above the
// limits is ErrTooLarge, and what was read before stays.
func (o *Overflow) Load() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.load(); err != nil {
		return fmt.Errorf("read further keywords: %w", err)
	}
	return nil
}

func (o *Overflow) load() error { return retryStale(o.refresh) }

func (o *Overflow) refresh() error {
	fi, err := o.sys.lstat(o.path)
	if errors.Is(err, fs.ErrNotExist) {
		o.stamp, o.text = stamp{}, overflowText{}
		return nil
	}
	if err != nil || stampOf(fi) == o.stamp {
		return err
	}
	h, s, err := openRegular(o.sys, o.path, maxOverflowFile)
	if errors.Is(err, fs.ErrNotExist) { // removed since the lstat
		o.stamp, o.text = stamp{}, overflowText{}
		return nil
	}
	if err != nil {
		return err
	}
	defer h.Close()
	if ok, err := o.readTail(h, s); ok || err != nil {
		return err
	}
	text, err := readRange(h, 0, s.size)
	if err != nil {
		return fmt.Errorf("%s: %w", o.path, err)
	}
	return o.adopt(parseOverflow(text), s)
}

// readTail reads what was appended. It reports false if the file must be read as
// a whole.
func (o *Overflow) readTail(h handle, s stamp) (bool, error) {
	t := &o.text
	if !t.sound || !s.sameFile(o.stamp) || s.size < t.end {
		return false, nil
	}
	if ok, err := stands(h, overflowHeader, 0); !ok {
		return false, err
	}
	if ok, err := stands(h, t.last, t.end-int64(len(t.last))); !ok {
		return false, err
	}
	tail, err := readRange(h, t.end, s.size)
	if err != nil {
		return false, err
	}
	t.lines(tail)
	return true, o.adopt(*t, s)
}

// adopt takes what was read, unless it is too much.
func (o *Overflow) adopt(t overflowText, s stamp) error {
	if len(t.sets) > maxOverflowBases {
		o.stamp, o.text = stamp{}, overflowText{}
		return fmt.Errorf("%s: %w: %d messages, limit %d", o.path, ErrTooLarge, len(t.sets), maxOverflowBases)
	}
	o.stamp, o.text = s, t
	return nil
}

// Of returns the further keywords of a message, mostly nil: in one spelling each,
// sorted. The slice is shared and must not be changed.
func (o *Overflow) Of(base string) []mail.Keyword {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.sets[base]
}

// All yields the messages that have further keywords, in no order. They may be
// gone from the mailbox.
func (o *Overflow) All() iter.Seq2[string, []mail.Keyword] {
	o.mu.Lock()
	sets := maps.Clone(o.text.sets)
	o.mu.Unlock()
	return maps.All(sets)
}

// Names returns the keywords that some message has, or had when the file was
// rewritten last or later, in the spelling in which they came first.
func (o *Overflow) Names() []mail.Keyword {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clip(o.text.names)
}

// Damage tells which lines of the file were skipped; nil if none. Its Saved is
// nil.
func (o *Overflow) Damage() *DamagedError {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.damage(o.path)
}

// Set gives each base of changes these further keywords and no others. The caller
// holds the mailbox's lock, and has found a letter for the rest. A keyword is
// ErrKeyword if it is no atom, ErrTooManyKeywords if it is one too many; then nothing
// has changed. After another error some bases may have changed: Load tells.
//
// As with flags in file names, the change may be lost when the power fails.
func (o *Overflow) Set(changes map[string][]mail.Keyword) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.set(changes); err != nil {
		return fmt.Errorf("set further keywords: %w", err)
	}
	return nil
}

func (o *Overflow) set(changes map[string][]mail.Keyword) error {
	if err := o.load(); err != nil {
		return err
	}
	lines, names, err := o.text.plan(changes)
	if err != nil || lines == "" {
		return err
	}
	t := &o.text
	crowded := names > 0 && len(t.names)+names > MaxOverflow
	if o.stamp == (stamp{}) || !t.sound || t.torn || crowded || t.wasteful(len(t.sets)) || t.end+int64(len(lines)) > maxOverflowFile {
		next := parseOverflow(t.encode(nil))
		next.lines(lines)
		if crowded && len(next.used()) > MaxOverflow {
			return fmt.Errorf("%w: more than %d in the mailbox", ErrTooManyKeywords, MaxOverflow)
		}
		return o.rewrite(next.encode(nil))
	}
	return o.append(lines)
}

// append writes lines behind the last one.
func (o *Overflow) append(lines string) error {
	h, err := o.sys.open(o.path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer h.Close()
	if err := untouched(h, o.path, o.stamp); err != nil {
		return err
	}
	if _, err := h.WriteString(lines); err != nil {
		return err
	}
	fi, err := h.Stat()
	if err != nil {
		return err
	}
	s := stampOf(fi)
	if s.size != o.stamp.size+int64(len(lines)) {
		return fmt.Errorf("%s: %w", o.path, ErrRaced)
	}
	o.text.lines(lines)
	return o.adopt(o.text, s)
}

// rewrite replaces the file. One that could not be read is kept under another
// name.
func (o *Overflow) rewrite(text string) error {
	if len(text) > maxOverflowFile {
		return fmt.Errorf("%s: %w: %d octets, limit %d", o.path, ErrTooLarge, len(text), maxOverflowFile)
	}
	if o.text.unreadable {
		if err := keepBroken(o.sys, o.path, maxOverflowFile, o.now()); err != nil {
			return fmt.Errorf("keep damaged file: %w", err)
		}
	}
	_, err := replace(o.sys, replacement{path: o.path, temp: o.path + ".tmp", data: text})
	if err != nil {
		return err
	}
	return o.load() // the rename has changed the ctime
}

// Compact rewrites the file without the lines of bases for which keep is false,
// if that and what was changed since make it worth its fsync: a quarter of the
// file. Absence of a message must have been proven. The caller holds the
// mailbox's lock.
func (o *Overflow) Compact(keep func(base string) bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.compact(keep); err != nil {
		return fmt.Errorf("compact further keywords: %w", err)
	}
	return nil
}

func (o *Overflow) compact(keep func(base string) bool) error {
	if err := o.load(); err != nil {
		return err
	}
	live := 0
	for base := range o.text.sets {
		if keep(base) {
			live++
		}
	}
	if !o.text.wasteful(live) {
		return nil
	}
	return o.rewrite(o.text.encode(keep))
}
