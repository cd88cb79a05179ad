package systemd

import (
	"strings"
	"sync"
	"time"
)

// upgrade: a second version is installed and every daemon restarted while clients idle
// and others log in. Nobody is refused. A connection without TLS is its session's alone
// and goes on, with the old program; new logins get the new one. One with TLS is carried
// by the front: its session takes leave when the time of login.drain is over.
func upgrade(h house) {
	plain, starttls, implicit := h.dial(imap), h.dial(imap), h.dial(imaps)
	starttls.say("s STARTTLS", "s OK")
	if err := starttls.startTLS(); err != nil {
		h.Fatal(err)
	}
	for user, c := range map[string]*client{"ann": plain, "bob": starttls, "carol": implicit} {
		c.login(user)
		c.say("b SELECT INBOX", "b OK")
		c.say("c IDLE", "+ ")
	}
	old := h.sessions("imap-session", "ann")[0]
	if v := h.version(old); v != "imap-session first" {
		h.Errorf("before: %q", v)
	}
	stop := h.keepLoggingIn("bob", "carol")
	h.install("second")
	h.sh("systemctl daemon-reload")
	for _, unit := range []string{"fantail-authd", "fantail-imapd", "fantail-pop3d", "fantail-sessiond"} {
		began := time.Now()
		h.sh(`systemctl restart "$1"`, unit)
		h.Logf("%s was restarted within %v", unit, time.Since(began).Round(time.Millisecond))
	}
	stop()
	plain.say("DONE", "c OK")
	plain.say("d NOOP", "d OK")
	if v := h.version(old); v != "imap-session first" {
		h.Errorf("the session that was there: %q", v)
	}
	for name, c := range map[string]*client{"STARTTLS": starttls, "IMAPS": implicit} {
		h.Logf("a client of %s hears %q", name, c.say("", "* BYE"))
	}
	c := h.dial(imaps)
	c.login("ann")
	for _, pid := range h.sessions("imap-session", "ann") {
		if v := h.version(pid); pid != old && v != "imap-session second" {
			h.Errorf("a new login: %q", v)
		}
	}
	for unit, name := range map[string]string{"fantail-imapd": "imapd", "fantail-authd": "authd", "fantail-sessiond": "sessiond"} {
		if v := h.version(h.pid(unit)); v != name+" second" {
			h.Errorf("%s: %q", unit, v)
		}
	}
	plain.say("e LOGOUT", "e OK")
	h.within(30*time.Second, "the end of the old program", func() bool { return len(h.sessions("imap-session", "ann")) == 1 })
}

// version asks the program that a process runs, even if there is another file in its
// place now.
func (h house) version(pid string) string {
	h.Helper()
	return h.sh(`/proc/"$1"/exe -v`, pid)
}

// keepLoggingIn has these users log in again and again until the function is called that
// it returns, and counts who does not get in.
func (h house) keepLoggingIn(users ...string) (stop func()) {
	done := make(chan struct{})
	var all sync.WaitGroup
	for _, user := range users {
		all.Go(func() {
			logins, longest := 0, time.Duration(0)
			for {
				select {
				case <-done:
					h.Logf("%s has logged in %d times, the slowest within %v", user, logins, longest.Round(time.Millisecond))
					return
				default:
				}
				began := time.Now()
				if err := h.session(user); err != nil {
					h.Errorf("%s, after %d logins: %v", user, logins, err)
				}
				logins++
				longest = max(longest, time.Since(began))
			}
		})
	}
	return sync.OnceFunc(func() {
		close(done)
		all.Wait()
	})
}

// session is one of a user, from the connection to LOGOUT.
func (h house) session(user string) error {
	c, err := h.connect(imaps)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	for _, line := range [][2]string{{"", "* OK"}, {"a LOGIN " + user + " " + password, "a "}, {"b LOGOUT", "b OK"}} {
		answer, err := c.ask(line[0], line[1])
		if err != nil {
			return err
		}
		if strings.HasPrefix(answer, "a ") && !strings.HasPrefix(answer, "a OK") {
			return errRefused(answer)
		}
	}
	return nil
}

// errRefused is what a login was answered.
type errRefused string

func (e errRefused) Error() string { return string(e) }
