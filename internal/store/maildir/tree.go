package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	foreign "github.com/emersion/go-maildir"
	"golang.org/x/sys/unix"
)

// Tree is a Maildir++: the Maildir at the root, which is INBOX, and folders in
// it, whose directories begin with a dot and have their levels separated by
// dots: ".Archive.2024". There are no directories inside directories, so that a
// level without a directory is simply one that holds no mail. It is safe for
// many goroutines and other programs.
//
// Names are as on disk without the leading dot ("Archive.2024", in modified
// UTF-7); "" is the root. The errors are fs.ErrNotExist, fs.ErrExist and
// ErrFolderName.
type Tree struct {
	root  string
	names *namer
	sys   *sys
}

// ErrFolderName says that a name cannot be a folder's.
var ErrFolderName = errors.New("maildir: impossible folder name")

const (
	// marker is the empty file by which delivery agents know that the Maildir
	// above has the quota.
	marker = "maildirfolder"
	// trash begins the names of directories that are being made or removed. All
	// Maildir++ programs pass over names with two dots in front.
	trash = "..fantail-"
)

// OpenTree opens the Maildir++ at root, and makes it if there is none.
func OpenTree(root string, o Options) (*Tree, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	d, err := Create(root, o)
	if err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return &Tree{root: root, names: newNamer(o), sys: &sys{}}, nil
}

// List names the folders, sorted. Directories without cur are none.
func (t *Tree) List() ([]string, error) {
	dirs, err := t.dirs(".")
	if err != nil {
		return nil, fmt.Errorf("list folders: %w", err)
	}
	var folders []string
	for _, dir := range dirs {
		if name := dir[1:]; validFolder(name) && t.exists(name) {
			folders = append(folders, name)
		}
	}
	slices.Sort(folders)
	return folders, nil
}

// dirs names the directories in the root that begin with prefix.
func (t *Tree) dirs(prefix string) ([]string, error) {
	f, err := openFolder(t.root)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading: nothing to lose
	found, err := readNames(int(f.Fd()), make([]byte, minBuffer), wantDir)
	if err != nil {
		return nil, err
	}
	var dirs []string
	found.each(func(name string) bool {
		if strings.HasPrefix(name, prefix) {
			dirs = append(dirs, name)
		}
		return true
	})
	return dirs, nil
}

// Open opens a folder.
func (t *Tree) Open(name string) (*Dir, error) {
	if name == "" {
		return open(t.root, t.names, t.sys)
	}
	path, err := t.path(name)
	if err != nil {
		return nil, err
	}
	return open(path, t.names, t.sys)
}

// Create makes a folder durably and opens it. It is made under another name, so
// that nobody ever sees half of it; of two processes that create the same folder
// one gets fs.ErrExist.
func (t *Tree) Create(name string) (*Dir, error) {
	path, err := t.path(name)
	if err != nil {
		return nil, err
	}
	if err := t.create(path); err != nil {
		return nil, fmt.Errorf("create folder %s: %w", name, err)
	}
	return t.Open(name)
}

func (t *Tree) create(path string) error {
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
	return t.syncRoot()
}

// build makes a Maildir with the marker and all names in it durable.
func (t *Tree) build(path string) error {
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

// Delete removes a folder and all mail in it. It is gone at once for everyone:
// its directory is renamed away first. If removing the files fails after that,
// the error says so, and Clean will remove the rest.
func (t *Tree) Delete(name string) error {
	path, err := t.path(name)
	if err != nil {
		return err
	}
	if !t.exists(name) {
		return fmt.Errorf("delete folder %s: %w", name, fs.ErrNotExist)
	}
	hidden, err := t.hidden()
	if err != nil {
		return err
	}
	if err := t.rename(path, hidden); err != nil {
		return fmt.Errorf("delete folder %s: %w", name, err)
	}
	if err := t.syncRoot(); err != nil {
		return fmt.Errorf("delete folder %s: %w", name, err)
	}
	if err := t.sys.before("remove all", filepath.Base(hidden)); err != nil {
		return err
	}
	if err := os.RemoveAll(hidden); err != nil {
		return fmt.Errorf("remove files of deleted folder %s: %w", name, err)
	}
	return nil
}

// Rename renames one folder durably; folders below it are others.
func (t *Tree) Rename(from, to string) error {
	src, err := t.path(from)
	if err != nil {
		return err
	}
	dst, err := t.path(to)
	if err != nil {
		return err
	}
	if !t.exists(from) {
		return fmt.Errorf("rename folder %s: %w", from, fs.ErrNotExist)
	}
	if err := t.rename(src, dst); err != nil {
		return fmt.Errorf("rename folder %s: %w", from, err)
	}
	return t.syncRoot()
}

// Clean removes directories that a crash during Create or Delete has left, once
// they are older than 36 hours.
func (t *Tree) Clean(now time.Time) error {
	left, err := t.dirs(trash)
	if err != nil {
		return fmt.Errorf("clean folders: %w", err)
	}
	var errs []error
	for _, name := range left {
		path := filepath.Join(t.root, name)
		var st unix.Stat_t
		switch err := unix.Lstat(path, &st); {
		case err == unix.ENOENT:
		case err != nil:
			errs = append(errs, &fs.PathError{Op: "stat", Path: path, Err: err})
		case now.Sub(time.Unix(st.Ctim.Unix())) >= tmpAge:
			errs = append(errs, os.RemoveAll(path))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clean folders: %w", err)
	}
	return nil
}

// hidden is the path of a directory that is being made or removed.
func (t *Tree) hidden() (string, error) {
	unique, err := t.names.base()
	if err != nil {
		return "", err
	}
	return filepath.Join(t.root, trash+unique), nil
}

func (t *Tree) syncRoot() error {
	if err := t.sys.before("fsync dir", "root"); err != nil {
		return err
	}
	return syncPath(t.root)
}

// rename renames a directory. Without RENAME_NOREPLACE an empty directory may be
// replaced, which is no loss; one with content never is.
func (t *Tree) rename(from, to string) error {
	if err := t.sys.before("rename", filepath.Base(from)+" "+filepath.Base(to)); err != nil {
		return err
	}
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if noReplaceRefused(err) {
		err = unix.Rename(from, to)
	}
	if err == unix.ENOTEMPTY {
		err = unix.EEXIST
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// path is where a folder is.
func (t *Tree) path(name string) (string, error) {
	if !validFolder(name) {
		return "", fmt.Errorf("folder %q: %w", name, ErrFolderName)
	}
	return filepath.Join(t.root, "."+name), nil
}

func (t *Tree) exists(name string) bool {
	return isMaildir(filepath.Join(t.root, "."+name))
}

// isMaildir reports whether path has a cur. One that we may not look at counts:
// opening it will say why.
func isMaildir(path string) bool {
	info, err := os.Stat(filepath.Join(path, "cur"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return false
	}
	return err != nil || info.IsDir()
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
	for i := 0; i < len(name); i++ {
		if c := name[i]; c < ' ' || c == 0x7f || c == '/' {
			return false
		}
	}
	return true
}
