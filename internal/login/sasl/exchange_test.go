package sasl

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	peer "github.com/emersion/go-sasl"
	scrampeer "github.com/xdg-go/scram"

	"fantail/internal/login/userdb"
)

// client answers challenges as an honest client does; the first one is nil if it
// may send an initial response.
type client func(challenge []byte) []byte

// clients are honest clients written elsewhere, where there is one.
func clients(t testing.TB) map[string]client {
	scramClient := func(hash scrampeer.HashGeneratorFcn, binding scrampeer.ChannelBinding) client {
		c, err := hash.NewClient("user", password, "")
		if err != nil {
			t.Fatal(err)
		}
		talk := c.NewConversation()
		if binding.Type != "" {
			talk = c.NewConversationWithChannelBinding(binding)
		}
		return func(challenge []byte) []byte {
			response, err := talk.Step(string(challenge))
			if err != nil && !strings.Contains(string(challenge), "e=") {
				t.Errorf("client: %q: %v", challenge, err)
			}
			return []byte(response)
		}
	}
	exporter := scrampeer.ChannelBinding{Type: BindingExporter, Data: secure.Bindings[BindingExporter]}
	endPoint := scrampeer.ChannelBinding{Type: BindingEndPoint, Data: secure.Bindings[BindingEndPoint]}
	fixed := func(ir string) client { return func([]byte) []byte { return []byte(ir) } }
	saslClient := func(c peer.Client) client {
		started := false
		return func(challenge []byte) []byte {
			var response []byte
			var err error
			if started {
				response, err = c.Next(challenge)
			} else {
				_, response, err = c.Start()
				if response == nil { // no initial response of its own: the prompt is what it waits for
					response, err = c.Next([]byte(promptName))
				}
			}
			started = true
			if err != nil {
				t.Errorf("client: %q: %v", challenge, err)
			}
			return response
		}
	}
	return map[string]client{
		"PLAIN":              saslClient(peer.NewPlainClient("", "tim", password)),
		"LOGIN":              saslClient(peer.NewLoginClient("tim", password)),
		"EXTERNAL":           saslClient(peer.NewExternalClient("fred@example.com")),
		"OAUTHBEARER":        saslClient(peer.NewOAuthBearerClient(&peer.OAuthBearerOptions{Username: "user@example.com", Token: token, Host: "mail.example.com", Port: 993})),
		"XOAUTH2":            fixed("user=user@example.com\x01auth=Bearer " + token + "\x01\x01"),
		"SCRAM-SHA-1":        scramClient(scrampeer.SHA1, scrampeer.ChannelBinding{}),
		"SCRAM-SHA-1-PLUS":   scramClient(scrampeer.SHA1, endPoint),
		"SCRAM-SHA-256":      scramClient(scrampeer.SHA256, scrampeer.ChannelBinding{}),
		"SCRAM-SHA-256-PLUS": scramClient(scrampeer.SHA256, exporter),
	}
}

// rounds is how many responses an exchange takes with an initial response.
var rounds = map[string]int{
	"PLAIN": 1, "LOGIN": 2, "EXTERNAL": 1, "OAUTHBEARER": 1, "XOAUTH2": 1,
	"SCRAM-SHA-1": 3, "SCRAM-SHA-1-PLUS": 3, "SCRAM-SHA-256": 3, "SCRAM-SHA-256-PLUS": 3,
}

// each runs f for every mechanism, with an initial response and without one. f
// gets an exchange in which the client has sent n responses, for every n before
// the end, and what the honest client would say next.
func each(t *testing.T, f func(t *testing.T, x *Exchange, n int, next []byte)) {
	for _, mechanism := range slices.Sorted(maps.Keys(rounds)) {
		for _, initial := range []bool{true, false} {
			total := rounds[mechanism]
			if !initial {
				total++
			}
			for n := range total {
				t.Run(fmt.Sprintf("%s/%t/%d", mechanism, initial, n), func(t *testing.T) {
					c := clients(t)[mechanism]
					x := start(t, mechanism, secure, newAccounts(t))
					var response []byte
					if initial {
						response = c(nil)
					}
					for range n {
						challenge, done, err := x.Next(t.Context(), response)
						if done || err != nil {
							t.Fatalf("done %t, %v", done, err)
						}
						response = c(challenge)
					}
					f(t, x, n, response)
				})
			}
		}
	}
}

// TestClients wants the honest clients to be let in, and not before the end.
func TestClients(t *testing.T) {
	each(t, func(t *testing.T, x *Exchange, n int, next []byte) {
		if x.Account() != "" || x.Failure() != nil {
			t.Errorf("after %d responses: account %q, failure %v", n, x.Account(), x.Failure())
		}
		_, done, err := x.Next(t.Context(), next)
		if err != nil {
			t.Error(err)
		}
		if done != (x.Account() != "") {
			t.Errorf("done %t, account %q", done, x.Account())
		}
		if !done {
			return
		}
		if _, done, err := x.Next(t.Context(), nil); !done || err != errOver {
			t.Errorf("after the end: %t, %v", done, err)
		}
		if err := x.Cancel(); err != nil || x.Account() == "" {
			t.Errorf("cancelled after the end: %v, account %q", err, x.Account())
		}
	})
}

