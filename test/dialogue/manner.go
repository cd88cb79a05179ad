package dialogue

import (
	"bufio"
	"bytes"
	"compress/flate"
	"fmt"
	"strings"
)

// Manner is how the client's part of a conversation reaches the server. What the
// server says does not depend on it.
type Manner string

const (
	// Steps sends each step when its turn has come.
	Steps Manner = ""
	// Ahead sends all that the client has to say at once, and reads then.
	Ahead Manner = "ahead"
	// Compressed says COMPRESS DEFLATE first (RFC 4978).
	Compressed Manner = "compressed"
)

// In gives the peer in the manner m.
func (p Peer) In(m Manner) Peer {
	p.manner = m
	return p
}

// Can reports whether the script can be run in the manner m.
func (s *Script) Can(m Manner) bool {
	switch m {
	case Ahead:
		_, ok := s.Transcript()
		return ok
	case Compressed:
		return s.Protocol == IMAP && !strings.Contains(s.File, "compress")
	}
	return true
}

// Transcript gives all that the client says. It reports false if that cannot be
// known before the server answers, or if the conversation is about more than one
// connection: other programs are at work, or the client waits for a continuation
// request that does not come.
func (s *Script) Transcript() ([]byte, bool) {
	var all []byte
	vars := s.sizes()
	asked := false // the client has announced a literal, and waits
	for _, st := range s.steps {
		if st.conn != 1 || st.peer == "dovecot" || st.verb == "C." {
			return nil, false
		}
		switch st.verb[0] {
		case 'S':
			if asked && !strings.HasPrefix(st.text, "+") {
				return nil, false
			}
			asked = false
		case 'C':
			data, _, err := s.said(st, vars)
			if err != nil {
				return nil, false
			}
			all = append(all, data...)
			line := bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
			asked = bytes.HasSuffix(line, []byte("}")) && !bytes.HasSuffix(line, []byte("+}")) && len(line) < len(data)
		default:
			return nil, false
		}
	}
	return all, true
}

// pack makes the connection a compressed one.
func (c *conn) pack() error {
	if err := c.send([]byte("pack COMPRESS DEFLATE\r\n")); err != nil {
		return err
	}
	l, err := c.line()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(l, "pack OK ") {
		return fmt.Errorf("COMPRESS is answered with %q", l)
	}
	c.packing = new(packing)
	c.packing.w, err = flate.NewWriter(&c.packing.out, flate.DefaultCompression)
	c.r = bufio.NewReaderSize(flate.NewReader(c.r), 64<<10)
	return err
}

// packing compresses what the client says.
type packing struct {
	w   *flate.Writer
	out bytes.Buffer
}

// pack gives data as it is sent.
func (p *packing) pack(data []byte) ([]byte, error) {
	p.out.Reset()
	if _, err := p.w.Write(data); err != nil {
		return nil, err
	}
	err := p.w.Flush()
	return p.out.Bytes(), err
}
