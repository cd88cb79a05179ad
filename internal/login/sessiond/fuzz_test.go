package sessiond

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
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

func (g *given) Give(_ context.Context, w roster.Wanted, what handover.Passage) (func(), error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.list = append(g.list, fmt.Sprintf("%s %s %q %d", w.Service, w.Account, what.Record, len(what.Files)))
	return func() {}, nil
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

// descriptors are those that are named; they are closed with the test.
func descriptors(t *testing.T, names string) (fds fdpass.Descriptors) {
	t.Helper()
	t.Cleanup(func() { fds.Close() })
	for _, name := range names {
		fd := -1
		var err error
		switch name {
		case channelEnd:
			var ends [2]int
			if ends, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err == nil {
				unix.Close(ends[1])
				fd = ends[0]
			}
		case clientSocket:
			fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		case anotherFile:
			fd, err = unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	return fds
}

// ticketHere is where the liar's octets have the ticket that he was given, for ann.
var ticketHere = []byte("sixteen octets!!")

// What goes with a message of a liar is said by a letter: none, or those that are named.
const (
	channelEnd   = 'c' // that of a channel of its own
	anotherFile  = 'f' // of no socket
	clientSocket = 's'
)

// FuzzServe: whatever a front sends, an honest one is served; and who has logged in as
// ann gets one session of ann, with one service, a channel of its own, and nothing else.
func FuzzServe(f *testing.F) {
	seed := func(files string, messages ...wire.Message) {
		var all []byte
		for i, m := range messages {
			b, err := wire.Append(nil, uint32(i), m)
			if err != nil {
				f.Fatal(err)
			}
			all = append(append(all, byte(len(b)>>8), byte(len(b))), b...)
		}
		f.Add(all, files)
	}
	right := wire.Start{Service: wire.IMAP, Account: "ann", Ticket: wire.Ticket(ticketHere), Passage: handover.Passage{Record: "r"}}
	other, service, silent := right, right, right
	other.Account, service.Service, silent.Passage.Record = "bob", wire.POP3, ""
	for _, files := range []string{"", "c", "cs", "cf", "f", "s", "sc", "fc", "ccc", "ssssss"} {
		seed(files, &right, &right)
	}
	seed("c", &other, &right)
	seed("cs", &service, &right)
	seed("cs", &silent, &right)
	seed("c", &wire.Start{Service: wire.IMAP, Account: "ann"}, &wire.Cancel{}, &right)
	seed("", &wire.Redeem{Service: wire.IMAP, Account: "ann", Ticket: right.Ticket}, &wire.Started{})
	seed("c", &wire.Together{Service: wire.IMAP, Accounts: []wire.Holder{{Account: "ann", Ticket: right.Ticket}}, Passage: right.Passage})
	seed("c", &wire.Leave{}, &right)
	f.Fuzz(func(t *testing.T, messages []byte, files string) {
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
		files = strings.Map(func(r rune) rune {
			if strings.ContainsRune("cfs", r) {
				return r
			}
			return -1
		}, files)
		fds := descriptors(t, files[:min(len(files), 10)])
		for len(messages) >= 2 {
			n := min(int(messages[0])<<8|int(messages[1]), len(messages)-2)
			if n > 0 && liar.Send(messages[2:2+n], fds) != nil {
				break
			}
			messages = messages[2+n:]
		}
		liar.CloseWrite() // it may be closed already
		for buf := make([]byte, wire.MaxMessage); ; {
			_, fds, err := liar.Receive(buf)
			if err != nil {
				break
			}
			if fds != nil {
				t.Error("a descriptor of sessiond's")
			}
		}
		if got := programs.list; len(got) > 1 || len(got) == 1 && (!strings.HasPrefix(got[0], "imap ann ") || !strings.HasPrefix(files, "c")) {
			t.Fatalf("a ticket for a session of ann brought %q with %q", got, files)
		}
		talk, err := link(s.Serve).Talk(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		channel, p, err := client.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer channel.Close()
		defer p.Sent()
		m, err := talk.Ask(t.Context(), login().Start(p))
		if _, ok := m.(*wire.Started); !ok {
			t.Fatalf("an honest front got %#v, %v", m, err)
		}
	})
}
