package message

import "bytes"

// HeaderEnd returns where a header ends that b begins with: behind its first empty
// line. Without one it returns the length of b, and false.
func HeaderEnd(b []byte) (n int, ok bool) {
	for n < len(b) {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			break
		}
		empty := i == 0 || i == 1 && b[n] == '\r'
		if n += i + 1; empty {
			return n, true
		}
	}
	return len(b), false
}
