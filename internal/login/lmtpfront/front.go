// Package lmtpfront is what lmtpd shows to mail servers: LMTP (RFC 2033), which is SMTP
// (RFC 5321) for who keeps no queue. It receives messages and hands each to a
// deliver-session of the recipient's account; it has no mail and no password.
//
//	client.go    a connection: lines in, replies out, time
//	command.go   the table of commands      greet.go  LHLO, STARTTLS, XCLIENT, QUIT …
//	envelope.go  MAIL, RCPT, RSET           locate.go whose mail an address is
//	data.go      DATA and BDAT              body.go   the message, in memory or in a file
//	post.go      to whom it goes at once    channel.go connections to sessions
//	policy.go    a question before: has a recipient room? (package policy)
//
// # The states of a connection
//
//	state     leaves it
//	greeted   LHLO: ready
//	ready     MAIL: sender; XCLIENT, STARTTLS: greeted
//	sender    RCPT that is accepted: envelope
//	envelope  DATA or a first BDAT: receiving
//	receiving its end, or BDAT LAST: a reply for each recipient, then ready
//
// RSET, LHLO and an end of the message lead back to ready, everywhere. QUIT ends it.
//
// # What a reply means
//
// After the end of a message each recipient that was accepted gets a reply, in the order
// of RCPT (RFC 2033 section 4.2), also if all are refused. 250 says that this recipient's
// copy survives a power cut. Nothing is kept here: who is not told 250 has nothing, or,
// if the answer of its session was lost, perhaps the message. So the client has to try
// again, which is asked by a reply of class 4; class 5 is for what will not change by
// itself: no such account, a message that is too large.
//
// # Ends of lines
//
// Only CRLF "." CRLF ends the message of DATA (RFC 5321 section 4.1.1.4). CRLF is stored
// as LF. A bare LF is kept, and so becomes the end of a line in the mailbox, not of the
// message; a bare CR, NUL, and lines and headers of any length are kept as they are. A
// message from a mail server that has let such things pass is not lost here.
//
// # Invariants
//
// One goroutine owns a connection. Octets from before TLS or XCLIENT are not interpreted
// afterwards; nor is what follows a DATA that was refused. Memory for a connection is
// bounded: a line, the recipients, memoryMost octets of a message. A panic ends its own
// connection only.
package lmtpfront

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"fantail/internal/daemon/inetd"
	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/quiet"
	"fantail/internal/deliver/lmtp"
	"fantail/internal/login/broker"
)

// Options say how a Server works.
type Options struct {
	Deliveries broker.Deliveries
	TLS        *tls.Config
	Host       string         // its name in greetings and in Received
	Size       int64          // of the largest message, in octets; 0 is no limit
	Domains    []string       // whose addresses name accounts by the local part; "*" is every one
	Delimiters string         // each may begin the detail of a local part
	Spool      string         // directory for messages that are too large for memory
	XClient    []netip.Prefix // who may say XCLIENT
	// Connections limits how many there are at once; 0 is no limit.
	Connections int
	Metrics     *metrics.Set
	Log         *slog.Logger
	Clock       func() time.Time // nil: time.Now
}

// Server serves connections of LMTP. It is safe for many goroutines.
type Server struct {
	o        Options
	limit    timeouts
	finder   *finder
	channels *channels
	rooms    *rooms
	quiet    quiet.Watch

	mu        sync.Mutex // guards what follows
	stopping  bool
	listeners map[net.Listener]struct{}
	clients   map[visitor]struct{}
	running   sync.WaitGroup // one for each client
}

// visitor is a connection that is served.
type visitor interface {
	interrupt() // the server stops: what has begun may end
	sever()     // now
}

// timeouts are how long one waits. RFC 5321 section 4.5.3.2.7 gives a client 5 minutes
// at least for its next command.
type timeouts struct {
	idle      time.Duration // the next octets of a client
	write     time.Duration // taking what is said to it
	handshake time.Duration // TLS
	start     time.Duration // a connection to a session
	part      time.Duration // a session: taking a piece of a message
	receipt   time.Duration // a session: delivering it; a client waits 10 minutes (RFC 5321 section 4.5.3.2.6)
	question  time.Duration // finding out whether there is room, in each of three steps; Postfix waits 100 s
	asker     time.Duration // the next octets of who asks; Postfix keeps a connection for 5 minutes
}

