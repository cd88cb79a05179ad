package authd

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"testing"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/sasl"
	"fantail/internal/login/webauthn"
	"fantail/internal/login/webauthn/webauthntest"
)

const site = "https://mail.example.org"

// challengeOf is the challenge in options, of which there may be a list.
func challengeOf(t *testing.T, options []byte) (c webauthn.Challenge) {
	t.Helper()
	type challenge struct {
		Challenge octets `json:"challenge"`
	}
	var one challenge
	var list []challenge
	if err := json.Unmarshal(options, &one); err != nil {
		if err := json.Unmarshal(options, &list); err != nil || len(list) == 0 {
			t.Fatalf("%s: %v", options, err)
		}
		one = list[0]
	}
	return webauthn.Challenge(one.Challenge)
}

// octets are in base64url without padding.
type octets []byte

func (o *octets) UnmarshalText(text []byte) (err error) {
	*o, err = base64.RawURLEncoding.DecodeString(string(text))
	return err
}

// TestNewKey adds security keys with a permit, each by an answer to a challenge of its own.
func TestNewKey(t *testing.T) {
	p := connect(t, keeping(t), Front)
	unlocked, ok := p.unlocks(wire.Security, "ann").(*wire.Managed)
	if !ok {
		t.Fatal("locked")
	}
	ask := func(m wire.Manage) wire.Manage {
		m.Permit, m.Account = unlocked.Permit, "ann"
		return m
	}
	begin := func() webauthn.Challenge {
		t.Helper()
		return challengeOf(t, p.managed(ask(wire.Manage{Verb: wire.BeginKey, Label: site})).Options)
	}
	confirm := func(label string, response []byte) wire.Message {
		t.Helper()
		return p.does(ask(wire.Manage{Verb: wire.ConfirmKey, Label: label, Response: response}))
	}
	blue, green := webauthntest.New(t, "blue"), webauthntest.New(t, "green")
	refused(t, "no permit", p.does(wire.Manage{Account: "ann", Verb: wire.BeginKey, Label: site}), wire.NoTicket)
	refused(t, "no host", p.does(ask(wire.Manage{Verb: wire.BeginKey, Label: "https://192.0.2.1"})), wire.Mechanism)
	refused(t, "nothing was asked for", confirm("Blue", blue.Create(t, site, webauthn.NewChallenge())), wire.Malformed)
	c := begin()
	refused(t, "another site", confirm("Blue", blue.Create(t, "https://evil.example", c)), wire.Wrong)
	refused(t, "a challenge that was answered", confirm("Blue", blue.Create(t, site, c)), wire.Malformed)
	begin()
	refused(t, "an older challenge", confirm("Blue", blue.Create(t, site, c)), wire.Wrong)
	c = begin()
	refused(t, "no name", confirm("", blue.Create(t, site, c)), wire.Malformed)

	c = begin()
	added, ok := confirm("Blue", blue.Create(t, site, c)).(*wire.Managed)
	if !ok || len(added.Secrets) != factor.RecoveryCodes || len(added.Keys) != 1 || added.Keys[0].Label != "Blue" || added.Keys[0].Origin != site || added.Codes {
		t.Fatalf("%+v", added)
	}
	c = begin()
	refused(t, "the same key again", confirm("Blue", blue.Create(t, site, c)), wire.Malformed)
	c = begin()
	second, ok := confirm("Green", green.Create(t, site, c)).(*wire.Managed)
	if !ok || second.Secrets != nil || len(second.Keys) != 2 || second.Recovery != factor.RecoveryCodes {
		t.Fatalf("%+v", second)
	}
	if gone := p.managed(ask(wire.Manage{Verb: wire.RemoveKey, ID: second.Keys[0].ID})); len(gone.Keys) != 1 || gone.Keys[0].Label != "Green" {
		t.Errorf("%+v", gone)
	}
	refused(t, "removed twice", p.does(ask(wire.Manage{Verb: wire.RemoveKey, ID: second.Keys[0].ID})), wire.Malformed)
}

// TestKeyLogin logs in with a security key: only its answer to the challenge of this try
// opens anything.
func TestKeyLogin(t *testing.T) {
	k, other, c := webauthntest.New(t, "blue"), webauthntest.New(t, "blue"), webauthn.NewChallenge()
	party, err := webauthn.PartyOf(site)
	if err != nil {
		t.Fatal(err)
	}
	made, err := webauthn.Register(k.Create(t, site, c), c, party)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Options{Log: slog.New(slog.DiscardHandler)}, Setup{Accounts: &accounts{keys: []webauthn.Credential{made}}, SASL: sasl.Config{Enabled: mechanisms}})
	if err != nil {
		t.Fatal(err)
	}
	p := connect(t, e, Front)
	begin := func(id uint32) webauthn.Challenge {
		t.Helper()
		p.say(id, &wire.Begin{Service: wire.Webmail, Remote: home, TLS: true, Mechanism: "PLAIN", HasInitial: true, Initial: []byte("\x00ann\x00secret")})
		return challengeOf(t, p.asked(false).Options)
	}
	first := begin(1)
	second := begin(2)
	if first == second {
		t.Fatal("one challenge for two logins")
	}
	answer := k.Get(t, site, first)
	p.say(2, &wire.Continue{Response: answer})
	second = challengeOf(t, p.asked(true).Options) // another one from now on
	p.say(2, &wire.Continue{Response: other.Get(t, site, second)})
	third := challengeOf(t, p.asked(true).Options)
	p.say(2, &wire.Continue{Response: k.Get(t, site, second)})
	p.want(2, &wire.Failure{Reason: wire.Wrong, Name: "ann"})
	if second == third {
		t.Error("a challenge is good twice")
	}
	p.say(1, &wire.Continue{Response: answer})
	p.want(1, &wire.Success{Account: "ann", Without: "NOTIFY"})
	p.say(3, &wire.Begin{Service: wire.IMAP, Remote: home, TLS: true, Mechanism: "PLAIN", HasInitial: true, Initial: []byte("\x00ann\x00secret")})
	p.want(3, &wire.Success{Account: "ann", Without: "NOTIFY"}) // where the sources see to it
}

// asked hears that a second factor is wanted.
func (p *peer) asked(again bool) *wire.FactorWanted {
	p.t.Helper()
	_, m := p.hear()
	wanted, ok := m.(*wire.FactorWanted)
	if !ok || wanted.Again != again || wanted.App {
		p.t.Fatalf("%#v", m)
	}
	return wanted
}
