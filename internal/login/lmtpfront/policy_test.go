package lmtpfront

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
)

// asks sends a request and returns the answer.
func (p *peer) asks(recipient string, size int64) string {
	p.t.Helper()
	p.say(fmt.Sprintf("request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=%s\nsize=%d\n\n", recipient, size))
	return p.answered()
}

func (p *peer) answered() string {
	p.t.Helper()
	var text string
	for !strings.HasSuffix(text, "\n\n") {
		line, err := p.in.ReadString('\n')
		if text += line; err != nil {
			return text + "(" + err.Error() + ")"
		}
	}
	return text
}

// limits gives an account room.
func (h *house) limits(name, text string) {
	h.t.Helper()
	if _, err := h.account(name); err != nil {
		h.t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // until the times of the directories tell every change
	if err := os.WriteFile(filepath.Join(h.maildir(name), "maildirsize"), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

const (
	dunno = "action=DUNNO\n\n"
	full  = "action=452 4.2.2 The mailbox is full.\n\n"
)

// A recipient without room is refused, and nobody else, whatever is wrong.
func TestPolicy(t *testing.T) {
	h := newHouse(t, "ann", "bob")
	now := time.Now()
	_, connect := h.serveOn("tcp", namePolicy, func(o *Options) { o.Clock = func() time.Time { return now } })
	h.limits("ann", "1000S\n")
	p := connect()
	for _, c := range []struct {
		recipient string
		size      int64
		want      string
	}{
		{"ann@example.org", 1000, dunno},
		{"ann+x@example.org", 1001, full},
		{"Ann", 1001, full},
		{"bob@example.org", 1 << 40, dunno}, // he has no limits
		{"ann@example.com", 1001, dunno},    // another domain
		{"nobody@example.org", 1001, dunno},
		{"away", 1001, dunno}, // authd cannot say
		{"", 1001, dunno},
		{"ann> SIZE=1", 1001, dunno},
	} {
		if got := p.asks(c.recipient, c.size); got != c.want {
			t.Errorf("%s, %d: %q", c.recipient, c.size, got)
		}
	}
	p.say("request=other\nrecipient=ann\nsize=1001\n\nrecipient=ann\n\n")
	if got := p.answered() + p.answered(); got != dunno+dunno {
		t.Errorf("%q", got)
	}
	a, err := h.account("ann")
	if err != nil {
		t.Fatal(err)
	}
	in, err := a.Open(t.Context(), mail.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	d, err := in.NewDelivery()
	if err == nil {
		_, err = d.Write(make([]byte, 1000))
	}
	if err == nil {
		err = d.Commit(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(roomLife)
	if got := p.asks("ann", 0); got != full {
		t.Errorf("of an unknown size: %q", got)
	}
	if len(h.mail("ann")) != 1 {
		t.Error("a question has delivered something")
	}
}

// What was found out is believed for a while, for what is larger or smaller too.
func TestPolicyRemembers(t *testing.T) {
	h := newHouse(t, "ann", "bob")
	now := time.Now()
	_, connect := h.serveOn("tcp", namePolicy, func(o *Options) { o.Clock = func() time.Time { return now } })
	h.limits("ann", "1000S\n")
	p := connect()
	asked := func(size int64, want string) {
		t.Helper()
		if got := p.asks("ann", size); got != want {
			t.Errorf("%d: %q", size, got)
		}
	}
	asked(500, dunno)
	asked(2000, full)
	h.limits("ann", "5000S\n")
	asked(1500, dunno) // not known before
	asked(2000, full)
	asked(3000, full)
	now = now.Add(roomLife)
	asked(3000, dunno)
	h.limits("ann", "10S\n")
	asked(3000, dunno)
	asked(0, dunno)
	now = now.Add(roomLife)
	asked(3000, full)
}

// A session that is not to be had, or ends, refuses nobody; nor does one that is slow.
func TestPolicyFails(t *testing.T) {
	h := newHouse(t, "ann")
	now := time.Now()
	_, connect := h.serveOn("tcp", namePolicy, func(o *Options) { o.Clock = func() time.Time { return now } })
	h.limits("ann", "1000S\n")
	p := connect()
	h.mu.Lock()
	h.broken = errors.New("no sessiond")
	h.mu.Unlock()
	if got := p.asks("ann", 2000); got != dunno {
		t.Errorf("without sessiond: %q", got)
	}
	h.mu.Lock()
	h.broken = nil
	h.mu.Unlock()
	if got := p.asks("ann", 2000); got != full {
		t.Errorf("with it: %q", got)
	}
	h.mu.Lock()
	for _, end := range h.end { // the session that is kept
		end()
	}
	h.end = nil
	h.mu.Unlock()
	now = now.Add(roomLife)
	if got := p.asks("ann", 2000); got != full || len(h.opened) != 3 {
		t.Errorf("by another session: %q, %d opened", got, len(h.opened))
	}
	if !strings.Contains(h.log.String(), "no sessiond") {
		t.Errorf("the log: %s", &h.log)
	}
}

// What is no request gets no answer: the connection ends. So does one that is closed on one
// side, after the answer, as Exim does it.
func TestPolicyEnds(t *testing.T) {
	h := newHouse(t, "ann")
	s, connect := h.serveOn("tcp", namePolicy, nil)
	p := connect()
	p.say("EHLO example.org\n\n")
	p.gone()
	p = connect()
	p.say("request=smtpd_access_policy\nrecipient=ann\n\n")
	if err := p.conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := p.answered(); got != dunno {
		t.Errorf("%q", got)
	}
	p.gone()
	waits := connect()
	if got := waits.asks("ann", 1); got != dunno {
		t.Errorf("%q", got)
	}
	s.Shutdown(context.Background())
	waits.gone()
}

// There are no more connections than there may be.
func TestPolicyCrowd(t *testing.T) {
	h := newHouse(t, "ann")
	_, connect := h.serveOn("tcp", namePolicy, func(o *Options) { o.Connections = 1 })
	first := connect()
	if got := first.asks("ann", 1); got != dunno {
		t.Errorf("%q", got)
	}
	connect().gone()
	if got := first.asks("ann", 1); got != dunno {
		t.Errorf("%q", got)
	}
}
