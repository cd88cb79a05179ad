package store

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"fantail/internal/store/index"
)

// Places are what of the file system an account needs.
type Places struct {
	Trees []string // directories with all that is below them
	Files []string // further files, which are only read
}

// PlacesIn are those of all accounts that have their mail in a directory. What symbolic
// links lead to elsewhere is not among them.
func PlacesIn(dir string) Places {
	return Places{Trees: []string{dir}, Files: []string{index.BootFile}}
}

// Places returns the account's: its Maildir, what symbolic links in it lead to, as
// they are now, and the identity of the running kernel.
func (a *Account) Places() (Places, error) {
	p := PlacesIn(a.root)
	entries, err := os.ReadDir(a.root)
	if err != nil {
		return Places{}, fmt.Errorf("find links in the Maildir: %w", err)
	}
	for _, e := range entries {
		if e.Type() != fs.ModeSymlink {
			continue
		}
		path := filepath.Join(a.root, e.Name())
		// What leads nowhere is no folder: whoever opens it is told why.
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			p.Trees = append(p.Trees, path)
		}
	}
	return p, nil
}
