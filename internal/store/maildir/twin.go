package maildir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Twin begins the delivery of the same message to another Maildir, once Finish has made
// its content durable: as a hard link, since the content of a message never changes, or,
// where the file system refuses that, as a copy that is durable too. Flags and a date are
// not taken over.
func (w *Delivery) Twin(dst *Dir) (*Delivery, error) {
	if w.ended || w.file != nil {
		return nil, fmt.Errorf("deliver %s twice: %w", w.unique, fs.ErrInvalid)
	}
	twin := &Delivery{dir: dst, count: w.count}
	for try := 1; ; try++ {
		var err error
		if twin.unique, err = dst.names.base(); err != nil {
			return nil, err
		}
		err = w.dir.sys.link(w.dir.tmp, w.unique, dst.tmp, twin.unique)
		switch {
		case err == nil:
			return twin, nil
		case errors.Is(err, fs.ErrExist) && try < 3:
		case linkRefused(err):
			return w.copyTo(dst)
		default:
			return nil, fmt.Errorf("begin delivery: %w", err)
		}
	}
}

// copyTo is Twin by octets.
func (w *Delivery) copyTo(dst *Dir) (*Delivery, error) {
	src, err := openRegular(w.dir.tmp, w.unique)
	if err != nil {
		return nil, err
	}
	defer src.Close() // opened for reading: nothing to lose
	twin, err := dst.NewDelivery()
	if err != nil {
		return nil, err
	}
	if _, err = io.Copy(twin, src); err == nil {
		err = dst.Finish([]*Delivery{twin})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("copy message: %w", err), twin.Abort())
	}
	return twin, nil
}
