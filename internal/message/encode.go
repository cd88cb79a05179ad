package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// EncodeBinary writes the message that root was parsed from, and r holds, to w: with
// base64 in place of the transfer encoding of each part that is called binary and is
// no lines of text, since it has a NUL or an LF without CR. All else stays as it is
// (RFC 3516 section 6: only what is absolutely necessary). The message has CRLF.
func EncodeBinary(w io.Writer, r io.ReaderAt, root *Part) error {
	e := &binaryEncoder{w: w, r: r}
	root.Walk(func(p *Part) bool {
		if e.err == nil && p.Type != "multipart" && p.Message == nil && p.Encoding == "binary" {
			e.part(p)
		}
		return true
	})
	e.copyTo(root.Span().End())
	if e.err != nil {
		return fmt.Errorf("encode binary parts: %w", e.err)
	}
	return nil
}

// binaryEncoder copies a message from its beginning to its end.
type binaryEncoder struct {
	w   io.Writer
	r   io.ReaderAt
	at  int64 // up to where it is copied
	err error // the first
}

// copyTo copies up to an offset.
func (e *binaryEncoder) copyTo(end int64) {
	if e.err == nil && end > e.at {
		_, e.err = io.Copy(e.w, io.NewSectionReader(e.r, e.at, end-e.at))
		e.at = end
	}
}

// part encodes a part, if that is necessary.
func (e *binaryEncoder) part(p *Part) {
	body := io.NewSectionReader(e.r, p.Body.Off, p.Body.Len)
	var lines LineCheck
	if _, e.err = io.Copy(&lines, body); e.err != nil || lines.Lines() {
		return
	}
	said := false
	for i := range p.Fields {
		f := &p.Fields[i]
		if !f.Is("content-transfer-encoding") {
			continue
		}
		e.copyTo(f.Span.Off)
		e.at = f.Span.End()
		if !said && e.err == nil {
			_, e.err = io.WriteString(e.w, "Content-Transfer-Encoding: base64\r\n")
			said = true
		}
	}
	e.copyTo(p.Body.Off)
	if e.err != nil {
		return
	}
	out := &base64Lines{w: e.w}
	enc := base64.NewEncoder(base64.StdEncoding, out)
	_, e.err = io.Copy(enc, io.NewSectionReader(e.r, p.Body.Off, p.Body.Len))
	e.err = errors.Join(e.err, enc.Close())
	e.at = p.Body.End()
}

// base64Lines breaks what is written to it into lines (RFC 2045 section 6.8).
type base64Lines struct {
	w io.Writer
	n int // octets of the last line
}

const base64Line = 76

func (l *base64Lines) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if l.n == base64Line {
			if _, err := io.WriteString(l.w, "\r\n"); err != nil {
				return len(p) - len(rest), err
			}
			l.n = 0
		}
		n, err := l.w.Write(rest[:min(base64Line-l.n, len(rest))])
		l.n += n
		rest = rest[n:]
		if err != nil {
			return len(p) - len(rest), err
		}
	}
	return len(p), nil
}

// LineCheck is a writer that finds out whether what is written to it are lines: no
// NUL, and no LF without CR. The zero value is ready.
type LineCheck struct {
	cr, bad bool
}

// Write implements io.Writer.
func (c *LineCheck) Write(p []byte) (int, error) {
	if len(p) == 0 || c.bad {
		return len(p), nil
	}
	c.bad = bytes.IndexByte(p, 0) >= 0
	for rest := p; !c.bad; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		if i > 0 {
			c.cr = rest[i-1] == '\r'
		}
		c.bad = !c.cr
		rest = rest[i+1:]
		c.cr = false
	}
	c.cr = p[len(p)-1] == '\r'
	return len(p), nil
}

// Lines reports whether all of it were lines.
func (c *LineCheck) Lines() bool { return !c.bad }
