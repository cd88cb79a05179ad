package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"fantail/test/site"
)

// The logins: eight clients at once, each of which connects, logs in, selects its
// inbox and logs out, and begins anew, over loopback. Both servers are installed as
// for many users: Fantail with a front, authd and sessiond, each as the user that it
// is to be, and every session as its account's; Dovecot in its high-performance mode.
// They read the same passwords, whose hash (SSHA256) costs nothing, and show the same
// key. What both write to their logs they write. Every account of Fantail has a uid of its
// own, and so a session program. Those of Dovecot share one, for its fast mode goes no
// further, and its imap processes; of such accounts of Fantail there is a line, too, which
// share a session program (session.scope).

const (
	loginClients = 8
	perLogins    = 480 // logins of one measurement
	manyAccounts = 64
	newAccounts  = 50
	loginMails   = 50 // in each inbox
)

// loginLine is one way to log in.
type loginLine struct {
	name     string
	accounts int
	secure   func() *tls.Config // of one client, for all of its logins; nil: no TLS
	rsa      bool               // the server's key is RSA
	shared   bool               // Fantail's accounts have one uid and one session program
}

var loginLines = []loginLine{
	{name: loginOne, accounts: 1},
	{name: loginMany, accounts: manyAccounts},
	{name: loginShared, accounts: manyAccounts, shared: true},
	{name: loginTLS, accounts: 1, secure: fullHandshake},
	{name: loginTLSMany, accounts: manyAccounts, secure: fullHandshake},
	{name: loginTLSShared, accounts: manyAccounts, secure: fullHandshake, shared: true},
	{name: loginTLSClassic, accounts: manyAccounts, secure: func() *tls.Config {
		return &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}}
	}},
	{name: loginTLSResumed, accounts: manyAccounts, secure: func() *tls.Config {
		return &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1), ServerName: "localhost"}
	}},
	{name: loginTLSRSA, accounts: manyAccounts, secure: fullHandshake, rsa: true},
}

// fullHandshake is what a client of Go does by default: a handshake for each
// connection, with the key agreement that both know and that it likes most.
func fullHandshake() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true} // made for this run
}

// logins measures the lines of logins, of both servers in turn.
func logins(subjects []*subject, only *regexp.Regexp, bin string, rounds int) error {
	names := []string{firstLogin, firstLoginSlow}
	for _, l := range loginLines {
		names = append(names, l.name)
	}
	if !slices.ContainsFunc(names, only.MatchString) {
		return nil
	}
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "bench: not root: no measurements of logins")
		return nil
	}
	for _, rsa := range []bool{false, true} {
		if err := loginsWith(subjects, only, bin, rounds, rsa); err != nil {
			return err
		}
	}
	return nil
}

