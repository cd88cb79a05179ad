package authd

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/dovecotauth"
	"fantail/internal/login/sasl"
)

// MailServer is the role of Postfix, Exim and others, whose clients want to send mail. A
// success brings them no ticket.
var MailServer = Role{"mail server", []wire.Kind{wire.KindBegin, wire.KindContinue, wire.KindCancel}, false}

// ServeMailServer is Serve for one of them, which speaks another protocol (package
// dovecotauth).
func (e *Engine) ServeMailServer(ctx context.Context, c *net.UnixConn) error {
	who, err := fdpass.PeerOf(c)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	m := &mailServer{engine: e, c: c, in: dovecotauth.NewReader(c), attempts: make(map[uint32]attempt)}
	return e.serve(broker.Carry(ctx, m, who), MailServer)
}

// mailServer carries messages to and from a mail server: its lines become those that a
// front would send, and the answers lines. What is wrong with a response, and not with
// the mail server, is answered here.
type mailServer struct {
	engine *Engine
	c      net.Conn
	in     *dovecotauth.Reader

	mu       sync.Mutex // guards what follows, and writing
	greeted  bool
	attempts map[uint32]attempt // that have not been answered for good
}

// attempt is an exchange as the log tells of it.
type attempt struct {
	broker.Login
	mechanism string
}

// services are the names that a mail server may give what its clients log in to.
var services = map[string]bool{"smtp": true, "submission": true}

// maxMechanism is more than the longest name of a mechanism has (RFC 4422 section 3.1), so
// that one which is cut is none.
const maxMechanism = 21

// unreadTime is how long a mail server may leave answers unread.
const unreadTime = 10 * time.Second

// Receive implements broker.Carrier.
func (s *mailServer) Receive() (uint32, wire.Message, error) {
	for {
		l, err := s.in.Next()
		if err != nil {
			return 0, nil, err
		}
		id, m, err := s.message(l)
		if err != nil || m != nil {
			return id, m, err
		}
	}
}

// message makes a message of a line; nil if that is answered, or needs no answer.
func (s *mailServer) message(l dovecotauth.Line) (uint32, wire.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch l := l.(type) {
	case *dovecotauth.Auth:
		m, err := s.begin(l)
		return l.ID, m, err
	case *dovecotauth.Cont:
		a, open := s.attempts[l.ID]
		switch {
		case !open:
			return 0, nil, s.fail(l.ID, dovecotauth.Failure{Temporary: true, Code: dovecotauth.CodeTemporary, Reason: "it took too long"})
		case l.Bad:
			s.impossible(a, "", errBase64)
			delete(s.attempts, l.ID)
			return l.ID, &wire.Cancel{}, s.fail(l.ID, dovecotauth.Failure{Code: dovecotauth.CodeBase64, Reason: errBase64.Error()})
		}
		return l.ID, &wire.Continue{Response: l.Data}, nil
	case dovecotauth.Cancel:
		delete(s.attempts, l.ID)
		return l.ID, &wire.Cancel{}, nil
	}
	return 0, nil, nil // of the handshake
}

var (
	errBase64  = errors.New("malformed response")
	errService = errors.New("only SMTP is served here")
)

// begin makes a message of the beginning of an exchange.
func (s *mailServer) begin(l *dovecotauth.Auth) (wire.Message, error) {
	if _, open := s.attempts[l.ID]; open {
		return nil, errNumber
	}
	a := attempt{
		broker.Login{Service: wire.SMTP, Remote: l.Remote, SID: plainSID(l.Session), Conn: sasl.Conn{TLS: l.TLS}},
		strings.ToUpper(l.Mechanism[:min(len(l.Mechanism), maxMechanism)]),
	}
	m := &wire.Begin{
		Service: a.Service, TLS: l.TLS, Clear: s.engine.mayBeClear(l.Remote), Remote: l.Remote,
		SID: a.SID, Mechanism: a.mechanism, HasInitial: l.Initial != nil,
	}
	switch {
	case !services[l.Service]:
		s.impossible(a, "", errService)
		return nil, s.fail(l.ID, dovecotauth.Failure{Reason: errService.Error()})
	case !m.HasInitial:
	case l.Initial.Bad:
		s.impossible(a, "", errBase64)
		return nil, s.fail(l.ID, dovecotauth.Failure{Code: dovecotauth.CodeBase64, Reason: errBase64.Error()})
	default:
		m.Initial = l.Initial.Data
	}
	s.attempts[l.ID] = a
	return m, nil
}

