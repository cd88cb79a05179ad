package quota

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// toldFile is beside maildirsize. It has one number, the percentage of the limits that was
// reached when somebody was told last, and a line end; none, or no number, is 0. Behind it
// are the crossings that wait for a program (waiting.go). It is written in place, under its
// own flock, after he was told: a crash in between tells him twice, and never not at all. It
// is not removed again, since others may wait for its lock.
const toldFile = "fantail-quota-told"

// Crossing is that an account has reached a percentage of its limits, or is below it again.
type Crossing struct {
	Percent int
	Below   bool
	// Before and Now are the highest of the percentages that were reached when somebody
	// was told last, and now; 0 is none.
	Before, Now int
	Usage       Usage
	Limits      Limits
	Time        time.Time // to the second
}

// Tell finds out whether one of these percentages, which rise, has been reached since
// somebody was told of it, or left, and if so calls tell, in one process at a time. If it
// returns an error nobody was told. Who looks after every change misses nothing: the last
// of those that change the mail at once sees what all have changed.
//
// Reached counts any limit. A percentage is left when there is a twentieth less than that
// in use: who has come to it with one message and deletes one is not told again by the
// next. Of several that were crossed at once tell hears the highest, or the lowest that
// was left. If keep is set the crossing waits for Take from then on, and kept says so.
//
// Most calls cost the reading of two small files; only if they seem to say that somebody
// is to be told, and the sum is not believed, the mail is counted.
func (f *File) Tell(ctx context.Context, percents []int, keep bool, tell func(Crossing) error) (kept bool, err error) {
	s, err := f.read()
	if err != nil || s.damage != nil || len(percents) == 0 {
		return false, wrapTell(err) // without a sum the next change tells
	}
	told, err := f.told()
	if err != nil || s.level(percents, told) == told {
		return false, wrapTell(err)
	}
	kept, err = f.tell(ctx, percents, keep, tell)
	return kept, wrapTell(err)
}

func wrapTell(err error) error {
	if err != nil {
		err = fmt.Errorf("compare quota with percentages: %w", err)
	}
	return err
}

func (f *File) tell(ctx context.Context, percents []int, keep bool, tell func(Crossing) error) (kept bool, err error) {
	file, err := lockTold(ctx, f.root)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	was, err := readNotes(file)
	if err != nil {
		return false, err
	}
	u, l, err := f.usage(ctx, Usage{}, Beyond{})
	if err != nil {
		return false, err
	}
	s := content{usage: u, limits: l}
	now := s.level(percents, was.told)
	if now == was.told {
		return false, nil
	}
	c := Crossing{Percent: now, Before: was.told, Now: now, Usage: u, Limits: l, Time: f.clock()}
	if now < was.told {
		c.Below, c.Percent = true, was.told
		for _, p := range percents {
			if p > now {
				c.Percent = p
				break
			}
		}
	}
	if err := tell(c); err != nil {
		return false, err
	}
	was.told = now
	if keep {
		was.add(c)
	}
	return keep, was.write(file)
}

// level is the highest of the percentages that is reached, or was when somebody was told
// and is not left yet; 0 if there is none.
func (c content) level(percents []int, told int) (level int) {
	for _, p := range percents {
		slack := int64(0)
		if p <= told {
			slack = 20
		}
		if reached(c.usage.Octets, c.limits.Octets, p, slack) || reached(c.usage.Messages, c.limits.Messages, p, slack) {
			level = p
		}
	}
	return level
}

// reached reports whether so many percent of a limit are used, less a slack-th of that.
func reached(used, limit int64, percent int, slack int64) bool {
	if limit == 0 {
		return false
	}
	p := int64(percent)
	need := limit/100*p + (limit%100*p+99)/100 // less would not be all of it
	if slack > 0 {
		need -= need / slack
	}
	return used >= max(need, 1)
}

// told reads the number without the lock.
func (f *File) told() (int, error) {
	n, err := openNotes(f.root)
	return n.told, err
}

// toldPatience is how long one waits for others who tell. Who gives up leaves it to the
// next change.
const toldPatience = 10 * time.Second

func lockTold(ctx context.Context, root string) (*os.File, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(root, toldFile)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, info.Mode().Perm()&0o666|0o600)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(toldPatience); ; {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) || time.Now().After(end) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(5 * time.Millisecond):
		}
	}
}
