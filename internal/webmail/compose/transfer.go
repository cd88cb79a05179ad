package compose

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"fantail/internal/crlf"
)

// maxLine is the longest line of a body, in octets (RFC 5322 section 2.1.1).
const maxLine = 998

// survey is a writer that finds out what the octets written to it are. The zero value
// is ready.
type survey struct {
	eight   bool   // octets that are not ASCII
	binary  bool   // NUL, a CR without LF, or a line of more than 998 octets
	mark    []byte // what no line should begin with
	marked  bool   // one does
	column  int
	cr      bool
	begin   []byte // of the line, as long as mark
	anybody bool   // something was written
}

func (s *survey) Write(p []byte) (int, error) {
	for _, c := range p {
		if s.cr && c != '\n' {
			s.binary = true
		}
		switch {
		case c == '\n':
			s.column, s.begin = 0, s.begin[:0]
			s.cr = false
			continue
		case c == '\r':
			s.cr = true
			continue
		case c == 0:
			s.binary = true
		case c >= utf8.RuneSelf:
			s.eight = true
		}
		s.cr = false
		if s.column++; s.column > maxLine {
			s.binary = true
		}
		if len(s.begin) == s.column-1 && s.column <= len(s.mark) {
			s.begin = append(s.begin, c)
			s.marked = s.marked || bytes.Equal(s.begin, s.mark)
		}
	}
	s.anybody = s.anybody || len(p) > 0
	return len(p), nil
}

// transferEncoding chooses how a text is sent (RFC 2045 section 6): as it is if it
// can be, quoted-printable otherwise. mark is what no line of it may begin with.
func transferEncoding(text, mark string, eightBit bool) string {
	s := survey{mark: []byte(mark)}
	s.Write([]byte(text))
	odd := strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7F })
	switch {
	case s.binary || s.marked || odd || s.eight && !eightBit:
		return "quoted-printable"
	case s.eight:
		return "8bit"
	}
	return "7bit"
}

// writeText writes a text, whose lines end in LF, in a transfer encoding.
func writeText(w io.Writer, text, encoding string) error {
	if encoding != "quoted-printable" {
		_, err := io.WriteString(w, text)
		return err
	}
	for line := range strings.Lines(text) {
		if _, err := w.Write(appendQuotedPrintable(nil, line)); err != nil {
			return err
		}
	}
	return nil
}

// maxEncoded is the length of an encoded line (RFC 2045 section 6.7 and 6.8).
const maxEncoded = 76

// appendQuotedPrintable appends a line in quoted-printable (RFC 2045 section 6.7). Its
// LF is a line end. What programs on the way would change is encoded, too: white space
// at the end of a line, "From " at its beginning, and a single dot.
func appendQuotedPrintable(dst []byte, line string) []byte {
	const hex = "0123456789ABCDEF"
	line, ended := strings.CutSuffix(line, "\n")
	column := 0
	for i := range len(line) {
		c := line[i]
		plain := c > ' ' && c < 0x7F && c != '='
		plain = plain || (c == ' ' || c == '\t') && i < len(line)-1
		if i == 0 && (strings.HasPrefix(line, "From ") || line == ".") {
			plain = false
		}
		size := 3
		if plain {
			size = 1
		}
		if column+size > maxEncoded-1 && !(column+size == maxEncoded && i == len(line)-1) {
			dst = append(dst, "=\n"...)
			column = 0
		}
		if column += size; plain {
			dst = append(dst, c)
		} else {
			dst = append(dst, '=', hex[c>>4], hex[c&15])
		}
	}
	if ended {
		dst = append(dst, '\n')
	}
	return dst
}

// writeBase64 writes what r gives in base64 (RFC 2045 section 6.8).
func writeBase64(w io.Writer, r io.Reader) error {
	const lines = 400
	in := make([]byte, lines*maxEncoded/4*3)
	out := make([]byte, lines*(maxEncoded+1))
	for {
		n, err := io.ReadFull(r, in)
		if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		size := 0
		for rest := in[:n]; len(rest) > 0; {
			k := min(len(rest), maxEncoded/4*3)
			base64.StdEncoding.Encode(out[size:], rest[:k])
			size += base64.StdEncoding.EncodedLen(k)
			out[size] = '\n'
			size++
			rest = rest[k:]
		}
		if _, werr := w.Write(out[:size]); werr != nil {
			return werr
		}
		if err != nil {
			return nil
		}
	}
}

// lineEnds is a writer that turns LF into CRLF. What is written to it has no CR.
type lineEnds struct {
	w   io.Writer
	buf []byte
}

func (l *lineEnds) Write(p []byte) (int, error) {
	const most = 32 << 10
	for rest := p; len(rest) > 0; {
		n := min(len(rest), most)
		l.buf = crlf.AppendExpanded(l.buf[:0], rest[:n])
		if _, err := l.w.Write(l.buf); err != nil {
			return len(p) - len(rest), err
		}
		rest = rest[n:]
	}
	return len(p), nil
}
