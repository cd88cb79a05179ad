package crlf

import (
	"bytes"
	"io"
)

// Contractor turns CRLF into LF on the way to another writer, as files on Unix
// have it. A CR that no LF follows stays, and so does a CRLF behind another CR, so
// that an Expander gives back what was written, if that had no bare LF.
type Contractor struct {
	w    io.Writer
	cr   bool // a CR is held back: it may be half of a CRLF
	kept bool // the octet before what comes next is a CR that was written
}

// NewContractor returns a Contractor that writes to w.
func NewContractor(w io.Writer) *Contractor { return &Contractor{w: w} }

// Write implements io.Writer. It keeps a last CR to itself until the next call.
func (c *Contractor) Write(p []byte) (int, error) {
	done := 0
	if c.cr && len(p) > 0 {
		c.cr = false
		if p[0] != '\n' {
			if _, err := c.w.Write([]byte{'\r'}); err != nil {
				return 0, err
			}
			c.kept = true
		}
	}
	for done < len(p) {
		n, skip := beforeCRLF(p[done:], c.kept)
		if n > 0 {
			m, err := c.w.Write(p[done : done+n])
			done += m
			if err != nil {
				return done, err
			}
			c.kept = p[done-1] == '\r'
		}
		done += skip
		c.cr = skip > 0 && done == len(p)
	}
	return done, nil
}

// beforeCRLF returns how many octets of p can be written as they are, and whether
// a CR to leave out follows them, or one at the end of p to hold back. kept tells
// that the octet before p is a CR.
func beforeCRLF(p []byte, kept bool) (n, skip int) {
	for {
		i := bytes.IndexByte(p[n:], '\r')
		if i < 0 {
			return len(p), 0
		}
		if i > 0 {
			kept = false
		}
		n += i
		if !kept && (n+1 == len(p) || p[n+1] == '\n') {
			return n, 1
		}
		n++
		kept = true
	}
}

// Close writes a CR that is held back. It does not close the writer below.
func (c *Contractor) Close() error {
	if !c.cr {
		return nil
	}
	c.cr = false
	_, err := c.w.Write([]byte{'\r'})
	return err
}
