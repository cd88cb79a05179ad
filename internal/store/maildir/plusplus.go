package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	foreign "github.com/emersion/go-maildir"
)

// plusPlus is the layout of Maildir++. Everything that happens to a folder is one
// rename in the root, so nobody needs a lock.
type plusPlus struct{ *Tree }

// marker is the empty file by which delivery agents know that the Maildir above
// has the quota.
const marker = "maildirfolder"

func (t plusPlus) path(name string) (string, error) {
	if !validFolder(name) {
		return "", fmt.Errorf("folder %q: %w", name, ErrFolderName)
	}
	return filepath.Join(t.root, "."+name), nil
}

func (t plusPlus) room(name string) (string, error) { return t.path(name) }

func (t plusPlus) folders() ([]Folder, error) {
	dirs, err := t.dirs(".")
	if err != nil {
		return nil, err
	}
	var folders []Folder
	for _, dir := range dirs {
		if validFolder(dir[1:]) && isMaildir(filepath.Join(t.root, dir)) {
			folders = append(folders, Folder{Name: dir[1:]})
		}
	}
	return folders, nil
}

// create makes the folder under another name first.
func (t plusPlus) create(path string) error {
	hidden, err := t.hidden()
	if err != nil {
		return err
	}
	if err := t.build(hidden); err != nil {
		return errors.Join(err, os.RemoveAll(hidden))
	}
	err = t.rename(hidden, path)
	if errors.Is(err, fs.ErrExist) && !isMaildir(path) {
		err = t.build(path) // what is there was never finished
		err = errors.Join(err, os.RemoveAll(hidden))
	} else if err != nil {
		err = errors.Join(err, os.RemoveAll(hidden))
	}
	if err != nil {
		return err
	}
	return t.syncDir(t.root)
}

// build makes a Maildir with the marker and all names in it durable.
func (t plusPlus) build(path string) error {
	if err := t.sys.before("build", filepath.Base(path)); err != nil {
		return err
	}
	// go-maildir makes cur last, and syncs nothing.
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.OpenFile(filepath.Join(path, marker), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := foreign.Dir(path).Init(); err != nil {
		return err
	}
	return syncPath(path)
}

func (t plusPlus) remove(path string) error {
	if !isMaildir(path) {
		return fs.ErrNotExist
	}
	hidden, err := t.hidden()
	if err != nil {
		return err
	}
	if err := t.rename(path, hidden); err != nil {
		return err
	}
	if err := t.syncDir(t.root); err != nil {
		return err
	}
	return t.finish(hidden)
}

func (t plusPlus) move(from, to string) error {
	if !isMaildir(from) {
		return fs.ErrNotExist
	}
	if err := t.rename(from, to); err != nil {
		return err
	}
	return t.syncDir(t.root)
}

// maxFolder is the longest name of a directory, without the dot in front.
const maxFolder = 254

// validFolder reports whether name is one file name whose levels are not empty.
func validFolder(name string) bool {
	if name == "" || len(name) > maxFolder {
		return false
	}
	for level := range strings.SplitSeq(name, ".") {
		if level == "" {
			return false
		}
	}
	return plainText(name) && !strings.Contains(name, "/")
}
