package fsck

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
)

// Options say what is looked at.
type Options struct {
	DryRun  bool // nothing is changed
	Rebuild bool // caches are made anew, whether they are damaged or not
	Full    bool // every message and every cache is read as well
	// UIDL tells the unique-id by which POP3 clients know a message; nil if the names of
	// files have no part in it.
	UIDL func(mail.UIDValidity, uidlist.Record) string
	// Private are directories below the Maildir that are the account's alone, with all
	// that is in them.
	Private []string
	// Report is told each finding, Progress which mailbox is looked at and how many
	// messages were before it.
	Report   func(Finding)
	Progress func(mailbox string, messages int)
}

// LostAndFound is the directory, below the Maildir, to which things are moved.
const LostAndFound = "fantail-lost+found"

// old is how long nobody must have touched what is taken for left over: that of Maildir.
const old = 36 * time.Hour

// check is one run.
type check struct {
	Options
	root    string
	uid     int // whose mail it is
	account *store.Account
	tree    *maildir.Tree
	layout  maildir.Layout
	sum     Summary
	partial bool // directories are missing, which counting mail would make
}

// Prepare looks at the Maildir itself, before anybody can open the account: are the
// directories there, and open to their owner? It reports whether the account can be
// opened, for Account, without making anything.
func Prepare(root string, o Options) (bool, error) {
	c := &check{Options: o, root: root, uid: os.Geteuid()}
	switch _, err := os.Stat(root); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil // who has no mail has no damage
	case err != nil: // a directory above it is closed
		c.Report(Finding{Kind: Unexamined, State: Left, Path: ".", Problem: err.Error(), Next: "namei -l " + shell(root)})
		return false, nil
	}
	if err := c.openable(".", mail.Inbox); err != nil {
		return false, err
	}
	_, err := os.Stat(filepath.Join(root, "cur"))
	return err == nil, nil
}

// Account looks at everything else.
func Account(ctx context.Context, a *store.Account, o Options) (Summary, error) {
	c := &check{Options: o, root: a.Path(), uid: os.Geteuid(), account: a, layout: a.Options().Layout}
	tree, err := maildir.OpenTree(c.root, maildir.Options{Host: a.Options().Host, Layout: c.layout})
	if err != nil {
		return c.sum, err
	}
	c.tree = tree
	a.Unfurnished()
	if err := c.surroundings(); err != nil {
		return c.sum, err
	}
	folders, err := c.folders()
	if err != nil {
		return c.sum, err
	}
	for _, folder := range append([]string{""}, folders...) {
		if err := ctx.Err(); err != nil {
			return c.sum, err
		}
		if err := c.mailbox(ctx, folder); err != nil {
			return c.sum, err
		}
	}
	c.subscriptions(ctx)
	if !c.partial || !c.DryRun {
		c.quota(ctx)
	}
	return c.sum, nil
}

// report tells a finding. What can be mended is mended, unless nothing shall be changed;
// mend is nil if it cannot.
func (c *check) report(f Finding, mend func() (done string, err error)) {
	switch {
	case f.State != "":
	case mend == nil:
		f.State = Left
	case c.DryRun:
		f.State = Found
	default:
		done, err := mend()
		f.State, f.Done = Mended, done
		if err != nil {
			f.State, f.Done = Left, err.Error()
		}
	}
	c.Report(f)
}

// unexamined reports what could not be looked at.
func (c *check) unexamined(mailbox, path string, err error) {
	f := Finding{Kind: Unexamined, State: Left, Mailbox: mailbox, Path: path, Problem: err.Error()}
	if errors.Is(err, fs.ErrPermission) {
		f.Next = c.chown(path)
	}
	c.Report(f)
}

// chown is what root types for something that belongs to somebody else.
func (c *check) chown(path string) string {
	return fmt.Sprintf("chown -hR %d:%d %s", c.uid, os.Getegid(), shell(filepath.Join(c.root, path)))
}

// shell quotes an argument of a command line, if it must be.
func shell(arg string) string {
	if strings.IndexFunc(arg, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("/._-+=,@%", r)
	}) < 0 {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// rel is a path as findings have it.
func (c *check) rel(path string) string {
	if r, err := filepath.Rel(c.root, path); err == nil {
		return r
	}
	return path
}

// lostAndFound returns the directory, which is made if it is missing.
func (c *check) lostAndFound() (string, error) {
	dir := filepath.Join(c.root, LostAndFound)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%s is no directory", LostAndFound)
	}
	return dir, nil
}

// lstat looks at something without following links.
func lstat(path string) (*unix.Stat_t, error) {
	var st unix.Stat_t
	for {
		err := unix.Lstat(path, &st)
		if err == nil {
			return &st, nil
		}
		if err != unix.EINTR {
			return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
		}
	}
}

func kindOf(st *unix.Stat_t) uint32 { return st.Mode & unix.S_IFMT }

// age is how long something has not been touched. ctime tells, since nobody can set it.
func age(st *unix.Stat_t) time.Duration { return time.Since(time.Unix(st.Ctim.Unix())) }
