package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// lock keeps other processes of ours from changing the tree's directories until
// unlock is called.
func (t levels) lock() (unlock func() error, err error) {
	f, err := os.OpenFile(filepath.Join(t.root, treeLock), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := again(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX) }); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "lock", Path: f.Name(), Err: err}, f.Close())
	}
	return f.Close, nil
}

// locked runs change under the lock.
func (t levels) locked(change func() error) (err error) {
	unlock, err := t.lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return change()
}

func (t levels) create(path string) error {
	return t.locked(func() error {
		if isMaildir(path) {
			return fs.ErrExist
		}
		var made []string
		for _, dir := range []string{path, filepath.Join(path, "tmp"), filepath.Join(path, "new")} {
			more, err := t.mkdirs(dir)
			made = append(made, more...)
			if err != nil {
				return errors.Join(err, t.rmdirs(made))
			}
		}
		// Another program may have been faster, in spite of the lock: then the
		// folder is its own, and so is the rest.
		if err := t.mkdir(filepath.Join(path, "cur")); err != nil {
			return err
		}
		return t.syncUp(path, made)
	})
}

func (t levels) mkdir(path string) error {
	if err := t.sys.before("mkdir", filepath.Base(path)); err != nil {
		return err
	}
	return os.Mkdir(path, 0o700)
}

// mkdirs makes the directories down to path that are missing, and says which.
func (t levels) mkdirs(path string) (made []string, err error) {
	var missing []string
	for ; !isDir(path); path = filepath.Dir(path) {
		missing = append(missing, path)
	}
	for _, dir := range slices.Backward(missing) {
		if err := t.mkdir(dir); err != nil && !(errors.Is(err, fs.ErrExist) && isDir(dir)) {
			return made, err
		}
		made = append(made, dir)
	}
	return made, nil
}

// rmdirs takes back what mkdirs made, unless somebody uses it by now.
func (t levels) rmdirs(made []string) error {
	for _, dir := range slices.Backward(made) {
		switch err := unix.Rmdir(dir); err {
		case nil, unix.ENOENT:
		case unix.ENOTEMPTY, unix.EEXIST:
			return nil
		default:
			return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
		}
	}
	return nil
}

// syncUp makes the names in path durable, and those of the directories that were
// made for it.
func (t levels) syncUp(path string, made []string) error {
	err := t.syncDir(path)
	for _, dir := range slices.Backward(made) {
		if above := filepath.Dir(dir); above != path {
			err = errors.Join(err, t.syncDir(above))
		}
	}
	return err
}

// remove takes the folder apart, but leaves folders that are in its directory.
func (t levels) remove(path string) error {
	var hidden string
	err := t.locked(func() (err error) {
		if !isDir(path) || !isMaildir(path) && !isRest(path) {
			return fs.ErrNotExist
		}
		if hidden, err = t.hidden(); err != nil {
			return err
		}
		if err := t.mkdir(hidden); err != nil {
			return err
		}
		if err := t.strip(path, hidden); err != nil {
			return err
		}
		if err := t.rmdirs([]string{path}); err != nil {
			return err
		}
		return t.syncRemoved(path)
	})
	if hidden == "" {
		return err
	}
	return errors.Join(err, t.finish(hidden))
}

// isRest reports whether a directory without cur has only what a folder leaves
// there, or nothing. Others are somebody's, and may hold anything.
func isRest(path string) bool {
	entries, err := readDir(path, make([]byte, minBuffer), wantAll)
	rest := err == nil
	entries.each(func(name string) bool {
		switch name {
		case ".", "..", "new", "tmp":
		default:
			rest = rest && isControl(name) && !isDir(filepath.Join(path, name))
		}
		return rest
	})
	return rest
}

func wantAll(byte) bool { return true }

// strip renames into hidden what makes a directory a folder, cur first, and all
// files, which are what we and others know about its mail.
func (t levels) strip(path, hidden string) error {
	entries, err := readDir(path, make([]byte, minBuffer), wantAll)
	if err != nil {
		return err
	}
	move := []string{"cur", "new", "tmp"}
	entries.each(func(name string) bool {
		if name != "." && name != ".." && !slices.Contains(move, name) && !isDir(filepath.Join(path, name)) {
			move = append(move, name)
		}
		return true
	})
	for _, name := range move {
		err := t.rename(filepath.Join(path, name), filepath.Join(hidden, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncRemoved makes a removal durable, whether the directory is still there or not.
func (t levels) syncRemoved(path string) error {
	if isDir(path) {
		return t.syncDir(path)
	}
	return t.syncDir(filepath.Dir(path))
}

func (t levels) move(from, to string) error {
	return t.locked(func() error {
		if !isDir(from) {
			return fs.ErrNotExist
		}
		if strings.HasPrefix(to, from+"/") {
			return fmt.Errorf("%w: it would be in itself", ErrFolderName)
		}
		if _, err := os.Lstat(to); err == nil {
			return fs.ErrExist
		}
		if err := t.fits(from, to); err != nil {
			return err
		}
		made, err := t.mkdirs(filepath.Dir(to))
		if err == nil {
			err = t.rename(from, to)
		}
		if err != nil {
			return errors.Join(err, t.rmdirs(made))
		}
		return errors.Join(t.syncUp(filepath.Dir(to), made), t.syncDir(filepath.Dir(from)))
	})
}

// fits makes sure that everything below a folder can still be named once it is
// elsewhere.
func (t levels) fits(from, to string) error {
	w := walk{buffer: make([]byte, minBuffer)}
	if err := w.below(from, ""); err != nil {
		return err
	}
	prefix := strings.TrimPrefix(to, filepath.Clean(t.root)+"/")
	for _, f := range w.found {
		if name := prefix + "/" + f.Name; !validNested(name) {
			return fmt.Errorf("folder %q: %w", name, ErrFolderName)
		}
	}
	return nil
}
