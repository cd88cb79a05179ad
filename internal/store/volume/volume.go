// Package volume tells what may be expected of the file system on which a Maildir
// lies: whether all that happens in it passes through this kernel, and how fine its
// times are. Package maildir bases its proofs on that, package watch its choice
// between events and polling. What is not known is taken for a file server.
package volume

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Kind is a kind of file system.
type Kind struct {
	// Local says that every change is made through this kernel's own directory
	// operations: inotify tells of all of them, and times are of this clock.
	Local bool
	// Multigrain says that each change which follows a look at a directory's times
	// gives it a time of its own (Linux 6.13).
	Multigrain bool
}

// local are the local file systems, by their magic number. The value tells whether
// they have multigrain times where the kernel has.
var local = map[int64]bool{
	unix.EXT4_SUPER_MAGIC:      true, // ext2 and ext3 too
	unix.XFS_SUPER_MAGIC:       true,
	unix.BTRFS_SUPER_MAGIC:     true,
	unix.TMPFS_MAGIC:           false, // measured: unlink leaves equal times
	unix.RAMFS_MAGIC:           false,
	unix.OVERLAYFS_SUPER_MAGIC: false,
	unix.F2FS_SUPER_MAGIC:      false,
	0x2fc12fc1:                 false, // ZFS
	0xca451a4e:                 false, // bcachefs
}

// Of returns the kind of the file system under path.
func Of(path string) (Kind, error) {
	var st unix.Statfs_t
	for {
		err := unix.Statfs(path, &st)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return Kind{}, &fs.PathError{Op: "statfs", Path: path, Err: err}
		}
		break
	}
	fine, ok := local[int64(st.Type)]
	if !fine {
		return Kind{Local: ok}, nil
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Kind{}, fmt.Errorf("uname: %w", err)
	}
	return Kind{Local: true, Multigrain: kernelAtLeast(unix.ByteSliceToString(u.Release[:]), 6, 13)}, nil
}

// kernelAtLeast reads the "6.18" of a release such as "6.18.44-1-amd64".
func kernelAtLeast(release string, major, minor int) bool {
	a, rest, _ := strings.Cut(release, ".")
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		rest = rest[:end]
	}
	x, err1 := strconv.Atoi(a)
	y, err2 := strconv.Atoi(rest)
	return err1 == nil && err2 == nil && (x > major || x == major && y >= minor)
}
