package lmtp

import (
	"strconv"
	"strings"
)

// Status is an enhanced status code (RFC 3463 section 2); the zero Status is none, as
// replies to LHLO and before it have none (RFC 2034 section 3).
type Status struct{ Class, Subject, Detail uint16 }

// String returns the code, "" if it is none.
func (s Status) String() string {
	if s == (Status{}) {
		return ""
	}
	return strconv.Itoa(int(s.Class)) + "." + strconv.Itoa(int(s.Subject)) + "." + strconv.Itoa(int(s.Detail))
}

// Reply is what a server says, and an error if it is a refusal.
type Reply struct {
	Code   int // of three digits (RFC 5321 section 4.2.1)
	Status Status
	Text   string // a sentence; more lines have LF between them
}

func (r *Reply) Error() string { return strconv.Itoa(r.Code) + " " + r.Status.String() + " " + r.Text }

// Temporary reports whether the client shall try again (RFC 5321 section 4.2.1).
func (r *Reply) Temporary() bool { return r.Code/100 == 4 }

// Append appends the reply as it is on the wire. Each line has the enhanced code
// (RFC 2034 section 4). Octets that cannot stand in a line become question marks.
func (r *Reply) Append(b []byte) []byte {
	rest, more := r.Text, true
	for more {
		var line string
		line, rest, more = strings.Cut(rest, "\n")
		b = strconv.AppendInt(b, int64(r.Code), 10)
		if more {
			b = append(b, '-')
		} else {
			b = append(b, ' ')
		}
		if r.Status != (Status{}) {
			b = append(append(b, r.Status.String()...), ' ')
		}
		b = appendLine(b, line)
	}
	return b
}

// maxReply is the length of the longest text of a line, in octets: RFC 5321 section
// 4.5.3.1.5 has 512 for all of it.
const maxReply = 480

func appendLine(b []byte, line string) []byte {
	for i := range min(len(line), maxReply) {
		c := line[i]
		if c < ' ' || c >= 0x7f {
			c = '?'
		}
		b = append(b, c)
	}
	return append(b, "\r\n"...)
}

// badArguments is the reply to arguments that are none (RFC 5321 section 4.2.2).
func badArguments(text string) *Reply { return &Reply{501, Status{5, 5, 4}, text} }
