package slack

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAllow looks at a thread that there was, and at one that is new.
func TestAllow(t *testing.T) {
	const d = 3 * time.Millisecond
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_GETPID, 0, 0, 0)
	var log strings.Builder
	Allow(d, slog.New(slog.NewTextHandler(&log, nil)))
	if log.Len() > 0 {
		t.Error(log.String())
	}
	if n, all := having(t, "3000000"), threads(t); n < all && errno != syscall.ENOTSUP {
		t.Errorf("%d of %d threads", n, all)
	}
	own := make(chan time.Duration)
	go func() {
		runtime.LockOSThread() // and ends with it
		n, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
		if err != nil {
			t.Error(err)
		}
		own <- time.Duration(n)
	}()
	if got := <-own; got != d {
		t.Errorf("a new thread has %v", got)
	}
}

func threads(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// having counts the threads with a slack, in ns.
func having(t *testing.T, slack string) (n int) {
	t.Helper()
	list, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range list {
		text, err := os.ReadFile(filepath.Join("/proc", filepath.Base(dir), "timerslack_ns"))
		if err != nil {
			t.Skip("the kernel does not tell the slack of a thread:", err)
		}
		if strings.TrimSpace(string(text)) == slack {
			n++
		}
	}
	return n
}
