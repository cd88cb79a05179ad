package deflate

import "math/bits"

// The codes of RFC 1951 section 3.2.
const (
	maxBits   = 15  // of a code word
	numLitLen = 288 // of the fixed code; the last two mean nothing
	numDist   = 30
	endBlock  = 256
)

// rootBits is how many bits of input the table of a code is indexed by. Longer
// words are rare, and are decoded bit by bit.
const rootBits = 9

// code is a prefix code (RFC 1951 section 3.2.2).
type code struct {
	// root is indexed by the next bits of input: symbol<<4 | length of its word,
	// 0 if the word is longer than rootBits or there is none.
	root [1 << rootBits]uint16

	// For longer words: how many there are of each length, and the symbols in the
	// order of their words.
	count   [maxBits + 1]uint16
	symbols [numLitLen]uint16
	longest int
}

// build makes the code in which symbol i has a word of lengths[i] bits. It reports
// false if there is no such code, or if it leaves words unused; but a code of one
// word of one bit may be, and one without words, which a block of literals alone
// has for its distances.
func (c *code) build(lengths []uint8) bool {
	c.count, c.longest = [maxBits + 1]uint16{}, 0
	for _, n := range lengths {
		c.count[n]++
		c.longest = max(c.longest, int(n))
	}
	c.count[0] = 0
	clear(c.root[:])
	left, words := 1, 0
	var next [maxBits + 1]int // word by length
	var first [maxBits + 1]int
	word := 0
	for n := 1; n <= c.longest; n++ {
		left = left<<1 - int(c.count[n])
		if left < 0 {
			return false
		}
		word = (word + int(c.count[n-1])) << 1
		next[n], first[n] = word, words
		words += int(c.count[n])
	}
	if left > 0 && words > 0 && !(words == 1 && c.longest == 1) {
		return false
	}
	for i, n := range lengths {
		if n == 0 {
			continue
		}
		c.symbols[first[n]] = uint16(i)
		first[n]++
		if n <= rootBits {
			// Words come with their highest bit first, the bits of an octet with
			// the lowest.
			at := int(bits.Reverse16(uint16(next[n])) >> (16 - n))
			for ; at < len(c.root); at += 1 << n {
				c.root[at] = uint16(i)<<4 | uint16(n)
			}
		}
		next[n]++
	}
	return true
}

// outcome is what came of a step.
type outcome int

const (
	done    outcome = iota
	starved         // the bits that are there do not suffice
	corrupt         // no stream has these bits here
)

// decode finds the word that the first of the n bits in b are, its symbol and its
// length.
func (c *code) decode(b uint64, n uint) (symbol, length uint, o outcome) {
	e := uint(c.root[b&(1<<rootBits-1)])
	if length = e & 15; length != 0 {
		if length > n {
			return 0, 0, starved
		}
		return e >> 4, length, done
	}
	return c.decodeLong(b, n)
}

func (c *code) decodeLong(b uint64, n uint) (symbol, length uint, o outcome) {
	word, first, index := 0, 0, 0
	for k := 1; k <= c.longest; k++ {
		if uint(k) > n {
			return 0, 0, starved
		}
		word |= int(b>>(k-1)) & 1
		count := int(c.count[k])
		if word-first < count {
			return uint(c.symbols[index+word-first]), uint(k), done
		}
		index += count
		first = (first + count) << 1
		word <<= 1
	}
	return 0, 0, corrupt
}

// fixed returns the codes of fixed blocks (RFC 1951 section 3.2.6).
func (c *code) fixed(dist *code) {
	var l [numLitLen]uint8
	for i := range l {
		switch {
		case i < 144:
			l[i] = 8
		case i < 256:
			l[i] = 9
		case i < 280:
			l[i] = 7
		default:
			l[i] = 8
		}
	}
	c.build(l[:])
	for i := range 32 { // two of which mean nothing
		l[i] = 5
	}
	dist.build(l[:32])
}

// span is what a symbol for a length or a distance says: a base, and how many bits
// follow to be added to it (RFC 1951 section 3.2.5).
type span struct {
	base  uint16
	extra uint8
}

var lengthSpans = buildLengthSpans()

func buildLengthSpans() (t [29]span) {
	base := uint16(3)
	for i := range t {
		var extra uint8
		if i >= 8 {
			extra = uint8(i/4 - 1)
		}
		t[i] = span{base, extra}
		base += 1 << extra
	}
	t[28] = span{258, 0}
	return t
}

var distSpans = buildDistSpans()

func buildDistSpans() (t [numDist]span) {
	base := uint16(1)
	for i := range t {
		var extra uint8
		if i >= 4 {
			extra = uint8(i/2 - 1)
		}
		t[i] = span{base, extra}
		base += 1 << extra
	}
	return t
}

// precodeOrder is the order in which the code lengths of the precode come (RFC 1951
// section 3.2.7).
var precodeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
