package conf

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Quota is how much mail an account may have; 0 is no limit.
type Quota struct{ Octets, Messages int64 }

// quotaUnits are the units of limits, of which the largest that leaves no rest is
// shown. Those of octets are written in any case.
var quotaUnits = []struct {
	name   string
	factor int64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6},
	{"KiB", 1 << 10}, {"kB", 1e3}, {"B", 1},
}

const unitMessages = "messages"

// ParseQuota reads limits such as "2GB", "2 GiB, 100000 messages" or "".
func ParseQuota(text string) (Quota, error) {
	var q Quota
	if strings.TrimSpace(text) == "" {
		return q, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		number, unit := splitLimit(strings.TrimSpace(part))
		to, factor := &q.Octets, int64(0)
		for _, u := range quotaUnits {
			if strings.EqualFold(u.name, unit) {
				factor = u.factor
			}
		}
		if unit == unitMessages {
			to, factor = &q.Messages, 1
		}
		n, err := strconv.ParseInt(number, 10, 64)
		switch {
		case factor == 0 || number == "":
			return Quota{}, fmt.Errorf(`%q is no limit such as "2GB" or "100000 messages"`, strings.TrimSpace(part))
		case err != nil || n < 1 || n > math.MaxInt64/factor:
			return Quota{}, fmt.Errorf("limit %q is not between 1 and 2^63 - 1", strings.TrimSpace(part))
		case *to != 0:
			return Quota{}, fmt.Errorf("%q has two limits of one kind", text)
		}
		*to = n * factor
	}
	return q, nil
}

// splitLimit splits "2 GB" into its digits and its unit.
func splitLimit(s string) (number, unit string) {
	i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimSpace(s[i:])
}

// String is the quota as ParseQuota reads it.
func (q Quota) String() string {
	var parts []string
	if q.Octets != 0 {
		parts = append(parts, showOctets(q.Octets))
	}
	if q.Messages != 0 {
		parts = append(parts, strconv.FormatInt(q.Messages, 10)+" "+unitMessages)
	}
	return strings.Join(parts, ", ")
}

// showOctets writes a number of octets in the largest unit that leaves no rest.
func showOctets(n int64) string {
	for _, u := range quotaUnits {
		if n%u.factor == 0 {
			return strconv.FormatInt(n/u.factor, 10) + u.name
		}
	}
	panic("conf: no unit of one octet")
}

// quota is limits in a string.
func quota(field func(*Config) *Quota) kind { return parsed("limits", field, ParseQuota) }
