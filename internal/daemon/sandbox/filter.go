package sandbox

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
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
	goTo     = unix.BPF_JMP | unix.BPF_JA
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

// program compiles the filter. The kernel tries it on every number that there is when it
// is loaded, so the numbers are found by halving, which every start of a program gains
// by. Of several rules of a call the first one counts.
func (f filter) program() []unix.SockFilter {
	p := append(make([]unix.SockFilter, 0, usualLength),
		unix.SockFilter{Code: load, K: atArch},
		unix.SockFilter{Code: equal, Jt: 1, K: arch},
		unix.SockFilter{Code: returned, K: uint32(refused)},
		unix.SockFilter{Code: load, K: atCall},
		unix.SockFilter{Code: atLeast, Jf: 1, K: x32},
		unix.SockFilter{Code: returned, K: uint32(refused)},
	)
	return halve(p, f.spans())
}

const (
	usualLength = 512 // of a program; a longer one is moved once
	mostCalls   = 512 // Linux numbers its calls below
)

// span is what becomes of the calls from a number on, up to the next span.
type span struct {
	from      uint32
	test      test
	then      verdict
	otherwise verdict
}

// spans divides the numbers, from 0 on.
func (f filter) spans() []span {
	var which [mostCalls + 1]uint16 // of the rules, from 1 on
	for i, r := range slices.Backward(f.rules) {
		which[r.call] = uint16(i + 1)
	}
	list := make([]span, 0, len(f.rules)+len(f.rules)/2)
	for call, i := range which {
		s := span{from: uint32(call), then: f.otherwise}
		if i > 0 {
			r := &f.rules[i-1]
			s.test, s.then, s.otherwise = r.test, r.then, f.otherwise
		}
		if last := len(list) - 1; last < 0 || s.test.kind != always || list[last].test.kind != always || list[last].then != s.then {
			list = append(list, s)
		}
	}
	return list
}

// halve appends what finds the span of the number that is loaded.
func halve(p []unix.SockFilter, list []span) []unix.SockFilter {
	if len(list) == 1 {
		s := &list[0]
		if p = s.test.program(p); s.test.kind != always {
			return append(p, unix.SockFilter{Code: returned, K: uint32(s.then)}, unix.SockFilter{Code: returned, K: uint32(s.otherwise)})
		}
		return append(p, unix.SockFilter{Code: returned, K: uint32(s.then)})
	}
	middle, at := len(list)/2, len(p)
	p = append(p, unix.SockFilter{Code: atLeast, K: list[middle].from})
	p = halve(p, list[:middle])
	if low := len(p) - at - 1; low <= math.MaxUint8 {
		p[at].Jt = uint8(low)
	} else {
		p[at].Jf = 1
		p = slices.Insert(p, at+1, unix.SockFilter{Code: goTo, K: uint32(low)})
	}
	return halve(p, list[middle:])
}

// program appends the test: the instruction after it runs if the call passes, and the
// one after that if not.
func (t test) program(p []unix.SockFilter) []unix.SockFilter {
	if t.kind == always {
		return p
	}
	low, high := uint32(atArgs+8*t.arg), uint32(atArgs+8*t.arg+4)
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		low, high = high, low
	}
	p = append(p, unix.SockFilter{Code: load, K: low})
	switch t.kind {
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
	p := f.program()
	program := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_LOG
	for try := 1; ; try++ {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("set no_new_privs: %w", err)
		}
		thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
		switch {
		case errno == unix.EACCES && try < mostTries: // another thread, which has it not
		case errno != 0:
			return fmt.Errorf("filter system calls: %w", errno)
		case thread != 0:
			return fmt.Errorf("filter system calls: thread %d has a filter of its own", thread)
		default:
			return nil
		}
	}
}

// mostTries is how often the two calls are made in the hope that one thread makes them.
// A thread of our own would be sure, and costs every program the start of a further one.
const mostTries = 100

// filters reports whether there is seccomp with all that load uses (Linux 4.14),
// and a list for this processor.
func filters() bool {
	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	return errno == 0 && arch != 0
}
