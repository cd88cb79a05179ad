//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPrograms compares what the kernel would do with a filter and what its rules say, for
// every call and for arguments around all values of its tests.
func TestPrograms(t *testing.T) {
	for role, row := range roles {
		filters := []filter{row.filter()}
		if row.offline {
			filters = append(filters, row.filter().refusing(networkCalls))
		}
		for _, f := range filters {
			comparePrograms(t, Role(role), f)
		}
	}
}

func comparePrograms(t *testing.T, role Role, f filter) {
	t.Helper()
	p := f.program()
	args := []uint64{0, 1, 1 << 32, uint64(os.Getpid()), uint64(os.Getpid()) + 1, 1<<64 - 1}
	for _, r := range f.rules {
		for _, v := range r.test.values {
			args = append(args, uint64(v), uint64(v)-1, uint64(v)+1, uint64(v)<<1)
		}
	}
	slices.Sort(args)
	args = slices.Compact(args)
	for call := range uint32(mostCalls + 8) {
		for _, arg := range args {
			d := data{call: call, arch: arch}
			for i := range d.args {
				d.args[i] = arg
			}
			if got, want := interpret(t, p, d), f.says(call, arg); got != want {
				t.Fatalf("%s: call %d with %#x: %#x, want %#x", role, call, arg, got, want)
			}
		}
	}
	for _, d := range []data{{arch: arch + 1}, {arch: arch, call: x32}, {arch: arch, call: 1<<32 - 1}} {
		if got := interpret(t, p, d); got != refused {
			t.Errorf("%s: call %d of architecture %#x: %#x, want %#x", role, d.call, d.arch, got, refused)
		}
	}
}

// says is what becomes of a call all of whose arguments are the same.
func (f filter) says(call uint32, arg uint64) verdict {
	for _, r := range f.rules {
		if r.call != call {
			continue
		}
		low := uint32(arg)
		passes := false
		switch r.test.kind {
		case always:
			passes = true
		case oneOf:
			passes = slices.Contains(r.test.values, low)
		case noneOf:
			passes = !slices.Contains(r.test.values, low)
		case anyBit:
			passes = low&r.test.values[0] != 0
		case noBit:
			passes = low&r.test.values[0] == 0
		case null:
			passes = arg == 0
		case own:
			passes = low == uint32(os.Getpid())
		}
		if passes {
			return r.then
		}
		return f.otherwise
	}
	return f.otherwise
}

// data is struct seccomp_data.
type data struct {
	call, arch uint32
	args       [6]uint64
}

// interpret runs a program as the kernel does.
func interpret(t *testing.T, p []unix.SockFilter, d data) verdict {
	t.Helper()
	var memory [16 + 6*8]byte
	binary.NativeEndian.PutUint32(memory[atCall:], d.call)
	binary.NativeEndian.PutUint32(memory[atArch:], d.arch)
	for i, a := range d.args {
		binary.NativeEndian.PutUint64(memory[atArgs+8*i:], a)
	}
	var a uint32
	jump := func(in unix.SockFilter, to bool) int {
		if to {
			return int(in.Jt)
		}
		return int(in.Jf)
	}
	for pc := 0; pc < len(p); pc++ {
		switch in := p[pc]; in.Code {
		case load:
			a = binary.NativeEndian.Uint32(memory[in.K:])
		case equal:
			pc += jump(in, a == in.K)
		case atLeast:
			pc += jump(in, a >= in.K)
		case anyOf:
			pc += jump(in, a&in.K != 0)
		case goTo:
			pc += int(in.K)
		case returned:
			return verdict(in.K)
		default:
			t.Fatalf("instruction %d is %#x", pc, in.Code)
		}
	}
	t.Fatal("the program has no end")
	return 0
}
