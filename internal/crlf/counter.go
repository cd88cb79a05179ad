package crlf

import "bytes"

// Counter counts what is written to it. The zero value is ready for use.
type Counter struct {
	Size    int64 // octets as written: S= in a Maildir name
	Virtual int64 // octets once every bare LF is CRLF: W=, RFC822.SIZE
	Lines   int64 // line ends

	cr bool // the last octet was a CR
}

// Write counts p. It never fails.
func (c *Counter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	lf := int64(bytes.Count(p, []byte{'\n'}))
	pairs := countPairs(p)
	if c.cr && p[0] == '\n' {
		pairs++
	}
	c.Size += int64(len(p))
	c.Virtual += int64(len(p)) + lf - pairs
	c.Lines += lf
	c.cr = p[len(p)-1] == '\r'
	return len(p), nil
}

// countPairs counts the CRLFs in p. Unix files have few CRs, so it looks for
// those and not for LFs.
func countPairs(p []byte) (pairs int64) {
	for {
		i := bytes.IndexByte(p, '\r')
		if i < 0 || i+1 == len(p) {
			return pairs
		}
		if p[i+1] == '\n' {
			pairs++
		}
		p = p[i+1:]
	}
}
