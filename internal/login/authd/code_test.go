package authd

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/sasl"
)

// bobs is the beginning of a login of bob's.
func bobs(service wire.Service) *wire.Begin {
	return &wire.Begin{Service: service, TLS: true, Remote: home, Mechanism: "PLAIN", HasInitial: true, Initial: []byte("\x00bob\x00secret")}
}

// TestCode wants a right password to be enough where there is no place for a code, and
// not for webmail.
func TestCode(t *testing.T) {
	code := func(text string) *wire.Continue { return &wire.Continue{Response: []byte(text)} }
	wanted, again := &wire.FactorWanted{App: true}, &wire.FactorWanted{Again: true, App: true}
	success := &wire.Success{Account: "bob"}
	wrong := &wire.Failure{Reason: wire.Wrong, Name: "bob"}
	p := connect(t, engine(t, &accounts{}), Front)
	for _, c := range []struct {
		name  string
		begin *wire.Begin
		then  []wire.Message // what is said and heard, in turn
	}{
		{"another service", bobs(wire.SMTP), []wire.Message{nil, success}},
		{"webmail without a code", &wire.Begin{Service: wire.Webmail, TLS: true, Mechanism: "PLAIN", HasInitial: true, Initial: []byte("\x00ann\x00secret")}, []wire.Message{nil, won}},
		{"right", bobs(wire.Webmail), []wire.Message{nil, wanted, code("123456"), success}},
		{"right at last", bobs(wire.Webmail), []wire.Message{nil, wanted, code("1"), again, code(""), again, code("123456"), success}},
		{"wrong too often", bobs(wire.Webmail), []wire.Message{nil, wanted, code("1"), again, code("2"), again, code("3"), wrong}},
		{"a key that he has not", bobs(wire.Webmail), []wire.Message{nil, wanted, code("{}"), again}},
		{"the password again", bobs(wire.Webmail), []wire.Message{nil, wanted, code("\x00bob\x00secret"), again}},
		{"too often before", bobs(wire.Webmail), []wire.Message{nil, wanted, code("later"), &wire.Failure{Reason: wire.Busy, Name: "bob"}}},
		{"nobody can tell", bobs(wire.Webmail), []wire.Message{nil, wanted, code("broken"), &wire.Failure{Reason: wire.Unavailable, Name: "bob"}}},
		{"in steps", &wire.Begin{Service: wire.Webmail, TLS: true, Remote: home, Mechanism: "LOGIN"},
			[]wire.Message{nil, &wire.Challenge{Data: []byte("Username:")}, code("bob"), &wire.Challenge{Data: []byte("Password:")}, code("secret"), wanted, code("123456"), success}},
	} {
		// Each from a place of its own, where nobody has failed.
		p = connect(t, engine(t, &accounts{}), Front)
		for i := 0; i < len(c.then); i += 2 {
			if i == 0 {
				p.say(7, c.begin)
			} else {
				p.say(7, c.then[i])
			}
			p.want(7, c.then[i+1])
			if t.Failed() {
				t.Fatalf("%s, step %d", c.name, i)
			}
		}
	}
	// Given up, the number is free.
	p.say(8, bobs(wire.Webmail))
	p.want(8, wanted)
	p.say(8, &wire.Cancel{})
	p.say(8, bobs(wire.SMTP))
	p.want(8, success)
	// That it cannot be found out is no reason to do without.
	p = connect(t, engine(t, &accounts{codes: errors.New("disk")}), Front)
	p.say(1, bobs(wire.Webmail))
	p.want(1, &wire.Failure{Reason: wire.Unavailable, Name: "bob"})
}

// TestCodePenalty wants wrong codes to count, and to take their time.
func TestCodePenalty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := New(Options{Log: slog.New(slog.DiscardHandler)}, Setup{
			Accounts: &accounts{}, SASL: sasl.Config{Enabled: mechanisms}, FailureDelay: 2 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 2 {
			x, _ := e.Begin(Client{Service: wire.Webmail, Remote: home, Conn: sasl.Conn{TLS: true}}, "PLAIN")
			step := x.Next(t.Context(), []byte("\x00bob\x00secret"))
			for step.Second != nil {
				step = x.Next(t.Context(), []byte("0"))
			}
			if step.Failed != wire.Wrong {
				t.Errorf("%+v", step)
			}
		}
		if took := time.Since(began); took < 6*2*time.Second {
			t.Errorf("six wrong codes took %v", took)
		}
		if d := e.penalty.Wait(home, "bob"); d == 0 {
			t.Error("wrong codes do not count")
		}
	})
}

// TestForm wants a front to get at it through the broker.
func TestForm(t *testing.T) {
	e := engine(t, &accounts{})
	path := filepath.Join(t.TempDir(), "socket")
	l, err := fdpass.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = e.Serve(ctx, c, Front) }() // it ends with the test
		}
	}()
	a := broker.NewAuthd(broker.DialPath(path))
	defer a.Close()
	login := broker.Login{Service: wire.Webmail, Remote: home, Conn: sasl.Conn{TLS: true}}
	g, x, err := broker.Form(ctx, a, login, "ann", "secret")
	if g == nil || x != nil || err != nil {
		t.Errorf("%v, %v, %v", g, x, err)
	}
	if g, x, err := broker.Form(ctx, a, login, "bob", "wrong"); g != nil || x != nil || !errors.Is(err, broker.ErrWrong) {
		t.Errorf("%v, %v, %v", g, x, err)
	}
	g, x, err = broker.Form(ctx, a, login, "bob", "secret")
	if g != nil || x == nil || !errors.Is(err, broker.ErrCode) || errors.Is(err, broker.ErrCodeWrong) {
		t.Fatalf("%v, %v, %v", g, x, err)
	}
	if _, g, err := x.Next(ctx, []byte("1")); g != nil || !errors.Is(err, broker.ErrCodeWrong) || !errors.Is(err, broker.ErrCode) {
		t.Errorf("%v, %v", g, err)
	}
	if _, g, err := x.Next(ctx, []byte("123456")); g == nil || g.Account != "bob" || err != nil {
		t.Errorf("%v, %v", g, err)
	}
	// Where nobody can ask for one.
	if g, err := broker.Password(ctx, a, login, "bob", "secret"); g != nil || !errors.Is(err, broker.ErrDisabled) {
		t.Errorf("%v, %v", g, err)
	}
}
