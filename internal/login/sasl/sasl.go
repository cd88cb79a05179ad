// Package sasl is the server's side of SASL (RFC 4422): the mechanisms as state
// machines that are given the client's responses and give challenges. It opens
// nothing and starts nothing; what it must know of accounts it asks a Backend.
//
//	New ──► Server
//	Server.Offered ── names for the capability list of a connection
//	Server.Start ──► Exchange ── Next(response) ──► challenge, or the end
//	                     │                          Cancel: the client wants no more
//	                     ╰─ Backend: Password, Keys, Token, Certificate
//
// mechanism.go has the table of mechanisms and what each of them wants of a
// connection; exchange.go what all exchanges have in common. One mechanism is
// one file: plain.go, login.go, external.go, scram.go, oauthbearer.go,
// xoauth2.go.
//
// Invariants:
//   - Start refuses what Offered does not list, so that a mechanism cannot be
//     had by not asking first.
//   - An exchange ends: every response takes it to a later state, and there are
//     at most maxRounds of them, of at most MaxResponse octets each.
//   - Success is one function, succeed; it is reached with the name of an account
//     that the backend gave, never with one that the client gave.
//   - The identity to act as (authzid) is empty or one's own, in every mechanism.
//   - An account that does not exist, or has no SCRAM keys, is answered like one
//     that does, with a salt that stays the same (Decoy).
//   - A failure that the mechanism tells the client first, and whose
//     acknowledgement ends the exchange, is known to the caller before
//     (Exchange.Failure): who does not acknowledge has failed all the same.
//
// The caller is authd's engine, in another process than the one that holds the
// client's connection: Conn says what is known of that.
//
// SCRAM is written here and not taken from github.com/xdg-go/scram, which binds
// a conversation to one type of channel binding, tells unknown names from wrong
// passwords, takes base64 with line ends in it, passes no context to the
// look-up, and leaves preparing names to others; its client is the tests' peer.
// SASLprep (RFC 4013) is that of github.com/xdg-go/stringprep.
package sasl

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fantail/internal/login/userdb"
)

// MaxResponse is the longest response of a client that is looked at, in octets
// before base64. The longest honest ones carry a token of some kilobytes.
const MaxResponse = 12 << 10

// MaxChallenge is the longest challenge, in octets.
const MaxChallenge = 2 << 10

// Why an exchange cannot be started, or has failed. Backends add errors of
// their own; those come through as they are.
var (
	ErrWrong       = userdb.ErrWrong       // not the right password, key, token; says not which part was wrong
	ErrUnavailable = userdb.ErrUnavailable // try again later

	ErrUnsupported = errors.New("mechanism not offered")
	ErrPrivacy     = errors.New("mechanism needs an encrypted connection")
	ErrMalformed   = errors.New("malformed response")
	ErrAuthzid     = errors.New("an identity other than one's own")
	ErrBinding     = errors.New("not the connection that the client means") // RFC 5802 section 6, RFC 7628 section 3.2
	ErrNoToken     = errors.New("no token")                                 // asked only what is needed: RFC 7628 section 4.3
	ErrCancelled   = errors.New("cancelled by the client")
)

// The types of channel bindings that there are with every version of TLS.
const (
	BindingExporter = "tls-exporter"         // RFC 9266 section 2
	BindingEndPoint = "tls-server-end-point" // RFC 5929 section 4
)

// Conn is what is known of a client's connection.
type Conn struct {
	TLS   bool // what the client sends is encrypted
	Clear bool // although it is not, passwords may be sent: the configuration trusts the network

	// Bindings holds the channel binding data by type. Empty without TLS, or if
	// the TLS of the client does not end here.
	Bindings map[string][]byte

	// Certificate is the name in the client's certificate, which has been
	// verified; "" if there is none.
	Certificate string

	// Host and Port are where the client meant to connect to, if that is known
	// otherwise than by the client's SASL response; "" and 0 if not.
	Host string
	Port int
}

