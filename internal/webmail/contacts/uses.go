package contacts

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// halfLife is after how long a use counts half.
const halfLife = 60 * 24 * time.Hour

// maxUsesFile is as large as the file can be that we write.
const maxUsesFile = maxUses * 700

// maxName is how much of a name is kept, in octets.
const maxName = 200

// Recipient is somebody to whom mail is sent.
type Recipient struct{ Name, Addr string }

// Use is an address that was written to.
type Use struct {
	Recipient
	Last  time.Time
	score float64 // at Last
}

// Score is how much the address is used at that time.
func (u *Use) Score(now time.Time) float64 {
	return u.score * math.Exp2(-max(0, now.Sub(u.Last).Hours())/halfLife.Hours())
}

// Uses is the addresses that were written to. It is for many goroutines at once, as the
// file is for many processes.
type Uses struct {
	root *os.Root
	name string

	mu      sync.Mutex
	stamp   fs.FileInfo // of the file when it was read
	known   []Use
	version int // counts changes of known
}

// OpenUses opens the file of that path; it need not be there.
func OpenUses(path string) (*Uses, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("open uses: %w", err)
	}
	return &Uses{root: root, name: filepath.Base(path)}, nil
}

// Close ends the use of the file.
func (u *Uses) Close() error { return u.root.Close() }

// Record counts recipients of a message that is sent.
func (u *Uses) Record(now time.Time, list []Recipient) error {
	return u.change(func(uses []Use) []Use {
		at := make(map[string]int)
		for i := range uses {
			at[strings.ToLower(uses[i].Addr)] = i
		}
		for _, r := range list {
			r = Recipient{tidyName(r.Name), r.Addr}
			if !keepable(r.Addr) {
				continue
			}
			i, ok := at[strings.ToLower(r.Addr)]
			if !ok {
				i = len(uses)
				at[strings.ToLower(r.Addr)] = i
				uses = append(uses, Use{Recipient: r, Last: now})
			}
			use := &uses[i]
			*use = Use{Recipient{cmp.Or(r.Name, use.Name), use.Addr}, now, use.Score(now) + 1}
		}
		slices.SortStableFunc(uses, func(a, b Use) int { return cmp.Compare(b.Score(now), a.Score(now)) })
		return uses[:min(len(uses), maxUses)]
	})
}

// Forget removes an address.
func (u *Uses) Forget(addr string) error {
	return u.change(func(uses []Use) []Use {
		return slices.DeleteFunc(uses, func(x Use) bool { return strings.EqualFold(x.Addr, addr) })
	})
}

// change changes the file, alone.
func (u *Uses) change(f func([]Use) []Use) (err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	lock, err := u.root.OpenFile(u.name+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("lock uses: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	for {
		if err = unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("lock uses: %w", err)
	}
	if err := u.refresh(); err != nil {
		return err
	}
	uses := f(slices.Clone(u.known))
	u.stamp = nil
	return commit(u.root, newFile{name: u.name, data: appendUses(nil, uses)})
}

// All returns the addresses that were written to, the most used first.
func (u *Uses) All(now time.Time) ([]Use, error) {
	list, _, err := u.uses()
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Use) int { return cmp.Compare(b.Score(now), a.Score(now)) })
	return list, err
}

// uses returns the addresses with a number that changes when they do.
func (u *Uses) uses() ([]Use, int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	err := u.refresh()
	return u.known, u.version, err
}

// refresh reads the file if it is another one: who changes it renames.
func (u *Uses) refresh() error {
	info, err := u.root.Stat(u.name)
	if errors.Is(err, fs.ErrNotExist) {
		if u.known != nil {
			u.known, u.stamp = nil, nil
			u.version++
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("read uses: %w", err)
	}
	if u.stamp != nil && os.SameFile(info, u.stamp) && info.ModTime().Equal(u.stamp.ModTime()) && info.Size() == u.stamp.Size() {
		return nil
	}
	text, err := read(u.root, u.name, maxUsesFile)
	if err != nil && !errors.Is(err, ErrNoCard) { // too large: nobody of ours wrote it
		return fmt.Errorf("read uses: %w", err)
	}
	u.known, u.stamp = parseUses(text), info
	u.version++
	return nil
}

// parseUses reads the file. Lines that are none are left out.
func parseUses(text string) []Use {
	list := []Use{}
	for line := range strings.Lines(text) {
		who, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		f := strings.Split(who, " ")
		if len(f) != 3 || len(list) == maxUses || !keepable(f[2]) {
			continue
		}
		last, err := strconv.ParseInt(f[0], 10, 64)
		score, err2 := strconv.ParseInt(f[1], 10, 64)
		if err != nil || err2 != nil || last < 0 || last > 1<<40 || score < 0 || score > 1<<40 {
			continue
		}
		list = append(list, Use{Recipient{tidyName(name), f[2]}, time.Unix(last, 0), float64(score) / 1000})
	}
	return list
}

func appendUses(b []byte, uses []Use) []byte {
	for _, u := range uses {
		b = fmt.Appendf(b, "%d %d %s\t%s\n", u.Last.Unix(), int64(math.Round(u.score*1000)), u.Addr, u.Name)
	}
	return b
}

// keepable reports whether an address can stand in a line. Those with spaces in quotes
// nobody completes.
func keepable(addr string) bool {
	return len(addr) <= 320 && strings.Contains(addr, "@") && !strings.ContainsFunc(addr, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xfffd })
}

// tidyName returns a name for a line: short enough, too.
func tidyName(s string) string {
	s = oneLine(strings.ToValidUTF8(s, "\ufffd"))
	for n := range s {
		if n > maxName-utf8.UTFMax {
			return strings.TrimSpace(s[:n])
		}
	}
	return s
}
