package imapd_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"fantail/internal/imap/imapd"
	"fantail/internal/store"
)

// packed is a client that speaks DEFLATE, with the compressors of compress/flate.
type packed struct {
	client
	w   *flate.Writer
	out *bytes.Buffer // what w has written
}

func compressed(t testing.TB, c *client) *packed {
	t.Helper()
	c.send("z COMPRESS deflate\r\n")
	c.until("z OK")
	return packedClient(t, c)
}

func packedClient(t testing.TB, c *client) *packed {
	t.Helper()
	out := new(bytes.Buffer)
	w, err := flate.NewWriter(out, 6)
	if err != nil {
		t.Fatal(err)
	}
	return &packed{client{t, c.conn, bufio.NewReader(flate.NewReader(c.r))}, w, out}
}

func (p *packed) send(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.w, s); err != nil {
		p.t.Fatal(err)
	}
	if err := p.w.Flush(); err != nil {
		p.t.Fatal(err)
	}
	// In one piece: the session answers what it has, and the pipe has no buffer.
	p.client.send(p.out.String())
	p.out.Reset()
}

// TestCompress: RFC 4978 section 3: everything after the tagged OK is compressed, in
// both directions, also while idle; a second time is refused.
func TestCompress(t *testing.T) {
	dir := newMaildir(t)
	p := compressed(t, connect(t, dir))
	p.send("a SELECT INBOX\r\nb FETCH 1:3 (FLAGS BODY.PEEK[])\r\n")
	if got := p.until("b OK"); strings.Count(got, "FETCH (") != 3 || !strings.Contains(got, "Subject: two") {
		t.Errorf("%q", got)
	}
	p.send("c COMPRESS DEFLATE\r\n")
	p.until("c NO [COMPRESSIONACTIVE] ")
	for n := 4; n < 8; n++ {
		p.send("d IDLE\r\n")
		p.until("+ ")
		deliver(t, dir, fmt.Sprintf("110000000%d.M1P1.h", n), "Subject: new\n\n")
		p.until(fmt.Sprintf("* %d EXISTS", n))
		p.send("DONE\r\ne NOOP\r\n")
		p.until("e OK")
	}
	text := strings.Repeat("all work and no play\r\n", 10_000)
	p.send(fmt.Sprintf("f APPEND INBOX {%d}\r\n", len(text)))
	p.until("+ ")
	p.send(text + "\r\n")
	p.until("f OK")
	p.send("g FETCH 8 BODY.PEEK[]\r\n")
	if got := p.until("g OK"); !strings.Contains(got, text) {
		t.Errorf("%d octets", len(got))
	}
	p.send("h LOGOUT\r\n")
	p.until("h OK")
}

// TestCompressPipelined: a client must wait for the OK. What one that does not has
// sent behind the command's CRLF is compressed.
func TestCompressPipelined(t *testing.T) {
	c := connect(t, newMaildir(t))
	var b strings.Builder
	w, err := flate.NewWriter(&b, 6)
	if err != nil {
		t.Fatal(err)
	}
	b.WriteString("a NOOP\r\nb COMPRESS DEFLATE\r\n")
	if _, err := io.WriteString(w, "c SELECT INBOX\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	c.send(b.String()[:40]) // in the midst of the first block
	c.until("b OK")
	p := packedClient(t, c)
	go io.WriteString(c.conn, b.String()[40:])
	p.until("c OK")
}

// TestCompressGarbage: a client that said COMPRESS and goes on without is told so.
func TestCompressGarbage(t *testing.T) {
	near, far := net.Pipe()
	ended := make(chan error, 1)
	dir := newMaildir(t)
	go func() { ended <- serve(t, dir, far, quiet); far.Close() }()
	c := &client{t, near, bufio.NewReader(near)}
	c.until("* PREAUTH")
	c.send("a COMPRESS DEFLATE\r\n")
	c.until("a OK")
	p := packedClient(t, c)
	go io.WriteString(near, "b NOOP\r\nc NOOP\r\nd NOOP\r\n")
	if got := p.until("* BYE"); !strings.Contains(got, "compressed") {
		t.Errorf("%q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestCompressBomb: what a few octets blow up to is bound by the same budgets as
// what arrives as it is.
func TestCompressBomb(t *testing.T) {
	near, far := net.Pipe()
	ended := make(chan error, 1)
	dir := newMaildir(t)
	go func() { ended <- serve(t, dir, far, quiet); far.Close() }()
	c := &client{t, near, bufio.NewReader(near)}
	c.until("* PREAUTH")
	p := compressed(t, c)
	go func() {
		p.w.Reset(near)
		x := strings.Repeat("x", 1<<20)
		for _, err := io.WriteString(p.w, "b NOOP "); err == nil; _, err = io.WriteString(p.w, x) {
		}
	}()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.TotalAlloc
	p.until("* BYE")
	runtime.ReadMemStats(&m)
	if n := m.TotalAlloc - before; n > 16<<20 {
		t.Errorf("%d octets allocated", n)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	near.Close()
}

// countedConn counts what is written.
type countedConn struct {
	feed
	writes int
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.writes++
	return c.feed.Write(p)
}

// TestCompressOnePacket: the answers to a pipeline go out together.
func TestCompressOnePacket(t *testing.T) {
	var b strings.Builder
	b.WriteString("a SELECT INBOX\r\nb COMPRESS DEFLATE\r\n")
	w, err := flate.NewWriter(&b, 6)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, strings.Repeat("c FETCH 1:3 FLAGS\r\nd NOOP\r\n", 20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	conn := &countedConn{feed: feed{in: strings.NewReader(b.String())}}
	if err := serve(t, newMaildir(t), conn, quiet); err != nil {
		t.Fatal(err)
	}
	// The greeting, what came before the compression, what came after.
	if conn.writes != 3 {
		t.Errorf("%d writes", conn.writes)
	}
}

// TestCompressIdleIsSmall: a session that waits for its client holds little more for
// COMPRESS than without.
func TestCompressIdleIsSmall(t *testing.T) {
	acct, err := store.OpenAccount(newMaildir(t), store.Options{Host: "test", Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	const n = 40
	var running sync.WaitGroup
	var nears []net.Conn
	heap := func() int64 {
		for range 3 { // a pool keeps what it has for one collection
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	measure := func(compress bool) int64 {
		before := heap()
		for range n {
			near, far := net.Pipe()
			running.Go(func() {
				err := imapd.New(acct, far, imapd.Options{Log: quiet, Version: "test"}).Serve(t.Context())
				if err != nil && !errors.Is(err, io.ErrClosedPipe) {
					t.Error(err)
				}
			})
			nears = append(nears, near)
			c := &client{t, near, bufio.NewReader(near)}
			c.until("* PREAUTH")
			if !compress {
				c.send("a SELECT INBOX\r\nb IDLE\r\n")
				c.until("+ ")
				continue
			}
			p := compressed(t, c)
			p.send("a SELECT INBOX\r\nb IDLE\r\n")
			p.until("+ ")
			p.w, p.out, p.r = nil, nil, nil // those of this side do not count
		}
		return (heap() - before) / n
	}
	plain, packed := measure(false), measure(true)
	t.Logf("idle sessions of %d and %d octets", plain, packed)
	if packed > plain+24<<10 || packed > 100<<10 {
		t.Errorf("idle sessions of %d and %d octets", plain, packed)
	}
	for _, near := range nears {
		near.Close()
	}
	running.Wait()
	if err := acct.Close(); err != nil {
		t.Error(err)
	}
}
