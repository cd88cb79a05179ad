package index

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// BootID tells one run of the machine's kernel from another.
type BootID [16]byte

// BootFile is where the kernel tells its BootID.
const BootFile = "/proc/sys/kernel/random/boot_id"

// ReadBoot returns the identity of this run of the kernel.
func ReadBoot() (id BootID, err error) {
	// Not os.ReadFile, which looks at the size and reads twice.
	fd, err := unix.Open(BootFile, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return id, &fs.PathError{Op: "open", Path: BootFile, Err: err}
	}
	defer unix.Close(fd)
	var text [64]byte
	n, err := unix.Read(fd, text[:])
	if err != nil {
		return id, &fs.PathError{Op: "read", Path: BootFile, Err: err}
	}
	copy(id[:], parseHex(text[:n]))
	return id, nil
}

// parseHex reads the hexadecimal digits of a text and leaves out the rest.
func parseHex(text []byte) (out []byte) {
	high, half := byte(0), false
	for _, c := range text {
		var v byte
		switch {
		case '0' <= c && c <= '9':
			v = c - '0'
		case 'a' <= c && c <= 'f':
			v = c - 'a' + 10
		default:
			continue
		}
		if half {
			out = append(out, high<<4|v)
		}
		high, half = v, !half
	}
	return out
}