// mayBeClear reports whether a password may travel without TLS from a client. One without
// an address need not be on this machine: the mail server just does not say.
func (e *Engine) mayBeClear(remote netip.Addr) bool {
	switch e.setup.Load().Plaintext {
	case conf.PlaintextAlways:
		return true
	case conf.PlaintextLoopback:
		return remote.IsLoopback()
	}
	return false
}

// plainSID is what a mail server calls a connection, if that can be in a log line.
func plainSID(session string) string {
	if len(session) > 64 || strings.ContainsFunc(session, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return session
}

// Send implements broker.Carrier.
func (s *mailServer) Send(id uint32, m wire.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := m.(*wire.Offer); ok {
		return s.greet(o)
	}
	a, open := s.attempts[id]
	if !open {
		return nil // it has been told, or wants to hear no more
	}
	switch m := m.(type) {
	case *wire.Challenge:
		return s.write(dovecotauth.AppendCont(nil, id, m.Data))
	case *wire.Success:
		delete(s.attempts, id)
		s.log(a, m.Account).Info("login")
		return s.write(dovecotauth.AppendOK(nil, id, m.Account))
	case *wire.Failure:
		delete(s.attempts, id)
		f := failures[m.Reason]
		if m.Reason == wire.Wrong {
			a.Failed(s.engine.o.Log, m.Name, a.mechanism)
		} else {
			s.impossible(a, m.Name, f.err)
		}
		f.User = m.Name
		return s.fail(id, f.Failure)
	}
	panic(fmt.Sprintf("authd: a mail server is told %T", m))
}

// connections counts those of mail servers; each has a number.
type connections struct{ last atomic.Uint32 }

// greet begins the conversation. Later offers come too late: the protocol knows none.
func (s *mailServer) greet(o *wire.Offer) error {
	if s.greeted {
		return nil
	}
	s.greeted = true
	h := dovecotauth.Handshake{Mechanisms: o.Mechanisms, PID: uint32(os.Getpid()), Connection: s.engine.mailServers.last.Add(1)}
	rand.Read(h.Cookie[:]) // never fails
	return s.write(h.Append(nil))
}

// lost is what is said of a failure.
type lost struct {
	dovecotauth.Failure       // to the mail server
	err                 error // in the log
}

// later are failures that are none of the client's.
var later = dovecotauth.Failure{Temporary: true, Code: dovecotauth.CodeTemporary}

// failures are what is said, by the reason. Reasons reach the client.
var failures = map[wire.Reason]lost{
	wire.Wrong:       {dovecotauth.Failure{}, broker.ErrWrong},
	wire.Unavailable: {later, broker.ErrUnavailable},
	wire.Busy:        {later, broker.ErrBusy},
	wire.Malformed:   {dovecotauth.Failure{Reason: errBase64.Error()}, broker.ErrMalformed},
	wire.Mechanism:   {dovecotauth.Failure{Reason: "not on this connection"}, broker.ErrMechanism},
	wire.Expired:     {dovecotauth.Failure{Code: dovecotauth.CodeExpired, Reason: broker.ErrExpired.Error()}, broker.ErrExpired},
	wire.Disabled:    {dovecotauth.Failure{Code: dovecotauth.CodeDisabled, Reason: "the account may not send mail"}, broker.ErrDisabled},
}

// fail tells of a failure.
func (s *mailServer) fail(id uint32, f dovecotauth.Failure) error {
	return s.write(dovecotauth.AppendFail(nil, id, f))
}

// log has what the log tells of every attempt, in the order of fronts.
func (s *mailServer) log(a attempt, user string) *slog.Logger {
	remote := "local"
	if a.Remote.IsValid() {
		remote = a.Remote.String()
	}
	return s.engine.o.Log.With("sid", a.SID, "proto", a.Service, "remote", remote, "user", user, "mech", a.mechanism, "tls", a.Conn.TLS)
}

// impossible says in the log why somebody could not log in whatever the password.
func (s *mailServer) impossible(a attempt, user string, err error) {
	s.log(a, user).Info("login impossible", "err", err)
}

func (s *mailServer) write(b []byte) error {
	if !bytes.HasSuffix(b, []byte{'\n'}) || len(b) > dovecotauth.MaxAnswer {
		panic("authd: an answer that is no line")
	}
	if err := s.c.SetWriteDeadline(time.Now().Add(unreadTime)); err != nil {
		return err
	}
	_, err := s.c.Write(b)
	return err
}

// CloseRead implements broker.Carrier.
func (s *mailServer) CloseRead() error {
	if c, ok := s.c.(interface{ CloseRead() error }); ok {
		return c.CloseRead()
	}
	return s.c.Close() // nothing that has no two halves is listened on
}

// Close implements broker.Carrier.
func (s *mailServer) Close() error { return s.c.Close() }
