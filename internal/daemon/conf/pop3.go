package conf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// POP3Settings are what concerns POP3 alone.
type POP3Settings struct {
	ListenSettings

	Expire      int // days; 0: never. See ExpireFor
	ExpireLeast int // days; 0: accounts have none of their own
	LoginDelay  time.Duration
	LockSession bool

	UIDLFormat     UIDLFormat
	UIDLDuplicates UIDLDuplicates

	DeletedFlag   string // a keyword; "": DELE removes
	NoFlagUpdates bool
	Workarounds   []string // of those below
}

// UIDLDuplicates says what becomes of a unique-id that several messages have.
type UIDLDuplicates string

// The values of pop3.uidl_duplicates.
const (
	UIDLRename UIDLDuplicates = "rename"
	UIDLAllow  UIDLDuplicates = "allow"
)

// The values of pop3.client_workarounds.
const (
	OutlookNoNULs = "outlook-no-nuls" // NUL becomes 0x80
	NoEndOfHeader = "oe-ns-eoh"       // a message without an empty line gets one
)

// Works reports whether a workaround is on.
func (s *POP3Settings) Works(around string) bool { return slices.Contains(s.Workarounds, around) }

// NeverExpires is the word for 0 days in a field of an account.
const NeverExpires = "never"

// mostDays is more than anybody means by a time.
const mostDays = 100_000

// ParseDays reads what an account says of pop3.expire: a number of days from 1, or
// "never".
func ParseDays(text string) (int, error) {
	if text == NeverExpires {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n < 1 || n > mostDays {
		return 0, fmt.Errorf("%q is neither a number of days nor %s", text, NeverExpires)
	}
	return int(n), nil
}

// ExpireFor returns the days for an account that says own of it, 0 for ever. own is ""
// where it says nothing.
func (s *POP3Settings) ExpireFor(own string) int {
	if own == "" || s.ExpireLeast == 0 {
		return s.Expire
	}
	days, err := ParseDays(own)
	switch {
	case err != nil: // who wrote it was told; mail is not removed by mistake
		return 0
	case days == 0:
		return 0
	}
	return max(days, s.ExpireLeast)
}

// ExpireSoonest returns the fewest days that any account may have, 0 if there is none
// that has an end to them, and whether accounts may differ (RFC 2449 section 6.7).
func (s *POP3Settings) ExpireSoonest() (days int, differ bool) {
	switch {
	case s.ExpireLeast == 0:
		return s.Expire, false
	case s.Expire == 0:
		return s.ExpireLeast, true
	}
	return min(s.Expire, s.ExpireLeast), true
}

// keyword is the name of an IMAP keyword, or empty.
func keyword(field func(*Config) *string) kind {
	return kind{
		words: "keyword",
		set: func(c *Config, v value, _ string) error {
			text, err := v.text()
			if err == nil && text != "" {
				err = checkKeyword(text)
			}
			*field(c) = text
			return err
		},
		show: func(c *Config) string { return quote(*field(c)) },
	}
}

// checkKeyword accepts the rule flag-keyword of RFC 9051 section 9, up to 64 octets.
func checkKeyword(text string) error {
	if strings.HasPrefix(text, `\`) {
		return errors.New("a keyword has no backslash in front")
	}
	if len(text) > 64 || strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r)
	}) {
		return fmt.Errorf("%q is no keyword of IMAP", text)
	}
	return nil
}

func workarounds(field func(*Config) *[]string) kind {
	return list("list of words", field,
		func(s string) (string, error) {
			if s != OutlookNoNULs && s != NoEndOfHeader {
				return "", fmt.Errorf("%q is none of %s, %s", s, OutlookNoNULs, NoEndOfHeader)
			}
			return s, nil
		},
		func(s string) string { return s })
}
