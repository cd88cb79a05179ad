package webfront

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/daemon/proxyproto"
)

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// behindProxy is a front to which everybody is a proxy's client, and a way to connect to
// it with some header.
type behindProxy struct {
	*testing.T
	server   *Server
	log      *logged
	at       string
	borrowed *httptest.Server
}

func startBehindProxy(t *testing.T, proxies string, l Limits) *behindProxy {
	t.Helper()
	b := &behindProxy{T: t, log: &logged{}}
	b.server = New(Options{
		Entrance: &house{program: http.HandlerFunc(echo)}, Log: slog.New(slog.NewTextHandler(b.log, nil)), Limits: l,
		Proxies: proxyproto.Proxies{netip.MustParsePrefix(proxies)},
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.at = listener.Addr().String()
	b.borrowed = httptest.NewUnstartedServer(b.server) // for its certificate
	b.borrowed.StartTLS()
	done := make(chan error)
	go func() { done <- b.server.Serve(listener, &tls.Config{Certificates: b.borrowed.TLS.Certificates}) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		b.server.Close(ctx) // connections are left
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.borrowed.Close()
	})
	return b
}

// browse returns a browser whose connections begin with a header.
func (b *behindProxy) browse(header string) *browser {
	w := newBrowser(b.T, b.borrowed)
	transport := w.client.Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", b.at)
		if err == nil {
			_, err = io.WriteString(conn, header)
		}
		return conn, err
	}
	w.client.Transport = transport
	w.base = "https://" + b.at
	b.Cleanup(transport.CloseIdleConnections)
	return w
}

const (
	fromFar = "PROXY TCP4 192.0.2.7 198.51.100.2 50000 443\r\n"
	itself  = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
)

func TestProxied(t *testing.T) {
	b := startBehindProxy(t, "127.0.0.0/8", Limits{PerSource: 1})
	first := b.browse(fromFar)
	if resp, _ := first.do("POST", "/login", first.form("demo", "wrong"), nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("%s", resp.Status)
	}
	if !strings.Contains(b.log.String(), "remote=192.0.2.7 ") {
		t.Errorf("the client's address is not in the log: %s", b.log)
	}
	if resp, err := b.browse(fromFar).client.Get("https://" + b.at + "/healthz"); err == nil {
		t.Errorf("a second connection of one client: %s", resp.Status)
	}
	for _, other := range []string{"PROXY TCP4 192.0.2.8 198.51.100.2 50000 443\r\n", itself} {
		if resp, _ := b.browse(other).do("GET", "/healthz", nil, nil); resp.StatusCode != http.StatusOK {
			t.Errorf("%q: %s", other, resp.Status)
		}
	}
	if !strings.Contains(b.log.String(), "too many connections from that address") {
		t.Errorf("%s", b.log)
	}
	first.client.CloseIdleConnections()
	eventually(t, "the first one is gone", func() bool {
		resp, err := b.browse(fromFar).client.Get("https://" + b.at + "/healthz")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
}

func TestHeaderOfNoProxy(t *testing.T) {
	b := startBehindProxy(t, "192.0.2.0/24", Limits{})
	if resp, err := b.browse(fromFar).client.Get("https://" + b.at + "/healthz"); err == nil {
		t.Errorf("a header of anybody: %s", resp.Status)
	}
	b.browse("").do("GET", "/healthz", nil, nil)
}

// A listed proxy that says nothing of its client is not served, and its connection is
// not counted any more.
func TestProxyWithoutHeader(t *testing.T) {
	b := startBehindProxy(t, "127.0.0.0/8", Limits{})
	conn, err := net.Dial("tcp", b.at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "\x16\x03\x01\x00\xf0"); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || os.IsTimeout(err) {
		t.Errorf("%d octets, %v", n, err)
	}
	eventually(t, "it is closed", func() bool {
		b.server.crowd.mu.Lock()
		defer b.server.crowd.mu.Unlock()
		return b.server.crowd.all == 0
	})
	if !strings.Contains(b.log.String(), "no PROXY header") {
		t.Errorf("%s", b.log)
	}
}
