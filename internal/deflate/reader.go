package deflate

import (
	"errors"
	"io"
)

const (
	windowSize = 32 << 10
	firstSize  = 1 << 10 // of a window that has room for little yet
	inputSize  = 4 << 10
)

// ErrCorrupt says that the input is no stream of RFC 1951.
var ErrCorrupt = errors.New("corrupt deflate stream")

// place is where in a stream a Reader stands; see the package comment.
type place uint8

const (
	atHeader place = iota
	atSize
	inStored
	atTables
	inPrecode
	inLengths
	atSymbol
	inMatch
)

// Reader decompresses. It is not safe for use by several goroutines at once.
type Reader struct {
	src io.Reader
	err error // ErrCorrupt, for ever

	buf      [inputSize]byte
	in       []byte // of buf: not taken yet
	bits     uint64 // taken, the lowest is the next
	n        uint   // how many
	consumed bool   // something of the present stream has been read

	at    place
	final bool // the block is the last one of its stream
	left  int  // octets of the stored block or of the match
	dist  int  // of the match

	litLen, distance  code
	fixed             bool // they are those of fixed blocks
	nLit, nDist, nPre int
	lengths           [numLitLen + 32]uint8
	nLengths          int

	window []byte // a ring, once it is windowSize
	pos    int    // where the next octet goes
	have   int    // octets that a match may refer to
}

// NewReader returns a Reader of the streams that src has, one behind the other.
func NewReader(src io.Reader) *Reader { return &Reader{src: src} }

