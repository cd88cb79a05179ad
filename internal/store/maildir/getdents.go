package maildir

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// names is what one reading of a directory gave: the names of its files in one
// string, each followed by NUL, so that 100,000 of them cost one allocation.
type names struct {
	blob  string
	count int
	whole bool // one system call gave them all
}

// struct linux_dirent64 of getdents64(2): inode (8), offset (8), length of the
// entry (2), type (1), name, NUL, padding that is not cleared.
const (
	direntLen  = 16
	direntType = 18
	direntName = 19
)

// readNames reads a directory from where its descriptor stands to the end, and
// leaves out what cannot be of the kind that is wanted.
//
// A signal may cut a call short; then there are more calls, the names are no
// longer of one moment, and whole is false.
func readNames(fd int, buffer []byte, want func(kind byte) bool) (names, error) {
	var b strings.Builder
	var n names
	for calls := 0; ; calls++ {
		used, err := unix.Getdents(fd, buffer)
		if err == unix.EINTR {
			calls--
			continue
		}
		if err != nil {
			return names{}, fmt.Errorf("getdents: %w", err)
		}
		if used == 0 {
			n.whole = calls <= 1
			n.blob = b.String()
			return n, nil
		}
		count, err := appendNames(&b, buffer[:used], want)
		if err != nil {
			return names{}, err
		}
		n.count += count
	}
}

// Some file systems tell no kinds.
func wantFile(kind byte) bool { return kind == unix.DT_REG || kind == unix.DT_UNKNOWN }
func wantDir(kind byte) bool {
	return kind == unix.DT_DIR || kind == unix.DT_LNK || kind == unix.DT_UNKNOWN
}

// appendNames takes the names out of one bufferful.
func appendNames(b *strings.Builder, entries []byte, want func(kind byte) bool) (count int, err error) {
	room, err := measure(entries)
	if err != nil {
		return 0, err
	}
	b.Grow(room)
	for len(entries) > 0 {
		size := int(binary.NativeEndian.Uint16(entries[direntLen:]))
		kind, name := entries[direntType], entries[direntName:size]
		entries = entries[size:]
		if !want(kind) {
			continue
		}
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		b.Write(name)
		b.WriteByte(0)
		count++
	}
	return count, nil
}

// measure checks the lengths of all entries, and adds up those of the names with
// NUL and padding.
func measure(entries []byte) (sum int, err error) {
	for rest := entries; len(rest) > 0; {
		size := 0
		if len(rest) > direntName {
			size = int(binary.NativeEndian.Uint16(rest[direntLen:]))
		}
		if size <= direntName || size > len(rest) {
			return 0, fmt.Errorf("getdents: entry of %d octets in %d", size, len(rest))
		}
		sum += size - direntName
		rest = rest[size:]
	}
	return sum, nil
}

// each calls yield with every name until it returns false.
func (n names) each(yield func(file string) bool) {
	for rest := n.blob; rest != ""; {
		end := strings.IndexByte(rest, 0)
		if !yield(rest[:end]) {
			return
		}
		rest = rest[end+1:]
	}
}

// withBase returns the names of all messages that have the base.
func (n names) withBase(base string) []string {
	var found []string
	for from := 0; ; {
		i := strings.Index(n.blob[from:], base)
		if i < 0 {
			return found
		}
		start := from + i
		from = start + len(base)
		if start > 0 && n.blob[start-1] != 0 || n.blob[from] != 0 && n.blob[from] != ':' {
			continue
		}
		end := from + strings.IndexByte(n.blob[from:], 0)
		found = append(found, n.blob[start:end])
	}
}

// Sizes of the buffer for getdents, in octets.
const (
	direntSize  = 112 // a usual message
	minBuffer   = 64 << 10
	chunkBuffer = 1 << 20
	keptBuffer  = 1 << 20  // larger ones are not kept between scans
	maxBuffer   = 64 << 20 // about 600,000 messages
)

// largeCount is the number of messages above which renames would wait too long
// for a call that reads everything (20 ms for 100,000); see bufferFor.
const largeCount = 200_000

// bufferFor is the size of buffer that should hold a directory of count files in
// one call, with an eighth to spare. A very large one is first read in chunks;
// only if something seems to be missing then is it read in one go.
func bufferFor(count int, confirm bool) int {
	if count > largeCount && !confirm {
		return chunkBuffer
	}
	count = min(count, maxBuffer/direntSize)
	return min(count*9/8*direntSize+minBuffer, maxBuffer)
}

// scanBuffers are buffers of earlier scans, of whatever Dir: a process may have
// hundreds open, and scans few of them at once.
var scanBuffers sync.Pool // of *[]byte

// takeBuffer lends the buffer of an earlier scan, or a new one. giveBuffer takes it
// back.
func (d *Dir) takeBuffer(size int) *[]byte {
	size = min(size, d.limit)
	if b, ok := scanBuffers.Get().(*[]byte); ok && cap(*b) >= size {
		*b = (*b)[:min(cap(*b), d.limit)]
		return b
	}
	b := make([]byte, size)
	return &b
}

func (d *Dir) giveBuffer(b *[]byte) {
	if cap(*b) <= keptBuffer {
		scanBuffers.Put(b)
	}
}
