package maildir

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// dirent makes an entry as the kernel does, with dirt in the padding.
func dirent(kind byte, name string) []byte {
	size := (direntName + len(name) + 1 + 7) &^ 7
	b := []byte(strings.Repeat("\xaa", size))
	binary.NativeEndian.PutUint16(b[direntLen:], uint16(size))
	b[direntType] = kind
	copy(b[direntName:], name+"\x00")
	return b
}

func TestAppendNames(t *testing.T) {
	long := strings.Repeat("n", 255)
	in := slices.Concat(dirent(unix.DT_DIR, "."), dirent(unix.DT_REG, "a"), dirent(unix.DT_LNK, "link"),
		dirent(unix.DT_UNKNOWN, "b:2,S"), dirent(unix.DT_FIFO, "fifo"), dirent(unix.DT_REG, long))
	for _, tt := range []struct {
		want func(byte) bool
		all  []string
	}{{wantFile, []string{"a", "b:2,S", long}}, {wantDir, []string{".", "link", "b:2,S"}}} {
		var b strings.Builder
		count, err := appendNames(&b, in, tt.want)
		if err != nil || count != len(tt.all) {
			t.Fatal(count, err)
		}
		var got []string
		names{blob: b.String()}.each(func(file string) bool { got = append(got, file); return true })
		if !slices.Equal(got, tt.all) {
			t.Errorf("got %q, want %q", got, tt.all)
		}
	}
	whole := dirent(unix.DT_REG, "a")
	tiny, huge := slices.Clone(whole), slices.Clone(whole)
	binary.NativeEndian.PutUint16(tiny[direntLen:], direntName)
	binary.NativeEndian.PutUint16(huge[direntLen:], 1000)
	for _, bad := range [][]byte{whole[:10], whole[:direntName], whole[:len(whole)-1], tiny, huge} {
		var b strings.Builder
		if _, err := appendNames(&b, append(slices.Clone(whole), bad...), wantFile); err == nil {
			t.Errorf("entry %x accepted", bad)
		}
	}
}

func FuzzAppendNames(f *testing.F) {
	f.Add(dirent(unix.DT_REG, "a:2,S"))
	f.Add(slices.Concat(dirent(unix.DT_REG, "a"), dirent(unix.DT_DIR, ".."), dirent(unix.DT_UNKNOWN, "")))
	f.Fuzz(func(t *testing.T, entries []byte) {
		var b strings.Builder
		count, err := appendNames(&b, entries, wantFile)
		if err != nil {
			return
		}
		n := names{blob: b.String()}
		seen := 0
		n.each(func(string) bool { seen++; return true })
		if seen != count || len(n.blob) > len(entries) {
			t.Fatalf("%d names of %d, %d octets of %d", seen, count, len(n.blob), len(entries))
		}
	})
}

func TestWithBase(t *testing.T) {
	n := names{blob: "xa:2,\x00a:2,S\x00aa\x00a\x00a:1:2,\x00b,a:2,\x00abc:2,\x00ba\x00a\xff\x00"}
	for base, want := range map[string][]string{
		"a":    {"a:2,S", "a", "a:1:2,"},
		"xa":   {"xa:2,"},
		"aa":   {"aa"},
		"none": nil,
		"2,":   nil,
		"abcd": nil,
	} {
		if got := n.withBase(base); !slices.Equal(got, want) {
			t.Errorf("withBase(%q) = %q, want %q", base, got, want)
		}
	}
}

func TestBufferFor(t *testing.T) {
	for _, tt := range []struct {
		count   int
		confirm bool
		atLeast int
		atMost  int
	}{
		{0, false, minBuffer, minBuffer},
		{100_000, false, 100_000 * direntSize, 16 << 20},
		{largeCount, false, largeCount * direntSize, 32 << 20},
		{largeCount + 1, false, chunkBuffer, chunkBuffer},
		{largeCount + 1, true, largeCount * direntSize, 32 << 20},
		{1 << 40, true, maxBuffer, maxBuffer},
	} {
		if got := bufferFor(tt.count, tt.confirm); got < tt.atLeast || got > tt.atMost {
			t.Errorf("bufferFor(%d, %t) = %d", tt.count, tt.confirm, got)
		}
	}
}