func TestCancel(t *testing.T) {
	before := runtime.NumGoroutine()
	each(t, func(t *testing.T, x *Exchange, n int, next []byte) {
		if err := x.Cancel(); err != ErrCancelled {
			t.Error(err)
		}
		if _, done, err := x.Next(t.Context(), next); !done || err != errOver || x.Account() != "" {
			t.Errorf("after that: %t, %v, account %q", done, err, x.Account())
		}
		if x.Failure() != ErrCancelled {
			t.Errorf("failure %v", x.Failure())
		}
	})
	for wait := time.Second; runtime.NumGoroutine() > before; wait -= time.Millisecond { // those of the tests themselves end soon
		if wait == 0 {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
		time.Sleep(time.Millisecond)
	}
}

// TestCancelFailed wants a client that has been told of its failure to have
// failed, though it cancels.
func TestCancelFailed(t *testing.T) {
	x := start(t, "XOAUTH2", secure, newAccounts(t))
	_, done, err := x.Next(t.Context(), []byte("user=user@example.com\x01auth=Bearer old\x01\x01"))
	if done || err != nil || !errors.Is(x.Failure(), ErrWrong) {
		t.Errorf("done %t, %v; failure %v", done, err, x.Failure())
	}
	if err := x.Cancel(); !errors.Is(err, ErrWrong) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestContext wants the end of the context to be no wrong password.
func TestContext(t *testing.T) {
	gone := errors.New("client gone")
	each(t, func(t *testing.T, x *Exchange, n int, next []byte) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(gone)
		_, done, err := x.Next(ctx, next)
		if !done || !errors.Is(err, ErrUnavailable) || !errors.Is(err, gone) || x.Account() != "" {
			t.Errorf("done %t, %v, account %q", done, err, x.Account())
		}
	})
}

// TestUnavailable wants a backend that cannot answer to end the exchange at
// once, with its own error.
func TestUnavailable(t *testing.T) {
	down := fmt.Errorf("%w: ask the directory: refused", ErrUnavailable)
	for mechanism, c := range clients(t) {
		a := newAccounts(t)
		a.err = down
		x := start(t, mechanism, secure, a)
		response, done, err := c(nil), false, error(nil)
		for n := 0; !done && n < maxRounds; n++ {
			var challenge []byte
			challenge, done, err = x.Next(t.Context(), response)
			if !done {
				response = c(challenge)
			}
		}
		if err != down || x.Account() != "" {
			t.Errorf("%s: %v, account %q", mechanism, err, x.Account())
		}
	}
}

// TestNonsense puts what no honest client says in the place of each response.
func TestNonsense(t *testing.T) {
	for _, nonsense := range [][]byte{
		[]byte("\x00"), []byte("\x01"), []byte("*"), []byte("="), []byte(","), []byte("\xff\xfe"), []byte("p="), []byte("\r\n"),
		make([]byte, MaxResponse), make([]byte, MaxResponse+1), []byte(strings.Repeat(",", MaxResponse)),
		[]byte(strings.Repeat("\x01a=", MaxResponse/3)), []byte("n,,n==,r=="), []byte("c=,r=,p="),
	} {
		each(t, func(t *testing.T, x *Exchange, n int, _ []byte) {
			response, more := nonsense, 0
			for {
				_, done, err := x.Next(t.Context(), response)
				if done {
					if err == nil || x.Account() != "" || errors.Is(err, errOver) {
						t.Errorf("%.20q: %v, account %q", nonsense, err, x.Account())
					}
					return
				}
				if more++; more > maxRounds {
					t.Fatal("it does not end")
				}
			}
		})
	}
}

// TestRounds wants an exchange to end even if its mechanism does not.
func TestRounds(t *testing.T) {
	x := start(t, "PLAIN", secure, newAccounts(t))
	var again step
	again = func(context.Context, []byte) ([]byte, step, error) { return []byte("more"), again, nil }
	x.step = again
	for n := range maxRounds {
		if _, done, err := x.Next(t.Context(), []byte("x")); done || err != nil {
			t.Fatalf("response %d: %t, %v", n, done, err)
		}
	}
	if _, done, err := x.Next(t.Context(), []byte("x")); !done || !errors.Is(err, ErrMalformed) {
		t.Errorf("%t, %v", done, err)
	}
}

// TestNameless wants no success without a name, whatever the backend says.
func TestNameless(t *testing.T) {
	x := start(t, "PLAIN", secure, nameless{})
	if _, done, err := x.Next(t.Context(), []byte("\x00tim\x00pencil")); !done || !errors.Is(err, ErrUnavailable) {
		t.Errorf("%t, %v", done, err)
	}
}

type nameless struct{ Backend }

func (nameless) Password(context.Context, string, userdb.Secret) (string, error) { return "", nil }
