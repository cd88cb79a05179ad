package conf

import (
	"fmt"
	"math"
)

// size is a number of octets in a string such as "256MiB": at least 1, and no more
// than 32 bits hold, which is what IMAP can tell clients (RFC 7889 section 5).
func size(field func(*Config) *int64) kind {
	return kind{
		words: "size",
		set: func(c *Config, v value, _ string) error {
			text, err := v.text()
			if err != nil {
				return err
			}
			q, err := ParseQuota(text)
			if err != nil || q.Octets == 0 || q.Messages != 0 || q.Octets > math.MaxUint32 {
				return fmt.Errorf(`%q is not a size between "1B" and "4294967295B"`, text)
			}
			*field(c) = q.Octets
			return nil
		},
		show: func(c *Config) string { return quote(showOctets(*field(c))) },
	}
}
