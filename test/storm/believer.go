package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fantail/internal/mail"
	"fantail/test/storm/witness"
)

// believer is a reader as there are many: what one scan of a directory did not
// show is gone. The judge must find it out. Its UIDs are made of the tokens in
// the names, so that all else about it is right.
func believer(ctx context.Context, dir string, l *witness.Log) error {
	d := &drifter{dir: dir}
	var before witness.Snapshot
	var end time.Time
	for end.IsZero() || time.Now().Before(end) {
		if ctx.Err() != nil && end.IsZero() {
			end = time.Now().Add(quiet)
		}
		from := witness.Now()
		if err := d.refresh(0); err != nil {
			return err
		}
		to := witness.Now()
		now, err := believe(d.files)
		if err != nil {
			return err
		}
		now.Next = max(now.Next, before.Next)
		l.Sync(from, to, before, now)
		before = now
	}
	l.End(before)
	return nil
}

// believe makes a snapshot of a listing.
func believe(files []string) (witness.Snapshot, error) {
	s := witness.Snapshot{Validity: 1, Next: 1}
	for _, file := range files {
		base, info, _ := strings.Cut(filepath.Base(file), ":2,")
		var by, n mail.UID
		_, token, _ := strings.Cut(base, "_")
		if _, err := fmt.Sscanf(token, "f%d-%d.storm", &by, &n); err != nil {
			return s, fmt.Errorf("file %s: %w", file, err)
		}
		r := witness.Row{UID: by*1_000_000 + n, Base: base, Flags: witness.Flags(strings.Split(info, ""))}
		s.Rows = append(s.Rows, r)
		s.Next = max(s.Next, r.UID+1)
	}
	byUID := func(x, y witness.Row) int { return cmp.Compare(x.UID, y.UID) }
	slices.SortFunc(s.Rows, byUID)
	s.Rows = slices.CompactFunc(s.Rows, func(x, y witness.Row) bool { return x.UID == y.UID })
	return s, nil
}
