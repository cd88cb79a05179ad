package watch

import (
	"golang.org/x/sys/unix"

	"fantail/internal/store/volume"
)

// local reports whether inotify tells of every change under path.
func local(path string) (bool, error) {
	kind, err := volume.Of(path)
	return kind.Local, err
}

// folds reports whether the directory takes names in another case for the same.
// Then events may bear the name that was asked for and not the file's.
func folds(fd int) bool {
	const casefold = 0x40000000 // FS_CASEFOLD_FL
	flags, err := unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS)
	return err == nil && flags&casefold != 0 // an error: the file system has no such flags
}
