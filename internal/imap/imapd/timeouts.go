package imapd

import "time"

// The time-outs of a session.
const (
	// autologout ends a session whose client says nothing, IDLE included.
	autologout = 30 * time.Minute // RFC 9051 section 5.4: not less than 30

	// writeTimeout ends a session whose client does not take what is sent.
	writeTimeout = 5 * time.Minute
)
