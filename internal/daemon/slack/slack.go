// Package slack lets the kernel wake a process later than the process asked for (timer
// slack, prctl(2)), so that it wakes less often.
//
// It is for processes that wait for messages most of the time and do little for each.
// The monitor of Go's runtime (runtime.sysmon) looks every 20 µs what becomes of the
// other threads while any of them runs, and every message makes it begin anew: with
// the kernel's usual slack of 50 µs that is a third of all that a login costs. What is
// late is only what the clock wakes: time-outs, the end of a goroutine's turn after 10
// ms, and the processor that a goroutine leaves to others when a system call blocks
// it. What arrives on a descriptor is never late.
package slack

import (
	"log/slog"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Message is for programs that do nothing but answer messages: they never block in a
// system call for long.
const Message = 10 * time.Millisecond

// Work is for programs that also read and write files: while one goroutine waits for
// a disk, others want its processor, and an APPEND that waits for three of its writes
// takes a millisecond longer with a slack of one.
const Work = 200 * time.Microsecond

// Allow sets the slack of all threads, and of those that there will be, also in
// programs that are started. Where that cannot be done the process does its work at a
// higher price, so it is only logged.
func Allow(d time.Duration, log *slog.Logger) {
	if err := set(d); err != nil {
		log.Warn("timer slack", "err", err)
	}
}

func set(d time.Duration) error {
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, uintptr(d), 0)
	switch errno {
	case 0:
		return nil
	case syscall.ENOTSUP: // with cgo, without which the programs are built: this thread and those that it starts
		return unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(d), 0, 0, 0)
	}
	return errno
}
