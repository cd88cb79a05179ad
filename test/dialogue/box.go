package dialogue

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// Box is where one run of a dialogue takes place: a home directory with a
// Maildir, and the account that owns it.
type Box struct {
	Home     string // absolute
	UID, GID int    // -1: the caller's own
}

// NewBox makes an empty box in the directory for temporary files. A caller
// that is root gets one of the account nobody, so that no server runs as root.
// The caller removes Home.
func NewBox() (Box, error) {
	b := Box{UID: -1, GID: -1}
	if os.Getuid() == 0 {
		u, err := user.Lookup("nobody")
		if err != nil {
			return b, err
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2); err != nil {
			return b, fmt.Errorf("account nobody: %w", err)
		}
		b.UID, b.GID = uid, gid
	}
	home, err := os.MkdirTemp("", "dialogue")
	if err != nil {
		return b, err
	}
	b.Home = home
	return b, b.chown(home)
}

// Maildir is the path of the mailbox.
func (b Box) Maildir() string { return filepath.Join(b.Home, "Maildir") }
