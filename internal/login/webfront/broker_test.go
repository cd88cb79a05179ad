package webfront

import (
	"context"
	"errors"
	"html/template"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"fantail/internal/locale"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/brokertest"
	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
	"fantail/internal/login/userdb"
)

// keys and starter are a broker.
type keys struct{ err error }

func (k keys) door() broker.Authenticator {
	return brokertest.Door{Check: func(name string, password userdb.Secret) (broker.Grant, error) {
		return broker.Grant{Account: "demo " + name + string(password)}, k.err
	}}
}

func (keys) Start(_ context.Context, g *broker.Grant, in handover.Introduction) (handover.Channel, error) {
	channel, h, client, err := sessiontest.Accepted(in)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	_, err = io.WriteString(client, g.Service.String()+" "+h.SID+" "+h.Remote+" "+strconv.FormatBool(h.TLS))
	return channel, err
}

func TestBroker(t *testing.T) {
	a, err := Broker{keys{}.door(), keys{}, nil}.Enter(t.Context(), "a", "b", remoteAddr("192.0.2.1:99"))
	if err != nil || a.Name() != "demo ab" {
		t.Fatalf("%v %v", a, err)
	}
	conn, err := a.Connect(t.Context(), "sid7")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "webmail sid7 192.0.2.1 true" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := (Broker{keys{broker.ErrWrong}.door(), keys{}, nil}).Enter(t.Context(), "a", "b", remoteAddr("x")); !errors.Is(err, ErrRefused) {
		t.Errorf("wrong: %v", err)
	}
	if _, err := (Broker{keys{broker.ErrUnavailable}.door(), keys{}, nil}).Enter(t.Context(), "a", "b", remoteAddr("x")); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("unavailable: %v", err)
	}
}

// The login page and the webmail are one house: their colours are the same.
func TestTokensAgree(t *testing.T) {
	text, err := os.ReadFile("../../../web/src/style/app.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`--[a-z-]+: [^;]+;`).FindAllString(string(styleSheet.body), -1) {
		if !strings.Contains(string(text), m) {
			t.Errorf("the webmail's style sheet lacks %q", m)
		}
	}
}

// words are those of a key as an English page has them.
func words(key string) string {
	return template.HTMLEscapeString(locale.Match("en", "").Text(key))
}

// Unlock implements Entrance: guarded's code is "123456".
func (h *house) Unlock(_ context.Context, account, name, password string, _ net.Addr) (Vault, error) {
	switch {
	case account != "demo" || password != "right":
		return nil, ErrRefused
	case name == "guarded":
		return nil, &FactorWanted[Vault]{&guarded[Vault]{opens: &h.vault, options: h.options}}
	case name == "broken":
		return nil, errors.New("no answer")
	}
	return &h.vault, nil
}
