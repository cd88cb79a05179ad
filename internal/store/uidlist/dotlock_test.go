package uidlist

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const host = "here"

func TestDotlockExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dovecot-uidlist")
	ctx := t.Context()
	l, err := Dotlock(ctx, path, LockOptions{Host: host})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := get(t, path+".lock"), fmt.Sprintf("%d:%s%s", os.Getpid(), host, pidSpace()); got != want {
		t.Errorf("lock holds %q, want %q", got, want)
	}
	if _, err := Dotlock(ctx, path, LockOptions{Host: host, Timeout: 20 * time.Millisecond}); !errors.Is(err, ErrLockTimeout) {
		t.Errorf("locked twice: %v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Dotlock(canceled, path, LockOptions{Host: host, Timeout: time.Minute}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if err := l.Touch(); err != nil {
		t.Error(err)
	}
	if err := l.Unlock(); err != nil {
		t.Error(err)
	}
	if l, err = Dotlock(ctx, path, LockOptions{Host: host}); err != nil {
		t.Fatal(err)
	}
	// Somebody overrides it and locks: it is not ours to remove.
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	m, err := Dotlock(ctx, path, LockOptions{Host: host})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Touch(); !errors.Is(err, ErrLockLost) {
		t.Errorf("touched: %v", err)
	}
	if err := l.Unlock(); !errors.Is(err, ErrLockLost) {
		t.Errorf("unlocked: %v", err)
	}
	if err := m.Unlock(); err != nil {
		t.Error(err)
	}
	if _, err := Dotlock(ctx, filepath.Join(path, "no", "directory"), LockOptions{}); err == nil {
		t.Error("locked in a directory that does not exist")
	}
}

// deadPID is the number of a process that has ended.
func deadPID(t *testing.T) int {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Skip(err)
	}
	return cmd.Process.Pid
}

func TestStaleDotlocks(t *testing.T) {
	dead, alive := deadPID(t), os.Getppid()
	here := host + pidSpace()
	for _, tt := range []struct {
		name    string
		content string
		age     time.Duration // of the lock
		file    time.Duration // of the file it protects
		watched time.Duration // how long we wait on our clock
		gone    bool
	}{
		{"dead owner", fmt.Sprint(dead, ":", here), 3 * time.Second, time.Hour, 0, true},
		{"dead owner, LF", fmt.Sprint(dead, ":", here, "\n"), 3 * time.Second, time.Hour, 0, true},
		{"dead owner, young lock", fmt.Sprint(dead, ":", here), time.Second, time.Hour, 0, false},
		{"living owner, old lock", fmt.Sprint(alive, ":", here), time.Hour, time.Hour, time.Hour, false},
		{"our own PID, fresh", fmt.Sprint(os.Getpid(), ":", here), time.Minute, time.Hour, 0, false},
		{"our own PID after a restart", fmt.Sprint(os.Getpid(), ":", here), time.Hour, time.Hour, 13 * time.Second, true},
		{"another host, old", fmt.Sprint(dead, ":elsewhere"), time.Hour, time.Hour, 13 * time.Second, true},
		{"another host, old, not watched", fmt.Sprint(dead, ":elsewhere"), time.Hour, time.Hour, 5 * time.Second, false},
		{"another host, young", fmt.Sprint(dead, ":elsewhere"), time.Minute, time.Hour, 13 * time.Second, false},
		{"another host, file changed", fmt.Sprint(dead, ":elsewhere"), time.Hour, time.Minute, 13 * time.Second, false},
		{"another PID space", fmt.Sprint(dead, ":", host, "#1"), time.Minute, time.Hour, 0, false},
		{"empty, old", "", time.Hour, time.Hour, 13 * time.Second, true},
		{"garbage", "xyz", time.Minute, time.Hour, 0, false},
		{"clock ahead of ours", "", -time.Hour, time.Hour, 3 * time.Minute, true},
		{"clock ahead of ours, not watched", "", -time.Hour, time.Hour, time.Minute, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			now := time.Now()
			for p, age := range map[string]time.Duration{path: tt.file, path + ".lock": tt.age} {
				if err := os.WriteFile(p, []byte(tt.content), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(p, now.Add(-age), now.Add(-age)); err != nil {
					t.Fatal(err)
				}
			}
			w := newWaiter(disk{}, path, LockOptions{Host: host, Clock: func() time.Time { return now }})
			if err := w.override(); err != nil {
				t.Fatal(err)
			}
			if tt.watched > 0 {
				if _, err := os.Stat(path + ".lock"); err != nil {
					t.Fatal("overridden at once")
				}
				now = now.Add(tt.watched)
				if err := w.override(); err != nil {
					t.Fatal(err)
				}
			}
			_, err := os.Stat(path + ".lock")
			if gone := errors.Is(err, os.ErrNotExist); gone != tt.gone {
				t.Errorf("overridden: %v, want %v", gone, tt.gone)
			}
		})
	}
}

// Many waiters find one stale lock: it is overridden, and still only one of them
// is inside at a time.
func TestStaleDotlockOverriddenByMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	old := time.Now().Add(-time.Minute)
	if err := os.WriteFile(path+".lock", fmt.Appendf(nil, "%d:%s%s", deadPID(t), host, pidSpace()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path+".lock", old, old); err != nil {
		t.Fatal(err)
	}
	var inside sync.Mutex
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			l, err := Dotlock(t.Context(), path, LockOptions{Host: host, Timeout: time.Minute})
			if err != nil {
				t.Error(err)
				return
			}
			if !inside.TryLock() {
				t.Error("two hold the lock")
			} else {
				time.Sleep(time.Millisecond)
				inside.Unlock()
			}
			if err := l.Unlock(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// Between the judgment and the removal another waiter may have been faster: its
// fresh lock stays.
func TestOverrideSparesAFreshLock(t *testing.T) {
	m := newMemFS()
	const path = "mem/file"
	m.names[path+".lock"] = &memInode{ino: 50, data: "1:elsewhere", mtime: 1e18 - 1e15}
	now := time.Unix(0, 1e18)
	w := newWaiter(m, path, LockOptions{Host: host, Clock: func() time.Time { return now }})
	if err := w.override(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	fresh := &memInode{ino: 51, data: "2:elsewhere", mtime: 1e18}
	m.before = func(step string, _ int) (int, error) {
		if step == "flock file.lock" {
			m.names[path+".lock"] = fresh
		}
		return 0, nil
	}
	if err := w.override(); err != nil {
		t.Fatal(err)
	}
	if m.names[path+".lock"] != fresh {
		t.Errorf("the fresh lock is gone: %v", m.names)
	}
}
