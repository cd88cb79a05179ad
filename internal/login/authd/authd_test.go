package authd

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
	"fantail/internal/login/webauthn"
)

// accounts is a source in which ann has a password.
type accounts struct {
	stuck  chan struct{} // Password waits for it, unless nil
	asked  atomic.Int32
	broken error
	codes  error // of Factors
	keys   []webauthn.Credential
}

func (a *accounts) Password(ctx context.Context, q passdb.Query, password userdb.Secret) (userdb.User, error) {
	a.asked.Add(1)
	if a.stuck != nil {
		select {
		case <-a.stuck:
		case <-ctx.Done():
			return userdb.User{}, context.Cause(ctx)
		}
	}
	switch {
	case a.broken != nil:
		return userdb.User{}, a.broken
	case q.Name == "bob" && password == "secret":
		return userdb.User{Name: "bob"}, nil
	case strings.ToLower(q.Name) != "ann" || password != "secret":
		return userdb.User{}, userdb.ErrWrong
	}
	return userdb.User{Name: "ann", UID: 1000, GID: 100, IMAPWithout: "NOTIFY"}, nil
}

func (a *accounts) Keys(context.Context, passdb.Query, crypto.Hash) (sasl.Keys, userdb.User, error) {
	return sasl.Keys{}, userdb.User{}, userdb.ErrWrong
}

func (a *accounts) Token(_ context.Context, _ passdb.Query, token userdb.Secret) (userdb.User, error) {
	if token != "good" {
		return userdb.User{}, userdb.ErrWrong
	}
	return userdb.User{Name: "ann"}, nil
}

func (a *accounts) Certificate(_ context.Context, q passdb.Query) (userdb.User, error) {
	return userdb.User{Name: q.Name}, nil
}

// Factors: bob's codes are "123456", and his keys are a.keys.
func (a *accounts) Factors(u userdb.User) (passdb.Wanted, error) {
	return passdb.Wanted{App: u.Name == "bob", Keys: a.keys}, a.codes
}

func (a *accounts) Key(_ context.Context, _ userdb.User, c webauthn.Challenge, response []byte) error {
	_, err := a.keys[0].Assert(response, c)
	if err != nil {
		return fmt.Errorf("%w: %w", userdb.ErrWrong, err)
	}
	return nil
}

func (a *accounts) Code(_ context.Context, u userdb.User, code userdb.Secret) error {
	switch {
	case u.Name != "bob":
		panic("nobody asks " + u.Name + " for a code")
	case code == "later":
		return passdb.ErrLater
	case code == "broken":
		return userdb.ErrUnavailable
	case code != "123456":
		return userdb.ErrWrong
	}
	return nil
}

func (a *accounts) Lookup(_ context.Context, name string) (userdb.User, error) {
	switch name {
	case "ann":
		return userdb.User{Name: "ann", UID: 1000, GID: 100}, nil
	case "away":
		return userdb.User{}, fmt.Errorf("%w: away", userdb.ErrUnavailable)
	}
	return userdb.User{}, userdb.ErrUnknown
}

func (a *accounts) Resolve(_ context.Context, u userdb.User) (wire.Account, error) {
	return wire.Account{Name: u.Name, UID: uint32(u.UID), GID: uint32(u.GID), Groups: []uint32{7}, Home: "/home/" + u.Name, Mail: "/home/" + u.Name + "/Maildir"}, nil
}

var mechanisms = []string{"PLAIN", "LOGIN", "XOAUTH2", "EXTERNAL"}

