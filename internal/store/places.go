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

// Places returns the account's: its Maildir, what symbolic links in it lead to, as
// they are now, and the identity of the running kernel.
func (a *Account) Places() (Places, error) {
	p := Places{Trees: []string{a.root}, Files: []string{index.BootFile}}
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
