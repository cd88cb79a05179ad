package packed

import (
	"bytes"
	"io"
	"math/bits"

	"fantail/internal/store/zstd"
)

// maxWindow is what the reference decoder allows, and what the highest level of
// its encoder asks for.
const maxWindow = 128 << 20

// newZstd unpacks zstd frames that make no more than budget octets. Its caller
// closes the decoder.
func newZstd(src io.Reader, budget int64) (zstd.Reader, error) {
	src, err := narrow(src, budget)
	if err != nil {
		return nil, err
	}
	return zstd.NewReader(src, 1<<windowLog(budget))
}

// windowLog is the logarithm of the smallest window, a power of two, in which
// budget octets have room, but of none that is too large.
func windowLog(budget int64) int {
	return min(max(bits.Len64(uint64(budget-1)), 10), bits.Len(maxWindow)-1)
}

// The header of a frame (RFC 8878 section 3.1.1.1): magic, descriptor, and then
// the window descriptor unless the content is one segment.
const (
	zstdDescriptor    = 4
	zstdWindow        = 5
	zstdSingleSegment = 1 << 5
)

// narrow lowers the window that the first frame claims to what the message can
// need. An encoder that does not know how much will come claims the window of its
// level, up to 128 MiB for a message of one line, and the decoder allocates what
// is claimed; but no match reaches back beyond the message's beginning.
func narrow(src io.Reader, budget int64) (io.Reader, error) {
	head := make([]byte, zstdWindow+1)
	n, err := io.ReadFull(src, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, err
	}
	head = head[:n]
	if n > zstdWindow && head[zstdDescriptor]&zstdSingleSegment == 0 {
		// Exponent above the 3 bits of a mantissa that adds eighths.
		if log := windowLog(budget); int(head[zstdWindow]>>3)+10 >= log && log < bits.Len(maxWindow)-1 {
			head[zstdWindow] = byte(log-10) << 3
		}
	}
	return io.MultiReader(bytes.NewReader(head), src), nil
}