func engine(t *testing.T, a Accounts) *Engine {
	t.Helper()
	e, err := New(Options{Log: slog.New(slog.DiscardHandler)}, Setup{Accounts: a, SASL: sasl.Config{Enabled: mechanisms}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// peer is the other end of a connection.
type peer struct {
	t    *testing.T
	c    *fdpass.Conn
	done chan error // what Serve returned
}

// connect connects to an engine.
func connect(t *testing.T, e *Engine, role Role) *peer {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	l, err := fdpass.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := &peer{t: t, done: make(chan error, 1)}
	if p.c, err = fdpass.Dial(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { p.done <- e.Serve(ctx, s, role) }()
	t.Cleanup(func() {
		cancel()
		p.c.Close()
	})
	if role.name == Front.name || role.name == All.name {
		p.want(0, &wire.Offer{Mechanisms: mechanisms})
	}
	return p
}

func (p *peer) say(id uint32, m wire.Message) {
	p.t.Helper()
	b, err := wire.Append(nil, id, m)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.c.Send(b, nil); err != nil {
		p.t.Fatal(err)
	}
}

// hear returns the next message, or nil at the end.
func (p *peer) hear() (uint32, wire.Message) {
	p.t.Helper()
	b, _, err := p.c.Receive(make([]byte, wire.MaxMessage))
	if err != nil {
		return 0, nil
	}
	id, m, err := wire.Parse(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return id, m
}

func (p *peer) want(id uint32, want wire.Message) {
	p.t.Helper()
	got, m := p.hear()
	if s, ok := m.(*wire.Success); ok {
		s.Ticket = wire.Ticket{}
	}
	if diff := cmp.Diff(want, m); diff != "" || got != id {
		p.t.Errorf("number %d, want %d; -want +got:\n%s", got, id, diff)
	}
}

func (p *peer) wantEnd(why string) {
	p.t.Helper()
	if _, m := p.hear(); m != nil {
		p.t.Errorf("%s: answered with %#v", why, m)
	}
	if err := <-p.done; err == nil || !strings.Contains(err.Error(), why) {
		p.t.Errorf("the connection ended with %v, want %s", err, why)
	}
}

var home = netip.MustParseAddr("192.0.2.1")

func plain(password string) *wire.Begin {
	return &wire.Begin{Service: wire.IMAP, TLS: true, Remote: home, Mechanism: "PLAIN", HasInitial: true, Initial: []byte("\x00ann\x00" + password)}
}

var won = &wire.Success{Account: "ann", Without: "NOTIFY"}

func TestExchanges(t *testing.T) {
	e := engine(t, &accounts{})
	p := connect(t, e, Front)
	p.say(1, plain("secret"))
	p.want(1, won)
	p.say(1, plain("wrong")) // the number is free again
	p.want(1, &wire.Failure{Reason: wire.Wrong, Name: "ann"})

	// In steps, two at once.
	for id := uint32(2); id <= 3; id++ {
		p.say(id, &wire.Begin{Service: wire.POP3, TLS: true, Mechanism: "LOGIN"})
		p.want(id, &wire.Challenge{Data: []byte("Username:")})
	}
	p.say(3, &wire.Continue{Response: []byte("Ann")})
	p.want(3, &wire.Challenge{Data: []byte("Password:")})
	p.say(2, &wire.Continue{}) // an empty name
	p.want(2, &wire.Failure{Reason: wire.Malformed})
	p.say(3, &wire.Continue{Response: []byte("secret")})
	p.want(3, won)

	p.say(4, &wire.Begin{Service: wire.IMAP, Mechanism: "PLAIN"}) // no TLS
	p.want(4, &wire.Failure{Reason: wire.Mechanism})
	p.say(4, &wire.Begin{Service: wire.IMAP, TLS: true, Mechanism: "ANONYMOUS"})
	p.want(4, &wire.Failure{Reason: wire.Mechanism})

	p.say(5, &wire.Begin{Service: wire.IMAP, TLS: true, Mechanism: "LOGIN"})
	p.want(5, &wire.Challenge{Data: []byte("Username:")})
	p.say(5, &wire.Cancel{})
	p.say(5, plain("secret")) // the same number at once
	p.want(5, won)
	p.say(5, &wire.Cancel{}) // too late, and no harm
	p.say(5, &wire.Continue{Response: []byte("x")})
	p.say(6, plain("secret"))
	p.want(6, won)
}

// TestUnavailable: what is broken is never a wrong password.
func TestUnavailable(t *testing.T) {
	for _, c := range []struct {
		err  error
		want wire.Reason
	}{
		{userdb.ErrUnavailable, wire.Unavailable},
		{errors.New("something else"), wire.Unavailable},
		{passdb.ErrExpired, wire.Expired},
		{passdb.ErrDisabled, wire.Disabled},
	} {
		p := connect(t, engine(t, &accounts{broken: c.err}), Front)
		p.say(1, plain("secret"))
		p.want(1, &wire.Failure{Reason: c.want, Name: "ann"})
	}
}

// TestLiars: whoever breaks the rules loses his connection, and nobody else does.
func TestLiars(t *testing.T) {
	stuck := make(chan struct{})
	e := engine(t, &accounts{stuck: stuck})
	honest := connect(t, e, Front)
	honest.say(1, plain("secret"))
	for _, c := range []struct {
		why  string
		role Role
		do   func(*peer)
	}{
		{errNumber.Error(), Front, func(p *peer) {
			p.say(9, plain("secret"))
			p.say(9, plain("secret"))
		}},
		{errTurn.Error(), Front, func(p *peer) {
			p.say(9, plain("secret"))
			p.say(9, &wire.Continue{Response: []byte("x")})
		}},
		{"may not say", Front, func(p *peer) { p.say(9, &wire.Redeem{Service: wire.IMAP}) }},
		{"may not say", Session, func(p *peer) { p.say(9, plain("secret")) }},
		{"may not say", All, func(p *peer) { p.say(9, &wire.Account{}) }},
		{"malformed", Front, func(p *peer) { p.c.Send([]byte("?"), nil) }},
		{"malformed", Front, func(p *peer) { p.c.Send(make([]byte, wire.MaxMessage+1), nil) }},
		{"descriptor", Front, func(p *peer) {
			b, _ := wire.Append(nil, 1, plain("secret"))
			p.c.Send(b, fdpass.Descriptors{0})
		}},
	} {
		liar := connect(t, e, c.role)
		c.do(liar)
		liar.wantEnd(c.why)
	}
	close(stuck)
	honest.want(1, won)
}

// TestGone: what a front that is gone had asked for is given up.
func TestGone(t *testing.T) {
	a := &accounts{stuck: make(chan struct{})}
	p := connect(t, engine(t, a), Front)
	p.say(1, plain("secret"))
	for a.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	p.c.Close()
	if err := <-p.done; err != nil { // after the question has ended
		t.Error(err)
	}
}

func TestTickets(t *testing.T) {
	var passed atomic.Int64 // since the beginning of time
	e := engine(t, &accounts{})
	e.tickets.clock = func() time.Time { return time.Unix(1e9, passed.Load()) }
	front, session := connect(t, e, Front), connect(t, e, Session)
	ask := func() wire.Redeem {
		t.Helper()
		front.say(1, plain("secret"))
		_, m := front.hear()
		s, ok := m.(*wire.Success)
		if !ok {
			t.Fatalf("%#v", m)
		}
		return wire.Redeem{Service: wire.IMAP, Account: "ann", Ticket: s.Ticket, PID: uint32(os.Getpid()), UID: uint32(os.Geteuid())}
	}
	account := &wire.Account{Name: "ann", UID: 1000, GID: 100, Groups: []uint32{7}, Home: "/home/ann", Mail: "/home/ann/Maildir"}
	for _, c := range []struct {
		name string
		lie  func(*wire.Redeem)
		good bool
	}{
		{"as it is", func(*wire.Redeem) {}, true},
		{"just in time", func(*wire.Redeem) { passed.Add(int64(ticketLife)) }, true},
		{"too late", func(*wire.Redeem) { passed.Add(int64(ticketLife + 1)) }, false},
		{"another account", func(r *wire.Redeem) { r.Account = "bob" }, false},
		{"another service", func(r *wire.Redeem) { r.Service = wire.POP3 }, false},
		{"another process", func(r *wire.Redeem) { r.PID++ }, false},
		{"another user", func(r *wire.Redeem) { r.UID++ }, false},
		{"a guess", func(r *wire.Redeem) { r.Ticket[0]++ }, false},
	} {
		r := ask()
		honest := r
		c.lie(&r)
		session.say(7, &r)
		if c.good {
			session.want(7, account)
		} else {
			session.want(7, &wire.Denied{})
		}
		if r.Ticket == honest.Ticket { // it is used up in any case
			session.say(8, &honest)
			session.want(8, &wire.Denied{})
		}
	}
	for range mostTickets {
		e.tickets.issue(userdb.User{Name: "bob"}, wire.IMAP, fdpass.Peer{})
	}
	front.say(2, plain("secret"))
	front.want(2, &wire.Failure{Reason: wire.Busy})
	passed.Add(int64(ticketLife + 1))
	ask()
	e.tickets.mu.Lock()
	defer e.tickets.mu.Unlock()
	if n, m := len(e.tickets.out), len(e.tickets.old); n != 1 || m != 1 {
		t.Errorf("%d tickets are out, %d are listed", n, m)
	}
}

// TestConfigure: fronts are told of other mechanisms, and exchanges go on.
func TestConfigure(t *testing.T) {
	e := engine(t, &accounts{})
	p := connect(t, e, Front)
	p.say(1, &wire.Begin{Service: wire.POP3, TLS: true, Mechanism: "LOGIN"})
	p.want(1, &wire.Challenge{Data: []byte("Username:")})
	if err := e.Configure(Setup{Accounts: &accounts{}, SASL: sasl.Config{Enabled: []string{"none"}}}); err == nil {
		t.Error("a mechanism that there is not was accepted")
	}
	if err := e.Configure(Setup{Accounts: &accounts{}, SASL: sasl.Config{Enabled: []string{"PLAIN"}}}); err != nil {
		t.Fatal(err)
	}
	p.want(0, &wire.Offer{Mechanisms: []string{"PLAIN"}})
	p.say(2, &wire.Begin{Service: wire.POP3, TLS: true, Mechanism: "LOGIN"})
	p.want(2, &wire.Failure{Reason: wire.Mechanism})
	p.say(1, &wire.Continue{Response: []byte("ann")})
	p.want(1, &wire.Challenge{Data: []byte("Password:")})
}

// TestPenalty: guesses wait, and only so many of them.
func TestPenalty(t *testing.T) {
	a := &accounts{}
	e := engine(t, a)
	p := connect(t, e, Front)
	for i := range uint32(20) {
		p.say(i, plain("guess"+string(rune('a'+i))))
		p.say(i+100, &wire.Cancel{}) // of nothing
		if i < 3 {
			p.want(i, &wire.Failure{Reason: wire.Wrong, Name: "ann"})
		}
	}
	busy := 0
	for range 20 - 3 - mostWaiting {
		if _, m := p.hear(); cmp.Equal(m, &wire.Failure{Reason: wire.Busy, Name: "ann"}) {
			busy++
		}
	}
	if n := a.asked.Load(); busy != 20-3-mostWaiting || n != 3 {
		t.Errorf("%d were told to come later, the source was asked %d times", busy, n)
	}
	p.say(50, &wire.Begin{Service: wire.IMAP, TLS: true, Remote: netip.MustParseAddr("2001:db8::1"), Mechanism: "PLAIN", HasInitial: true, Initial: []byte("\x00ann\x00secret")})
	p.want(50, won) // from elsewhere
}

// TestAcknowledgement: who does not acknowledge that he has failed has failed too.
func TestAcknowledgement(t *testing.T) {
	e := engine(t, &accounts{})
	p := connect(t, e, Front)
	for id := range uint32(10) {
		p.say(id, &wire.Begin{Service: wire.IMAP, TLS: true, Remote: home, Mechanism: "XOAUTH2", HasInitial: true,
			Initial: []byte("user=ann\x01auth=Bearer bad" + string(rune('a'+id)) + "\x01\x01")})
		if id >= 3 {
			break
		}
		if _, m := p.hear(); m.Kind() != wire.KindChallenge {
			t.Fatalf("%#v", m)
		}
		p.say(id, &wire.Cancel{})
	}
	if w := e.penalty.Wait(home, "ann"); w == 0 {
		t.Error("tokens can be guessed for free")
	}
}

// FuzzServe: whatever a peer sends, an honest one is served, and nobody gets a ticket
// without the password.
func FuzzServe(f *testing.F) {
	seed := func(messages ...wire.Message) {
		var all []byte
		for i, m := range messages {
			b, err := wire.Append(nil, uint32(i%2), m)
			if err != nil {
				f.Fatal(err)
			}
			all = append(append(all, byte(len(b)>>8), byte(len(b))), b...)
		}
		f.Add(all)
	}
	seed(plain("wrong"), plain("wrong"))
	seed(&wire.Begin{Service: wire.POP3, TLS: true, Mechanism: "LOGIN"}, &wire.Cancel{}, &wire.Continue{Response: []byte("ann")}, &wire.Continue{})
	seed(&wire.Redeem{Service: wire.IMAP, Account: "ann"}, &wire.Redeem{Service: wire.IMAP})
	seed(&wire.Begin{Service: wire.IMAP, TLS: true, Mechanism: "XOAUTH2"}, &wire.Cancel{}, &wire.Continue{Response: []byte("user=ann\x01auth=Bearer bad\x01\x01")}, &wire.Cancel{})
	f.Fuzz(func(t *testing.T, messages []byte) {
		a := &accounts{}
		e := engine(t, a)
		liar := connect(t, e, All)
		for len(messages) >= 2 {
			n := min(int(messages[0])<<8|int(messages[1]), len(messages)-2)
			if n > 0 && liar.c.Send(messages[2:2+n], nil) != nil {
				break
			}
			messages = messages[2+n:]
		}
		liar.c.CloseWrite()
		for {
			_, m := liar.hear()
			if m == nil {
				break
			}
			if s, ok := m.(*wire.Success); ok && s.Account == "ann" && a.asked.Load() == 0 {
				t.Fatal("a ticket without a question")
			}
		}
		honest := connect(t, e, Front)
		honest.say(1, &wire.Begin{Service: wire.IMAP, TLS: true, Remote: netip.MustParseAddr("2001:db8::1"), Mechanism: "PLAIN", HasInitial: true, Initial: []byte("\x00ann\x00secret")})
		honest.want(1, won)
	})
}
