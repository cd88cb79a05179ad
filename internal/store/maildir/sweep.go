package maildir

import (
	"fmt"
	"slices"
	"time"
)

// sweep is one look at the whole Maildir: new, then cur, and the stamps around
// it. The order matters: a message that goes from new to cur during the sweep is
// seen in one of them or in both; the other way round it could slip through.
type sweep struct {
	newNames, curNames names
	new, cur           Stamp // from before
	still              bool  // and the same afterwards
	settled            bool  // so nothing can have happened in between
}

// sweep reads the Maildir once. count is the number of messages expected; for
// confirm see bufferFor.
func (d *Dir) sweep(count int, confirm bool) (*sweep, error) {
	buffer := d.takeBuffer(bufferFor(max(count, int(d.lastCount.Load())), confirm))
	defer d.giveBuffer(buffer)
	start := time.Now()
	now, clockErr := d.now()
	s := &sweep{}
	var err error
	if s.new, s.newNames, err = d.read(d.new, buffer); err != nil {
		return nil, err
	}
	if s.cur, s.curNames, err = d.read(d.cur, buffer); err != nil {
		return nil, err
	}
	d.lastCount.Store(int64(s.curNames.count))
	if err := s.lookAgain(d); err != nil {
		return nil, err
	}
	// Without the server's time (a read-only Maildir) nothing counts as settled.
	end := now.Add(time.Since(start))
	s.settled = clockErr == nil && s.settledAt(now) && s.settledAt(end)
	return s, nil
}

// lookAgain takes the stamps after the sweep.
func (s *sweep) lookAgain(d *Dir) error {
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

func (s *sweep) settledAt(now time.Time) bool {
	return s.cur.Settled(now) && s.new.Settled(now)
}

// proof reports that what the sweep did not see is not there.
func (s *sweep) proof() bool { return s.still && s.settled }

// find returns all files that have the base, the one that counts first.
func (s *sweep) find(base string) []Entry {
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
