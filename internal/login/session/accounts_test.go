package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
	"fantail/internal/store"
)

// shared is a session program of several accounts, in this process.
type shared struct {
	*sessiontest.Starter
	*accounts
	dir string
	log sessiontest.Log
}

func behindFence(t *testing.T, serve func(context.Context, *Session) error) *shared {
	t.Helper()
	cfg, err := conf.Load(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	h := &shared{dir: t.TempDir()}
	log := h.log.Logger()
	h.accounts = newAccounts(arguments{fence: h.dir, mail: cfg.Mail}, &fence{entered: true}, new(crossings), log)
	h.Starter = sessiontest.Run(t, func(ctx context.Context, control *os.File) error {
		return Program{Serve: serve}.serveAccounts(ctx, control, Session{Log: log, cross: h.accounts.cross}, h.accounts)
	})
	return h
}

func (h *shared) account(name string) handover.Account {
	return handover.Account{Name: name, Mail: filepath.Join(h.dir, name, "Maildir")}
}

// connect begins a session of an account, which says first what it has to say.
func (h *shared) connect(of handover.Account) (net.Conn, string) {
	h.Helper()
	if err := os.MkdirAll(filepath.Dir(of.Mail), 0o700); err != nil {
		h.Fatal(err)
	}
	conn := h.PassFor(of, handover.Introduction{Hello: handover.Hello{SID: "sid-" + of.Name, Remote: "192.0.2.7", Tag: "a"}})
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		h.Fatalf("%v: %s", err, &h.log)
	}
	return conn, line
}

func (h *shared) opened() map[string]*store.Account {
	h.accounts.mu.Lock()
	defer h.accounts.mu.Unlock()
	all := make(map[string]*store.Account)
	for of, m := range h.accounts.open {
		all[of.Name] = m.opened()
	}
	return all
}

// first has the INBOX of the session's account, and says what is in it, and who it is.
func first(ctx context.Context, s *Session) error {
	acct, err := s.OpenAccount()
	if err != nil {
		return err
	}
	m, err := acct.Open(ctx, "INBOX")
	if err != nil {
		return err
	}
	defer m.Close()
	snap, err := m.Sync(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.Conn, s.User, snap.Len())
	_, err = s.Conn.Read(make([]byte, 1)) // until the client leaves
	if s.User == "panics" {
		panic("of a session")
	}
	return fmt.Errorf("left: %w", err)
}

