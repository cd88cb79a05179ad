package authd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/sasl"
)

// Role is what the peers on a socket may say.
type Role struct {
	name    string
	kinds   []wire.Kind
	tickets bool // a success brings one
}

// The roles. Whatever else somebody says ends the connection.
var (
	Front   = Role{"front", []wire.Kind{wire.KindBegin, wire.KindContinue, wire.KindCancel, wire.KindManage}, true}
	Session = Role{"session", []wire.Kind{wire.KindRedeem}, false}
	// Delivery is the role of who brings mail, for whom there is no password.
	Delivery = Role{"delivery", []wire.Kind{wire.KindLocate}, true}
	// All is for a front that starts sessions itself, where everything runs under
	// one uid.
	All = Role{"front and session", slices.Concat(Front.kinds, Session.kinds, Delivery.kinds), true}
)

const (
	// mostExchanges is how many a connection may have. A front serves as many
	// clients before login.
	mostExchanges = 10_000
	// exchangeLife is how long an exchange may take in all. Fronts have less
	// patience with their clients.
	exchangeLife = 5 * time.Minute
)

// conn is a connection of a front, of sessiond or of a mail server.
type conn struct {
	*broker.Peer
	engine *Engine
	role   Role
	log    *slog.Logger

	mu        sync.Mutex // guards what follows
	exchanges map[uint32]*running
}

// running is an exchange of a connection.
type running struct {
	x        *Exchange
	client   Client
	ctx      context.Context
	cancel   context.CancelFunc
	thinking bool // the engine has it, not the client
	gone     bool // the client cancelled it while thinking
}

// Serve serves a connection until its peer closes it, breaks the rules, or ctx ends.
// It closes the connection.
func (e *Engine) Serve(ctx context.Context, c *fdpass.Conn, role Role) error {
	if slices.Equal(role.kinds, Session.kinds) {
		var cancel context.CancelFunc
		ctx, cancel = e.lasting(ctx)
		defer cancel()
	}
	peer, err := broker.NewPeer(ctx, c)
	if err != nil {
		return err
	}
	return e.serve(peer, role)
}

// serve serves a connection of any kind.
func (e *Engine) serve(peer *broker.Peer, role Role) error {
	s := &conn{
		Peer: peer, engine: e, role: role, exchanges: make(map[uint32]*running),
		log: e.o.Log.With("peer", role.name, "pid", peer.PID, "uid", peer.UID),
	}
	e.known(s, true)
	defer e.known(s, false)
	s.offer()
	if err := s.Peer.Serve(role.kinds, s.hear); err != nil {
		return fmt.Errorf("%s: %w", role.name, err)
	}
	return nil
}

// lastTime is how long authd goes on for tickets that it has given.
const lastTime = 7 * time.Second

// lasting returns a context that ends some time after ctx: when fronts have got their
// last answers, and the tickets in these are redeemed.
func (e *Engine) lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		defer cancel()
		for end := time.Now().Add(lastTime); time.Now().Before(end) && (e.fronts() || e.tickets.any()); {
			if pause(last, 10*time.Millisecond) != nil {
				return
			}
		}
	})
	return last, cancel
}

// fronts reports whether any is connected.
func (e *Engine) fronts() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.conns {
		if slices.Contains(s.role.kinds, wire.KindBegin) {
			return true
		}
	}
	return false
}

// known keeps the list of connections, for what all of them are told.
func (e *Engine) known(s *conn, yes bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if yes {
		e.conns[s] = struct{}{}
	} else {
		delete(e.conns, s)
	}
}

// offer says which mechanisms there are.
func (s *conn) offer() {
	s.mu.Lock() // what is said last is what is so
	defer s.mu.Unlock()
	if slices.Contains(s.role.kinds, wire.KindBegin) {
		s.tell(0, &wire.Offer{Mechanisms: s.engine.setup.Load().SASL.Enabled})
	}
}

var (
	errTurn   = errors.New("spoke out of turn")
	errNumber = errors.New("the number of an exchange is in use")
)

// hear acts on a message.
func (s *conn) hear(id uint32, m wire.Message) error {
	switch m := m.(type) {
	case *wire.Begin:
		return s.begin(id, m)
	case *wire.Continue:
		return s.resume(id, nonNil(m.Response))
	case *wire.Cancel:
		s.cancel(id)
		return nil
	case *wire.Redeem:
		s.Go(func() { s.redeem(id, m) })
		return nil
	case *wire.Manage:
		s.Go(func() { s.tell(id, s.manage(m)) })
		return nil
	case *wire.Locate:
		s.Go(func() { s.locate(id, m) })
		return nil
	}
	panic(fmt.Sprintf("authd: %T is in a role and has no code", m))
}

