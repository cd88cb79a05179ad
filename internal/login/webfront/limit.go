package webfront

import "time"

// Limits bound what the front does for browsers. Where 0 does not mean that there
// is no limit, it means the default.
type Limits struct {
	Idle     time.Duration // without a request: a public computer was left
	Age      time.Duration // however busy
	Trusted  time.Duration // Idle, on a device of one's own
	Kept     time.Duration // Age, there
	Sessions int           // at once
	PerUser  int           // at once of one account; the one that rested longest gives way
	Requests int           // at once in one session
	Burst    int           // requests of one session in a row
	Rate     int           // and then in a second
	Checks   int           // password checks at once
	Asked    int           // questions of mail programs from one address, in a minute

	Connections int // at once; 0: no limit
	PerSource   int // connections at once from one address; 0: no limit

	Header      time.Duration // to send the header of a request
	KeepAlive   time.Duration // of a connection without a request
	HeaderBytes int           // of a request
	Form        int64         // bytes of a login form
	Wait        time.Duration // for one of the Checks, and for a session program to start
}

// DefaultLimits suit a server of a few thousand users.
func DefaultLimits() Limits {
	return Limits{
		Idle:        30 * time.Minute,
		Age:         12 * time.Hour,
		Trusted:     30 * 24 * time.Hour,
		Kept:        90 * 24 * time.Hour,
		Sessions:    10_000,
		PerUser:     50,
		Requests:    64,
		Burst:       1200,
		Rate:        20,
		Checks:      16,
		Asked:       120,
		Header:      10 * time.Second,
		KeepAlive:   2 * time.Minute,
		HeaderBytes: 32 << 10,
		Form:        8 << 10,
		Wait:        15 * time.Second,
	}
}

// withDefaults fills the fields that are zero.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	l.Idle, l.Age = positive(l.Idle, d.Idle), positive(l.Age, d.Age)
	l.Trusted, l.Kept = positive(l.Trusted, d.Trusted), positive(l.Kept, d.Kept)
	l.Sessions, l.PerUser = positive(l.Sessions, d.Sessions), positive(l.PerUser, d.PerUser)
	l.Requests, l.Checks = positive(l.Requests, d.Requests), positive(l.Checks, d.Checks)
	l.Header, l.KeepAlive = positive(l.Header, d.Header), positive(l.KeepAlive, d.KeepAlive)
	l.Burst, l.Rate = positive(l.Burst, d.Burst), positive(l.Rate, d.Rate)
	l.Asked = positive(l.Asked, d.Asked)
	l.HeaderBytes, l.Form = positive(l.HeaderBytes, d.HeaderBytes), positive(l.Form, d.Form)
	l.Wait = positive(l.Wait, d.Wait)
	return l
}

func positive[N ~int | ~int64](n, otherwise N) N {
	if n > 0 {
		return n
	}
	return otherwise
}
