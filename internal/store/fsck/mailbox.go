package fsck

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/store"
	"fantail/internal/store/maildir"
)

// The files of a mailbox that are caches.
const (
	journal = "fantail.log"
	texts   = "fantail.text"
)

var (
	indexFiles = []string{"fantail.index", "fantail.cache", journal}
	caches     = append([]string{texts, "fantail.sort"}, indexFiles...)
)

// maxRounds is how often a mailbox is looked at again after something was mended: two
// things may be wrong with one message.
const maxRounds = 3

// box is one mailbox.
type box struct {
	*check
	name   string
	folder string
	path   string
	rel    string
}

// job is a finding, and what mends it; nil if nothing does. Before anything is mended
// all that will be is announced, if there is somebody to be told.
type job struct {
	Finding
	mend     func(d *maildir.Dir) (done string, err error)
	announce func()
}

// key tells whether two looks have found the same.
func (j job) key() string { return string(j.Kind) + "\x00" + j.Path + "\x00" + j.Problem }

// mailbox looks at one.
func (c *check) mailbox(ctx context.Context, folder string) error {
	path, err := c.tree.Path(folder)
	if err != nil {
		return err
	}
	name, _ := c.account.MailboxOf(folder)
	b := &box{check: c, name: name, folder: folder, path: path, rel: c.rel(path)}
	c.Progress(name, c.sum.Messages)
	c.sum.Mailboxes++
	if folder != "" {
		if err := c.openable(b.rel, name); err != nil {
			return err
		}
	}
	if !b.whole() {
		c.partial = true
		return nil // that has been told; the rest is looked at when it is
	}
	b.tmp()
	c.leftovers(name, b.rel)
	for _, file := range []string{"dovecot-uidlist", "dovecot-keywords"} {
		c.lockFile(name, filepath.Join(b.rel, file))
	}
	first, err := b.look()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the mailbox was deleted meanwhile
	}
	if err != nil {
		c.unexamined(name, b.rel, err)
		return nil
	}
	c.sum.Messages += first.count
	switch {
	case len(first.jobs) == 0 && !c.Rebuild:
		return nil
	case c.DryRun:
		return b.tell(first)
	}
	return b.mend(ctx, first)
}

// whole reports whether the directories are there and can be read.
func (b *box) whole() bool {
	for _, sub := range []string{"tmp", "new", "cur"} {
		info, err := os.Stat(filepath.Join(b.path, sub))
		if err != nil || !info.IsDir() || unix.Access(filepath.Join(b.path, sub), unix.R_OK|unix.X_OK) != nil {
			return false
		}
	}
	return true
}

// tell reports what is still there while nobody changes anything.
func (b *box) tell(first *look) error {
	return whileLocked(b.path, func() error {
		jobs, err := b.again(first)
		for _, j := range jobs {
			f := j.Finding
			if f.State == "" && j.mend != nil {
				f.State = Found
			}
			b.report(f, nil)
		}
		return err
	})
}

// again looks once more, and returns what was found both times.
func (b *box) again(first *look) ([]job, error) {
	second, err := b.look()
	if err != nil {
		b.unexamined(b.name, b.rel, err)
		return nil, nil
	}
	before := make(map[string]bool, len(first.jobs))
	for _, j := range first.jobs {
		before[j.key()] = true
	}
	var both []job
	for _, j := range second.jobs {
		if before[j.key()] {
			both = append(both, j)
		}
	}
	return both, nil
}

// mend mends what first has found, and has the store look at the result.
func (b *box) mend(ctx context.Context, first *look) error {
	m, err := b.account.Open(ctx, b.name)
	if err != nil {
		b.unexamined(b.name, b.rel, err)
		return nil
	}
	told := make(map[string]bool)
	for round := 1; round <= maxRounds; round++ {
		mended := 0
		err := m.Exclusive(ctx, func() error {
			n, err := b.round(first, told)
			mended = n
			if err == nil && b.Rebuild && round == 1 {
				err = b.rebuild()
			}
			return err
		})
		if err != nil {
			b.unexamined(b.name, b.rel, err)
			break
		}
		if mended == 0 {
			break
		}
		if first, err = b.look(); err != nil {
			b.unexamined(b.name, b.rel, err)
			break
		}
		if len(first.jobs) == 0 {
			break
		}
	}
	if _, err := m.Sync(ctx); err != nil && store.KindOf(err) != store.Gone {
		b.unexamined(b.name, b.rel, err)
	}
	return m.Close()
}

// round mends what is found again now that the lock is held, and returns how much that
// was. What was told in a round before is not told again.
func (b *box) round(first *look, told map[string]bool) (mended int, err error) {
	jobs, err := b.again(first)
	if err != nil || len(jobs) == 0 {
		return 0, err
	}
	d, err := b.tree.Open(b.folder)
	if err != nil {
		return 0, err
	}
	defer d.Close() // nothing of it is left to be written
	for _, j := range jobs {
		if j.announce != nil && !told[j.key()] {
			j.announce()
		}
	}
	for _, j := range jobs {
		if told[j.key()] {
			continue
		}
		told[j.key()] = true
		if j.mend == nil {
			b.report(j.Finding, nil)
			continue
		}
		b.report(j.Finding, func() (string, error) {
			done, err := j.mend(d)
			if err == nil {
				mended++
			}
			return done, err
		})
	}
	return mended, nil
}

// rebuild removes the caches; the store makes them anew.
func (b *box) rebuild() error {
	if err := b.remove(caches); err != nil {
		return err
	}
	b.Report(Finding{Kind: Index, State: Note, Mailbox: b.name, Path: filepath.Join(b.rel, indexFiles[0]), Problem: "caches are made anew, as was asked for"})
	return nil
}

// remove removes files of the mailbox that can be made anew.
func (b *box) remove(files []string) error {
	var errs []error
	for _, file := range files {
		if err := os.Remove(filepath.Join(b.path, file)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// tmp looks for what broken deliveries have left.
func (b *box) tmp() {
	dir := filepath.Join(b.path, "tmp")
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return // a link may lead to a directory that is not only this account's
	}
	in, err := maildir.Inspect(dir, 0)
	if err != nil {
		b.unexamined(b.name, filepath.Join(b.rel, "tmp"), err)
		return
	}
	n, octets := 0, int64(0)
	for file, kind := range in.Entries() {
		if kind != unix.DT_REG && kind != unix.DT_UNKNOWN {
			continue
		}
		st, err := lstat(filepath.Join(dir, file))
		if err == nil && kindOf(st) == unix.S_IFREG && age(st) >= old {
			n++
			octets += st.Size
		}
	}
	if n == 0 {
		return
	}
	b.report(Finding{Kind: Tmp, Mailbox: b.name, Path: filepath.Join(b.rel, "tmp"),
		Problem: plural(n, "file of a delivery that was broken off", "files of deliveries that were broken off") + " long ago, " + plural(int(octets), "octet", "octets")}, func() (string, error) {
		d, err := b.tree.Open(b.folder)
		if err != nil {
			return "", err
		}
		return "removed", errors.Join(d.CleanTmp(time.Now()), d.Close())
	})
}
