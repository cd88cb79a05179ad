package login

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The crowds. Each is a real one, of connections over loopback; "make soak" makes them
// large, and waits until the last of those that dawdle was sent away.
var (
	crowd   = flag.Int("crowd", 200, "connections of a crowd")
	patient = flag.Bool("patient", false, "wait for the time-outs of a crowd that dawdles")
)

// What a connection may cost, in kB.
const (
	mostBefore  = 60 // before login, under TLS
	mostAfter   = 60 // the front's part of one after login
	mostSession = 60 // the session's part
	mostSlow    = 60 // one that dawdles
)

// The sources: whoever crowds comes from another address than those who must not mind.
var honest, hostile = net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2)

// crowded is a house without limits of connections.
func crowded(t *testing.T) *house {
	return build(t, func(_ *house, config string) string {
		return config + "[login]\nconnections = 0\nconnections_per_source = 0\n"
	})
}

// dialFrom connects from one of this machine's addresses.
func dialFrom(from net.IP, address string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: 30 * time.Second}
	return d.Dial("tcp", address)
}

var anyCertificate = &tls.Config{InsecureSkipVerify: true} // made by the house

// greeted is a connection under TLS that has been greeted, and nothing else.
func (h *house) greeted(from net.IP) (net.Conn, *bufio.Reader, error) {
	raw, err := dialFrom(from, h.imaps)
	if err != nil {
		return nil, nil, err
	}
	conn := tls.Client(raw, anyCertificate)
	r := bufio.NewReaderSize(conn, 16)
	if _, err := r.ReadString('\n'); err != nil {
		return nil, nil, errors.Join(err, raw.Close())
	}
	return conn, r, nil
}

// ask says a command, and reads up to its answer.
func ask(conn net.Conn, r *bufio.Reader, command string) error {
	if _, err := io.WriteString(conn, "a "+command+"\r\n"); err != nil {
		return err
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if text, ok := strings.CutPrefix(line, "a "); ok {
			if !strings.HasPrefix(text, "OK") {
				return fmt.Errorf("%s: %s", command, line)
			}
			return nil
		}
	}
}

// logins is how long so many logins take that come one after the other, each from its
// connection to the answer of LOGIN: the median, and the slowest.
func (h *house) logins(n int) (median, slowest time.Duration) {
	h.Helper()
	var all []time.Duration
	for range n {
		start := time.Now()
		conn, r, err := h.greeted(honest)
		if err == nil {
			err = errors.Join(conn.SetDeadline(time.Now().Add(time.Minute)), ask(conn, r, "LOGIN carol secret"))
		}
		if err != nil {
			h.Fatal(err)
		}
		all = append(all, time.Since(start))
		if err := errors.Join(ask(conn, r, "LOGOUT"), conn.Close()); err != nil {
			h.Fatal(err)
		}
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)-1]
}

// processes are the directories in /proc of a program of the house.
func (h *house) processes(name string) (dirs []string) {
	h.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		h.Fatal(err)
	}
	for _, dir := range all {
		if exe, _ := os.Readlink(dir + "/exe"); exe == h.path("bin", name) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// descriptors is how many a program has open.
func (h *house) descriptors(name string) (n int) {
	h.Helper()
	for _, dir := range h.processes(name) {
		list, err := os.ReadDir(dir + "/fd")
		if err != nil {
			h.Fatal(err)
		}
		n += len(list)
	}
	return n
}

// pss is the memory of all processes of a program of the house, in kB.
func (h *house) pss(name string) (sum int) {
	h.Helper()
	for _, dir := range h.processes(name) {
		text, err := os.ReadFile(dir + "/smaps_rollup")
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), "\nPss:")
		kB, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			h.Fatal(err)
		}
		sum += kB
	}
	return sum
}

// rest is when daemons have given back what they do not need.
func rest() { time.Sleep(8 * time.Second) }

// together does something n times, eight at once.
func (h *house) together(n int, do func(i int) error) {
	h.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for w := range errs {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[w] == nil; i = int(next.Add(1)) - 1 {
				errs[w] = do(i)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		h.Fatal(err)
	}
}

// TestIdleCrowd: thousands of connections are held, before login and after, each for
// little, and a further client does not notice.
func TestIdleCrowd(t *testing.T) {
	t.Parallel()
	h := crowded(t)
	h.logins(1)
	rest()
	n := *crowd
	front := h.pss("imapd")
	conns, readers := make([]net.Conn, n), make([]*bufio.Reader, n)
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	h.together(n, func(i int) (err error) {
		conns[i], readers[i], err = h.greeted(hostile)
		return err
	})
	rest()
	before := float64(h.pss("imapd")-front) / float64(n)
	m, s := h.logins(20)
	t.Logf("%d connections before login: %.1f kB each; a login meanwhile: median %v, slowest %v", n, before, m, s)
	if before > mostBefore {
		t.Errorf("more than %d kB", mostBefore)
	}

	session := h.pss("imap-session")
	h.together(n, func(i int) error {
		account := []string{"ann", "carol"}[i%2]
		return errors.Join(ask(conns[i], readers[i], "LOGIN "+account+" secret"), ask(conns[i], readers[i], "SELECT INBOX"))
	})
	rest()
	after, own := float64(h.pss("imapd")-front)/float64(n), float64(h.pss("imap-session")-session)/float64(n)
	m, s = h.logins(20)
	t.Logf("%d connections after login: %.1f kB each in the front, %.1f kB in sessions; a login meanwhile: median %v, slowest %v", n, after, own, m, s)
	if after > mostAfter || own > mostSession {
		t.Errorf("more than %d and %d kB", mostAfter, mostSession)
	}
	h.together(n, func(i int) error { return ask(conns[i], readers[i], "NOOP") })
}

// dawdlers are ways to hold a connection and say little. do returns when the server has
// ended it, or ctx has.
var dawdlers = []struct {
	name string
	tls  bool // it connects to the port of TLS
	do   func(ctx context.Context, conn net.Conn) error
}{
	{"silent before TLS", true, silence},
	{"half a ClientHello, then an octet at a time", true, func(ctx context.Context, conn net.Conn) error {
		return trickle(ctx, conn, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+strings.Repeat("r", 500), 11)
	}},
	{"a command, an octet at a time", false, func(ctx context.Context, conn net.Conn) error {
		return trickle(ctx, conn, "a LOGIN "+strings.Repeat("n", 500), 1)
	}},
	{"a literal, an octet at a time", false, func(ctx context.Context, conn net.Conn) error {
		return trickle(ctx, conn, "a LOGIN {900+}\r\n"+strings.Repeat("n", 900), 16)
	}},
	{"asks and never reads", false, func(ctx context.Context, conn net.Conn) error {
		if err := conn.(*net.TCPConn).SetReadBuffer(1); err != nil {
			return err
		}
		go io.WriteString(conn, strings.Repeat("a CAPABILITY\r\n", 150)) // what it does not take ends with the connection
		<-ctx.Done()
		return ctx.Err()
	}},
}

// silence waits for the end of the connection.
func silence(ctx context.Context, conn net.Conn) error {
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Now()) })()
	_, err := io.Copy(io.Discard, conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ctx.Err()
	}
	return nil // a reset is an end too
}

