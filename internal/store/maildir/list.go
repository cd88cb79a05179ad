package maildir

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Listing is what List found.
type Listing struct {
	// Entries are the messages by base. Their strings share one block of memory
	// with all others of the listing: clone what is to outlive it.
	Entries map[string]Entry
	// Gone are the known messages whose absence is proven.
	Gone []string
	// Unconfirmed are known messages that were not seen but may well be there:
	// keep them as they were, and list again in a second or a minute.
	Unconfirmed []string
	// Duplicates are files whose base another file has too, which is the one in
	// Entries. Separate makes a message of each. Only set if Complete.
	Duplicates []Entry
	// Cur and New are the stamps from before the files were read.
	Cur, New Stamp
	// Complete reports that nothing can have changed while the files were read:
	// Entries is the whole Maildir, and it is until Dir.Stamp differs from Cur
	// and New. Otherwise messages that are not known yet may be missing, too;
	// list again when somebody asks next.
	Complete bool

	met int // how many of Entries were known
}

// A List gives up the search for proof after so many looks or so much time.
const (
	maxSweeps  = 8
	sweepTime  = 2 * time.Second
	settleWait = 50 * time.Millisecond // at most, in List
)

// List lists the Maildir without losing a message that another program renames
// at this moment: algorithm L of the package comment. known are the messages
// that the caller has seen before, by base; only these can be Gone. It may be
// nil.
//
// The error is fs.ErrNotExist if the Maildir is gone.
func (d *Dir) List(ctx context.Context, known map[string]Entry) (*Listing, error) {
	var l *Listing
	start := time.Now()
	for look := 1; ; look++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s, err := d.sweep(len(known), look > 1)
		if err != nil {
			return nil, fmt.Errorf("list maildir: %w", err)
		}
		// Proof must come from one sweep alone, with its own stamps. Without it,
		// sightings are joined, and the oldest stamps are the ones that count: a
		// message seen only in an earlier sweep may be gone by the later one.
		if l == nil || s.proof() {
			l = s.listing(known)
		} else {
			s.addTo(l, known)
		}
		missing := l.absent(known)
		switch {
		case s.proof():
			l.Gone = missing
			return l, nil
		case len(missing) == 0 && (s.still || s.curNames.whole || len(known) > 0):
			return l, nil
		case look == maxSweeps, time.Since(start) > sweepTime, s.still && d.slack > settleWait:
			l.Unconfirmed = missing
			return l, nil
		}
		if err := pause(ctx, d.breath(s, look)); err != nil {
			return nil, err
		}
	}
}

// breath is the time to wait before the next sweep: until stamps have settled,
// or a moment, growing, for a storm of renames to pass.
func (d *Dir) breath(s *sweep, look int) time.Duration {
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

// absent returns the bases of known that are not in the listing.
func (l *Listing) absent(known map[string]Entry) []string {
	if l.met == len(known) {
		return nil
	}
	missing := make([]string, 0, len(known)-l.met)
	for base := range known {
		if _, ok := l.Entries[base]; !ok {
			missing = append(missing, base)
		}
	}
	return missing
}

// listing makes a Listing of one sweep.
func (s *sweep) listing(known map[string]Entry) *Listing {
	l := &Listing{
		Entries:  make(map[string]Entry, s.newNames.count+s.curNames.count),
		Cur:      s.cur,
		New:      s.new,
		Complete: s.proof(),
	}
	for _, base := range s.addTo(l, known) {
		found := s.find(base)
		l.Entries[base] = found[0]
		for _, e := range found[1:] {
			l.addDuplicate(e)
		}
	}
	return l
}

// addDuplicate adds a file once, however often its base turned up.
func (l *Listing) addDuplicate(e Entry) {
	for _, have := range l.Duplicates {
		if have == e {
			return
		}
	}
	l.Duplicates = append(l.Duplicates, e)
}

// addTo puts the messages of a sweep into a listing; where a message is in both
// folders, cur counts. It returns the bases that two files have, if the listing
// is complete: otherwise a name that changed during the sweep is seen twice, too.
func (s *sweep) addTo(l *Listing, known map[string]Entry) (twice []string) {
	put := func(n names, new bool) {
		parse := parseClean // getdents gives no slash and no NUL
		if strings.IndexByte(n.blob, '\r') >= 0 || strings.IndexByte(n.blob, '\n') >= 0 {
			parse = ParseName
		}
		n.each(func(file string) bool {
			name, ok := parse(file)
			if !ok {
				return true
			}
			before := len(l.Entries)
			l.Entries[name.Base] = Entry{Name: name, File: file, New: new}
			if len(l.Entries) == before {
				if l.Complete {
					twice = append(twice, name.Base)
				}
				return true
			}
			// Counted here, where the name is at hand: looking for all that is
			// known afterwards takes as long as reading the directory.
			if _, ok := known[name.Base]; ok {
				l.met++
			}
			return true
		})
	}
	put(s.newNames, true)
	put(s.curNames, false)
	return twice
}
