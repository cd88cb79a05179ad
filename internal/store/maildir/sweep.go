package maildir

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Sweep is one look at the whole Maildir: new, then cur, and the stamps around
// it. The order matters: a message that goes from new to cur during the sweep is
// seen in one of them or in both; the other way round it could slip through.
type Sweep struct {
	newNames, curNames names
	new, cur           Stamp // from before
	still              bool  // and the same afterwards
	settled            bool  // so nothing can have happened in between
}

// A search for proof ends after so many looks or so much time, and what it takes
// for stamps to settle.
const (
	maxSweeps = 8
	sweepTime = 2 * time.Second
)

// Sweeps is algorithm L of the package comment: it looks at the Maildir until the
// caller has seen enough, with pauses that give storms of renames time to pass
// and stamps time to settle: two seconds on a file server. It ends after some looks
// or seconds. What a sweep
// shows was there; what it does not show is gone only if Proof says so, for this
// sweep alone. Sightings of several sweeps may be put together; then the stamps
// of the first are the ones that count.
//
// count is about how many messages are expected. The error is fs.ErrNotExist if
// the Maildir is gone, or the context's.
func (d *Dir) Sweeps(ctx context.Context, count int) iter.Seq2[*Sweep, error] {
	return func(yield func(*Sweep, error) bool) {
		start := time.Now()
		for look := 1; ; look++ {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			s, err := d.sweep(count, look > 1)
			if err != nil {
				yield(nil, fmt.Errorf("list maildir: %w", err))
				return
			}
			if !yield(s, nil) || look == maxSweeps || time.Since(start) > sweepTime+d.slack {
				return
			}
			if err := pause(ctx, d.breath(s, look)); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// breath is the time to wait before the next sweep: until stamps have settled,
// or a moment, growing, for a storm of renames to pass.
func (d *Dir) breath(s *Sweep, look int) time.Duration {
	if s.still {
		return d.slack + time.Millisecond
	}
	return time.Millisecond << min(look, 5)
}

// pause waits.
func pause(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// SweepNew is a sweep that reads new alone, which seldom holds much, because cur
// is in a state that the caller knows: with the stamp cur. It returns nil if cur
// is not in that state, before and afterwards.
func (d *Dir) SweepNew(cur Stamp) (*Sweep, error) {
	buffer := d.takeBuffer(minBuffer)
	defer d.giveBuffer(buffer)
	clock := d.startClock()
	s := &Sweep{}
	var err error
	if s.cur, err = d.stamp(d.cur); err == nil {
		s.new, s.newNames, err = d.read(d.new, *buffer)
	}
	if err == nil {
		err = s.lookAgain(d)
	}
	if err != nil {
		return nil, fmt.Errorf("list new messages: %w", err)
	}
	if !s.cur.Equal(cur) || !s.still {
		return nil, nil
	}
	s.settle(clock)
	return s, nil
}

// sweep reads the Maildir once. count is the number of messages expected; for
// confirm see bufferFor.
func (d *Dir) sweep(count int, confirm bool) (*Sweep, error) {
	buffer := d.takeBuffer(bufferFor(max(count, int(d.lastCount.Load())), confirm))
	defer d.giveBuffer(buffer)
	clock := d.startClock()
	s := &Sweep{}
	var err error
	if s.new, s.newNames, err = d.read(d.new, *buffer); err != nil {
		return nil, err
	}
	if s.cur, s.curNames, err = d.read(d.cur, *buffer); err != nil {
		return nil, err
	}
	d.lastCount.Store(int64(s.curNames.count))
	if err := s.lookAgain(d); err != nil {
		return nil, err
	}
	s.settle(clock)
	return s, nil
}

// clock is the time by which stamps are made, as it was when a sweep began.
type clock struct{ now, start time.Time }

// startClock asks for the time. It is zero where it cannot be had: on a file
// server that lets us write nothing.
func (d *Dir) startClock() clock {
	start := time.Now()
	now, err := d.now()
	if err != nil {
		return clock{}
	}
	return clock{now, start}
}

// settle looks whether the stamps can have hidden a change. Without a clock
// nothing counts as settled.
func (s *Sweep) settle(c clock) {
	s.settled = !c.now.IsZero() && s.settledAt(c.now) && s.settledAt(c.now.Add(time.Since(c.start)))
}

// lookAgain takes the stamps after the sweep.
func (s *Sweep) lookAgain(d *Dir) error {
	cur, err := d.stamp(d.cur)
	if err != nil {
		return err
	}
	// new has to be still until the end of cur: mutt moves messages back.
	new, err := d.stamp(d.new)
	if err != nil {
		return err
	}
	s.still = cur.Equal(s.cur) && new.Equal(s.new)
	return nil
}

func (s *Sweep) settledAt(now time.Time) bool {
	return s.cur.Settled(now) && s.new.Settled(now)
}

// Proof reports that what the sweep did not see is not there.
func (s *Sweep) Proof() bool { return s.still && s.settled }

// Probable reports that the sweep has most likely seen all, without being proof:
// nothing seems to have changed meanwhile, or it was one system call.
func (s *Sweep) Probable() bool { return s.still || s.curNames.whole }

// Still reports that stamps did not change during the sweep: if it is no proof, they
// only were too young.
func (s *Sweep) Still() bool { return s.still }

// Len is how many files the sweep has seen, messages or not.
func (s *Sweep) Len() int { return s.newNames.count + s.curNames.count }

// Stamps returns the stamps from before the sweep. After Proof the Maildir is as
// seen until Dir.Stamp differs from them.
func (s *Sweep) Stamps() (cur, new Stamp) { return s.cur, s.new }

// Files yields the names of all messages and whether each lies in new: those
// first, for where a message is in both, cur counts. Names share one block of
// memory: clone what is to outlive the sweep.
func (s *Sweep) Files() iter.Seq2[string, bool] {
	return func(yield func(string, bool) bool) {
		more := true
		for _, in := range [...]struct {
			names
			new bool
		}{{s.newNames, true}, {s.curNames, false}} {
			// getdents gives no slash and no NUL.
			strange := strings.IndexByte(in.blob, '\r') >= 0 || strings.IndexByte(in.blob, '\n') >= 0
			in.each(func(file string) bool {
				if file[0] == '.' || file[0] == ':' || strange && strings.ContainsAny(file, "\r\n") {
					return true
				}
				more = yield(file, in.new)
				return more
			})
			if !more {
				return
			}
		}
	}
}

// Find returns all files that have the base, the one that counts first.
func (s *Sweep) Find(base string) []Entry {
	var found []Entry
	for _, in := range []struct {
		names names
		new   bool
	}{{s.curNames, false}, {s.newNames, true}} {
		files := in.names.withBase(base)
		slices.Sort(files)
		for _, file := range files {
			if n, ok := ParseName(file); ok {
				found = append(found, Entry{Name: n, File: file, New: in.new})
			}
		}
	}
	return found
}

// read takes the stamp of a folder by its path, opens it by its path, and reads
// it. The stamp comes first: whatever is renamed after it changes it. (btrfs
// even hides what is renamed between open and getdents.)
func (d *Dir) read(f *folder, buffer []byte) (Stamp, names, error) {
	before, err := d.stamp(f)
	if err != nil {
		return Stamp{}, names{}, err
	}
	if err := d.sys.before("scan", f.name); err != nil {
		return Stamp{}, names{}, err
	}
	file, err := openFolder(f.path)
	if err != nil {
		return Stamp{}, names{}, err
	}
	defer file.Close() // opened for reading: nothing to lose
	fd := int(file.Fd())
	opened, err := statFD(fd)
	if err != nil {
		return Stamp{}, names{}, err
	}
	if opened.Ino != before.Ino || opened.Dev != before.Dev {
		before = Stamp{} // replaced in between: equal to nothing
	}
	if err := f.adopt(opened); err != nil {
		return Stamp{}, names{}, err
	}
	n, err := readNames(fd, buffer, wantFile)
	if err != nil {
		return Stamp{}, names{}, fmt.Errorf("read %s: %w", f.path, err)
	}
	return before, n, nil
}
