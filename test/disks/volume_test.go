package disks

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// kind is a kind of file system.
type kind struct {
	name string
	size int64 // the least that it takes
	make []string
	step int64 // in which free room is counted
}

var (
	ext4  = kind{"ext4", 8 << 20, []string{"mkfs.ext4", "-q", "-b", "1024", "-m", "0", "-N", "64"}, 1 << 10}
	xfs   = kind{"xfs", 300 << 20, []string{"mkfs.xfs", "-q"}, 4 << 10}
	btrfs = kind{"btrfs", 112 << 20, []string{"mkfs.btrfs", "-q"}, 4 << 10}
	kinds = []kind{ext4, xfs, btrfs}
)

// volume is a file system in a file.
type volume struct {
	t     *testing.T
	kind  kind
	image string
	dir   string // where it is mounted
}

// scratch is a directory in memory, where there is one, so that no disk is waited for.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "disks")
	if err != nil {
		dir, err = os.MkdirTemp("", "disks")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// newVolume makes one and mounts it. above is the directory for its file.
func newVolume(t *testing.T, k kind, above string) *volume {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	if _, err := exec.LookPath(k.make[0]); err != nil {
		t.Skip(err)
	}
	v := &volume{t, k, filepath.Join(above, k.name+".img"), filepath.Join(scratch(t), "mnt")}
	if err := errors.Join(os.WriteFile(v.image, nil, 0o600), os.Truncate(v.image, k.size), os.Mkdir(v.dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(k.make[0], append(k.make[1:], v.image)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := v.mount(); err != nil {
		t.Skipf("%s cannot be mounted here: %s", k.name, out)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(v.dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return v
}

func (v *volume) mount() ([]byte, error) {
	return exec.Command("mount", "-t", v.kind.name, "-o", "loop", v.image, v.dir).CombinedOutput()
}

// again mounts it anew, as after a start of the machine. What is below it may be repaired
// before.
func (v *volume) again(repairs ...func()) {
	v.t.Helper()
	for n := 0; ; n++ {
		err := unix.Unmount(v.dir, 0)
		if err == nil {
			break
		}
		if n == 100 {
			v.t.Fatal("unmount: ", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, repair := range repairs {
		repair()
	}
	if out, err := v.mount(); err != nil {
		v.t.Fatalf("mount: %v: %s", err, out)
	}
}

// remount sets it read-only, or not.
func (v *volume) remount(flags uintptr) {
	v.t.Helper()
	if err := unix.Mount("", v.dir, "", unix.MS_REMOUNT|flags, ""); err != nil {
		v.t.Fatal("remount: ", err)
	}
}

// shutdown stops it at once: what is not on disk is lost, as by a power cut. Until it is
// mounted again everything fails.
func (v *volume) shutdown() {
	v.t.Helper()
	const (
		request = 0x8004587d // XFS_IOC_GOINGDOWN, EXT4_IOC_SHUTDOWN
		noFlush = 2          // not even the log
	)
	dir, err := os.Open(v.dir)
	if err != nil {
		v.t.Fatal(err)
	}
	err = errors.Join(unix.IoctlSetPointerInt(int(dir.Fd()), request, noFlush), dir.Close())
	if err != nil {
		v.t.Skip("the file system cannot be stopped: ", err)
	}
}

// fill takes all room but so many steps.
func (v *volume) fill(left int) {
	v.t.Helper()
	v.free()
	v.sync()
	// What an empty file takes beside its octets is taken first.
	f, err := os.Create(v.filler(0))
	if err != nil {
		v.t.Fatal(err)
	}
	defer f.Close()
	var st unix.Statfs_t
	if err := unix.Statfs(v.dir, &st); err != nil {
		v.t.Fatal(err)
	}
	size := int64(st.Bavail) * st.Bsize
	for step := size; step >= v.kind.step; {
		info, err := f.Stat()
		if err != nil {
			v.t.Fatal(err)
		}
		switch err := unix.Fallocate(int(f.Fd()), 0, info.Size(), step); err {
		case nil, unix.EINTR:
		case unix.ENOSPC:
			step /= 2
		default:
			v.t.Fatal("fill: ", err)
		}
	}
	info, err := f.Stat()
	if err != nil {
		v.t.Fatal(err)
	}
	if err := f.Truncate(max(0, info.Size()-int64(left)*v.kind.step)); err != nil {
		v.t.Fatal(err)
	}
	v.sync()
}

func (v *volume) filler(n int) string { return filepath.Join(v.dir, fmt.Sprintf("filler%d", n)) }

// fillInodes takes all inodes but so many.
func (v *volume) fillInodes(left int) {
	v.t.Helper()
	v.free()
	n := 1
	for full := 0; full < 5; {
		err := os.WriteFile(v.filler(n), nil, 0o600)
		switch {
		case err == nil:
			n++
		case errors.Is(err, unix.ENOSPC):
			full++
			time.Sleep(20 * time.Millisecond) // the kernel gives back what the fence of a program that ended had
		default:
			v.t.Fatal(err)
		}
	}
	for ; left > 0 && n > 1; left-- {
		n--
		if err := os.Remove(v.filler(n)); err != nil {
			v.t.Fatal(err)
		}
	}
}

// free gives all room back.
func (v *volume) free() {
	v.t.Helper()
	list, err := filepath.Glob(filepath.Join(v.dir, "filler*"))
	for _, path := range list {
		err = errors.Join(err, os.Remove(path))
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *volume) sync() {
	v.t.Helper()
	dir, err := os.Open(v.dir)
	if err != nil {
		v.t.Fatal(err)
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		v.t.Fatal(err)
	}
}
