package sessiond

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"testing"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/launch"
	"fantail/internal/login/roster"
	"fantail/internal/login/sasl"
)

// given are programs that note whose sessions were begun, and begin none.
type given struct {
	Programs // nobody asks for anything else
	mu       sync.Mutex
	list     []string
}

func (g *given) Give(_ context.Context, w roster.Wanted) (*os.File, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.list = append(g.list, w.Service+" "+w.Account)
	return os.Open(os.DevNull)
}

// pair connects to something that serves.
func pair(t *testing.T, serve func(context.Context, *fdpass.Conn) error) *fdpass.Conn {
	t.Helper()
	ours, f, err := fdpass.Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	theirs, err := fdpass.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = serve(context.Background(), theirs) // how a liar is sent away does not matter
	}()
	t.Cleanup(func() {
		ours.Close()
		<-done
	})
	return ours
}

// ticketHere is where the liar's octets have the ticket that he was given, for ann.
var ticketHere = []byte("sixteen octets!!")

// FuzzServe: whatever a front sends, an honest one is served; and who has logged in as
// ann gets one session of ann, with one service, and nothing else.
func FuzzServe(f *testing.F) {
	seed := func(messages ...wire.Message) {
		var all []byte
		for i, m := range messages {
			b, err := wire.Append(nil, uint32(i), m)
			if err != nil {
				f.Fatal(err)
			}
			all = append(append(all, byte(len(b)>>8), byte(len(b))), b...)
		}
		f.Add(all)
	}
	right := wire.Start{Service: wire.IMAP, Account: "ann", Ticket: wire.Ticket(ticketHere)}
	other, service := right, right
	other.Account, service.Service = "bob", wire.POP3
	seed(&right, &right)
	seed(&other, &right)
	seed(&service, &right)
	seed(&wire.Start{Service: wire.IMAP, Account: "ann"}, &wire.Cancel{}, &right)
	seed(&wire.Redeem{Service: wire.IMAP, Account: "ann", Ticket: right.Ticket}, &wire.Started{})
	f.Fuzz(func(t *testing.T, messages []byte) {
		quiet := slog.New(slog.DiscardHandler)
		who := accounts{uint32(os.Getuid()), uint32(os.Getgid())}
		engine, err := authd.New(authd.Options{Log: quiet}, authd.Setup{Accounts: who, SASL: sasl.Config{Enabled: []string{"PLAIN"}}})
		if err != nil {
			t.Fatal(err)
		}
		link := func(serve func(context.Context, *fdpass.Conn) error) *broker.Link {
			l := broker.NewLink(func(context.Context) (*fdpass.Conn, error) { return pair(t, serve), nil }, nil)
			t.Cleanup(func() { l.Close() })
			return l
		}
		login := func() *broker.Grant {
			a := broker.NewAuthd(func(context.Context) (*fdpass.Conn, error) {
				return pair(t, func(ctx context.Context, c *fdpass.Conn) error { return engine.Serve(ctx, c, authd.Front) }), nil
			})
			defer a.Close()
			l := broker.Login{Service: wire.IMAP, Remote: netip.MustParseAddr("192.0.2.1"), Conn: sasl.Conn{TLS: true}}
			g, err := broker.Password(t.Context(), a, l, "ann", "right")
			if err != nil {
				t.Fatal(err)
			}
			return g
		}
		programs := &given{}
		s := &Server{
			Authd:    link(func(ctx context.Context, c *fdpass.Conn) error { return engine.Serve(ctx, c, authd.Session) }),
			Launch:   &launch.Options{Programs: "/nowhere", ConfigStamp: func() string { return "" }, OwnUID: who.uid},
			Programs: programs,
			Log:      quiet,
		}
		grant := login()
		messages = bytes.ReplaceAll(messages, ticketHere, grant.Ticket[:])
		liar := pair(t, s.Serve)
		for len(messages) >= 2 {
			n := min(int(messages[0])<<8|int(messages[1]), len(messages)-2)
			if n > 0 && liar.Send(messages[2:2+n], nil) != nil {
				break
			}
			messages = messages[2+n:]
		}
		liar.CloseWrite() // it may be closed already
		for buf := make([]byte, wire.MaxMessage); ; {
			_, file, err := liar.Receive(buf)
			if err != nil {
				break
			}
			if file != nil {
				file.Close()
			}
		}
		if got := programs.list; len(got) > 1 || len(got) == 1 && got[0] != "imap ann" {
			t.Fatalf("a ticket for a session of ann brought %q", got)
		}
		talk, err := link(s.Serve).Talk(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m, file, err := talk.Ask(t.Context(), login().Start())
		if _, ok := m.(*wire.Started); !ok || file == nil {
			t.Fatalf("an honest front got %#v, %v", m, err)
		}
		file.Close()
	})
}
