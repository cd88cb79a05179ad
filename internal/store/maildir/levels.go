package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// levels is the layout FS: a directory for every level. A directory is in one of
// these states.
//
//	state                          who moves it on, and how               what a crash leaves
//	-----------------------------  -------------------------------------  ---------------------
//	L1 no directory                create: mkdir of each level to L2      L1 or L2
//	L2 directory without cur:      create: mkdir tmp, new, at last cur:   L2, perhaps with tmp
//	   no folder, NoSelect         L3; remove: rmdir, if it is empty: L1  and new
//	L3 directory with cur          remove: renames cur away: L4           L3
//	L4 as L2, with the rest of a   remove: renames new, tmp and files     L4; create makes L3 of
//	   deleted folder              away: L2, and rmdir: L1                it, remove L2 or L1
//
// cur decides, and it comes last and goes first. So whoever meets L2 or L4 meets no
// folder. If create meets L4 (only a crash leaves it), mail in new comes back, and
// the UID list is still that of its UIDs.
//
// Several renames cannot be one step, and a directory may not vanish while a
// folder is made in it: create, remove and move exclude each other by flock on a
// file in the root. Other programs know nothing of it; what they can do to us at
// the worst moment is what a crash does.
//
// Symbolic links are no folders, here: they could lead out of the tree, or around
// in it.
type levels struct{ *Tree }

const (
	// treeLock is the file in the root that create, remove and move lock.
	treeLock = "fantail.tree"
	// maxLevels is how deep folders may lie; Dovecot has the same limit.
	maxLevels = 16
	// maxLevel and maxNested are the longest name of one level and of a folder.
	// PATH_MAX has room for the root and a message besides.
	maxLevel  = 255
	maxNested = 1024
)

// path allows what other programs may have made.
func (t levels) path(name string) (string, error) {
	if !validNested(name) {
		return "", fmt.Errorf("folder %q: %w", name, ErrFolderName)
	}
	path := t.root
	for level := range strings.SplitSeq(name, "/") {
		path = filepath.Join(path, level)
		if info, err := os.Lstat(path); err == nil && !info.IsDir() {
			return "", fmt.Errorf("folder %q: %w: %s is no directory", name, ErrFolderName, level)
		}
	}
	return path, nil
}

// room also keeps the names of files free that lie beside folders.
func (t levels) room(name string) (string, error) {
	for level := range strings.SplitSeq(name, "/") {
		if isControl(level) {
			return "", fmt.Errorf("folder %q: %w: a file is called %s", name, ErrFolderName, level)
		}
	}
	return t.path(name)
}

// validNested reports whether every level of name can be one.
func validNested(name string) bool {
	if len(name) > maxNested || strings.Count(name, "/") >= maxLevels {
		return false
	}
	for level := range strings.SplitSeq(name, "/") {
		if !validLevel(level) {
			return false
		}
	}
	return true
}

func validLevel(level string) bool {
	switch level {
	case "", "cur", "new", "tmp":
		return false
	}
	return level[0] != '.' && len(level) <= maxLevel && plainText(level)
}

// isControl reports whether we or Dovecot have or may have a file of that name.
func isControl(level string) bool {
	switch level {
	case "subscriptions", "maildirsize", marker:
		return true
	}
	for _, prefix := range []string{"fantail.", "fantail-", "dovecot.", "dovecot-"} {
		if strings.HasPrefix(level, prefix) {
			return true
		}
	}
	return false
}

// isDir reports whether path is a directory, and no link to one.
func isDir(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

func (t levels) folders() ([]Folder, error) {
	w := walk{buffer: make([]byte, minBuffer)}
	if err := w.below(t.root, ""); err != nil {
		return nil, err
	}
	return w.found, nil
}

// walk lists folders with one buffer.
type walk struct {
	buffer []byte
	found  []Folder
}

// below lists what is in the directory of a folder. prefix is its name with a
// slash. Names end the recursion: they have so many levels and no more.
func (w *walk) below(path, prefix string) error {
	entries, err := readDir(path, w.buffer, wantNoLink)
	if err != nil {
		return err
	}
	entries.each(func(level string) bool {
		name, at := prefix+level, filepath.Join(path, level)
		if !validLevel(level) || !validNested(name) || !isDir(at) {
			return true
		}
		w.found = append(w.found, Folder{Name: name, NoSelect: !isMaildir(at)})
		err = w.below(at, name+"/")
		// It is gone, or closed to us: no folders.
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			err = nil
		}
		return err == nil
	})
	return err
}

func wantNoLink(kind byte) bool { return kind == unix.DT_DIR || kind == unix.DT_UNKNOWN }