var standard = timeouts{
	idle:      5 * time.Minute,
	write:     5 * time.Minute,
	handshake: 30 * time.Second,
	start:     30 * time.Second,
	part:      time.Minute,
	receipt:   5 * time.Minute,
	question:  10 * time.Second,
	asker:     15 * time.Minute,
}

// New returns a server without connections.
func New(o Options) *Server {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	s := &Server{
		o: o, limit: standard,
		listeners: make(map[net.Listener]struct{}),
		clients:   make(map[visitor]struct{}),
	}
	s.finder = newFinder(o)
	s.channels = newChannels(o.Deliveries, &s.limit)
	s.rooms = newRooms(s.channels, &s.limit, o.Clock)
	return s
}

// Serve accepts connections on l until Shutdown, and then returns nil.
func (s *Server) Serve(l inetd.Listener) error {
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return l.Close()
	}
	s.listeners[l.Listener] = struct{}{}
	s.mu.Unlock()
	l.Each(s.o.Log, func(conn net.Conn) {
		if v := s.admit(l.Name, conn); v != nil {
			go v.serve()
		}
	})
	return nil
}

// ServeConn serves one connection and returns when it has ended.
func (s *Server) ServeConn(conn inetd.Conn) error {
	if v := s.admit(conn.Name, conn.Conn); v != nil {
		v.serve()
	}
	return nil
}

// The names of the sockets.
const (
	nameLMTP   = "lmtp"
	namePolicy = "policy"
)

// admit counts a connection to a socket of this name, or closes it and returns nil.
func (s *Server) admit(name string, conn net.Conn) interface{ serve() } {
	s.quiet.Stir()
	if name == namePolicy {
		a := newAsker(s, conn)
		if why := s.enter(a); why != nil { // no answer is the answer
			a.log.Warn("connection refused", "err", why.Text)
			conn.Close()
			return nil
		}
		return a
	}
	c := newClient(s, conn)
	why := s.enter(c)
	if why == nil {
		return c
	}
	c.log.Warn("connection refused", "err", why.Text)
	if conn.SetWriteDeadline(time.Now().Add(time.Second)) == nil {
		conn.Write(why.Append(nil)) // whether it arrives makes no difference
	}
	conn.Close()
	return nil
}

// enter counts a connection, or says why not.
func (s *Server) enter(v visitor) (why *lmtp.Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		s.o.Metrics.Inc(metrics.Refused, "stopping")
		return replyStopping
	case s.o.Connections > 0 && len(s.clients) >= s.o.Connections:
		s.o.Metrics.Inc(metrics.Refused, "full")
		return replyCrowded
	}
	s.o.Metrics.Inc(metrics.Accepted)
	s.o.Metrics.Inc(metrics.Connections)
	s.clients[v] = struct{}{}
	s.running.Add(1)
	return nil
}

// leave is the end of what admit began.
func (s *Server) leave(v visitor) {
	s.quiet.Stir()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.Metrics.Dec(metrics.Connections)
	delete(s.clients, v)
	s.running.Done()
}

// Shutdown stops accepting. Clients that wait are told, and others when their message is
// answered; when ctx ends those that are left are cut off. It returns when every
// connection has ended.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.stopping = true
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.clients {
		c.interrupt()
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		s.mu.Lock()
		for c := range s.clients {
			c.sever()
		}
		s.mu.Unlock()
		<-ended
	}
	s.channels.close()
}

var (
	replyStopping = &lmtp.Reply{Code: 421, Status: lmtp.Status{Class: 4, Subject: 3, Detail: 2}, Text: "The server is shutting down."}
	replyCrowded  = &lmtp.Reply{Code: 421, Status: lmtp.Status{Class: 4, Subject: 3, Detail: 2}, Text: "Too many connections."}
	replyIdle     = &lmtp.Reply{Code: 421, Status: lmtp.Status{Class: 4, Subject: 4, Detail: 2}, Text: "You took too long."}
	replyEndless  = &lmtp.Reply{Code: 421, Status: lmtp.Status{Class: 4, Subject: 5, Detail: 2}, Text: "That is no line."}
	replyMistakes = &lmtp.Reply{Code: 421, Status: lmtp.Status{Class: 4, Subject: 7, Detail: 0}, Text: "Too many mistakes."}
)

// greeting is the first line to a client.
func (s *Server) greeting() *lmtp.Reply {
	return &lmtp.Reply{Code: 220, Text: fmt.Sprintf("%s LMTP Fantail ready.", s.o.Host)}
}
