package quota

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Crossings of percentages wait in the file of what was told, behind its first line, for
// the program that is to be run for each (mail.quota_warning_command), in the order in
// which they happened:
//
//	waiting = before SP now SP octets SP messages SP limit SP limit SP time LF
//
// before and now are percentages, time is in seconds of Unix. They are written with the
// number before them, by one write, and synced: of a crossing that was told the program
// hears, once. Who takes one has it out of the file, synced, before the program runs: one
// that is killed in between was run for nothing, and none is run twice.
const (
	mostWaiting = 16 // then the oldest goes: a program that is not run for so long is told the newest
	maxNotes    = 4 << 10
)

// notes are the content of the file.
type notes struct {
	told    int
	waiting []Crossing
}

// openNotes reads them without the lock. Without a file there are none.
func openNotes(root string) (notes, error) {
	file, _, err := openRegular(filepath.Join(root, toldFile), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return notes{}, nil
	}
	if err != nil {
		return notes{}, err
	}
	defer file.Close() // opened for reading: nothing to lose
	return readNotes(file)
}

func readNotes(file *os.File) (notes, error) {
	b := make([]byte, maxNotes)
	n, err := file.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return notes{}, err
	}
	return parseNotes(b[:n]), nil
}

// parseNotes reads what is there. What makes no sense is nothing: who was told something
// is told again, and a program is not run.
func parseNotes(b []byte) (n notes) {
	first, rest, _ := strings.Cut(string(b), "\n")
	if told, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16); err == nil && told <= math.MaxInt16 {
		n.told = int(told)
	}
	for line := range strings.SplitSeq(rest, "\n") {
		if c, ok := parseCrossing(line); ok && len(n.waiting) < mostWaiting {
			n.waiting = append(n.waiting, c)
		}
	}
	return n
}

func parseCrossing(line string) (c Crossing, ok bool) {
	words := strings.Split(line, " ")
	if len(words) != 7 {
		return c, false
	}
	var numbers [7]int64
	for i, w := range words {
		n, err := strconv.ParseUint(w, 10, 63)
		if err != nil {
			return c, false
		}
		numbers[i] = int64(n)
	}
	before, now := numbers[0], numbers[1]
	if before > 100 || now > 100 || before == now {
		return c, false
	}
	return Crossing{
		Percent: int(max(before, now)), Below: now < before, Before: int(before), Now: int(now),
		Usage:  Usage{Octets: numbers[2], Messages: numbers[3]},
		Limits: Limits{Octets: numbers[4], Messages: numbers[5]},
		Time:   time.Unix(numbers[6], 0),
	}, true
}

// add has a crossing wait.
func (n *notes) add(c Crossing) {
	if len(n.waiting) >= mostWaiting {
		n.waiting = n.waiting[len(n.waiting)-mostWaiting+1:]
	}
	n.waiting = append(n.waiting, c)
}

// write replaces the content of the file, whose lock is held, and has it survive a power
// cut if anything waits or has waited. What is shorter than before is filled up first: at
// no moment there is something of both.
func (n notes) write(file *os.File) error {
	b := fmt.Appendf(nil, "%3d\n", n.told)
	for _, c := range n.waiting {
		b = fmt.Appendf(b, "%d %d %d %d %d %d %d\n", c.Before, c.Now, c.Usage.Octets, c.Usage.Messages, c.Limits.Octets, c.Limits.Messages, c.Time.Unix())
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	size := int64(len(b))
	fill := max(0, min(info.Size(), maxNotes)-size)
	if _, err := file.WriteAt(append(b, bytes.Repeat([]byte("\n"), int(fill))...), 0); err != nil {
		return err
	}
	if info.Size() > size {
		err = file.Truncate(size)
	}
	if err == nil && (len(n.waiting) > 0 || fill > 0) {
		err = file.Sync()
	}
	return err
}

// Waiting reports whether crossings wait in the Maildir root.
func Waiting(root string) (bool, error) {
	n, err := openNotes(root)
	if err != nil {
		return false, fmt.Errorf("look for crossings of percentages: %w", err)
	}
	return len(n.waiting) > 0, nil
}

// Take takes the oldest crossing that waits in the Maildir root, if there is one: ok. It is
// the caller's then, for nobody else gets it. more says that others wait behind it.
func Take(ctx context.Context, root string) (c Crossing, ok, more bool, err error) {
	if waits, err := Waiting(root); err != nil || !waits {
		return c, false, false, err
	}
	c, ok, more, err = take(ctx, root)
	if err != nil {
		return c, false, false, fmt.Errorf("take a crossing of a percentage: %w", err)
	}
	return c, ok, more, nil
}

func take(ctx context.Context, root string) (c Crossing, ok, more bool, err error) {
	file, err := lockTold(ctx, root)
	if err != nil {
		return c, false, false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	n, err := readNotes(file)
	if err != nil || len(n.waiting) == 0 {
		return c, false, false, err
	}
	c, n.waiting = n.waiting[0], n.waiting[1:]
	return c, true, len(n.waiting) > 0, n.write(file)
}
