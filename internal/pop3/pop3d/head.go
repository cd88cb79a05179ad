package pop3d

import "bytes"

// head finds where TOP ends a message: after the empty line that ends the header
// and so many lines of the body (RFC 1939 section 7). It is given the message
// with CRLF line ends, in parts.
type head struct {
	lines int // of the body, still to be sent

	body   bool
	length int // octets of the present header line in earlier parts
}

// cut returns what belongs to the head in the next part of the message, and
// whether the head ends there.
func (h *head) cut(part []byte) (keep []byte, done bool) {
	at := h.header(part)
	if !h.body {
		return part, false
	}
	for h.lines > 0 {
		i := bytes.IndexByte(part[at:], '\n')
		if i < 0 {
			return part, false
		}
		at += i + 1
		h.lines--
	}
	return part[:at], true
}

// header returns how much of the next part belongs to the header, with the empty line
// that ends it.
func (h *head) header(part []byte) int {
	at := 0
	for !h.body {
		i := bytes.IndexByte(part[at:], '\n')
		if i < 0 {
			h.length += len(part) - at
			return len(part)
		}
		// In CRLF text a line with one octet before its LF is an empty one.
		h.body = h.length+i == len("\r")
		h.length = 0
		at += i + 1
	}
	return at
}
