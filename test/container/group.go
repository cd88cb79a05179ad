package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// newGroup makes a cgroup for a container below that of this process, and returns its
// directory. Without one, containers that run at the same time would have their services
// in the same groups: each systemd would find the processes of the others there. Where
// cgroups cannot be made it returns "", and there should be one container at a time.
func newGroup(name string) (string, error) {
	own, err := ownGroup()
	if err != nil || own == "" {
		return "", err
	}
	dir := filepath.Join(own, name)
	err = os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return "", nil
	}
	return dir, err
}

// ownGroup is the directory of the cgroup (version 2) that this process is in, "" if there
// is none.
func ownGroup() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("find cgroups: %w", err)
	}
	var root, tree string
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line) // proc_pid_mountinfo(5)
		if i := slices.Index(f, "-"); i >= 0 && len(f) > i+1 && f[i+1] == "cgroup2" {
			root, tree = f[3], f[4]
		}
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("find cgroups: %w", err)
	}
	for line := range strings.Lines(string(groups)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok && tree != "" {
			if path, err := filepath.Rel(root, path); err == nil && !strings.HasPrefix(path, "..") {
				return filepath.Join(tree, path), nil
			}
		}
	}
	return "", nil
}

// removeGroup removes a cgroup and what is below it. Processes that have been killed may
// be in it for a moment.
func removeGroup(dir string) error {
	if dir == "" {
		return nil
	}
	var err error
	for range 50 {
		var all []string
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				all = append(all, path)
			}
			return err
		})
		slices.Reverse(all) // those below come first
		for _, path := range all {
			err = errors.Join(err, os.Remove(path))
		}
		if err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}
