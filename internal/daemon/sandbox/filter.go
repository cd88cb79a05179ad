package sandbox

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// filter is a seccomp filter: the rule of a system call says what becomes of it,
// otherwise all others.
type filter struct {
	rules     []rule
	otherwise verdict
}

// rule is about one system call; where it has a test, about those calls that pass
// it, and the rest are refused or, in a filter that allows by default, allowed.
type rule struct {
	call uint32
	test test
	then verdict
}

// verdict is an action of seccomp.
type verdict uint32

const (
	allowed verdict = unix.SECCOMP_RET_ALLOW
	refused verdict = unix.SECCOMP_RET_ERRNO | verdict(unix.EPERM)
	absent  verdict = unix.SECCOMP_RET_ERRNO | verdict(unix.ENOSYS)
)

// list returns rules of system calls.
type list func() []rule

func concat(lists []list) (all []rule) {
	for _, l := range lists {
		all = append(all, l()...)
	}
	return all
}

// only makes the filter that lets calls through and nothing else.
func only(calls ...list) func() filter {
	return func() filter { return filter{append(concat(calls), missingCalls()...), refused} }
}

// except makes the filter that refuses calls and nothing else.
func except(calls ...list) func() filter {
	return func() filter { return filter{missingCalls(), allowed}.refusing(calls...) }
}

// refusing is a filter that refuses more calls.
func (f filter) refusing(calls ...list) filter {
	more := concat(calls)
	for i := range more {
		more[i].then = refused
	}
	return filter{append(more, f.rules...), f.otherwise}
}

// test looks at the lower half of one argument; what the kernel takes there must
// be no wider.
type test struct {
	kind   kind
	arg    int
	values []uint32
}

type kind int

const (
	always kind = iota
	oneOf       // of the values
	noneOf      // of the values
	anyBit      // of values[0] is set
	noBit       // of values[0] is set
	null        // both halves are 0
	own         // the process's own number
)

// The instructions of classic BPF that are used.
const (
	load     = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	equal    = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	atLeast  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	anyOf    = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	returned = unix.BPF_RET | unix.BPF_K
)

// Offsets in struct seccomp_data.
const (
	atCall = 0
	atArch = 4
	atArgs = 16
)

// x32 is where the system calls of amd64's x32 begin, each of which is another
// door to one of the others.
const x32 = 0x40000000

// program compiles the filter. Every jump is a short one to the next rule.
func (f filter) program() []unix.SockFilter {
	p := []unix.SockFilter{
		{Code: load, K: atArch},
		{Code: equal, Jt: 1, K: arch},
		{Code: returned, K: uint32(refused)},
		{Code: load, K: atCall},
		{Code: atLeast, Jf: 1, K: x32},
		{Code: returned, K: uint32(refused)},
	}
	for _, r := range f.rules {
		body := append(r.test.program(), unix.SockFilter{Code: returned, K: uint32(r.then)})
		if r.test.kind != always {
			body = append(body, unix.SockFilter{Code: returned, K: uint32(f.otherwise)})
		}
		p = append(p, unix.SockFilter{Code: equal, Jf: uint8(len(body)), K: r.call})
		p = append(p, body...)
	}
	return append(p, unix.SockFilter{Code: returned, K: uint32(f.otherwise)})
}

// program compiles the test: the instruction after it runs if the call passes, and
// the one after that if not.
func (t test) program() []unix.SockFilter {
	low, high := uint32(atArgs+8*t.arg), uint32(atArgs+8*t.arg+4)
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		low, high = high, low
	}
	p := []unix.SockFilter{{Code: load, K: low}}
	switch t.kind {
	case always:
		return nil
	case oneOf:
		for i, v := range t.values {
			left := uint8(len(t.values) - 1 - i)
			if left > 0 {
				p = append(p, unix.SockFilter{Code: equal, Jt: left, K: v})
			} else {
				p = append(p, unix.SockFilter{Code: equal, Jf: 1, K: v})
			}
		}
		return p
	case noneOf:
		for i, v := range t.values {
			p = append(p, unix.SockFilter{Code: equal, Jt: uint8(len(t.values) - i), K: v})
		}
		return p
	case own:
		return append(p, unix.SockFilter{Code: equal, Jf: 1, K: uint32(os.Getpid())})
	case anyBit:
		return append(p, unix.SockFilter{Code: anyOf, Jf: 1, K: t.values[0]})
	case noBit:
		return append(p, unix.SockFilter{Code: anyOf, Jt: 1, K: t.values[0]})
	case null:
		return append(p,
			unix.SockFilter{Code: equal, Jf: 3},
			unix.SockFilter{Code: load, K: high},
			unix.SockFilter{Code: equal, Jf: 1},
		)
	}
	panic("sandbox: a test of no kind")
}

// load puts the filter on every thread, and no_new_privs, without which only root
// could.
func (f filter) load() error {
	if !filters() {
		if err := ll.AllThreadsPrctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("set no_new_privs: %w", err)
		}
		return nil
	}
	runtime.LockOSThread() // the two calls are one thread's
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	p := f.program()
	program := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_LOG
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
	switch {
	case errno != 0:
		return fmt.Errorf("filter system calls: %w", errno)
	case thread != 0:
		return fmt.Errorf("filter system calls: thread %d has a filter of its own", thread)
	}
	return nil
}

// filters reports whether there is seccomp with all that load uses (Linux 4.14),
// and a list for this processor.
func filters() bool {
	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	return errno == 0 && arch != 0
}
