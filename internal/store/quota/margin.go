package quota

import "math"

// Margin is how far mail may go beyond limits: by a part of each, or by an amount. The
// zero Margin is nothing.
type Margin struct {
	Percent int64
	Amount  Usage
}

// Beyond is what some mail may have beyond the limits.
type Beyond struct {
	Extra Margin // of the mailbox that it goes to
	// Grace is for a single message, in octets: it may go over the limit, if those
	// that are there do not.
	Grace Margin
}

// room reports whether u and more fit into l, with what is beyond.
func (b Beyond) room(l Limits, u, more Usage) bool {
	l = Limits{b.Extra.widen(l.Octets, b.Extra.Amount.Octets), b.Extra.widen(l.Messages, b.Extra.Amount.Messages)}
	if b.Grace == (Margin{}) || l.Octets != 0 && u.Octets >= l.Octets {
		return l.room(u, more)
	}
	l.Octets = b.Grace.widen(l.Octets, b.Grace.Amount.Octets)
	return l.room(u, more)
}

// widen makes a limit larger. None stays none.
func (m Margin) widen(limit, amount int64) int64 {
	if limit == 0 {
		return 0
	}
	hundredths, rest := limit/100, limit%100
	if m.Percent > 0 && hundredths >= math.MaxInt64/m.Percent-m.Percent {
		return math.MaxInt64
	}
	more := hundredths*m.Percent + rest*m.Percent/100 + amount
	if more < 0 || limit > math.MaxInt64-more {
		return math.MaxInt64
	}
	return limit + more
}
