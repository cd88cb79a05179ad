package lmtpfront

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/inetd"
	"fantail/internal/deliver/deliverd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
	"fantail/internal/login/userdb"
	"fantail/internal/store"
)

// house is what is behind a front: accounts, and sessions in this process.
type house struct {
	t     *testing.T
	dir   string
	log   sessiontest.Log
	names []string

	mu       sync.Mutex
	uid      map[string]uint32
	broken   error // of Open
	located  int
	opened   [][]string
	accounts map[string]*store.Account
	end      []func()
}

func newHouse(t *testing.T, names ...string) *house {
	h := &house{t: t, dir: t.TempDir(), names: names, uid: make(map[string]uint32), accounts: make(map[string]*store.Account)}
	t.Cleanup(func() {
		for _, end := range h.end {
			end()
		}
		for _, a := range h.accounts {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return h
}

// Locate implements broker.Deliveries.
func (h *house) Locate(_ context.Context, name string) (*wire.Located, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.located++
	if name == "away" {
		return nil, fmt.Errorf("%w: away", userdb.ErrUnavailable)
	}
	i := slices.Index(h.names, name)
	if i < 0 {
		return nil, userdb.ErrUnknown
	}
	uid := uint32(i + 1000)
	if u, ok := h.uid[name]; ok {
		uid = u
	}
	return &wire.Located{Account: name, UID: uid}, nil
}

func (h *house) maildir(name string) string { return filepath.Join(h.dir, name, "Maildir") }

// account opens an account, once.
func (h *house) account(name string) (*store.Account, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.accounts[name]; a != nil {
		return a, nil
	}
	if err := os.MkdirAll(filepath.Join(h.dir, name), 0o700); err != nil {
		return nil, err
	}
	a, err := store.OpenAccount(h.maildir(name), store.Options{})
	if err == nil {
		h.accounts[name] = a
	}
	return a, err
}

// Open implements broker.Deliveries.
func (h *house) Open(_ context.Context, accounts []string, hello handover.Hello) (handover.Channel, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opened = append(h.opened, slices.Clone(accounts))
	if h.broken != nil {
		return nil, h.broken
	}
	channel, _, client, err := sessiontest.Accepted(handover.Introduction{Hello: hello})
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	h.end = append(h.end, func() { channel.Close(); <-done })
	go func() {
		defer close(done)
		defer client.Close()
		err := deliverd.Serve(context.Background(), client, deliverd.Options{
			Settings: conf.DeliverSettings{DeliveredTo: true, DetailMailbox: true, Duplicates: conf.Window(time.Hour)},
			Account: func(name string) (*store.Account, error) {
				if !slices.Contains(accounts, name) {
					return nil, errors.New("an account of another session")
				}
				return h.account(name)
			},
			Log: h.log.Logger(),
		})
		if err != nil {
			h.log.Logger().Error("session", "err", err)
		}
	}()
	return channel, nil
}

// mail are the messages that an account has, in no order.
func (h *house) mail(name string) []string {
	h.t.Helper()
	paths, err := filepath.Glob(filepath.Join(h.maildir(name), "new", "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	var list []string
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			h.t.Fatal(err)
		}
		list = append(list, string(text))
	}
	if left, _ := filepath.Glob(filepath.Join(h.maildir(name), "tmp", "*")); len(left) > 0 {
		h.t.Errorf("left in tmp of %s: %v", name, left)
	}
	return list
}

// received is a message without the fields that were added to it, which are checked.
func (h *house) received(text string) string {
	h.t.Helper()
	_, rest, ok := strings.Cut(text, "Received: ")
	if !ok || !strings.HasPrefix(text, "Return-Path: <") {
		h.t.Fatalf("no trace in %q", text)
	}
	for {
		line, more, found := strings.Cut(rest, "\n")
		if !found {
			h.t.Fatalf("a trace without end in %q", text)
		}
		rest = more
		if !strings.HasPrefix(rest, "\t") {
			if !strings.Contains(line, "; ") {
				h.t.Errorf("no date in %q", line)
			}
			return rest
		}
	}
}

// peer is a mail server.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// serve runs a front, and returns it with a way to connect. What adjusts it does so
// before it runs.
func (h *house) serve(change func(*Options), adjust ...func(*Server)) (*Server, func() *peer) {
	h.t.Helper()
	return h.serveOn("tcp", nameLMTP, change, adjust...)
}

// serveOn does that on a socket of the network tcp or unix, which has that name.
func (h *house) serveOn(network, name string, change func(*Options), adjust ...func(*Server)) (*Server, func() *peer) {
	h.t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(h.t.TempDir(), "lmtp")
	}
	o := Options{
		Deliveries: h, Host: "mx.example.net", Size: 1 << 20, Domains: []string{"example.org"}, Delimiters: "+",
		Spool: h.t.TempDir(), Log: h.log.Logger(),
	}
	if change != nil {
		change(&o)
	}
	s := New(o)
	for _, f := range adjust {
		f(s)
	}
	l, err := net.Listen(network, address)
	if err != nil {
		h.t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(inetd.Listener{Listener: l, Name: name}) }()
	h.t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Shutdown(ctx)
		if err := <-served; err != nil {
			h.t.Error(err)
		}
	})
	return s, func() *peer {
		h.t.Helper()
		conn, err := net.Dial(network, l.Addr().String())
		if err == nil {
			err = conn.SetDeadline(time.Now().Add(30 * time.Second))
		}
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { conn.Close() })
		p := &peer{t: h.t, conn: conn, in: bufio.NewReader(conn)}
		return p
	}
}

func (p *peer) say(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, text); err != nil {
		p.t.Errorf("say %.50q: %v", text, err)
	}
}

// hear returns a reply, its lines without CRLF.
func (p *peer) hear() string {
	p.t.Helper()
	var lines []string
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return strings.Join(append(lines, "("+err.Error()+")"), "|")
		}
		lines = append(lines, strings.TrimSuffix(line, "\r\n"))
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, "|")
		}
	}
}

// want wants replies that begin so.
func (p *peer) want(replies ...string) {
	p.t.Helper()
	for _, want := range replies {
		if got := p.hear(); !strings.HasPrefix(got, want) {
			p.t.Errorf("%q, want %q", got, want)
		}
	}
}

// gone wants the connection to end.
func (p *peer) gone() {
	p.t.Helper()
	if b, err := p.in.ReadByte(); err != io.EOF && !errors.Is(err, os.ErrDeadlineExceeded) {
		if err == nil {
			p.t.Errorf("octet %q, want the end", b)
		}
	}
}

// greet says LHLO.
func (p *peer) greet() *peer {
	p.t.Helper()
	p.want("220 mx.example.net LMTP")
	p.say("LHLO client.example.net\r\n")
	p.want("250-mx.example.net|250-PIPELINING|250-ENHANCEDSTATUSCODES|250-8BITMIME|250-SMTPUTF8|250-CHUNKING|250")
	return p
}

// send sends a message and wants a reply for each recipient.
func (p *peer) send(message string, to ...string) []string {
	p.t.Helper()
	p.say("MAIL FROM:<sender@example.net>\r\n")
	for _, r := range to {
		p.say("RCPT TO:<" + r + ">\r\n")
	}
	p.say("DATA\r\n")
	p.want("250 2.1.0")
	for range to {
		p.want("250 2.1.5")
	}
	p.want("354 ")
	p.say(message + ".\r\n")
	var replies []string
	for range to {
		replies = append(replies, p.hear())
	}
	return replies
}
