package authd

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb/apppw"
	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

// keeping is an engine that has a place for app passwords and second factors.
func keeping(t *testing.T) *Engine {
	t.Helper()
	dir := t.TempDir()
	e, err := New(Options{Log: slog.New(slog.DiscardHandler)}, Setup{
		Accounts: &accounts{}, SASL: sasl.Config{Enabled: mechanisms},
		AppPasswords: apppw.Open(filepath.Join(dir, "apppw"), slog.New(slog.DiscardHandler)),
		Factors:      factor.Open(filepath.Join(dir, "totp")),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// unlocks logs ann in to a service, and asks for a permit with the ticket.
func (p *peer) unlocks(service wire.Service, account string) wire.Message {
	p.t.Helper()
	p.say(1, &wire.Begin{Service: service, Remote: home, TLS: true, Mechanism: "PLAIN", HasInitial: true, Initial: []byte("\x00ann\x00secret")})
	_, m := p.hear()
	won, ok := m.(*wire.Success)
	if !ok {
		p.t.Fatal("not let in")
	}
	p.say(2, &wire.Manage{Permit: won.Ticket, Account: account, Verb: wire.Unlock})
	_, m = p.hear()
	return m
}

// does asks for a change.
func (p *peer) does(m wire.Manage) wire.Message {
	p.t.Helper()
	p.say(3, &m)
	_, answer := p.hear()
	return answer
}

func (p *peer) managed(m wire.Manage) *wire.Managed {
	p.t.Helper()
	got := p.does(m)
	out, ok := got.(*wire.Managed)
	if !ok {
		p.t.Fatalf("%+v: %#v", m, got)
	}
	return out
}

func refused(t *testing.T, what string, got wire.Message, want wire.Reason) {
	t.Helper()
	if f, ok := got.(*wire.Failure); !ok || f.Reason != want {
		t.Errorf("%s: %#v", what, got)
	}
}

func TestManage(t *testing.T) {
	e := keeping(t)
	p := connect(t, e, Front)
	refused(t, "a ticket for webmail", p.unlocks(wire.Webmail, "ann"), wire.NoTicket)
	refused(t, "a ticket of another account", p.unlocks(wire.Security, "bob"), wire.NoTicket)
	refused(t, "no ticket", p.does(wire.Manage{Account: "ann", Verb: wire.Unlock}), wire.NoTicket)
	unlocked, ok := p.unlocks(wire.Security, "ann").(*wire.Managed)
	if !ok || unlocked.Permit == (wire.Ticket{}) || unlocked.Codes || unlocked.Passwords != nil {
		t.Fatalf("%+v", unlocked)
	}
	permit := unlocked.Permit
	refused(t, "another account", p.does(wire.Manage{Permit: permit, Account: "bob", Verb: wire.Look}), wire.NoTicket)
	refused(t, "a permit as a ticket", p.does(wire.Manage{Permit: permit, Account: "ann", Verb: wire.Unlock}), wire.NoTicket)
	refused(t, "no permit", p.does(wire.Manage{Account: "ann", Verb: wire.AddPassword, Label: "x", Services: []wire.Service{wire.IMAP}}), wire.NoTicket)

	ask := func(m wire.Manage) wire.Manage {
		m.Permit, m.Account = permit, "ann"
		return m
	}
	added := p.managed(ask(wire.Manage{Verb: wire.AddPassword, Label: strings.Repeat("ä", 70), Services: []wire.Service{wire.IMAP, wire.SMTP}}))
	if len(added.Secrets) != 1 || len(added.Passwords) != 1 || added.Passwords[0].Label != strings.Repeat("ä", 50) {
		t.Fatalf("%+v", added)
	}
	if looked := p.managed(ask(wire.Manage{Verb: wire.Look})); looked.Secrets != nil || len(looked.Passwords) != 1 {
		t.Errorf("%+v", looked)
	}
	refused(t, "no label", p.does(ask(wire.Manage{Verb: wire.AddPassword, Services: []wire.Service{wire.IMAP}})), wire.Malformed)
	refused(t, "for security", p.does(ask(wire.Manage{Verb: wire.AddPassword, Label: "x", Services: []wire.Service{wire.Security}})), wire.Malformed)
	refused(t, "an id that is none", p.does(ask(wire.Manage{Verb: wire.RevokePassword, ID: "../../x"})), wire.Malformed)
	if revoked := p.managed(ask(wire.Manage{Verb: wire.RevokePassword, ID: added.Passwords[0].ID})); revoked.Passwords != nil {
		t.Errorf("%+v", revoked)
	}

	begun := p.managed(ask(wire.Manage{Verb: wire.BeginCodes, Label: "mail.example.org"}))
	if len(begun.Secrets) != 2 || !begun.Pending || begun.Codes || !strings.HasPrefix(begun.Secrets[1], "otpauth://totp/mail.example.org") {
		t.Fatalf("%+v", begun)
	}
	refused(t, "a wrong code", p.does(ask(wire.Manage{Verb: wire.ConfirmCodes, Code: "x"})), wire.Wrong)
	refused(t, "recovery codes of none", p.does(ask(wire.Manage{Verb: wire.RenewRecovery})), wire.Malformed)
	if ended := p.managed(ask(wire.Manage{Verb: wire.EndCodes})); ended.Pending || ended.Codes {
		t.Errorf("%+v", ended)
	}
	refused(t, "ended twice", p.does(ask(wire.Manage{Verb: wire.EndCodes})), wire.Malformed)

	other := connect(t, engine(t, &accounts{}), Front)
	refused(t, "nothing is kept", other.unlocks(wire.Security, "ann"), wire.Unavailable)
}

// TestManageConfirmed puts a second factor in force.
func TestManageConfirmed(t *testing.T) {
	e := keeping(t)
	setup := e.setup.Load()
	ann := userdb.User{Name: "ann"}
	key, err := setup.Factors.Begin("ann")
	if err != nil {
		t.Fatal(err)
	}
	codes, err := change(setup, ann, &wire.Manage{Verb: wire.ConfirmCodes, Code: string(key.Code(time.Now()))})
	if err != nil || len(codes) != factor.RecoveryCodes {
		t.Fatal(codes, err)
	}
	// Under whichever of its names the account has it.
	also := userdb.User{Name: "ann@example.org", Also: "ann"}
	if out, err := look(setup, also); err != nil || !out.Codes || out.Recovery != factor.RecoveryCodes {
		t.Errorf("%+v, %v", out, err)
	}
	if again, err := change(setup, also, &wire.Manage{Verb: wire.RenewRecovery}); err != nil || len(again) != factor.RecoveryCodes || again[0] == codes[0] {
		t.Error(again, err)
	}
	if _, err := change(setup, also, &wire.Manage{Verb: wire.EndCodes}); err != nil {
		t.Error(err)
	}
}

// TestPermits: one is of an account, a process and ten minutes.
func TestPermits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPermits(time.Now)
		front := fdpass.Peer{PID: 7, UID: 1}
		name, ok := p.issue(userdb.User{Name: "ann"}, front)
		if !ok {
			t.Fatal("none")
		}
		for _, c := range []struct {
			what    string
			account string
			front   fdpass.Peer
			want    bool
		}{{"it", "ann", front, true}, {"again", "ann", front, true}, {"bob", "bob", front, false}, {"another process", "ann", fdpass.Peer{PID: 8, UID: 1}, false}, {"another user", "ann", fdpass.Peer{PID: 7, UID: 2}, false}} {
			if _, ok := p.of(name, c.account, c.front); ok != c.want {
				t.Errorf("%s: %t", c.what, ok)
			}
		}
		time.Sleep(permitLife + time.Second)
		if _, ok := p.of(name, "ann", front); ok {
			t.Error("it lasts")
		}
		for range mostPermits {
			if _, ok := p.issue(userdb.User{Name: "ann"}, front); !ok {
				t.Fatal("too few")
			}
		}
		if _, ok := p.issue(userdb.User{Name: "ann"}, front); ok {
			t.Error("too many")
		}
		time.Sleep(permitLife + time.Second)
		if _, ok := p.issue(userdb.User{Name: "ann"}, front); !ok || len(p.out) != 1 {
			t.Error("old ones stay")
		}
	})
}
