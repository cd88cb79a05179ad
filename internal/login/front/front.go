// Package front is what imapd and pop3d show to strangers: connections, TLS,
// and as much of IMAP and POP3 as there is before login. It holds no mail and
// no password.
//
// A connection goes through these states, each in the file of its name:
//
//	accepted   accept.go  counted; beyond a limit it is told so and closed
//	proxied    proxied.go a proxy says for whom it is
//	handshake  tls.go     where the port has TLS from the first byte
//	dialogue   imap.go    greeting, capabilities, STARTTLS or STLS, login;
//	           pop3.go    time-outs and budgets are small
//	login      login.go   an Authenticator checks, a Starter starts the session
//	                      program, a handover.Introduction tells it of the connection
//	given      given.go   without TLS: the session has the client's socket
//	pump       pump.go    with TLS: bytes go both ways
//
// In the last two the session speaks and keeps time; the front counts the connection
// until it has ended.
//
// Invariants: one goroutine owns a connection until it pumps, and then two,
// each for one direction. Octets that were received before a TLS handshake are
// never interpreted after it. Octets that were received behind the login are
// handed to the session, which alone answers the login with OK. Before login a
// connection ends after timeouts.total at the latest, and costs a few kB.
// A panic ends its own connection only.
//
// cmd/imapd and cmd/pop3d make a Server; package broker is behind the login.
package front

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/inetd"
	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/processors"
	"fantail/internal/daemon/proxyproto"
	"fantail/internal/daemon/quiet"
	"fantail/internal/imap/wire"
	"fantail/internal/login/broker"
	"fantail/internal/login/handover"
)

// Options say how a Server works.
type Options struct {
	Auth      broker.Authenticator
	Starter   broker.Starter
	Interrupt func() // asks the sessions to take leave of their clients; does not wait
	// Outlived says that a session that has its client's own socket goes on when the
	// front ends.
	Outlived bool
	TLS      *tls.Config
	// ClientName says which name in a certificate of a client is its account's.
	ClientName conf.CertificateName
	Plaintext  conf.Plaintext // where passwords may travel without TLS
	Proxies    proxyproto.Proxies

	// Connections and PerSource limit how many there are at once, in all and
	// from one address (of IPv6: from one /64). 0 is no limit.
	Connections, PerSource int

	// IMAPWithout are capabilities that IMAP clients are not offered.
	IMAPWithout []string
	// POP3 is what POP3 clients are told before login.
	POP3 conf.POP3Settings

	Metrics *metrics.Set
	Log     *slog.Logger
}

// Server serves IMAP and POP3 connections up to their login and carries them
// afterwards. It is safe for many goroutines.
type Server struct {
	o       Options
	limit   timeouts
	without map[string]bool // the IMAP capabilities that are turned off, in upper case
	// handshakes are cheaper than what they wait for, but come in crowds.
	handshakes processors.Load
	quiet      quiet.Watch // connections come and go; handshakes leave most of what can be freed

	mu        sync.Mutex // guards what follows
	closing   bool       // nothing more is accepted
	stopping  bool       // nobody may begin
	listeners map[net.Listener]struct{}
	clients   map[*client]struct{}
	sources   map[netip.Prefix]int // connections by source
	accepting sync.WaitGroup       // those that accept
}

// perProcessor is how many handshakes at the same time want one more processor.
const perProcessor = 8

// New returns a server without connections.
func New(o Options) *Server {
	return &Server{
		o:          o,
		limit:      standard,
		handshakes: processors.Load{Each: perProcessor},
		without:    wire.Without(o.IMAPWithout...),
		listeners:  make(map[net.Listener]struct{}),
		clients:    make(map[*client]struct{}),
		sources:    make(map[netip.Prefix]int),
	}
}

// protocol is what differs between the services of a front.
type protocol struct {
	name     string                              // as the broker and the log call it
	dialogue func(c *client) (*session, error)   // until login; nil: the client left
	bye      func(text string, temp bool) []byte // the line that takes leave unasked

	// introduce adds what a session of this protocol wants to know.
	introduce func(*client, *broker.Grant, *handover.Hello)
}