// nonNil makes a response of no octets one that is there.
func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (s *conn) begin(id uint32, m *wire.Begin) error {
	client := Client{
		Service: m.Service, Remote: m.Remote, SID: m.SID,
		Conn: sasl.Conn{TLS: m.TLS, Clear: m.Clear, Bindings: make(map[string][]byte), Certificate: m.Certificate},
	}
	if len(m.Exporter) > 0 {
		client.Conn.Bindings[sasl.BindingExporter] = m.Exporter
	}
	if len(m.Endpoint) > 0 {
		client.Conn.Bindings[sasl.BindingEndPoint] = m.Endpoint
	}
	s.mu.Lock()
	_, used := s.exchanges[id]
	full := len(s.exchanges) >= mostExchanges
	s.mu.Unlock() // nobody else adds to them
	switch {
	case used:
		return errNumber
	case full:
		return s.Send(id, &wire.Failure{Reason: wire.Busy})
	}
	x, step := s.engine.Begin(client, m.Mechanism)
	if step.Done {
		return s.Send(id, &wire.Failure{Reason: step.Failed})
	}
	r := &running{x: x, client: client, thinking: true}
	r.ctx, r.cancel = context.WithTimeout(s.Context(), exchangeLife)
	s.mu.Lock()
	s.exchanges[id] = r
	s.mu.Unlock()
	context.AfterFunc(r.ctx, func() { s.expire(id, r) })
	var initial []byte
	if m.HasInitial {
		initial = nonNil(m.Initial)
	}
	s.Go(func() { s.think(id, r, initial) })
	return nil
}

// resume gives an exchange the client's response.
func (s *conn) resume(id uint32, response []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.exchanges[id]
	switch {
	case !ok:
		return nil // it ended by itself, and our word of that is on its way
	case r.thinking:
		return errTurn
	}
	r.thinking = true
	s.Go(func() { s.think(id, r, response) })
	return nil
}

// cancel ends an exchange of which the front wants to hear no more.
func (s *conn) cancel(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.exchanges[id]
	if !ok {
		return
	}
	r.cancel()
	delete(s.exchanges, id)
	if r.thinking {
		r.gone = true // think finds it
		return
	}
	r.x.Cancel()
}

// expire ends an exchange whose client has not answered in time.
func (s *conn) expire(id uint32, r *running) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.exchanges[id] != r || r.thinking || s.Context().Err() != nil {
		return // it has ended, or is about to
	}
	delete(s.exchanges, id)
	r.x.Cancel()
	s.tell(id, &wire.Failure{Reason: wire.Unavailable})
}

// tell sends an answer.
func (s *conn) tell(id uint32, m wire.Message) { s.Tell(id, m) }

// think takes an exchange one step on and tells the front.
func (s *conn) think(id uint32, r *running, response []byte) {
	step := s.next(r, response)
	s.mu.Lock()
	defer s.mu.Unlock()
	r.thinking = false
	if r.gone {
		if !step.Done {
			r.x.Cancel()
		}
		return
	}
	if step.Done || r.ctx.Err() != nil {
		r.cancel()
		delete(s.exchanges, id)
	}
	s.tell(id, s.answer(r, step))
}

// next is Exchange.Next. A panic ends its own exchange only.
func (s *conn) next(r *running, response []byte) (step Step) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic", "err", p, "stack", string(debug.Stack()))
			step = Step{Done: true, Failed: wire.Unavailable}
		}
	}()
	return r.x.Next(r.ctx, response)
}

// answer says how an exchange goes on.
func (s *conn) answer(r *running, step Step) wire.Message {
	switch {
	case step.Failed != 0:
		return &wire.Failure{Reason: step.Failed, Name: step.Claimed}
	case !step.Done && r.ctx.Err() != nil:
		r.x.Cancel()
		return &wire.Failure{Reason: wire.Unavailable}
	case step.Second != nil:
		return step.Second
	case !step.Done:
		return &wire.Challenge{Data: step.Challenge}
	}
	if !s.role.tickets {
		return &wire.Success{Account: step.User.Name}
	}
	ticket, ok := s.engine.tickets.issue(step.User, r.client.Service, s.Peer.Peer)
	if !ok {
		s.log.Error("too many tickets are out")
		return &wire.Failure{Reason: wire.Busy}
	}
	return &wire.Success{Ticket: ticket, Account: step.User.Name, Without: step.User.IMAPWithout, Expire: step.User.POP3Expire}
}

func (s *conn) redeem(id uint32, m *wire.Redeem) {
	var answer wire.Message = &wire.Denied{}
	a, err := s.engine.Redeem(s.Context(), m)
	if err == nil {
		answer = &a
	} else {
		s.log.Warn("ticket denied", "user", m.Account, "proto", m.Service, "front", m.PID, "err", err)
	}
	s.tell(id, answer)
}
