package message

import (
	"bytes"
	"fmt"
	"io"
)

// Parse reads the message from r to its end and returns its structure. An
// error is one of reading: no content is refused.
func Parse(r io.Reader, lim Limits) (*Part, error) {
	return NewScanner(lim).Parse(r)
}

// Scanner parses messages one after the other and keeps its buffers between
// them, which matters to those who parse many. It is not safe for several
// goroutines.
type Scanner struct {
	lim Limits
	lines

	open     []frame // the parts that the current line is in, outermost first
	bounds   []bound // the boundaries that may end them, outermost first
	inHeader bool    // the line belongs to the header of the innermost part
	skip     bool    // the line is the rest of a delimiter
	begin    bool    // a part begins with the next line
	eol      int     // octets of the line end just before the line; 0 in a line

	parts  int   // parts so far
	kept   int64 // octets of headers kept so far
	fields int   // fields kept so far

	head    []byte // the kept octets of the current header
	starts  []int  // where its fields begin in head
	clipped bool   // a limit was reached in it

	compared int64 // boundaries compared with lines so far: what tests watch
}

// frame is a part whose end is not yet known.
type frame struct {
	part  *Part
	start mark // of the header
	body  mark // valid once the header has ended
}

// bound is the boundary of an open multipart.
type bound struct {
	delimiter string // "--" and the boundary
	frame     int    // index of the multipart in open
}

// NewScanner returns a Scanner that keeps within lim.
func NewScanner(lim Limits) *Scanner { return &Scanner{lim: lim} }

// Parse is the function Parse with the Scanner's limits and buffers.
func (s *Scanner) Parse(r io.Reader) (*Part, error) {
	s.lines.reset(r)
	s.bounds, s.open = s.bounds[:0], s.open[:0]
	s.skip, s.begin, s.eol = false, false, 0
	s.parts, s.kept, s.fields = 0, 0, 0
	root := s.push(mark{})
	for {
		if !s.inHeader && !s.skip && !s.begin {
			if last := s.pass(len(s.bounds) > 0); len(last) > 0 {
				s.eol = lineEnd(last)
			}
		}
		b, err := s.read()
		if err != nil {
			return nil, fmt.Errorf("read message at octet %d: %w", s.next.off, err)
		}
		if len(b) == 0 {
			break
		}
		s.take(b)
		s.eol = 0
		if s.whole {
			s.eol = lineEnd(b)
		}
	}
	if s.begin && s.first { // a delimiter line ends the message
		s.push(s.at)
	}
	s.close(0, s.at)
	clear(s.open[:cap(s.open)]) // hold on to no result
	return root, nil
}

// take handles one line, or one fragment of a long line.
func (s *Scanner) take(b []byte) {
	if s.skip {
		s.skip = !s.whole
		return
	}
	if s.begin {
		s.begin = false
		s.push(s.at)
	}
	if s.first && len(s.bounds) > 0 && len(b) > 2 && b[0] == '-' && b[1] == '-' {
		if i := s.match(b); i >= 0 {
			s.delimit(i, b)
			return
		}
	}
	if s.inHeader {
		s.headerLine(b)
	}
}

// match returns the index of the boundary that the line b begins with, -1 if
// none does. One may be the beginning of another one: the longest is meant.
func (s *Scanner) match(b []byte) int {
	s.compared += int64(len(s.bounds))
	best, length := -1, 0
	for i := len(s.bounds) - 1; i >= 0; i-- {
		d := s.bounds[i].delimiter
		if len(d) > length && len(d) <= len(b) && string(b[:len(d)]) == d {
			best, length = i, len(d)
		}
	}
	return best
}

// delimit ends what the boundary with index i ends.
func (s *Scanner) delimit(i int, b []byte) {
	end := s.at
	if s.eol > 0 {
		end.off -= int64(s.eol)
		end.lf--
		if s.eol == 1 {
			end.bare--
		}
	}
	d := s.bounds[i]
	s.close(d.frame+1, end)
	if bytes.HasPrefix(b[len(d.delimiter):], []byte("--")) {
		s.bounds = s.bounds[:i]
	} else {
		s.bounds = s.bounds[:i+1]
		s.begin = true
	}
	s.skip = !s.whole
}

// close ends the open parts with index n and above. If the innermost is still
// in its header, the line end before the current line is the header's.
func (s *Scanner) close(n int, end mark) {
	for s.inHeader { // once more if it announced a message
		s.endHeader(s.at)
		end = s.at
	}
	for len(s.open) > n {
		f := &s.open[len(s.open)-1]
		if end.off < f.body.off {
			end = f.body
		}
		p := f.part
		p.Body.Len = end.off - f.body.off
		p.BodySize, p.BodyLines = end.size(f.body), end.lf-f.body.lf
		s.open = s.open[:len(s.open)-1]
	}
}

// push opens a part whose header begins at start.
func (s *Scanner) push(start mark) *Part {
	p := &Part{}
	if n := len(s.open); n > 0 {
		parent := s.open[n-1].part
		if parent.Type == "multipart" {
			parent.Parts = append(parent.Parts, p)
		} else {
			parent.Message = p
		}
	}
	s.open = append(s.open, frame{part: p, start: start})
	s.parts++
	if s.parts >= s.lim.Parts {
		s.bounds = s.bounds[:0] // this part is the last and has all the rest
	}
	s.head, s.starts = s.head[:0], s.starts[:0]
	s.inHeader, s.clipped = true, false
	return p
}
