package imapd_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fantail/internal/imap/imapd"
	"fantail/internal/store"
)

// TestIdleTakesNoTimer: a notice is told when the kernel tells it. Time in the
// bubble stands still while anybody waits for the kernel, so that a session which
// waited for a timer would never tell.
func TestIdleTakesNoTimer(t *testing.T) {
	dir := newMaildir(t)
	late := time.AfterFunc(time.Minute, func() { panic("a session in IDLE waits for something else than the kernel") })
	defer late.Stop()
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, dir)
		c.send("a SELECT INBOX\r\n")
		c.until("a OK")
		for n := 4; n < 8; n++ {
			c.send("b IDLE\r\n")
			c.until("+ ")
			begin := time.Now()
			deliver(t, dir, fmt.Sprintf("110000000%d.M1P1.h", n), "Subject: new\n\n")
			c.until(fmt.Sprintf("* %d EXISTS", n))
			flag, err := filepath.Glob(filepath.Join(dir, "cur", "1000000000.*"))
			if err != nil || len(flag) != 1 {
				t.Fatal(flag, err)
			}
			base, _, _ := strings.Cut(flag[0], ":")
			if err := os.Rename(flag[0], base+":2,"+strings.Repeat("F", (n+1)%2)); err != nil {
				t.Fatal(err)
			}
			c.until("* 1 FETCH (FLAGS (")
			if took := time.Since(begin); took != 0 {
				t.Errorf("told after %v", took)
			}
			c.send("DONE\r\n")
			c.until("b OK")
		}
	})
}

// begun starts a session in a bubble, on a pipe, and reads up to the greeting.
func begun(ctx context.Context, t *testing.T, acct *store.Account) (c *client, ended chan error) {
	near, far := net.Pipe()
	ended = make(chan error, 1)
	go func() {
		defer far.Close()
		ended <- imapd.New(acct, far, imapd.Options{Log: quiet, Version: "test"}).Serve(ctx)
	}()
	c = &client{t, near, bufio.NewReader(near)}
	c.until("* PREAUTH")
	return c, ended
}

func account(t *testing.T) *store.Account {
	acct, err := store.OpenAccount(newMaildir(t), store.Options{Host: "test", Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := acct.Close(); err != nil {
			t.Error(err)
		}
	})
	return acct
}

// TestIdleIsSilent: a session in IDLE says nothing as long as there is nothing to
// tell. A client speaks every 29 minutes (RFC 9051 section 6.3.13), and TCP finds
// those that are gone; a heartbeat would wake phones.
func TestIdleIsSilent(t *testing.T) {
	acct := account(t)
	synctest.Test(t, func(t *testing.T) {
		c, ended := begun(t.Context(), t, acct)
		for range 3 {
			c.send("a IDLE\r\n")
			c.until("+ ")
			if err := c.conn.SetReadDeadline(time.Now().Add(29 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			if b, err := c.r.ReadByte(); err == nil {
				t.Fatalf("heard %q", b)
			}
			if err := c.conn.SetReadDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			c.send("DONE\r\n")
			c.until("a OK")
		}
		c.send("b LOGOUT\r\n")
		if all := c.until("b OK"); !strings.HasPrefix(all, "* BYE ") {
			t.Errorf("%q", all)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestShutdown: RFC 5530 section 3: a session that is told to end says that this is
// not for ever, whatever it waits for.
func TestShutdown(t *testing.T) {
	acct := account(t)
	for _, first := range []string{"", "a IDLE\r\n", "a LOGIN {5}\r\n", "a CREATE {5}\r\nab", "a APPEND INBOX {10}\r\nabc", "a NO"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			c, ended := begun(ctx, t, acct)
			out := make(chan string, 1)
			go func() {
				b, _ := io.ReadAll(c.r)
				out <- string(b)
			}()
			c.send(first)
			synctest.Wait()
			stop()
			if err := <-ended; err != nil {
				t.Errorf("%q: %v", first, err)
			}
			if got := <-out; !strings.Contains("\r\n"+got, "\r\n* BYE [UNAVAILABLE] ") || !strings.HasSuffix(got, "\r\n") {
				t.Errorf("%q: %q", first, got)
			}
		})
	}
}
