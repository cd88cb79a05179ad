package quota

import (
	"context"
	"fmt"
	"time"
)

// Audit is what the file says beside what there is.
type Audit struct {
	Says, Counted Usage
	// Known is false if that proves nothing: there is no sum that anybody believes, or
	// mail came or went meanwhile.
	Known bool
}

// Wrong reports whether the file says something else than there is.
func (a Audit) Wrong() bool { return a.Known && a.Says != a.Counted }

const (
	// auditTries is how often a difference must be found, and auditPause for how long it
	// must last: whoever delivers first puts a message in its place, then waits for the
	// disk, then appends to the file.
	auditTries = 3
	auditPause = 2 * time.Second
)

// Audit counts all mail and compares. It writes nothing.
func (f *File) Audit(ctx context.Context) (Audit, error) {
	var last Audit
	for try := 1; ; try++ {
		a, err := f.audit(ctx)
		if err != nil {
			return Audit{}, fmt.Errorf("audit quota: %w", err)
		}
		if !a.Wrong() || try > 1 && a != last {
			a.Known = a.Known && !a.Wrong()
			return a, nil
		}
		if try == auditTries {
			return a, nil
		}
		last = a
		select {
		case <-ctx.Done():
			return Audit{}, ctx.Err()
		case <-time.After(auditPause):
		}
	}
}

func (f *File) audit(ctx context.Context) (a Audit, err error) {
	s, err := f.readContent()
	if err != nil || s.damage != nil {
		return a, err
	}
	before, err := f.mail.Stamp(ctx)
	if err != nil {
		return a, err
	}
	a.Says = s.usage
	if a.Counted, err = f.mail.Count(ctx); err != nil {
		return a, err
	}
	again, err := f.readContent()
	if err != nil {
		return a, err
	}
	moved, err := f.moved(ctx, before)
	a.Known = !moved && again.damage == nil && again.content == s.content
	return a, err
}

// Recount counts all mail, and writes the file anew if no mail came or went meanwhile.
func (f *File) Recount(ctx context.Context) (Usage, error) {
	f.counting.Lock()
	defer f.counting.Unlock()
	s, err := f.read()
	if err != nil {
		return Usage{}, err
	}
	return f.recount(ctx, s)
}