// TestAccounts: sessions of several accounts have each their own mail, and what ends or
// breaks one of them does nothing to the others.
func TestAccounts(t *testing.T) {
	h := behindFence(t, first)
	for name, n := range map[string]int{"ann": 1, "bob": 2, "panics": 0} {
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(h.dir, name, "Maildir", sub), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for i := range n {
			if err := os.WriteFile(filepath.Join(h.dir, name, "Maildir/cur", fmt.Sprintf("100000000%d.M1P1.h:2,", i)), []byte("Subject: x\n\nx\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	ann, said := h.connect(h.account("ann"))
	if said != "ann 1\n" {
		t.Errorf("ann has %q", said)
	}
	bob, said := h.connect(h.account("bob"))
	if said != "bob 2\n" {
		t.Errorf("bob has %q", said)
	}
	broken, _ := h.connect(h.account("panics"))
	ann2, _ := h.connect(h.account("ann"))
	h.Hears(handover.Taken, 1, 2, 3, 4)
	if all := h.opened(); len(all) != 3 || all["ann"] == nil || all["ann"] == all["bob"] {
		t.Errorf("open: %v", all)
	}
	for n, conn := range []net.Conn{ann, nil, broken, ann2} {
		if conn != nil {
			conn.Close()
			h.Hears(handover.Ended, uint32(n+1))
		}
	}
	for _, want := range []string{`msg="session failed" user=ann sid=sid-ann err="left: EOF"`, `msg="session failed" user=panics sid=sid-panics err="panic: of a session`} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("want %s: %s", want, &h.log)
		}
	}
	if strings.Contains(h.log.String(), "bob") {
		t.Errorf("bob: %s", &h.log)
	}
	bob.Close()
	h.Hears(handover.Ended, 2)
	if err := errors.Join(h.Control.CloseWrite(), h.Wait()); err != nil {
		t.Error(err)
	}
	if all := h.opened(); len(all) != 0 {
		t.Errorf("open at the end: %v", all)
	}
}

// TestAccountsQuota: each account has its own limits, and a session that comes with others
// than are known has these.
func TestAccountsQuota(t *testing.T) {
	h := behindFence(t, func(_ context.Context, s *Session) error {
		acct, err := s.OpenAccount()
		if err != nil {
			return err
		}
		_, l, err := acct.Quota(t.Context())
		fmt.Fprintln(s.Conn, l.Octets, l.Messages)
		return err
	})
	h.accounts.settings.Quota.Messages = 9
	for _, c := range []struct{ name, quota, want string }{
		{"ann", "", "0 9\n"}, {"bob", "1KiB, 5 messages", "1024 5\n"}, {"cyn", "none", "0 0\n"}, {"bob", "2KiB", "2048 0\n"}, {"bob", "none", "0 0\n"},
	} {
		of := h.account(c.name)
		of.Quota = c.quota
		if _, said := h.connect(of); said != c.want {
			t.Errorf("%s with %q has %q", c.name, c.quota, said)
		}
	}
	of := h.account("eve")
	of.Quota = "much"
	if _, err := h.begin(of); err == nil {
		t.Error("served without knowing the limits")
	}
	if err := errors.Join(h.Control.CloseWrite(), h.Wait()); err != nil {
		t.Error(err)
	}
}

// TestAccountsIdle: an account without a session is closed after a while, unless another
// session begins.
func TestAccountsIdle(t *testing.T) {
	h := behindFence(t, first)
	of := h.account("ann")
	one, err := h.begin(of)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(of.Mail), 0o700); err != nil {
		t.Fatal(err)
	}
	acct, err := one.open()
	if err != nil {
		t.Fatal(err)
	}
	h.accounts.end(of, one)
	if one.timer == nil {
		t.Fatal("no end to it")
	}
	two, err := h.begin(of)
	if err != nil || two != one || one.timer != nil {
		t.Errorf("%v, the same: %t, to be closed: %t", err, two == one, one.timer != nil)
	}
	h.closeIdle(of, one) // a timer that was late
	if one.opened() != acct {
		t.Error("it was closed under a session")
	}
	h.accounts.end(of, two)
	h.closeIdle(of, one)
	if one.opened() != nil || len(h.opened()) != 0 {
		t.Errorf("it stays open: %v", h.opened())
	}
}

// TestAccountsReplaced: a Maildir that was replaced is another one for who comes then.
func TestAccountsReplaced(t *testing.T) {
	h := behindFence(t, first)
	of := h.account("ann")
	a, said := h.connect(of)
	if said != "ann 0\n" {
		t.Errorf("%q", said)
	}
	old := h.opened()["ann"]
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(h.dir, "backup", sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(
		os.WriteFile(filepath.Join(h.dir, "backup/cur/1000000001.M1P1.h:2,"), []byte("Subject: x\n\nx\n"), 0o600),
		os.Rename(of.Mail, of.Mail+".old"),
		os.Rename(filepath.Join(h.dir, "backup"), of.Mail),
	)
	if err != nil {
		t.Fatal(err)
	}
	b, said := h.connect(of)
	if said != "ann 1\n" {
		t.Errorf("the restored mail has %q", said)
	}
	if now := h.opened()["ann"]; now == old || now == nil {
		t.Error("one account for two directories")
	}
	h.Hears(handover.Taken, 1, 2)
	a.Close()
	h.Hears(handover.Ended, 1)
	b.Close()
	h.Hears(handover.Ended, 2)
	if err := errors.Join(h.Control.CloseWrite(), h.Wait()); err != nil {
		t.Error(err)
	}
}

// TestAccountsOutside: nobody is served whose mail is not in the fence, nor a connection
// of which nobody says whose it is.
func TestAccountsOutside(t *testing.T) {
	h := behindFence(t, first)
	for n, of := range []handover.Account{{Name: "eve", Mail: "/mail/eve"}, {Name: "eve", Mail: h.dir}, {Name: "eve", Mail: h.dir + "2/eve"}, {Name: "eve", Mail: h.dir + "/../eve"}, {}} {
		conn := h.PassFor(of, handover.Introduction{Hello: sessiontest.Someone})
		h.Hears(handover.Taken, uint32(n+1))
		if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if k, err := conn.Read(make([]byte, 10)); k > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%+v is served: %v", of, err)
		}
		h.Hears(handover.Ended, uint32(n+1))
	}
}
