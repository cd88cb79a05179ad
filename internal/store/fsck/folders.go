package fsck

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fantail/internal/store/maildir"
)

// folders returns the folders that are mailboxes, and reports those that cannot be.
func (c *check) folders() ([]string, error) {
	if c.layout == maildir.PlusPlus {
		if err := c.unfinished(); err != nil {
			return nil, err
		}
	}
	all, err := c.tree.Folders()
	if err != nil {
		return nil, err
	}
	var folders []string
	for _, f := range all {
		if f.NoSelect {
			continue
		}
		if _, ok := c.account.MailboxOf(f.Name); ok {
			folders = append(folders, f.Name)
			continue
		}
		path, err := c.tree.Path(f.Name)
		if err != nil {
			return nil, err
		}
		c.nobodys(c.rel(path))
	}
	return folders, nil
}

// nobodys reports a directory with mail that no mailbox is.
func (c *check) nobodys(path string) {
	c.partial = true
	name := "NAME"
	if c.layout == maildir.PlusPlus {
		name = ".NAME"
	}
	full := filepath.Join(c.root, path)
	c.Report(Finding{Kind: Folder, State: Left, Path: path, Problem: "mail in a directory whose name no mailbox can have, or another has already",
		Next: fmt.Sprintf("mv %s %s", shell(full), shell(filepath.Join(filepath.Dir(full), name)))})
}

// unfinished looks for directories of Maildir++ that are no folders: those that have lost
// cur, and those whose names cannot be folders'.
func (c *check) unfinished() error {
	entries, err := os.ReadDir(c.root)
	if err != nil {
		return fmt.Errorf("read the Maildir: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, ".") || strings.HasPrefix(name, "..fantail-") || !e.IsDir() {
			continue
		}
		has := func(sub string) bool {
			info, err := os.Stat(filepath.Join(c.root, name, sub))
			return err == nil && info.IsDir()
		}
		switch valid := maildir.PlusPlus.Valid(name[1:]); {
		case !valid && (has("cur") || has("new")):
			c.nobodys(name)
		case valid && !has("cur") && (has("new") || has("tmp")):
			if _, err := os.Lstat(filepath.Join(c.root, name, "cur")); !errors.Is(err, fs.ErrNotExist) {
				break // it cannot be looked into: the mailbox's turn will tell
			}
			c.report(Finding{Kind: Directory, Path: filepath.Join(name, "cur"), Problem: "the directory is missing, and with it the folder"}, func() (string, error) {
				return "made", os.Mkdir(filepath.Join(c.root, name, "cur"), 0o700)
			})
		}
	}
	return nil
}
