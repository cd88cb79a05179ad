package imap

import (
	"strings"

	"fantail/internal/mail"
)

// Match reports whether a mailbox name matches a LIST pattern (RFC 9051 section
// 6.3.9): "*" stands for anything, "%" for anything without the delimiter of levels.
// INBOX matches in any case, also as the first level. The time is at most the
// product of the lengths.
func Match(pattern, name string, delimiter byte) bool {
	inbox := 0 // octets of name in which case does not matter
	if rest, ok := strings.CutPrefix(name, mail.Inbox); ok && (rest == "" || rest[0] == delimiter) {
		inbox = len(mail.Inbox)
	}
	// at[i] is whether the pattern so far matches name[:i]; it is so nowhere outside of
	// lo and hi.
	var buffer [256]bool
	at := buffer[:]
	if len(name) >= len(at) {
		at = make([]bool, len(name)+1)
	}
	at[0] = true
	lo, hi := 0, 0
	for i := 0; i < len(pattern) && lo <= hi; i++ {
		switch c := pattern[i]; c {
		case '*':
			hi = len(name)
			for j := lo; j <= hi; j++ {
				at[j] = true
			}
		case '%':
			for j := lo + 1; j <= len(name); j++ {
				if at[j-1] && name[j-1] != delimiter {
					at[j], hi = true, max(hi, j)
				}
			}
		default:
			hi = min(hi+1, len(name))
			for j := hi; j > lo; j-- {
				at[j] = at[j-1] && (name[j-1] == c || j <= inbox && name[j-1] == upper(c))
			}
			at[lo] = false
			for lo++; lo <= hi && !at[lo]; lo++ {
			}
		}
	}
	return lo <= len(name) && at[len(name)]
}

// upper returns c as a capital if it is a letter of ASCII.
func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}
