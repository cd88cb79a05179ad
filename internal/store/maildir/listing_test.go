package maildir

import (
	"context"
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

// List is the simplest use of Sweeps: it lists the Maildir without losing a message that another program renames
// at this moment: algorithm L of the package comment. known are the messages
// that the caller has seen before, by base; only these can be Gone. It may be
// nil.
//
// The error is fs.ErrNotExist if the Maildir is gone.
func (d *Dir) List(ctx context.Context, known map[string]Entry) (*Listing, error) {
	var l *Listing
	var missing []string
	for s, err := range d.Sweeps(ctx, len(known)) {
		if err != nil {
			return nil, err
		}
		// Proof must come from one sweep alone, with its own stamps. Without it,
		// sightings are joined, and the oldest stamps are the ones that count: a
		// message seen only in an earlier sweep may be gone by the later one.
		if l == nil || s.Proof() {
			l = s.listing(known)
		} else {
			s.addTo(l, known)
		}
		missing = l.absent(known)
		if s.Proof() {
			l.Gone = missing
			return l, nil
		}
		if len(missing) == 0 && (s.Probable() || len(known) > 0) {
			return l, nil
		}
		if s.Still() && d.Networked() {
			break
		}
	}
	l.Unconfirmed = missing
	return l, nil
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
func (s *Sweep) listing(known map[string]Entry) *Listing {
	l := &Listing{
		Entries:  make(map[string]Entry, s.newNames.count+s.curNames.count),
		Cur:      s.cur,
		New:      s.new,
		Complete: s.Proof(),
	}
	for _, base := range s.addTo(l, known) {
		found := s.Find(base)
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
func (s *Sweep) addTo(l *Listing, known map[string]Entry) (twice []string) {
	for file, new := range s.Files() {
		name, ok := ParseName(file)
		if !ok {
			continue
		}
		before := len(l.Entries)
		l.Entries[name.Base] = Entry{Name: name, File: file, New: new}
		if len(l.Entries) == before {
			if l.Complete {
				twice = append(twice, name.Base)
			}
			continue
		}
		if _, ok := known[name.Base]; ok {
			l.met++
		}
	}
	return twice
}
