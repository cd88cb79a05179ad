package front

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fantail/internal/daemon/inetd"
	"fantail/internal/login/broker/brokertest"
)

// One front after the other has the same socket, as in an upgrade, while clients come:
// each is greeted, whenever it was accepted.
func TestSuccession(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File() // the service manager's
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	var over atomic.Bool
	var greeted atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for !over.Load() {
				if err := comeAndGo(l.Addr().String()); err != nil {
					t.Error(err)
				}
				greeted.Add(1)
			}
		})
	}
	fronts := 0
	for began := time.Now(); time.Since(began) < 2*time.Second; fronts++ {
		s, stop := succeed(t, socket)
		time.Sleep(time.Millisecond)
		s.Shutdown(t.Context())
		stop()
	}
	over.Store(true)
	last, stop := succeed(t, socket) // for those who wait
	clients.Wait()
	last.Shutdown(t.Context())
	stop()
	t.Logf("%d greetings of %d fronts", greeted.Load(), fronts)
}

// succeed starts a front on the socket; stop waits until it serves no more.
func succeed(t *testing.T, socket *os.File) (s *Server, stop func()) {
	t.Helper()
	l, err := net.FileListener(socket)
	if err != nil {
		t.Fatal(err)
	}
	fake := &fake{}
	s = New(Options{Auth: brokertest.Door{Check: fake.check}, Starter: fake, Interrupt: fake.Interrupt, Log: slog.New(slog.DiscardHandler)})
	served := make(chan error)
	go func() { served <- s.Serve(inetd.Listener{Listener: l, Name: "imap"}) }()
	return s, func() {
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

// comeAndGo is a client who wants to be greeted, and leaves.
func comeAndGo(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	lines := bufio.NewReader(conn)
	greeting, err := lines.ReadString('\n')
	if err != nil || !strings.HasPrefix(greeting, "* OK ") {
		return fmt.Errorf("greeted with %q, %v", greeting, err)
	}
	_, err = fmt.Fprint(conn, "a LOGOUT\r\n")
	return err
}
