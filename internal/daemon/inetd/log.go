package inetd

import (
	"io"
	"log/syslog"
	"os"
)

// LogTo returns where a program writes its log: standard error, or the syslog
// where inetd has connected that to the client (Connection tells). Without a
// syslog either, there is no log.
func LogTo(stderr bool, program string) io.Writer {
	if stderr {
		return os.Stderr
	}
	w, err := syslog.New(syslog.LOG_MAIL|syslog.LOG_INFO, program)
	if err != nil {
		return io.Discard
	}
	return w
}
