package text

import (
	"errors"
	"io"

	"fantail/internal/mail"
)

// Verify reads the whole file of a mailbox and checks it: ErrDamaged if any frame is not
// as it was written, or of a message that the mailbox has never had, whose UID would not
// be below next. What stands behind the last whole frame is no damage.
func Verify(dir string, v mail.UIDValidity, next mail.UID) (err error) {
	view, err := Open(dir, v)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	var f Frame
	defer f.Close()
	for {
		switch err := view.Next(&f); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		for _, uid := range f.UIDs() {
			if uid == 0 || uid >= next {
				return ErrDamaged
			}
		}
		for s := range sections {
			if err := f.load(s); err != nil {
				return err
			}
		}
	}
}
