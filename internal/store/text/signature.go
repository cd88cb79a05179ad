package text

import (
	"math/bits"
	"slices"
)

// A signature tells of a section which needles cannot be in it: a set of all its
// strings of three and of five octets, as bits that their hashes name (a Bloom filter
// with one hash). A needle has many such strings, each of which must be there. So what a
// signature rules out is not there, and what it does not rule out has to be looked for.
//
// Its size is a power of two: it is made with maxSignature octets, and folded as long as
// few of its bits are set. The hash of a string modulo the number of bits is its bit.
const (
	minSignature = 64       // octets
	maxSignature = 64 << 10 // octets
	// fullSignature is of how many bits one may be set at most before it is folded.
	fullSignature = 6
)

const (
	shortGram = 3
	longGram  = 5
)

// signer makes signatures. Its memory is used again for the next one.
type signer struct{ bits []uint64 }

// sign appends the signature of a section to dst; of an empty one nothing.
func (g *signer) sign(dst, section []byte) []byte {
	if len(section) == 0 {
		return dst
	}
	g.bits = slices.Grow(g.bits[:0], maxSignature/8)[:maxSignature/8]
	clear(g.bits)
	const mask = maxSignature*8 - 1
	at := 0
	for ; at+8 <= len(section); at++ {
		x := le.Uint64(section[at:])
		s, l := hashShort(x)&mask, hashLong(x)&mask
		g.bits[s/64] |= 1 << (s % 64)
		g.bits[l/64] |= 1 << (l % 64)
	}
	for ; at+shortGram <= len(section); at++ {
		x := load(section[at:])
		s, l := hashShort(x)&mask, hashLong(x)&mask
		g.bits[s/64] |= 1 << (s % 64)
		if at+longGram <= len(section) {
			g.bits[l/64] |= 1 << (l % 64)
		}
	}
	for _, word := range g.folded() {
		dst = le.AppendUint64(dst, word)
	}
	return dst
}

// folded folds the bits as far as it should be done.
func (g *signer) folded() []uint64 {
	b := g.bits
	for len(b) > minSignature/8 {
		set := 0
		for _, word := range b {
			set += bits.OnesCount64(word)
		}
		if set*fullSignature > 64*len(b) {
			break
		}
		half := len(b) / 2
		for i := range half {
			b[i] |= b[half+i]
		}
		b = b[:half]
	}
	return b
}

// isSignatureSize reports whether a signature can have so many octets.
func isSignatureSize(n uint32) bool {
	return n == 0 || n >= minSignature && n <= maxSignature && n&(n-1) == 0
}

// rulesOut reports whether none of the strings of a needle, by their hashes, is all
// there. An empty signature is that of nothing, and rules out nothing.
func rulesOut(signature []byte, grams []uint32) bool {
	if len(signature) == 0 {
		return false
	}
	mask := uint32(8*len(signature) - 1)
	for _, g := range grams {
		if g &= mask; signature[g/8]>>(g%8)&1 == 0 {
			return true
		}
	}
	return false
}

// gramsOf returns the hashes of the strings that a section must have which has the
// needle. Of a needle of less than three octets there are none.
func gramsOf(needle []byte) (grams []uint32) {
	for at := 0; at+longGram <= len(needle); at++ {
		grams = append(grams, hashLong(load(needle[at:])))
	}
	for at := 0; at+shortGram <= len(needle); at++ {
		grams = append(grams, hashShort(load(needle[at:])))
	}
	return grams
}

// load returns the first octets of b as a number, the first of them the lowest.
func load(b []byte) (x uint64) {
	for i := range min(8, len(b)) {
		x |= uint64(b[i]) << (8 * i)
	}
	return x
}

// hashShort is the hash of the first three octets of a number.
func hashShort(x uint64) uint32 {
	return uint32((x&(1<<(8*shortGram)-1) + 1<<62) * 0x9e3779b97f4a7c15 >> 40)
}

// hashLong is the hash of the first five octets of a number.
func hashLong(x uint64) uint32 {
	return uint32((x & (1<<(8*longGram) - 1)) * 0xd6e8feb86659fd93 >> 40)
}