// protocols is the table of services by the name of their sockets.
func protocols(service string) (protocol, bool) {
	imap := protocol{"imap", imapDialogue, imapBye, imapIntroduce}
	pop3 := protocol{"pop3", pop3Dialogue, pop3Bye, pop3Introduce}
	p, ok := map[string]protocol{"imap": imap, "imaps": imap, "pop3": pop3, "pop3s": pop3}[service]
	return p, ok
}

// ErrService says that a socket is for a service that no front serves.
var ErrService = errors.New("not a service of a mail front")

// ServeConn serves one connection and returns when it has ended.
func (s *Server) ServeConn(conn inetd.Conn) error {
	p, ok := protocols(conn.Name)
	if !ok {
		return ErrService
	}
	if c := s.admit(conn.Conn, p, conn.TLS()); c != nil {
		c.serve()
	}
	return nil
}

// Shutdown stops accepting, takes leave of clients that have not logged in within a
// moment, and lets the others go on until ctx ends; then their sessions take leave, and
// it closes them. It returns when every connection has ended, but for those that outlive
// the front.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.closing = true
	for l := range s.listeners {
		l.Close()
	}
	s.mu.Unlock()
	s.accepting.Wait() // who has been accepted is a client, and is waited for
	s.awaitLogins(ctx)
	s.mu.Lock()
	s.stopping = true
	for c := range s.clients {
		c.interrupt()
	}
	s.mu.Unlock()
	if s.wait(ctx, s.remaining) {
		return
	}
	s.o.Interrupt()
	ctx, cancel := context.WithTimeout(context.Background(), s.limit.leave)
	defer cancel()
	if s.wait(ctx, s.remaining) {
		return
	}
	s.mu.Lock()
	for c := range s.clients {
		if !c.outlives() {
			c.abort()
		}
	}
	s.mu.Unlock()
	s.wait(context.Background(), s.remaining)
}

// remaining returns how many connections there are that end with the front.
func (s *Server) remaining() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		if !c.outlives() {
			n++
		}
	}
	return n
}

// wait waits until count returns 0, and reports false if ctx ends before.
func (s *Server) wait(ctx context.Context, count func() int) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for count() > 0 {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// awaitLogins waits until every client is logged in or gone, or the time for that is
// over: who is in the middle of it is not to be turned away by an upgrade.
func (s *Server) awaitLogins(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.limit.begin)
	defer cancel()
	s.wait(ctx, s.dialogues)
}

// dialogues returns how many clients are not logged in.
func (s *Server) dialogues() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		c.mu.Lock()
		if !c.loggedIn {
			n++
		}
		c.mu.Unlock()
	}
	return n
}

// timeouts are how long a client may take before login. A session keeps its
// own time afterwards.
type timeouts struct {
	proxy     time.Duration // a proxy: its header
	handshake time.Duration // TLS
	idle      time.Duration // the next octets of the client
	total     time.Duration // everything up to the login
	write     time.Duration // taking what the front says
	linger    time.Duration // closing, once the session has ended
	begin     time.Duration // logging in, when the front ends
	leave     time.Duration // after login: hearing that the server shuts down
	stuck     time.Duration // after login: taking one buffer of what the session says
}

// standard are the time-outs in use. The autologout of RFC 9051 section 5.4 (30
// minutes) and of RFC 1939 section 3 (10 minutes) protects the state of a
// session; before login there is none to lose.
var standard = timeouts{
	proxy:     5 * time.Second, // at least 3, says its specification, for one lost segment
	handshake: 30 * time.Second,
	idle:      time.Minute,
	total:     3 * time.Minute,
	write:     30 * time.Second,
	linger:    5 * time.Second,
	begin:     2 * time.Second,
	leave:     3 * time.Second,
	stuck:     10 * time.Minute,
}

// The budgets of a connection before login.
const (
	maxCommands = 200 // of any kind
	maxMistakes = 20  // commands that were refused
	maxAttempts = 5   // wrong passwords
)
