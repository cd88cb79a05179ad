package contacts

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// The names of files that are being written, and how long one can take.
const (
	newPrefix = ".new-"
	newAge    = time.Hour
)

// newFile is a file that is to be written.
type newFile struct {
	name string
	data []byte
	temp string // its name until it is whole
}

// commit writes files so that at any moment there is the old or the new one of each.
// They are synced when all are written, which takes not much longer for many of them
// than for one.
func commit(root *os.Root, files ...newFile) error {
	err := replace(root, files)
	for _, f := range files {
		if f.temp != "" {
			err = errors.Join(err, root.Remove(f.temp))
		}
	}
	if err != nil {
		return fmt.Errorf("write contacts: %w", err)
	}
	return syncDir(root)
}

// replace leaves in temp what was made and not renamed.
func replace(root *os.Root, files []newFile) error {
	for i := range files {
		temp := newPrefix + rand.Text()
		f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		files[i].temp = temp
		_, err = f.Write(files[i].data)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	if err := syncAll(root, files); err != nil {
		return err
	}
	for i := range files {
		if err := root.Rename(files[i].temp, files[i].name); err != nil {
			return err
		}
		files[i].temp = ""
	}
	return nil
}

// syncAll makes files durable that are not renamed yet. A file system that is asked
// for many at once writes its journal once for them.
func syncAll(root *os.Root, files []newFile) error {
	var g errgroup.Group
	g.SetLimit(32)
	for _, file := range files {
		g.Go(func() error {
			f, err := root.OpenFile(file.temp, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			return errors.Join(f.Sync(), f.Close())
		})
	}
	return g.Wait()
}

// syncDir makes names durable.
func syncDir(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// read reads a regular file of at most limit octets.
func read(root *os.Root, name string, limit int64) (string, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return "", fmt.Errorf("read %s: %w", name, ErrNoCard)
	}
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	_, err = io.Copy(&b, io.LimitReader(f, limit))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return b.String(), nil
}
