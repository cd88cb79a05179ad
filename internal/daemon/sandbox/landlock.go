package sandbox

import (
	"fmt"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

const (
	// inTree is what mail needs of its directories.
	inTree = ll.AccessFSReadFile | ll.AccessFSWriteFile | ll.AccessFSTruncate | ll.AccessFSReadDir |
		ll.AccessFSMakeReg | ll.AccessFSMakeDir | ll.AccessFSRemoveFile | ll.AccessFSRemoveDir | ll.AccessFSRefer
	inFile    = ll.AccessFSReadFile
	inReading = ll.AccessFSReadFile | ll.AccessFSReadDir
	inProgram = ll.AccessFSReadFile | ll.AccessFSExecute
	inSocket  = ll.AccessFSResolveUnix

	// ofMender is to move what is no message out of the way.
	ofMender = ll.AccessFSMakeSym | ll.AccessFSMakeSock | ll.AccessFSMakeFifo

	// ofReader is what a program needs everywhere that starts those of others.
	ofReader = ll.AccessFSReadFile | ll.AccessFSReadDir | ll.AccessFSResolveUnix
	// ofStarter is everything but to execute.
	ofStarter = inTree | ll.AccessFSMakeChar | ll.AccessFSMakeSock | ll.AccessFSMakeFifo | ll.AccessFSMakeBlock |
		ll.AccessFSMakeSym | ll.AccessFSIoctlDev | ll.AccessFSResolveUnix
)

// fence leaves the process the files of o, and everywhere the rights of its role, with
// further ones in the trees.
// Without AccessFSRefer, which Linux 5.13 to 5.18 do not have, no message could be
// moved to another folder, so there is no fence at all on these.
func fence(everywhere, further landlock.AccessFSSet, o Options) error {
	config := landlock.V11
	if o.Network {
		config.HandledAccessNet = 0
	}
	rules := []landlock.Rule{
		landlock.PathAccess(inTree|further, o.Trees...),
		landlock.PathAccess(inFile, o.Files...).IgnoreIfMissing(),
		landlock.PathAccess(inReading, o.Reading...).IgnoreIfMissing(),
		landlock.PathAccess(inProgram, append(loaders(o.Programs), o.Programs...)...).IgnoreIfMissing(),
		landlock.PathAccess(inSocket, o.Sockets...).IgnoreIfMissing(),
	}
	if everywhere != 0 {
		rules = append(rules,
			landlock.PathAccess(everywhere, "/"),
			landlock.PathAccess(ll.AccessFSReadFile|ll.AccessFSWriteFile, os.DevNull).IgnoreIfMissing(), // of what is started
		)
	}
	if err := config.BestEffort().Restrict(rules...); err != nil {
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
