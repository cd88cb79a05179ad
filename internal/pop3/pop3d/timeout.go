package pop3d

import "time"

// The time-outs, and what the law says.
const (
	// autologout is how long a session waits for a whole command. RFC 1939
	// section 3: at least 10 minutes; then the connection is closed without a
	// response and without removing anything.
	autologout = 10 * time.Minute

	// writeStall is how long the client may take to accept one buffer of
	// output. No RFC has a number; a client that does not read is as idle as
	// one that does not write.
	writeStall = 10 * time.Minute
)
