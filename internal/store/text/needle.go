package text

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// needle is what is looked for in folded text: by its rarest octet, since looking
// for one octet is much faster than looking for several.
type needle struct {
	octets []byte
	rare   int // its place in octets
}

// common are the ASCII characters of folded text, the most frequent first. Any other
// is rarer.
const common = " ETAOINRSLHDCUMPFGWYBV.K\n0,1-2/=:3X5<>\"46987;J_QZ&#%()'"

// frequency tells which of two octets is more frequent in folded text.
func frequency(c byte) int {
	switch {
	case c >= 0xc0: // in other scripts each character begins with one of few
		return len(common)
	case c >= utf8.RuneSelf:
		return len(common) / 2
	}
	if i := strings.IndexByte(common, c); i >= 0 {
		return len(common) - i
	}
	return 0
}

func newNeedle(octets []byte) needle {
	n := needle{octets: octets}
	for i, c := range octets {
		if frequency(c) < frequency(octets[n.rare]) {
			n.rare = i
		}
	}
	return n
}

// index returns where b has the needle first, or -1.
func (n *needle) index(b []byte) int {
	if len(n.octets) == 0 {
		return 0
	}
	end := len(b) - (len(n.octets) - 1 - n.rare)
	for i, wrong := n.rare, 0; i < end; i++ {
		next := bytes.IndexByte(b[i:end], n.octets[n.rare])
		if next < 0 {
			return -1
		}
		i += next
		start := i - n.rare
		if bytes.Equal(b[start:start+len(n.octets)], n.octets) {
			return start
		}
		// Not so rare here: what follows is for a search that knows no worst case.
		if wrong++; wrong > 8+i/8 {
			rest := bytes.Index(b[start+1:], n.octets)
			if rest < 0 {
				return -1
			}
			return start + 1 + rest
		}
	}
	return -1
}

func (n *needle) in(b []byte) bool { return n.index(b) >= 0 }
