package systemd

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// crash: what clients see when a daemon dies, and how long it takes until the next one
// can log in.
func crash(h house) {
	for _, c := range []struct {
		unit    string
		carried bool // the connection that the front carries goes on
	}{
		{"fantail-imapd", false},
		{"fantail-authd", true},
		{"fantail-sessiond", true},
	} {
		given, carried := h.dial(imap), h.dial(imaps)
		given.login("ann")
		carried.login("ann")
		before := h.pid(c.unit)
		h.sh(`kill -KILL "$1"`, before)
		began := time.Now()
		if err := h.session("bob"); err != nil {
			h.Errorf("%s was killed: the next login: %v", c.unit, err)
		}
		h.Logf("%s was killed: the next login took %v", c.unit, time.Since(began).Round(time.Millisecond))
		given.say("b NOOP", "b OK")
		if _, err := carried.ask("b NOOP", "b OK"); (err == nil) != c.carried {
			h.Errorf("%s was killed: the connection that the front carries: %v", c.unit, err)
		}
		h.within(20*time.Second, c.unit, func() bool { pid := h.pid(c.unit); return pid != "0" && pid != before })
		given.say("c LOGOUT", "c OK")
		if c.carried {
			carried.say("c LOGOUT", "c OK")
		}
	}
	c := h.dial(imap)
	c.login("carol")
	h.sh(`kill -KILL "$1"`, h.sessions("imap-session", "carol")[0])
	if n, err := c.conn.Read(make([]byte, 1000)); n != 0 || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, net.ErrClosed) {
		h.Errorf("the session was killed: its client reads %d octets, %v", n, err)
	}
	if err := h.session("carol"); err != nil {
		h.Error(err)
	}
}
