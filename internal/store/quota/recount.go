package quota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// recount counts all mail, and keeps the total in the file if no mail came or
// went meanwhile. Without limits there is no file to keep it in.
func (f *File) recount(ctx context.Context, s state) (Usage, error) {
	before, err := f.mail.Stamp(ctx)
	if err != nil {
		return Usage{}, err
	}
	u, err := f.mail.Count(ctx)
	if err != nil {
		return Usage{}, fmt.Errorf("count mail: %w", err)
	}
	if s.first == "" {
		return u, nil
	}
	if moved, err := f.moved(ctx, before); err != nil || moved {
		return u, err
	}
	if err := f.publish(s.first, u); err != nil {
		f.log.Warn("quota file not written", "err", err) // what was counted is true all the same
		return u, nil
	}
	moved, err := f.moved(ctx, before)
	if err == nil && moved {
		err = f.spoil()
	}
	return u, err
}

func (f *File) moved(ctx context.Context, before uint64) (bool, error) {
	now, err := f.mail.Stamp(ctx)
	return now != before, err
}

// publish puts a new file in place.
func (f *File) publish(first string, u Usage) error {
	root, err := os.Stat(f.root)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Join(f.root, "tmp"), name+"-*")
	if err != nil {
		return err
	}
	// Who shares the Maildir shares its quota.
	err = tmp.Chmod(root.Mode().Perm()&0o666 | 0o600)
	if err == nil {
		_, err = tmp.WriteString(first + "\n" + u.line())
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), f.path())
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// spoil makes everybody count again. Limits that only the file knows must stay.
func (f *File) spoil() error {
	var err error
	if f.configured() {
		err = os.Remove(f.path())
	} else {
		err = f.append(spoilt)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("spoil quota file: %w", err)
	}
	return nil
}

func (f *File) append(u Usage) error {
	file, _, err := openRegular(f.path(), os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return err
	}
	_, err = file.WriteString(u.line())
	return errors.Join(err, file.Close())
}
