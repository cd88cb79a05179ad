package sessiond

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/submitd"
)

// TestSubmit goes the way from a session to what submitd starts: for the account that is
// logged in, as authd has it, and for what is a session's of that service to ask; and submitd
// need not be there when it is told.
func TestSubmit(t *testing.T) {
	h := build(t)
	r := h.remote()
	ran := filepath.Join(h.dir, "ran")
	begin := func(service wire.Service, account string) func(line string) {
		conn, err := r.Start(t.Context(), h.grantFor(r, service, account), client)
		if err != nil {
			t.Fatalf("%v: %s", err, &h.log)
		}
		t.Cleanup(func() { conn.Close() })
		lines := bufio.NewScanner(conn)
		lines.Scan() // who it is
		return func(line string) {
			t.Helper()
			fmt.Fprintln(conn, line)
			if !lines.Scan() || lines.Text() != line {
				t.Errorf("%q: it says %q, %v", line, lines.Text(), lines.Err())
			}
		}
	}
	until := func(want ...string) {
		t.Helper()
		var text []byte
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			text, _ = os.ReadFile(ran)
			if strings.Count(string(text), "\n") >= len(want) {
				break
			}
		}
		time.Sleep(100 * time.Millisecond)
		text, _ = os.ReadFile(ran)
		got := string(text)
		for _, w := range want {
			if !strings.Contains(got, w+"\n") {
				t.Errorf("%q did not run: %q", w, got)
			}
			got = strings.Replace(got, w+"\n", "", 1)
		}
		if got != "" {
			t.Errorf("it ran besides: %q", got)
		}
		if err := os.WriteFile(ran, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ann := begin(wire.IMAP, "ann")
	ann("crossed ann") // nobody hears it yet

	s := &submitd.Server{
		Command: func(w submitd.Work, a *wire.Account) (*exec.Cmd, error) {
			return exec.Command("/bin/sh", "-c", `echo "$@" >>`+ran, "sh", w.Program(), a.Name, fmt.Sprint(a.UID), a.Mail), nil
		},
		UID: uint32(os.Geteuid()), Log: h.log.Logger(),
	}
	if err := s.Load(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	h.serve(submitd.Socket, func(ctx context.Context, c *fdpass.Conn) error { return s.Serve(ctx, c) })
	uid := fmt.Sprint(54321)
	if os.Geteuid() != 0 {
		uid = fmt.Sprint(os.Getuid())
	}
	crossed := func(name string) string { return "quota-command " + name + " " + uid + " /home/" + name + "/Maildir" }
	until(crossed("ann"))

	bob, web := begin(wire.IMAP, "bob"), begin(wire.Webmail, "ann")
	bob("crossed bob")
	bob("crossed ann") // which it does not serve
	bob("crossed root")
	bob("due") // only webmail sends
	web("due")
	until(crossed("bob"), "webmail-submit ann "+uid+" /home/ann/Maildir")
	web("crossed ann")
	ann("hello")
	until(crossed("ann"))
}
