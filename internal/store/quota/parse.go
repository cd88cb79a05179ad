package quota

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Usage is an amount of mail.
type Usage struct{ Octets, Messages int64 }

// Limits are how much mail there may be; 0 is no limit.
type Limits struct{ Octets, Messages int64 }

// room reports whether u and more fit.
func (l Limits) room(u, more Usage) bool {
	fits := func(limit, used, more int64) bool { return limit == 0 || more <= limit-used }
	return fits(l.Octets, u.Octets, more.Octets) && fits(l.Messages, u.Messages, more.Messages)
}

// line is l as the first line of the file. A file without limits says so, since
// others take an empty line for damage.
func (l Limits) line() string {
	var parts []string
	if l.Octets != 0 || l.Messages == 0 {
		parts = append(parts, strconv.FormatInt(l.Octets, 10)+"S")
	}
	if l.Messages != 0 {
		parts = append(parts, strconv.FormatInt(l.Messages, 10)+"C")
	}
	return strings.Join(parts, ",")
}

// parseLimits reads a first line. Parts of other kinds than ours mean nothing to
// us. The error says that the line is none at all.
func parseLimits(line string) (Limits, error) {
	var l Limits
	for part := range strings.SplitSeq(line, ",") {
		if part == "" {
			return Limits{}, fmt.Errorf("limits %q", line)
		}
		digits, kind := part[:len(part)-1], part[len(part)-1]
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) || kind >= '0' && kind <= '9' {
			return Limits{}, fmt.Errorf("limits %q", line)
		}
		switch at := int64(min(n, math.MaxInt64)); kind {
		case 'S':
			l.Octets = at
		case 'C':
			l.Messages = at
		}
	}
	return l, nil
}

// maxSize is the size of the file, in octets, from which it is written anew.
const maxSize = 5120

// content is what a file says.
type content struct {
	first  string // the first line, as it is there; "" if there is none
	limits Limits // in it
	usage  Usage  // the sum of all other lines
	lines  int    // how many these are
}

// parse reads a file. With an error, what could be read before the damage is
// returned too: the first line may be worth keeping.
func parse(text []byte) (content, error) {
	var c content
	if len(text) >= maxSize {
		text = text[:maxSize]
	}
	first, rest, ended := bytes.Cut(text, []byte("\n"))
	if !ended || bytes.IndexByte(first, 0) >= 0 {
		return c, errors.New("no first line")
	}
	var err error
	if c.limits, err = parseLimits(string(first)); err != nil {
		return c, err
	}
	c.first = string(first)
	if len(text) == maxSize {
		return c, errors.New("too long")
	}
	for len(rest) > 0 {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		if !ended {
			return c, errors.New("last line has no end")
		}
		change, err := parseChange(string(line))
		if err != nil {
			return c, err
		}
		c.usage.Octets += change.Octets
		c.usage.Messages += change.Messages
		c.lines++
		rest = after
	}
	if c.lines == 0 || c.usage.Octets < 0 || c.usage.Messages < 0 {
		return c, fmt.Errorf("%d octets, %d messages in %d lines", c.usage.Octets, c.usage.Messages, c.lines)
	}
	return c, nil
}

// maxChange is the largest number that one line may have. The sum of all that the
// file has room for is in the range of int64.
const maxChange = math.MaxInt64 / maxSize

// parseChange reads a line of counts, which Courier pads with spaces.
func parseChange(line string) (Usage, error) {
	fields := strings.Fields(line)
	if len(fields) != 2 {
		return Usage{}, fmt.Errorf("line %q", line)
	}
	octets, err1 := strconv.ParseInt(fields[0], 10, 64)
	messages, err2 := strconv.ParseInt(fields[1], 10, 64)
	if err1 != nil || err2 != nil || max(octets, -octets, messages, -messages) > maxChange || octets == math.MinInt64 || messages == math.MinInt64 {
		return Usage{}, fmt.Errorf("line %q", line)
	}
	return Usage{octets, messages}, nil
}

// line is u as a line of counts.
func (u Usage) line() string { return fmt.Sprintf("%d %d\n", u.Octets, u.Messages) }

// spoilt is a change that makes the sums of any file negative, and keeps them so
// whatever others append: everybody counts again. Dovecot's messages are 32 bits.
var spoilt = Usage{Octets: -1 << 50, Messages: -1 << 30}
