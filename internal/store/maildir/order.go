package maildir

import (
	"cmp"
	"math"
	"strings"
)

// Compare orders two bases by arrival, as far as their names tell: by the
// seconds in front of the first dot, then by the microseconds if both have them
// ("M<usec>" right behind that dot), then by bytes. It is a total order. UIDs of
// messages that are found together are given in this order.
func Compare(a, b string) int {
	as, ar := splitSeconds(a)
	bs, br := splitSeconds(b)
	if c := compareDigits(as, bs); c != 0 {
		return c
	}
	au, at := splitMicros(ar)
	bu, bt := splitMicros(br)
	// If only one has microseconds, their M decides by bytes, and decides alike
	// against all that have them: that keeps the order transitive.
	if au != "" && bu != "" {
		if c := compareDigits(au, bu); c != 0 {
			return c
		}
		ar, br = at, bt
	}
	return cmp.Or(strings.Compare(ar, br), strings.Compare(a, b))
}

// Arrival returns a number that is smaller for the lesser of two bases, or equal: so
// that most comparisons of a long list need no parsing.
func Arrival(base string) uint64 {
	seconds, _ := splitSeconds(base)
	seconds = strings.TrimLeft(seconds, "0")
	if len(seconds) > 18 {
		return math.MaxUint64
	}
	var n uint64
	for i := range len(seconds) {
		n = n*10 + uint64(seconds[i]-'0')
	}
	return n
}

// splitSeconds cuts "<digits>." off; names without it come first and whole.
func splitSeconds(s string) (seconds, rest string) {
	n := digits(s)
	if n == 0 || n == len(s) || s[n] != '.' {
		return "", s
	}
	return s[:n], s[n+1:]
}

// splitMicros cuts "M<digits>" off.
func splitMicros(s string) (micros, rest string) {
	if s == "" || s[0] != 'M' {
		return "", s
	}
	n := digits(s[1:])
	return s[1 : 1+n], s[1+n:]
}

// digits counts the decimal digits in front of s.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// compareDigits compares decimal numbers of any length; no number is less than
// every number.
func compareDigits(a, b string) int {
	if a == "" || b == "" {
		return cmp.Compare(len(a), len(b))
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