// loginsWith measures those with one type of key.
func loginsWith(subjects []*subject, only *regexp.Regexp, bin string, rounds int, rsa bool) (err error) {
	var wanted []loginLine
	for _, l := range loginLines {
		if l.rsa == rsa && only.MatchString(l.name) {
			wanted = append(wanted, l)
		}
	}
	first := !rsa && (only.MatchString(firstLogin) || only.MatchString(firstLoginSlow))
	if len(wanted) == 0 && !first {
		return nil
	}
	servers, names, end, err := startServers(bin, rsa)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	if first {
		for i := range subjects {
			if err := subjects[i].firstLogins(servers[i], names[manyAccounts:]); err != nil {
				return err
			}
		}
	}
	for round := -1; round < rounds; round++ { // the first one warms up
		for _, l := range wanted {
			for i := range subjects {
				d := servers[i]
				if i > 0 && l.shared {
					d = servers[2]
				}
				a, err := d.logins(l, names)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", subjects[i].peer.Name, l.name, err)
				}
				if round >= 0 {
					if err := subjects[i].note(l.name, a, nil); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// startServers starts Dovecot, Fantail, and Fantail with accounts that share a session
// program, all with accounts of the same names.
func startServers(bin string, rsa bool) (servers []daemon, names []string, end func() error, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, nil, nil, err
	}
	end = func() error {
		for _, d := range servers {
			err = errors.Join(err, d.stop())
		}
		return errors.Join(err, os.RemoveAll(dir))
	}
	fail := func(err error) ([]daemon, []string, func() error, error) {
		return nil, nil, nil, errors.Join(err, end())
	}
	key := []string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"}
	if rsa {
		key = []string{"-newkey", "rsa:2048"}
	}
	c, err := makeKey(dir, key...)
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		return fail(err)
	}
	for _, start := range []func(a accounts) (daemon, error){
		func(a accounts) (daemon, error) { return startFastDovecot(a, c) },
		func(a accounts) (daemon, error) {
			return startHouse(a, bin, c, "[login]\nconnections_per_source = 0\n")
		},
		func(a accounts) (daemon, error) {
			further := fmt.Sprintf("[login]\nconnections_per_source = 0\n[session]\nscope = \"uid\"\nfence = %q\n", filepath.Join(a.dir, "mail"))
			return startHouse(a, bin, c, further)
		},
	} {
		home := filepath.Join(dir, fmt.Sprint(len(servers)))
		err := errors.Join(os.Mkdir(home, 0o755), os.Mkdir(filepath.Join(home, "mail"), 0o755))
		if err != nil {
			return fail(err)
		}
		a, err := makeAccounts(home, manyAccounts+newAccounts, loginMails, len(servers) != 1)
		if err != nil {
			return fail(err)
		}
		d, err := start(a)
		if err != nil {
			return fail(err)
		}
		servers, names = append(servers, d), a.names
	}
	return servers, names, end, nil
}

// logins is one measurement: the time that passes for each login, and what of the
// processors the server takes for it.
func (d daemon) logins(l loginLine, names []string) (a answer, err error) {
	before := d.spent()
	took, err := together(loginClients, func(client int) error {
		var secure *tls.Config
		if l.secure != nil {
			secure = l.secure()
		}
		for i := range perLogins / loginClients {
			if err := d.logInAndOut(secure, names[(i*loginClients+client)%l.accounts]); err != nil {
				return err
			}
		}
		return nil
	})
	return answer{time: took / perLogins, cpu: (d.spent() - before) / perLogins}, err
}

// logInAndOut is one client from its connection to its end.
func (d daemon) logInAndOut(secure *tls.Config, name string) error {
	conn, err := d.connect(secure)
	if err != nil {
		return err
	}
	defer conn.Close() // everything was said
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	for _, command := range []string{"", "LOGIN " + name + " " + site.Password, "SELECT INBOX", "LOGOUT"} {
		if err := say(conn, r, command); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, r)
	return err
}

func (d daemon) connect(secure *tls.Config) (net.Conn, error) {
	if secure == nil {
		return net.Dial("tcp", d.imap)
	}
	return tls.Dial("tcp", d.imaps, secure)
}

// say says a command, and hears it out. "" is to hear the greeting.
func say(w io.Writer, r *bufio.Reader, command string) error {
	want := "* OK"
	if command != "" {
		want = tag + " OK"
		if _, err := io.WriteString(w, tag+" "+command+"\r\n"); err != nil {
			return err
		}
	}
	for {
		line, err := r.ReadString('\n')
		switch {
		case err != nil:
			return fmt.Errorf("%.40s: %w", command, err)
		case strings.HasPrefix(line, want):
			return nil
		case !strings.HasPrefix(line, "* ") || command == "":
			return fmt.Errorf("%.40s: %s", command, line)
		}
	}
}

// firstLogins measures the first login of each account, from the connection to the
// answer. No session program of these accounts runs.
func (s *subject) firstLogins(d daemon, names []string) error {
	for _, name := range names {
		before, start := d.spent(), time.Now()
		conn, err := d.connect(nil)
		if err != nil {
			return err
		}
		r := bufio.NewReader(conn)
		err = errors.Join(say(conn, r, ""), say(conn, r, "LOGIN "+name+" "+site.Password))
		a := answer{time: time.Since(start)}
		a.cpu = d.spent() - before
		if err = errors.Join(err, conn.Close()); err != nil {
			return fmt.Errorf("%s: %s: %w", s.peer.Name, firstLogin, err)
		}
		for _, line := range []string{firstLogin, firstLoginSlow} {
			if err := s.note(line, a, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// spent is the processor time of all processes of the server, also of those that have
// ended.
func (d daemon) spent() (sum time.Duration) {
	if d.pids == nil { // it is this process
		return 0
	}
	for _, pid := range d.pids() {
		sum += processorTime(pid) + reaped(pid)
	}
	return sum
}
