package scheme

import "time"

// Cost is what one check takes.
type Cost struct {
	// Memory is in octets, and 0 for the hashes that need less than 100 kB.
	Memory int64
	// Time is that of one processor of a small server of our days: right within
	// a factor of about three, and good for adding up and comparing.
	Time time.Duration
}

// The most that a check may take. Argon2's and yescrypt's strongest usual
// settings need a quarter of the memory; the time is that of bcrypt at cost 16.
const (
	MaxMemory = 256 << 20
	MaxTime   = 5 * time.Second
)

// What one step takes; TestCost compares.
const (
	md5Time      = 200 * time.Nanosecond // one round of a hash over little, or of HMAC
	sha1Time     = 250 * time.Nanosecond
	sha256Time   = 200 * time.Nanosecond
	sha512Time   = 500 * time.Nanosecond
	bcryptTime   = 70 * time.Microsecond  // one of the 2^cost rounds
	sunTime      = 1500 * time.Nanosecond // one round, of which half read 1,517 octets
	argon2Time   = 900 * time.Nanosecond  // 1 KiB once
	scryptTime   = 400 * time.Nanosecond  // one of N*r*p
	yescryptTime = 450 * time.Nanosecond  // one of N*r
)

// rounds is the cost of n steps.
func rounds(n uint32, each time.Duration) Cost { return Cost{Time: time.Duration(n) * each} }

// check refuses what is too much.
func (c Cost) check() error {
	if c.Memory > MaxMemory || c.Time > MaxTime {
		return ErrCost
	}
	return nil
}
