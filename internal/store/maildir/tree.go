package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Tree is an account's mail: the Maildir at the root, which is INBOX, and
// folders, which are Maildirs as well, in one of two layouts. It is safe for many
// goroutines and other programs.
//
// Names are as on disk, in modified UTF-7, without the dot that Maildir++ puts in
// front; "" is the root. The errors are fs.ErrNotExist, fs.ErrExist and
// ErrFolderName.
type Tree struct {
	root  string
	kind  Layout
	names *namer
	sys   *sys
	slack time.Duration       // of the root's file system
	inbox atomic.Pointer[Dir] // the root, until it is opened the first time
	layout
}

// Layout is how folders lie in directories.
type Layout uint8

const (
	// PlusPlus is Maildir++: every folder is a directory in the root, with a dot
	// in front and dots between its levels: ".Archive.2024". A level without a
	// directory is simply one that holds no mail.
	PlusPlus Layout = iota
	// FS, Dovecot's LAYOUT=fs, has a directory for every level: "Archive/2024".
	FS
)

// Separator is what separates the levels of a name.
func (l Layout) Separator() byte {
	if l == FS {
		return '/'
	}
	return '.'
}

// Nested reports whether a folder lies inside the one above it, so that Rename
// takes along everything below. Without, folders below are renamed one by one.
func (l Layout) Nested() bool { return l == FS }

// Valid reports whether a name can be a folder's.
func (l Layout) Valid(name string) bool {
	if l == FS {
		return validNested(name)
	}
	return validFolder(name)
}

// Folder is a name that List found.
type Folder struct {
	Name     string
	NoSelect bool // a directory without cur: it holds no mail, but perhaps folders
}

// layout is what depends on the layout. Paths are absolute, and their names have
// been checked.
type layout interface {
	// path is where a folder is or might be; ErrFolderName if nowhere.
	path(name string) (string, error)
	// room is path for a folder that is to be made.
	room(name string) (string, error)
	folders() ([]Folder, error)
	create(path string) error
	remove(path string) error
	move(from, to string) error
}

// ErrFolderName says that a name cannot be a folder's.
var ErrFolderName = errors.New("maildir: impossible folder name")

// trash begins the names of directories in the root that are being made or
// removed. No layout has folders with two dots in front.
const trash = "..fantail-"

// OpenTree opens the tree at root, and makes the Maildir there if there is none, with the
// directories above it that are missing.
func OpenTree(root string, o Options) (*Tree, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	d, err := Create(root, o)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeDirectory(filepath.Dir(filepath.Clean(root))); err != nil {
			return nil, fmt.Errorf("create maildir: %w", err)
		}
		d, err = Create(root, o)
	}
	if err != nil {
		return nil, err
	}
	t := &Tree{
		root:  root,
		kind:  o.Layout,
		names: d.names,
		sys:   d.sys,
		slack: d.slack,
	}
	t.inbox.Store(d)
	switch o.Layout {
	case PlusPlus:
		t.layout = plusPlus{t}
	case FS:
		t.layout = levels{t}
	default:
		return nil, fmt.Errorf("open tree: no layout has the number %d", o.Layout)
	}
	return t, nil
}

// makeDirectory makes a directory, durably, with those above it.
func makeDirectory(path string) error {
	if isDir(path) {
		return nil
	}
	above := filepath.Dir(path)
	if err := makeDirectory(above); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !(errors.Is(err, fs.ErrExist) && isDir(path)) {
		return err
	}
	return syncPath(above)
}

// Layout is the layout that the tree was opened with.
func (t *Tree) Layout() Layout { return t.kind }

// List names the folders that hold mail, sorted.
func (t *Tree) List() ([]string, error) {
	all, err := t.Folders()
	var names []string
	for _, f := range all {
		if !f.NoSelect {
			names = append(names, f.Name)
		}
	}
	return names, err
}

