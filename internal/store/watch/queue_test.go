package watch

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// queued is an event as the kernel writes it.
func queued(wd int32, mask, cookie uint32, name string, room int) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(wd))
	b = binary.NativeEndian.AppendUint32(b, mask)
	b = binary.NativeEndian.AppendUint32(b, cookie)
	b = binary.NativeEndian.AppendUint32(b, uint32(room))
	return append(append(b, name...), make([]byte, room-len(name))...)
}

func TestNext(t *testing.T) {
	tests := []struct {
		name string
		buf  []byte
		want event
		rest int
		ok   bool
	}{
		{"name", queued(1, unix.IN_CREATE, 0, "a:2,S", 16), event{1, unix.IN_CREATE, 0, []byte("a:2,S")}, 0, true},
		{"no name", queued(2, unix.IN_DELETE_SELF, 0, "", 0), event{2, unix.IN_DELETE_SELF, 0, nil}, 0, true},
		{"full name", queued(3, unix.IN_MOVED_TO, 7, "abc", 3), event{3, unix.IN_MOVED_TO, 7, []byte("abc")}, 0, true},
		{"overflow", queued(-1, unix.IN_Q_OVERFLOW, 0, "", 0), event{-1, unix.IN_Q_OVERFLOW, 0, nil}, 0, true},
		{"more", append(queued(1, 1, 0, "a", 16), 1, 2), event{1, 1, 0, []byte("a")}, 2, true},
		{"empty", nil, event{}, 0, false},
		{"cut head", queued(1, 1, 0, "", 0)[:15], event{}, 0, false},
		{"cut name", queued(1, 1, 0, "a", 16)[:31], event{}, 0, false},
		{"huge name", append(queued(1, 1, 0, "", 0)[:12], 0xff, 0xff, 0xff, 0xff), event{}, 0, false},
	}
	for _, test := range tests {
		e, rest, ok := next(test.buf)
		if e.wd != test.want.wd || e.mask != test.want.mask || e.cookie != test.want.cookie ||
			!bytes.Equal(e.name, test.want.name) || len(rest) != test.rest || ok != test.ok {
			t.Errorf("%s: %v, %d left, %t", test.name, e, len(rest), ok)
		}
	}
}

// FuzzHandle hands any octets out to a Tail and a Watch. Names that it was told of
// must be in them, and it must hold no more than it may.
func FuzzHandle(f *testing.F) {
	f.Add(slices.Concat(queued(1, unix.IN_MOVED_FROM, 7, "a", 16), queued(2, unix.IN_MOVED_TO, 7, "b", 16)))
	f.Add(slices.Concat(queued(1, unix.IN_MOVED_TO, 7, "b", 16), queued(1, unix.IN_MOVED_FROM, 8, "b", 16)))
	f.Add(slices.Concat(queued(1, unix.IN_IGNORED, 0, "", 0), queued(1, unix.IN_CREATE, 8, "b", 16)))
	f.Add(slices.Concat(queued(3, unix.IN_DELETE|unix.IN_ISDIR, 0, "cur", 16), queued(-1, unix.IN_Q_OVERFLOW, 0, "", 0)))
	f.Fuzz(func(t *testing.T, buf []byte) {
		w := New()
		w.look = func(string, bool) lookStamp { return lookStamp{} }
		tail := &Tail{w: w}
		tail.reset()
		c := make(chan struct{}, 1)
		a := &Watch{C: c, c: c, w: w}
		for wd := int32(1); wd <= 3; wd++ {
			d := &dir{wd: wd, watches: map[*Watch]uint32{a: fileEvents}, tails: map[*Tail]bool{}}
			if wd < 3 {
				d.tails[tail] = wd == 1
			}
			w.byWD[wd] = d
		}
		w.mu.Lock()
		w.handle(buf)
		w.mu.Unlock()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if len(w.halves) > 2 || len(tail.changes) > len(buf)/unix.SizeofInotifyEvent {
			t.Errorf("%d halves, %d changes", len(w.halves), len(tail.changes))
		}
		for i, c := range tail.changes {
			if !bytes.Contains(buf, []byte(c.File)) || c.File == "" || c.File[0] == '.' {
				t.Errorf("told of %q", c.File)
			}
			if j, ok := tail.at[index(c.New)][c.File]; !ok || i != j {
				t.Errorf("%q is change %d and %d", c.File, i, j)
			}
			if doubt, ok := tail.doubts[i]; ok && (c.There || !doubt.doubt) {
				t.Errorf("%q is in doubt", c.File)
			}
		}
	})
}