// Read returns at least one octet, or an error: ErrCorrupt, io.ErrUnexpectedEOF if
// the input ends in the midst of a stream, io.EOF if it ends behind one, or another
// error of the source, after which Read may be called again.
func (z *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, z.err
	}
	n := 0
	for z.err == nil {
		k, o := z.step(p[n:])
		n += k
		if n == len(p) {
			return n, nil
		}
		switch o {
		case corrupt:
			z.err = ErrCorrupt
		case starved:
			if n > 0 {
				return n, nil
			}
			if err := z.fill(); err != nil {
				return 0, err
			}
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, z.err
}

// fill reads input. All that was there has become bits.
func (z *Reader) fill() error {
	n, err := z.src.Read(z.buf[:])
	z.in = z.buf[:n]
	if n > 0 {
		z.consumed = true
		return nil // the error comes again
	}
	if errors.Is(err, io.EOF) && z.consumed {
		return io.ErrUnexpectedEOF
	}
	return err
}

// refill makes bits of input, as many as there is room for: more than any step
// needs, if there is enough input.
func (z *Reader) refill() {
	for z.n <= 56 && len(z.in) > 0 {
		z.bits |= uint64(z.in[0]) << z.n
		z.in = z.in[1:]
		z.n += 8
	}
}

// take takes k bits, if they are there.
func (z *Reader) take(k uint) (uint, bool) {
	z.refill()
	if z.n < k {
		return 0, false
	}
	v := uint(z.bits & (1<<k - 1))
	z.drop(k)
	return v, true
}

func (z *Reader) drop(k uint) {
	z.bits >>= k
	z.n -= k
}

// step goes to the next place, and puts octets into p, which has room, on the way.
func (z *Reader) step(p []byte) (int, outcome) {
	switch z.at {
	case atHeader:
		return 0, z.header()
	case atSize:
		return 0, z.size()
	case inStored:
		return z.stored(p)
	case atTables:
		return 0, z.tables()
	case inPrecode:
		return 0, z.precode()
	case inLengths:
		return 0, z.codeLengths()
	case inMatch:
		return z.match(p), done
	}
	return z.symbols(p)
}

// header reads what begins a block (RFC 1951 section 3.2.3).
func (z *Reader) header() outcome {
	h, ok := z.take(3)
	if !ok {
		return starved
	}
	z.final = h&1 != 0
	switch h >> 1 {
	case 0:
		z.drop(z.n & 7)
		z.at = atSize
	case 1:
		if !z.fixed {
			z.litLen.fixed(&z.distance)
			z.fixed = true
		}
		z.at = atSymbol
	case 2:
		z.at = atTables
	default:
		return corrupt
	}
	return done
}

// end is the end of a block. Behind the last one of a stream begins another, on the
// next octet.
func (z *Reader) end() {
	z.at = atHeader
	if z.final {
		z.drop(z.n & 7)
		z.have = 0
		z.consumed = z.n > 0 || len(z.in) > 0
	}
}

// size reads the length of a stored block (RFC 1951 section 3.2.4).
func (z *Reader) size() outcome {
	v, ok := z.take(32)
	switch {
	case !ok:
		return starved
	case v&0xffff != ^v>>16&0xffff:
		return corrupt
	}
	z.left = int(v & 0xffff)
	z.at = inStored
	return done
}

func (z *Reader) stored(p []byte) (int, outcome) {
	if z.left == 0 {
		z.end()
		return 0, done
	}
	p = p[:min(len(p), z.left)]
	n := 0
	for ; n < len(p) && z.n > 0; n++ { // input that is bits already
		p[n] = byte(z.bits)
		z.drop(8)
	}
	k := copy(p[n:], z.in)
	z.in = z.in[k:]
	n += k
	if n == 0 {
		return 0, starved
	}
	z.left -= n
	z.keep(p[:n])
	return n, done
}

// tables reads how many code lengths a dynamic block has (RFC 1951 section 3.2.7).
func (z *Reader) tables() outcome {
	v, ok := z.take(14)
	if !ok {
		return starved
	}
	z.nLit, z.nDist, z.nPre = int(v&31)+257, int(v>>5&31)+1, int(v>>10)+4
	if z.nLit > 286 || z.nDist > numDist {
		return corrupt
	}
	z.nLengths = 0
	clear(z.lengths[:])
	z.at = inPrecode
	return done
}

func (z *Reader) precode() outcome {
	for z.nLengths < z.nPre {
		v, ok := z.take(3)
		if !ok {
			return starved
		}
		z.lengths[precodeOrder[z.nLengths]] = uint8(v)
		z.nLengths++
	}
	z.fixed = false
	if !z.litLen.build(z.lengths[:len(precodeOrder)]) {
		return corrupt
	}
	z.nLengths = 0
	z.at = inLengths
	return done
}

// repeats are the symbols of the precode that stand for several lengths: how many
// there are at least, and how many bits are added to that.
var repeats = [3]span{{3, 2}, {3, 3}, {11, 7}}

func (z *Reader) codeLengths() outcome {
	all := z.nLit + z.nDist
	for z.nLengths < all {
		z.refill()
		symbol, k, o := z.litLen.decode(z.bits, z.n)
		if o != done {
			return o
		}
		if symbol < 16 {
			z.drop(k)
			z.lengths[z.nLengths] = uint8(symbol)
			z.nLengths++
			continue
		}
		r := repeats[symbol-16]
		if z.n < k+uint(r.extra) {
			return starved
		}
		n := int(r.base) + int(z.bits>>k&(1<<r.extra-1))
		if n > all-z.nLengths || symbol == 16 && z.nLengths == 0 {
			return corrupt
		}
		z.drop(k + uint(r.extra))
		var length uint8
		if symbol == 16 {
			length = z.lengths[z.nLengths-1]
		}
		for range n {
			z.lengths[z.nLengths] = length
			z.nLengths++
		}
	}
	if !z.litLen.build(z.lengths[:z.nLit]) || !z.distance.build(z.lengths[z.nLit:all]) {
		return corrupt
	}
	z.at = atSymbol
	return done
}

// symbols decodes literals up to a match or the end of the block (RFC 1951 section
// 3.2.5).
func (z *Reader) symbols(p []byte) (n int, o outcome) {
	from := 0 // what is not in the window yet
	defer func() { z.keep(p[from:n]) }()
	for n < len(p) {
		z.refill()
		symbol, k, o := z.litLen.decode(z.bits, z.n)
		switch {
		case o != done:
			return n, o
		case symbol < endBlock:
			z.drop(k)
			p[n] = byte(symbol)
			n++
			continue
		case symbol == endBlock:
			z.drop(k)
			z.end()
			return n, done
		}
		z.keep(p[from:n])
		from = n
		return n, z.startMatch(symbol-endBlock-1, k)
	}
	return n, done
}

// startMatch reads the rest of a match whose length symbol takes k bits.
func (z *Reader) startMatch(symbol, k uint) outcome {
	if symbol >= uint(len(lengthSpans)) {
		return corrupt
	}
	l := lengthSpans[symbol]
	if z.n < k+uint(l.extra) {
		return starved
	}
	length := int(l.base) + int(z.bits>>k&(1<<l.extra-1))
	k += uint(l.extra)
	symbol, dk, o := z.distance.decode(z.bits>>k, z.n-k)
	switch {
	case o != done:
		return o
	case symbol >= numDist:
		return corrupt
	}
	k += dk
	d := distSpans[symbol]
	if z.n < k+uint(d.extra) {
		return starved
	}
	dist := int(d.base) + int(z.bits>>k&(1<<d.extra-1))
	if dist > z.have {
		return corrupt
	}
	z.drop(k + uint(d.extra))
	z.left, z.dist = length, dist
	z.at = inMatch
	return done
}

// match copies what a match refers to, as far as p has room.
func (z *Reader) match(p []byte) (n int) {
	p = p[:min(len(p), z.left)]
	for n < len(p) {
		from := z.pos - z.dist
		if from < 0 {
			from += len(z.window)
		}
		// No octets that do not exist yet, and none beyond the ring's seam.
		k := min(len(p)-n, z.dist, len(z.window)-from)
		k = copy(p[n:n+k], z.window[from:])
		z.keep(p[n : n+k])
		n += k
	}
	z.left -= n
	if z.left == 0 {
		z.at = atSymbol
	}
	return n
}

// keep puts octets into the window, which grows with what has passed.
func (z *Reader) keep(p []byte) {
	if len(p) > windowSize {
		p = p[len(p)-windowSize:]
		z.have = windowSize
	}
	for len(z.window)-z.pos < len(p) && len(z.window) < windowSize {
		bigger := make([]byte, max(firstSize, 2*len(z.window)))
		copy(bigger, z.window)
		z.window = bigger
	}
	z.have = min(z.have+len(p), windowSize)
	for len(p) > 0 {
		n := copy(z.window[z.pos:], p)
		p = p[n:]
		if z.pos += n; z.pos == windowSize {
			z.pos = 0
		}
	}
}
