package sandbox

import (
	"fmt"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

const (
	// inTree is what mail needs of its directories.
	inTree = ll.AccessFSReadFile | ll.AccessFSWriteFile | ll.AccessFSTruncate | ll.AccessFSReadDir |
		ll.AccessFSMakeReg | ll.AccessFSMakeDir | ll.AccessFSRemoveFile | ll.AccessFSRemoveDir | ll.AccessFSRefer
	inFile = ll.AccessFSReadFile
)

// fence leaves the process the files of o. Without AccessFSRefer, which Linux 5.13
// to 5.18 do not have, no message could be moved to another folder, so there is no
// fence at all on these.
func fence(o Options) error {
	err := landlock.V11.BestEffort().Restrict(
		landlock.PathAccess(inTree, o.Trees...),
		landlock.PathAccess(inFile, o.Files...).IgnoreIfMissing(),
	)
	if err != nil {
		return fmt.Errorf("fence files: %w", err)
	}
	return nil
}

// landlockSince lists what came with which version of Landlock, of what roles use.
var landlockSince = []struct {
	version int
	what    string
}{
	{2, "Landlock (Linux 5.19)"},
	{3, "Landlock for truncation (Linux 6.2)"},
	{5, "Landlock for device ioctls (Linux 6.10)"},
	{6, "Landlock for signals (Linux 6.12)"},
}

// threadSignals is the bit of the erratum without which signals cannot be fenced:
// they would be kept from the process's own threads as well.
const threadSignals = 1 << 1

// landlockVersion returns the version of Landlock that can be used, 0 if none.
func landlockVersion() int {
	version, err := ll.LandlockGetABIVersion()
	if err != nil {
		return 0 // not compiled in, not turned on, or kept from this container
	}
	if version >= 6 {
		if errata, err := ll.LandlockGetErrata(); err != nil || errata&threadSignals == 0 {
			return 5
		}
	}
	return version
}

func missingOfLandlock(version int) []string {
	var list []string
	for _, l := range landlockSince {
		if version >= l.version {
			continue
		}
		list = append(list, l.what)
		if l.version == landlockSince[0].version {
			break // and all the others with it
		}
	}
	return list
}