// Folders is List with the directories that hold none, sorted by name. What
// cannot be a folder's name is passed over, and in the FS layout so is every
// symbolic link.
func (t *Tree) Folders() ([]Folder, error) {
	all, err := t.folders()
	if err != nil {
		return nil, fmt.Errorf("list folders: %w", err)
	}
	slices.SortFunc(all, func(a, b Folder) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Has reports whether there is a folder of that name, or a directory that holds
// none but may be one's parent.
func (t *Tree) Has(name string) bool {
	path, err := t.path(name)
	return err == nil && (isMaildir(path) || t.kind.Nested() && isDir(path))
}

// Path is where a folder is or might be; "" is the root.
func (t *Tree) Path(name string) (string, error) {
	if name == "" {
		return t.root, nil
	}
	return t.path(name)
}

// Open opens a folder.
func (t *Tree) Open(name string) (*Dir, error) {
	if name == "" {
		if d := t.inbox.Swap(nil); d != nil {
			return d, nil
		}
		return open(t.root, t.names, t.sys)
	}
	path, err := t.path(name)
	if err != nil {
		return nil, err
	}
	return open(path, t.names, t.sys)
}

// Stamp looks at cur and new of a folder, without opening it. Whether the stamps are
// settled follows from the file system that the root is on.
func (t *Tree) Stamp(name string) (cur, new Stamp, err error) {
	path := t.root
	if name != "" {
		if path, err = t.path(name); err != nil {
			return Stamp{}, Stamp{}, err
		}
	}
	d := Dir{slack: t.slack}
	d.new = &folder{path: filepath.Join(path, "new")}
	d.cur = &folder{path: filepath.Join(path, "cur")}
	return d.Stamp()
}

// Create makes a folder durably and opens it. Nobody ever sees half of it; of two
// processes that create the same folder one gets fs.ErrExist.
func (t *Tree) Create(name string) (*Dir, error) {
	path, err := t.room(name)
	if err != nil {
		return nil, err
	}
	if err := t.create(path); err != nil {
		return nil, fmt.Errorf("create folder %s: %w", name, err)
	}
	return t.Open(name)
}

// Delete removes a folder and all mail in it, but no folder below it. It is gone
// at once for everyone: its mail is renamed away first. If removing the files
// fails after that, the error says so, and Clean will remove the rest.
//
// In the FS layout the directory stays while there are folders in it, and a
// directory that holds neither mail nor folders can be deleted too.
func (t *Tree) Delete(name string) error {
	path, err := t.path(name)
	if err != nil {
		return err
	}
	if err := t.remove(path); err != nil {
		return fmt.Errorf("delete folder %s: %w", name, err)
	}
	return nil
}

// Rename renames a folder durably. In a layout that is Nested the folders below
// go with it, by one rename(2), and a directory that holds no mail can be renamed
// as well. If the new name is there already, with or without mail, the error is
// fs.ErrExist.
func (t *Tree) Rename(from, to string) error {
	src, err := t.path(from)
	if err != nil {
		return err
	}
	dst, err := t.room(to)
	if err != nil {
		return err
	}
	if err := t.move(src, dst); err != nil {
		return fmt.Errorf("rename folder %s: %w", from, err)
	}
	return nil
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

// dirs names the directories in the root that begin with prefix, and links.
func (t *Tree) dirs(prefix string) ([]string, error) {
	found, err := readDir(t.root, make([]byte, minBuffer), wantDir)
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

func readDir(path string, buffer []byte, want func(kind byte) bool) (names, error) {
	f, err := openFolder(path)
	if err != nil {
		return names{}, err
	}
	defer f.Close() // opened for reading: nothing to lose
	return readNames(int(f.Fd()), buffer, want)
}

// hidden is the path of a directory that is being made or removed.
func (t *Tree) hidden() (string, error) {
	unique, err := t.names.base()
	if err != nil {
		return "", err
	}
	return filepath.Join(t.root, trash+unique), nil
}

// finish removes what remove has renamed away.
func (t *Tree) finish(hidden string) error {
	if err := t.sys.before("remove all", filepath.Base(hidden)); err != nil {
		return err
	}
	if err := os.RemoveAll(hidden); err != nil {
		return fmt.Errorf("remove its files: %w", err)
	}
	return nil
}

// syncDir makes the names in a directory of the tree durable.
func (t *Tree) syncDir(path string) error {
	if err := t.sys.before("fsync dir", filepath.Base(path)); err != nil {
		return err
	}
	return syncPath(path)
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

// isMaildir reports whether path has a cur. One that we may not look at counts:
// opening it will say why.
func isMaildir(path string) bool {
	info, err := os.Stat(filepath.Join(path, "cur"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return false
	}
	return err != nil || info.IsDir()
}

// plainText reports whether a name has no control characters.
func plainText(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}