// Backend is what the mechanisms ask of the accounts. An account is returned by
// its name as the backend spells it. Names have been prepared (Prepare).
// Methods return soon after ctx ends. Their errors wrap ErrWrong,
// ErrUnavailable, or one of the backend's own.
type Backend interface {
	// Password returns the account called name if that is its password.
	Password(ctx context.Context, name string, password userdb.Secret) (account string, err error)

	// Keys returns the SCRAM keys of the account called name for hash. If there
	// is no such account or it has no such keys, the error wraps ErrWrong or
	// userdb.ErrUnknown, and Keys.Account, if not empty, is how the name would
	// be spelled: all names that would find one account have one decoy.
	Keys(ctx context.Context, hash crypto.Hash, name string) (Keys, error)

	// Token returns the account whose bearer token this is (RFC 6750). name is
	// whom the client says to be, "" if it does not; it need not be right.
	Token(ctx context.Context, name string, token userdb.Secret) (account string, err error)

	// Certificate returns the account that a verified client certificate with
	// this name may log in to.
	Certificate(ctx context.Context, name string) (account string, err error)
}

// Config is what an administrator decides.
type Config struct {
	Enabled []string // names of mechanisms; others are not offered on any connection
	Decoy   Decoy    // needed if one of them is SCRAM
	OAuth   OAuth
}

// Server is what all exchanges have in common. Any number of goroutines may use
// it.
type Server struct{ config Config }

// New returns a server. The error is of the configuration: a mechanism that does
// not exist, decoys that would not deceive, more to tell than a challenge holds.
func New(config Config) (*Server, error) {
	if n := len(config.OAuth.Scope) + len(config.OAuth.Configuration); n > maxOAuth {
		return nil, fmt.Errorf("%d octets of scope and configuration for OAuth, more than %d", n, maxOAuth)
	}
	for _, name := range config.Enabled {
		i := slices.IndexFunc(mechanisms, func(m mechanism) bool { return m.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no SASL mechanism %q", name)
		}
		if mechanisms[i].needs&needsDecoy == 0 {
			continue
		}
		if err := config.Decoy.check(); err != nil {
			return nil, fmt.Errorf("decoys for %s: %w", name, err)
		}
	}
	return &Server{config}, nil
}

// maxOAuth is how much there is of OAuth, in octets: JSON may make six of one.
const maxOAuth = MaxChallenge / 7

// OAuth is what clients with a wrong token are told, that they may get a better
// one (RFC 7628 section 3.2.2).
type OAuth struct {
	Scope         string // "" if none is needed
	Configuration string // URL of the OpenID provider's configuration, or ""
}

// Mechanisms returns the names of all mechanisms, in the order of preference.
func Mechanisms() []string {
	var names []string
	for _, m := range mechanisms {
		names = append(names, m.name)
	}
	return names
}

// Offered returns which of the enabled mechanisms to advertise on conn, in the order
// of preference. It is for whoever has no Server, a front; Start decides.
func Offered(enabled []string, conn Conn) []string {
	var names []string
	for _, m := range mechanisms {
		if m.usable(enabled, conn) == nil {
			names = append(names, m.name)
		}
	}
	return names
}

// Offered returns the names of the mechanisms to advertise on conn, in the order
// of preference.
func (s *Server) Offered(conn Conn) []string { return Offered(s.config.Enabled, conn) }

// Start begins an exchange. The name of the mechanism is in any case of letters.
// Its errors wrap ErrUnsupported or ErrPrivacy.
func (s *Server) Start(name string, conn Conn, backend Backend) (*Exchange, error) {
	i := slices.IndexFunc(mechanisms, func(m mechanism) bool { return strings.EqualFold(m.name, name) })
	if i < 0 {
		return nil, ErrUnsupported
	}
	m := &mechanisms[i]
	if err := m.usable(s.config.Enabled, conn); err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	x := &Exchange{server: s, mechanism: m, conn: conn, backend: backend}
	x.bindable = slices.Contains(s.Offered(conn), m.name+plus)
	x.step = m.start(x)
	return x, nil
}

// usable reports why a mechanism cannot be used on conn.
func (m *mechanism) usable(enabled []string, conn Conn) error {
	switch {
	case !slices.Contains(enabled, m.name):
		return ErrUnsupported
	case m.needs&needsBinding != 0 && len(conn.Bindings) == 0:
		return ErrUnsupported
	case m.needs&needsCertificate != 0 && conn.Certificate == "":
		return ErrUnsupported
	case m.needs&needsTLS != 0 && !conn.TLS:
		return ErrPrivacy
	case m.needs&needsPrivacy != 0 && !conn.TLS && !conn.Clear:
		return ErrPrivacy
	}
	return nil
}
