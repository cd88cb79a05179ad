package webfront

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// certificate is one for tests.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	borrowed := httptest.NewUnstartedServer(nil)
	borrowed.StartTLS()
	defer borrowed.Close()
	return &tls.Config{Certificates: borrowed.TLS.Certificates}
}

// open is a front on a socket of its own.
func open(t *testing.T) (s *Server, address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = New(Options{Entrance: &house{program: http.HandlerFunc(echo)}, Log: quiet()})
	config := certificate(t)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l, config) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Close(ctx) // it may be closed
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s, l.Addr().String()
}

// connect connects to a front; whoever asks has 20 seconds.
func connect(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// secure is a client's TLS on conn.
func secure(conn net.Conn, protocols ...string) (*tls.Conn, error) {
	c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: protocols}) // it is self-signed
	return c, c.Handshake()
}

// request asks for a page of HTTP/1.1 and returns the answer.
func request(conn net.Conn) (*http.Response, error) {
	if _, err := io.WriteString(conn, "GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp, err
}

// end closes a front that has hardly time for those who have logged in, and returns
// a channel that is closed when it has.
func end(t *testing.T, s *Server) <-chan struct{} {
	t.Helper()
	done := make(chan struct{})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	go func() {
		defer close(done)
		defer cancel()
		_ = s.Close(ctx) // what was cut off is not the subject
	}()
	<-s.closing.Done()
	return done
}

// Who has connected is answered, wherever the end of the front meets them.
func TestCloseAnswers(t *testing.T) {
	const later = 400 * time.Millisecond
	t.Run("before the handshake", func(t *testing.T) {
		s, address := open(t)
		conn := connect(t, address)
		eventually(t, "it is accepted", func() bool { return s.arrivals.count() == 1 })
		done := end(t, s)
		time.Sleep(later)
		c, err := secure(conn)
		if err != nil {
			t.Fatal(err)
		}
		wantLast(t, c)
		<-done
	})
	t.Run("before the first request", func(t *testing.T) {
		s, address := open(t)
		c, err := secure(connect(t, address), "http/1.1")
		if err != nil {
			t.Fatal(err)
		}
		done := end(t, s)
		time.Sleep(later)
		wantLast(t, c)
		<-done
	})
	t.Run("between requests", func(t *testing.T) {
		s, address := open(t)
		c, err := secure(connect(t, address), "http/1.1")
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := request(c); err != nil || resp.Close {
			t.Fatal(resp, err)
		}
		done := end(t, s)
		time.Sleep(50 * time.Millisecond)
		wantLast(t, c)
		<-done
	})
	t.Run("HTTP/2", func(t *testing.T) {
		s, address := open(t)
		client := framedClient(t, address)
		done := end(t, s)
		time.Sleep(later)
		r, err := http.NewRequest(http.MethodGet, "https://"+address+"/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			t.Error(resp.Status, err)
		}
		eventually(t, "GOAWAY comes", func() bool { return client.Err() != nil })
		<-done
	})
}

// framedClient is a client of HTTP/2 who has connected.
func framedClient(t *testing.T, address string) *http.ClientConn {
	t.Helper()
	c, err := secure(connect(t, address), "h2")
	if err != nil {
		t.Fatal(err)
	}
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	transport := http.Transport{Protocols: &protocols, DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }}
	client, err := transport.NewClientConn(t.Context(), "https", address)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// wantLast wants an answer, and to be told that there will be no other.
func wantLast(t *testing.T, c net.Conn) {
	t.Helper()
	resp, err := request(c)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("%s, the last: %v", resp.Status, resp.Close)
	}
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the last answer: %d, %v", n, err)
	}
}

// Who says nothing does not hold up the end.
func TestCloseIsQuick(t *testing.T) {
	s, address := open(t)
	idle, err := secure(connect(t, address), "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := request(idle); err != nil {
		t.Fatal(err)
	}
	connect(t, address) // says nothing at all
	if _, err := secure(connect(t, address), "http/1.1"); err != nil {
		t.Fatal(err)
	}
	framedClient(t, address)
	time.Sleep(untilNext)
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > untilFirst+2*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := s.arrivals.count(); n != 0 {
		t.Errorf("%d connections are left", n)
	}

	// One that is told to hurry does.
	s, address = open(t)
	if _, err := secure(connect(t, address), "http/1.1"); err != nil {
		t.Fatal(err)
	}
	now, hurry := context.WithCancel(t.Context())
	hurry()
	began = time.Now()
	_ = s.Close(now) // it was cut off
	if took := time.Since(began); took > time.Second {
		t.Errorf("in a hurry it took %v", took)
	}
}

// One front after the other has the same socket, while clients come who take their time:
// each is answered.
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
	config := certificate(t)
	var over atomic.Bool
	var answered atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for !over.Load() {
				if err := passBy(l.Addr().String()); err != nil {
					t.Error(err)
				}
				answered.Add(1)
			}
		})
	}
	fronts := 0
	for began := time.Now(); time.Since(began) < 3*time.Second; fronts++ {
		succeed(t, socket, config)
	}
	over.Store(true)
	last, err := net.FileListener(socket) // for those who wait
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Entrance: &house{}, Log: quiet()})
	go func() { _ = s.Serve(last, config) }()
	clients.Wait()
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("%d visits of %d fronts", answered.Load(), fronts)
}

// passBy is a client who thinks between the steps, and has more than one question.
func passBy(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	think := func() { time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond) }
	think()
	c, err := secure(conn)
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	for i := range 3 {
		think()
		resp, err := request(c)
		switch {
		case err != nil:
			return fmt.Errorf("request %d: %w", i+1, err)
		case resp.StatusCode != http.StatusOK:
			return fmt.Errorf("request %d: %s", i+1, resp.Status)
		case resp.Close:
			return nil
		}
	}
	return nil
}

// succeed is the life of a front, short.
func succeed(t *testing.T, socket *os.File, config *tls.Config) {
	t.Helper()
	l, err := net.FileListener(socket)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Entrance: &house{}, Log: quiet()})
	served := make(chan error)
	go func() { served <- s.Serve(l, config) }()
	time.Sleep(100 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); err != nil && !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
