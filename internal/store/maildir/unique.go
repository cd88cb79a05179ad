package maildir

import (
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Clock tells the time that goes into the names of new messages.
type Clock func() time.Time

// namer makes names that no other message has had or will have. It is safe for
// many goroutines.
type namer struct {
	clock Clock
	rand  io.Reader
	host  string // escaped
	pid   int
	count atomic.Uint64
}

func newNamer(o Options) *namer {
	return &namer{clock: o.Clock, rand: o.Rand, host: escapeHost(o.Host), pid: os.Getpid()}
}

// random are the numbers of Go's runtime, which the kernel has given a seed for this
// process. They are not to be guessed either, and cost a process that needs four octets
// nothing.
type random struct{}

// Read implements io.Reader.
func (random) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(rand.Uint32())
	}
	return len(p), nil
}

// base makes a base without sizes:
//
//	<secs>.M<usec>P<pid>Q<count>R<random>.<host>
//
// Any one of time, process, count and host may repeat: the clock may be set
// back, containers share host names and process ids, and every handle counts
// from 1. The 32 random bits are for when all of them repeat at once.
func (n *namer) base() (string, error) {
	var random [4]byte
	if _, err := io.ReadFull(n.rand, random[:]); err != nil {
		return "", fmt.Errorf("read random bytes for a file name: %w", err)
	}
	t := n.clock()
	var room [256]byte
	b := strconv.AppendInt(room[:0], max(t.Unix(), 0), 10)
	b = strconv.AppendInt(append(b, ".M"...), int64(t.Nanosecond()/1000), 10)
	b = strconv.AppendInt(append(b, 'P'), int64(n.pid), 10)
	b = strconv.AppendUint(append(b, 'Q'), n.count.Add(1), 10)
	b = hex.AppendEncode(append(b, 'R'), random[:])
	b = append(append(b, '.'), n.host...)
	return string(b), nil
}

// withSizes appends the size fields that are known (those not negative).
func withSizes(base string, size, virtual int64) string {
	var room [256]byte
	b := append(room[:0], base...)
	if size >= 0 {
		b = strconv.AppendInt(append(b, ",S="...), size, 10)
	}
	if virtual >= 0 {
		b = strconv.AppendInt(append(b, ",W="...), virtual, 10)
	}
	return string(b)
}

// MaxInfo is the longest that ":2," with all flags and letters is.
const MaxInfo = len(":2,DFRST") + 26

// maxHost leaves room in 255 octets for the numbers, the sizes, the origin, and flags.
const maxHost = 80

// escapeHost writes what must not be in a base as a backslash and three octal
// digits, as Maildir asks for slash and colon. The comma would begin a field.
func escapeHost(host string) string {
	var b strings.Builder
	for i := 0; i < len(host) && b.Len() < maxHost; i++ {
		if c := host[i]; c <= ' ' || c >= 0x7f || c == '/' || c == ':' || c == ',' {
			fmt.Fprintf(&b, "\\%03o", c)
		} else {
			b.WriteByte(c)
		}
	}
	if b.Len() == 0 {
		return "localhost"
	}
	return b.String()
}
