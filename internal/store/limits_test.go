package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What operations cannot be faster than.

// fiveStats asks whether anything has changed, as every sync has to.
func fiveStats(b *testing.B, dir string) func() time.Duration {
	return func() time.Duration {
		return timed(func() {
			var st unix.Stat_t
			for _, name := range []string{"new", "cur", "dovecot-uidlist", "dovecot-keywords", "fantail-keywords"} {
				if err := unix.Stat(filepath.Join(dir, name), &st); err != nil && err != unix.ENOENT {
					b.Fatal(err)
				}
			}
		})
	}
}

// readDirectories reads the names in directories, and does nothing with them.
func readDirectories(b *testing.B, dirs ...string) func() time.Duration {
	buf := make([]byte, 1<<20)
	return func() time.Duration {
		return timed(func() {
			for _, dir := range dirs {
				fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
				must(b, err)
				for {
					n, err := unix.Getdents(fd, buf)
					must(b, err)
					if n == 0 {
						break
					}
				}
				must(b, unix.Close(fd))
			}
		})
	}
}

// moveOctets copies n octets within memory.
func moveOctets(n int) func() time.Duration {
	from, to := make([]byte, n), make([]byte, n)
	for i := range from {
		from[i] = byte(i)
	}
	copy(to, from)
	return func() time.Duration { return timed(func() { copy(to, from) }) }
}

// names lists a directory. It has no limit: it prepares for one.
func names(b *testing.B, dir string) []string {
	f, err := os.Open(dir)
	must(b, err)
	defer f.Close()
	list, err := f.Readdirnames(-1)
	must(b, err)
	return list
}

// scratch makes a directory on the same file system, of links to the messages of
// dir.
func scratch(b *testing.B, dir string) (path string, list []string) {
	path, err := os.MkdirTemp(filepath.Dir(dir), "scratch")
	must(b, err)
	list = names(b, filepath.Join(dir, "cur"))
	for _, name := range list {
		must(b, os.Link(filepath.Join(dir, "cur", name), filepath.Join(path, name)))
	}
	return path, list
}

// open opens a directory to name files in it.
func openDirectory(b *testing.B, path string) (fd int, closed func()) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(b, err)
	return fd, func() { must(b, unix.Close(fd)) }
}

// renameAll gives every message of a mailbox another name.
func renameAll(b *testing.B, dir string) func() time.Duration {
	return func() time.Duration {
		path, list := scratch(b, dir)
		defer os.RemoveAll(path)
		fd, closed := openDirectory(b, path)
		defer closed()
		return timed(func() {
			for _, name := range list {
				must(b, unix.Renameat2(fd, name, fd, name+"F", unix.RENAME_NOREPLACE))
			}
		})
	}
}

// moveAll renames every message of a mailbox into another directory.
func moveAll(b *testing.B, dir string) func() time.Duration {
	return func() time.Duration {
		path, list := scratch(b, dir)
		defer os.RemoveAll(path)
		to, err := os.MkdirTemp(filepath.Dir(dir), "scratch")
		must(b, err)
		defer os.RemoveAll(to)
		src, closed := openDirectory(b, path)
		defer closed()
		dst, closed := openDirectory(b, to)
		defer closed()
		return timed(func() {
			for _, name := range list {
				must(b, unix.Renameat2(src, name, dst, name, unix.RENAME_NOREPLACE))
			}
		})
	}
}

// linkAll makes a second name for every message of a mailbox.
func linkAll(b *testing.B, dir string) func() time.Duration {
	return func() time.Duration {
		list := names(b, filepath.Join(dir, "cur"))
		path, err := os.MkdirTemp(filepath.Dir(dir), "scratch")
		must(b, err)
		defer os.RemoveAll(path)
		src, closed := openDirectory(b, filepath.Join(dir, "cur"))
		defer closed()
		dst, closed := openDirectory(b, path)
		defer closed()
		return timed(func() {
			for _, name := range list {
				must(b, unix.Linkat(src, name, dst, name, 0))
			}
		})
	}
}

// unlinkAll removes every message of a mailbox (or rather a second name of it).
func unlinkAll(b *testing.B, dir string) func() time.Duration {
	return func() time.Duration {
		path, list := scratch(b, dir)
		defer os.RemoveAll(path)
		fd, closed := openDirectory(b, path)
		defer closed()
		return timed(func() {
			for _, name := range list {
				must(b, unix.Unlinkat(fd, name, 0))
			}
		})
	}
}

// deliverBare is all that a delivery needs so that the message is on disk:
// write, fsync, rename, and fsync of the directory.
func deliverBare(dir, name string) error {
	tmp, to := filepath.Join(dir, "tmp", name), filepath.Join(dir, "new", name)
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(sample); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp, to); err != nil {
		return err
	}
	return syncDirectory(filepath.Join(dir, "new"))
}

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		return err
	}
	return d.Close()
}

// bareMaildir makes the directories that deliverBare needs.
func bareMaildir(b *testing.B) string {
	dir := b.TempDir()
	for _, sub := range []string{"tmp", "new"} {
		must(b, os.Mkdir(filepath.Join(dir, sub), fs.FileMode(0o700)))
	}
	return dir
}
