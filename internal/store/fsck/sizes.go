package fsck

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
)

// resizing gives messages names with the right sizes: all of a mailbox in one go, since
// the UID list is written once for all. The package comment has the order of the steps.
type resizing struct {
	*box
	wrong []maildir.Entry
	done  map[string]string // the new name by the old one, once it was done
	errs  map[string]error
}

func (r *resizing) add(e maildir.Entry) { r.wrong = append(r.wrong, e) }

// mend says what has become of one message; the first call mends all of them.
func (r *resizing) mend(d *maildir.Dir, e maildir.Entry) (string, error) {
	if r.done == nil {
		r.done, r.errs = make(map[string]string), make(map[string]error)
		if err := r.all(d); err != nil {
			for _, e := range r.wrong {
				r.errs[e.File] = err
			}
		}
	}
	if err := r.errs[e.File]; err != nil {
		return "", err
	}
	return "renamed to " + r.done[e.File], nil
}

func (r *resizing) all(d *maildir.Dir) error {
	type pair struct{ old, alias maildir.Entry }
	var pairs []pair
	var aliases []maildir.Entry
	bases := make(map[string]string)
	for _, e := range r.wrong {
		alias, err := r.alias(d, e)
		if err != nil {
			r.errs[e.File] = err
			continue
		}
		pairs, aliases = append(pairs, pair{e, alias}), append(aliases, alias)
		bases[e.Name.Base] = alias.Name.Base
		r.done[e.File] = alias.File
	}
	if len(pairs) == 0 {
		return nil
	}
	if err := d.SyncNames(aliases); err != nil {
		return err
	}
	if err := r.keywords(bases); err != nil {
		return err
	}
	_, err := uidlist.Open(r.path).Rebase(bases, r.UIDL)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, p := range pairs {
		if err := d.DropAlias(p.old, p.alias); err != nil {
			r.errs[p.old.File] = err
		}
	}
	// To the index these would be other messages.
	return r.remove(indexFiles)
}

// alias counts a message and gives it its second name.
func (r *resizing) alias(d *maildir.Dir, e maildir.Entry) (maildir.Entry, error) {
	dir := filepath.Join(r.path, subOf(e))
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return maildir.Entry{}, fmt.Errorf("open %s: %w", dir, err)
	}
	count, _, err := countFile(fd, e.File, false)
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return maildir.Entry{}, fmt.Errorf("read message: %w", err)
	}
	info, err := d.Stat(e)
	if err != nil {
		return maildir.Entry{}, err
	}
	base := e.Name.Resized(count.Size, count.Virtual, info.Modified)
	if len(base) > uidlist.MaxBase-(maildir.MaxInfo) {
		return maildir.Entry{}, fmt.Errorf("the name %s would be too long", base)
	}
	return d.Alias(e, base)
}

// keywords gives the new names the keywords for which there are no letters.
func (r *resizing) keywords(bases map[string]string) error {
	further := uidlist.OpenOverflow(r.path)
	if err := further.Load(); err != nil {
		return err
	}
	changes := make(map[string][]mail.Keyword)
	for from, to := range bases {
		if keywords := further.Of(from); len(keywords) > 0 {
			changes[to] = keywords
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return further.Set(changes)
}