// trickle sends the first octets of a text at once, and then one every two seconds.
func trickle(ctx context.Context, conn net.Conn, text string, first int) error {
	send := time.NewTicker(2 * time.Second)
	defer send.Stop()
	go func() {
		_, err := io.WriteString(conn, text[:first])
		for i := first; i < len(text) && err == nil; i++ {
			<-send.C
			_, err = io.WriteString(conn, text[i:i+1])
		}
	}()
	return silence(ctx, conn)
}

// TestSlowCrowd: those that dawdle cost little, keep nobody out, and are sent away when
// their time is over.
func TestSlowCrowd(t *testing.T) {
	t.Parallel()
	h := crowded(t)
	h.logins(1)
	rest()
	n := *crowd
	alone, descriptors := h.pss("imapd"), h.descriptors("imapd")
	m0, s0 := h.logins(20)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	began := time.Now()
	var left, ends sync.Map // how many of each kind, and when the last ended
	var wg sync.WaitGroup
	h.together(n, func(i int) error {
		d := dawdlers[i%len(dawdlers)]
		conn, err := dialFrom(hostile, map[bool]string{true: h.imaps, false: h.imap}[d.tls])
		if err != nil {
			return err
		}
		counter, _ := left.LoadOrStore(d.name, new(atomic.Int64))
		counter.(*atomic.Int64).Add(1)
		wg.Go(func() {
			defer conn.Close()
			if d.do(ctx, conn) == nil {
				counter.(*atomic.Int64).Add(-1)
				ends.Store(d.name, time.Since(began).Round(time.Second))
			}
		})
		return nil
	})
	rest()
	each := float64(h.pss("imapd")-alone) / float64(n)
	m, s := h.logins(20)
	t.Logf("%d that dawdle: %.1f kB each; a login meanwhile: median %v, slowest %v (alone %v, %v)", n, each, m, s, m0, s0)
	if each > mostSlow {
		t.Errorf("more than %d kB", mostSlow)
	}
	if s > 5*time.Second {
		t.Errorf("a login took %v", s)
	}
	if *patient {
		// Everything before login is over after three minutes.
		time.Sleep(time.Until(began.Add(200 * time.Second)))
		for _, d := range dawdlers[:4] {
			counter, _ := left.Load(d.name)
			end, _ := ends.Load(d.name)
			if k := counter.(*atomic.Int64).Load(); k > 0 {
				t.Errorf("%s: %d are left", d.name, k)
			}
			t.Logf("%s: the last was sent away after %v", d.name, end)
		}
		rest()
		left := h.descriptors("imapd") - descriptors
		t.Logf("afterwards the front has %d descriptors and %d kB more than before", left, h.pss("imapd")-alone)
		if left > 2 {
			t.Errorf("%d connections are left", left)
		}
	}
	stop()
	wg.Wait()
}

// TestGuessers: somebody who guesses at many passwords at once, from one place, does not
// keep the others from logging in, although each of his guesses costs a hash.
func TestGuessers(t *testing.T) {
	t.Parallel()
	h := crowded(t)
	h.hash()
	h.logins(2)
	m0, s0 := h.logins(20)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var tried, answered atomic.Int64
	for i := range 64 {
		wg.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				conn, r, err := h.greeted(hostile)
				if err != nil {
					t.Error(err)
					return
				}
				end := context.AfterFunc(ctx, func() { conn.Close() })
				for err == nil {
					tried.Add(1)
					name := []string{"ann", "bob", "nobody" + strconv.Itoa(k)}[i%3]
					fmt.Fprintf(conn, "a LOGIN %s guess%d.%d\r\n", name, i, k)
					var line string
					if line, err = r.ReadString('\n'); strings.HasPrefix(line, "a NO") {
						answered.Add(1)
						k++
					}
				}
				end()
				conn.Close()
			}
		})
	}
	m, s := h.logins(20) // at once: the first guesses of a storm wait for no penalty
	t.Logf("a login during a storm of guesses: median %v, slowest %v (alone %v, %v); %d guesses, %d of them refused", m, s, m0, s0, tried.Load(), answered.Load())
	if s > s0+3*time.Second {
		t.Errorf("a login takes %v during a storm", s)
	}
	stop()
	wg.Wait()
}
