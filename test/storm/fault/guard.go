package fault

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Environment is what a guarded process needs in its environment: preemption by
// signals would interrupt calls that wait.
const Environment = "GODEBUG=asyncpreemptoff=1"

// guardFD is the descriptor on which a guarded process passes its listener on.
const guardFD = 3

// ErrUnsupported says that the kernel, or what confines us, refuses.
var ErrUnsupported = errors.New("seccomp notifications are not available")

// Guard puts the calling process under the control of the Run that started it.
func Guard() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("%w: no_new_privs: %w", ErrUnsupported, err)
	}
	program := filter()
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV

	rights := unix.UnixRights(0)
	fd := (*int32)(unsafe.Pointer(&rights[unix.CmsgLen(0)]))
	octet := [1]byte{1}
	iov := unix.Iovec{Base: &octet[0]}
	iov.SetLen(1)
	msg := unix.Msghdr{Iov: &iov, Control: &rights[0]}
	msg.SetIovlen(1)
	msg.SetControllen(len(rights))
	// Between these two calls other threads may come to wait for an answer from
	// Run, which has to get the listener first. So the scheduler must not run.
	listener, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return fmt.Errorf("%w: %w", ErrUnsupported, errno)
	}
	*fd = int32(listener)
	_, _, errno = unix.RawSyscall(unix.SYS_SENDMSG, guardFD, uintptr(unsafe.Pointer(&msg)), 0)
	if errno != 0 {
		return fmt.Errorf("pass the listener on: %w", errno)
	}
	return errors.Join(unix.Close(int(listener)), unix.Close(guardFD))
}

// filter is the program that sends the calls of the table to the listener.
func filter() []unix.SockFilter {
	const nr, k = 0, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K // offset of nr in struct seccomp_data
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: nr}}
	for i, c := range calls {
		program = append(program, unix.SockFilter{Code: k, Jt: uint8(len(calls) - i), K: uint32(c.nr)})
	}
	return append(program,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
}
