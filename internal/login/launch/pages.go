package launch

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// SmallPages has the kernel give this process, and all that it starts, no huge pages
// (transparent_hugepage is "always" on many systems). The heap of a session that waits is
// smaller than one of these, and has little in each of its own pages: with huge ones it
// takes megabytes more. It is for who starts many session programs.
func SmallPages() error {
	err := unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0)
	if err != nil && !errors.Is(err, unix.EINVAL) { // a kernel that has none
		return fmt.Errorf("do without huge pages: %w", err)
	}
	return nil
}
