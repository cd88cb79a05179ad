package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// tmpAge is how old a file in tmp has to be to be nobody's. Maildir gives
// deliveries 24 hours.
const tmpAge = 36 * time.Hour

// cleanEvery is how often it is worth looking for such files.
const cleanEvery = 24 * time.Hour

// CleanDue reports whether Dir.CleanTmp and Tree.Clean should run again, which
// once a day is enough, after they have run at last; the zero time is never. A
// time in the future, of a clock that was wrong, does not stop them for good.
func CleanDue(last, now time.Time) bool { return now.Sub(last).Abs() >= cleanEvery }

// CleanTmp removes what broken deliveries have left in tmp: files, and no
// directories or links, that nobody has touched for 36 hours. Age is told by
// ctime: mtime is the INTERNALDATE, which may be set to years ago, and atime is
// often not kept. A tmp that is a link is left alone: it may lead to a directory
// that is not only ours.
func (d *Dir) CleanTmp(now time.Time) error {
	if !isDir(d.tmp.path) {
		return nil
	}
	buffer := d.takeBuffer(minBuffer)
	defer d.giveBuffer(buffer)
	_, files, err := d.read(d.tmp, *buffer)
	if err != nil {
		return fmt.Errorf("clean tmp: %w", err)
	}
	var errs []error
	files.each(func(file string) bool {
		if err := d.cleanTmp(file, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		return true
	})
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clean tmp: %w", err)
	}
	return nil
}

func (d *Dir) cleanTmp(file string, now time.Time) error {
	st, err := stat(d.tmp, file)
	if err != nil || !regular(st) || now.Sub(time.Unix(st.Ctim.Unix())) < tmpAge {
		return err
	}
	return d.sys.unlink(d.tmp, file)
}
