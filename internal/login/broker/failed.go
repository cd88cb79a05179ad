package broker

import (
	"log/slog"
	"strings"
)

// maxLogged is how much of a name is written to the log, in octets: the longest name that
// an account can have.
const maxLogged = 255

// Failed writes the line of a login whose name and password do not belong together.
// Every front writes this one, whatever its protocol. It is what fail2ban reads, and does
// not change:
//
//	level=INFO msg="login failed" sid=… proto=… remote=ADDRESS user=… mech=… tls=… err=…
//
// The address stands before everything that the client has said, so that no name can pass
// for one.
func (l Login) Failed(log *slog.Logger, name, mechanism string) {
	remote := "local"
	if l.Remote.IsValid() {
		remote = l.Remote.String()
	}
	log.Info("login failed", "sid", l.SID, "proto", l.Service, "remote", remote,
		"user", strings.ToValidUTF8(name[:min(len(name), maxLogged)], "\ufffd"), "mech", mechanism, "tls", l.Conn.TLS, "err", ErrWrong)
}
