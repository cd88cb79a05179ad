package watch

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// localFS are the file systems on which every change is made through this
// kernel's own directory operations, so that inotify tells of all of them.
var localFS = map[int64]bool{
	unix.EXT4_SUPER_MAGIC:      true, // ext2 and ext3 too
	unix.XFS_SUPER_MAGIC:       true,
	unix.BTRFS_SUPER_MAGIC:     true,
	unix.F2FS_SUPER_MAGIC:      true,
	unix.TMPFS_MAGIC:           true,
	unix.RAMFS_MAGIC:           true,
	unix.OVERLAYFS_SUPER_MAGIC: true,
	0x2fc12fc1:                 true, // ZFS
	0xca451a4e:                 true, // bcachefs
}

// local reports whether inotify tells of every change under path. A file system
// that is not known is taken for one that others change too.
func local(path string) (bool, error) {
	var st unix.Statfs_t
	for {
		err := unix.Statfs(path, &st)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return false, &fs.PathError{Op: "statfs", Path: path, Err: err}
		}
		return localFS[int64(st.Type)], nil
	}
}

// folds reports whether the directory takes names in another case for the same.
// Then events may bear the name that was asked for and not the file's.
func folds(fd int) bool {
	const casefold = 0x40000000 // FS_CASEFOLD_FL
	flags, err := unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS)
	return err == nil && flags&casefold != 0 // an error: the file system has no such flags
}
