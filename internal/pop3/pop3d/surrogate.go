package pop3d

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	format "fantail/internal/message"
)

// source returns what is sent of a message: the message, or, for a client that has not
// said UTF8, a surrogate with its header fields in ASCII, if they are in UTF-8 (RFC 6856
// section 2.1). Most messages are all in ASCII, and most are small: those are read once.
func (s *session) source(f *os.File) (src io.Reader, surrogate bool, err error) {
	if s.UTF8 {
		return f, false, nil
	}
	if s.ahead == nil {
		s.ahead = make([]byte, chunkSize)
	}
	n, err := io.ReadFull(f, s.ahead)
	all := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !all {
		return nil, false, fmt.Errorf("read message: %w", err)
	}
	var whole io.ReaderAt = f
	if all {
		whole = bytes.NewReader(s.ahead[:n])
		src = bytes.NewReader(s.ahead[:n])
	} else {
		src = io.NewSectionReader(f, 0, 1<<62)
	}
	ascii, err := s.isASCII(f, s.ahead[:n], all)
	if err != nil || ascii {
		return src, false, err
	}
	root, err := format.Parse(io.NewSectionReader(whole, 0, 1<<62), format.DefaultLimits())
	if err != nil {
		return nil, false, fmt.Errorf("read message: %w", err)
	}
	if down, needed := format.Downgraded(whole, root); needed {
		return down, true, nil
	}
	return src, false, nil
}

// isASCII reports whether a message is all in ASCII: first, which all of it may be, and
// what is still to be read of f.
func (s *session) isASCII(f *os.File, first []byte, all bool) (bool, error) {
	if all || !format.IsASCII(first) {
		return format.IsASCII(first), nil
	}
	for {
		n, err := f.Read(s.ahead)
		if !format.IsASCII(s.ahead[:n]) {
			return false, nil
		}
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("read message: %w", err)
		}
	}
}
