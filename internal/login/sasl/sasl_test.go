package sasl

import (
	"bytes"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/pbkdf2"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"fantail/internal/login/userdb"
)

// What the backend of these tests knows.
const (
	password = "pencil"                                     // of user (RFC 5802 section 5) and of tim
	token    = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==" // of user@example.com (RFC 7628 section 4.1)
	subject  = "fred"                                       // of a certificate for fred@example.com
)

// accounts is a backend. It folds the case of names.
type accounts struct {
	keys  map[crypto.Hash]Keys // of user
	err   error                // of every question
	asked []string             // what it was asked
}

func (a *accounts) Password(_ context.Context, name string, p userdb.Secret) (string, error) {
	a.asked = append(a.asked, "password of "+name+": "+string(p))
	name = strings.ToLower(name)
	if a.err == nil && (name != "user" && name != "tim" && name != "i\u00e9") || string(p) != password {
		return "", ErrWrong
	}
	return name, a.err
}

func (a *accounts) Keys(_ context.Context, hash crypto.Hash, name string) (Keys, error) {
	a.asked = append(a.asked, "keys of "+name)
	name = strings.ToLower(name)
	k, ok := a.keys[hash]
	switch {
	case a.err != nil:
		return Keys{}, a.err
	case name == "alias": // spelled so by the source, without keys
		return Keys{Account: "other"}, ErrWrong
	case name != "user" || !ok:
		return Keys{}, userdb.ErrUnknown
	}
	return k, nil
}

func (a *accounts) Token(_ context.Context, name string, t userdb.Secret) (string, error) {
	a.asked = append(a.asked, "token of "+name+": "+string(t))
	if a.err == nil && string(t) != token {
		return "", ErrWrong
	}
	return "user@example.com", a.err
}

func (a *accounts) Certificate(_ context.Context, name string) (string, error) {
	a.asked = append(a.asked, "certificate of "+name)
	if a.err == nil && name != subject {
		return "", ErrWrong
	}
	return "fred@example.com", a.err
}

// deriveKeys makes keys of a password (RFC 5802 section 3).
func deriveKeys(t testing.TB, hash crypto.Hash, password, salt64 string, iterations int) Keys {
	t.Helper()
	salt, err := base64.StdEncoding.DecodeString(salt64)
	if err != nil {
		t.Fatal(err)
	}
	stored := sum(hash, clientKey(t, hash, password, salt, iterations))
	server := mac(hash, salted(t, hash, password, salt, iterations), "Server Key")
	return Keys{Account: "user", Salt: salt, Iterations: iterations, StoredKey: stored, ServerKey: server}
}

func salted(t testing.TB, hash crypto.Hash, password string, salt []byte, iterations int) []byte {
	t.Helper()
	k, err := pbkdf2.Key(hash.New, password, salt, iterations, hash.Size())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func clientKey(t testing.TB, hash crypto.Hash, password string, salt []byte, iterations int) []byte {
	return mac(hash, salted(t, hash, password, salt, iterations), "Client Key")
}

func mac(hash crypto.Hash, key []byte, message string) []byte {
	m := hmac.New(hash.New, key)
	m.Write([]byte(message))
	return m.Sum(nil)
}

func sum(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// newAccounts has the keys of RFC 5802 section 5 and RFC 7677 section 3.
func newAccounts(t testing.TB) *accounts {
	once.Do(func() {
		userKeys = map[crypto.Hash]Keys{
			crypto.SHA1:   deriveKeys(t, crypto.SHA1, password, "QSXCR+Q6sek8bf92", 4096),
			crypto.SHA256: deriveKeys(t, crypto.SHA256, password, "W22ZaJ0SNY7soEsUEjb6gQ==", 4096),
		}
	})
	return &accounts{keys: userKeys}
}

var (
	once     sync.Once
	userKeys map[crypto.Hash]Keys
)

func newServer(t testing.TB, enabled ...string) *Server {
	t.Helper()
	if enabled == nil {
		enabled = Mechanisms()
	}
	s, err := New(Config{
		Enabled: enabled,
		Decoy:   Decoy{Secret: []byte("0123456789abcdef"), Iterations: 4096, SaltSize: 16},
		OAuth:   OAuth{Scope: "mail", Configuration: "https://example.com/.well-known/openid-configuration"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// secure is a connection on which every mechanism can be used.
var secure = Conn{
	TLS: true,
	Bindings: map[string][]byte{
		BindingExporter: bytes.Repeat([]byte{0xee}, 32),
		BindingEndPoint: bytes.Repeat([]byte{0xdd}, 32),
	},
	Certificate: subject,
}

func start(t testing.TB, mechanism string, conn Conn, b Backend) *Exchange {
	t.Helper()
	x, err := newServer(t).Start(mechanism, conn, b)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// say gives responses to an exchange until it is over; "-" is none. It returns
// the challenges with "|" after each, and the error at the end.
func say(t testing.TB, x *Exchange, responses ...string) (string, error) {
	t.Helper()
	var challenges strings.Builder
	for i, r := range responses {
		response := []byte(r)
		if r == "-" {
			response = nil
		}
		challenge, done, err := x.Next(t.Context(), response)
		if done {
			if i != len(responses)-1 {
				t.Errorf("over after %d of %d responses: %v", i+1, len(responses), err)
			}
			return challenges.String(), err
		}
		fmt.Fprintf(&challenges, "%s|", challenge)
	}
	return challenges.String(), errors.New("not over")
}

func TestNew(t *testing.T) {
	decoy := Decoy{Secret: make([]byte, 16), Iterations: 4096, SaltSize: 8}
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{}, ""},
		{Config{Enabled: []string{"PLAIN", "LOGIN"}}, ""},
		{Config{Enabled: []string{"SCRAM-SHA-1"}, Decoy: decoy}, ""},
		{Config{OAuth: OAuth{Scope: "mail", Configuration: strings.Repeat("x", maxOAuth)}}, fmt.Sprintf("%d octets of scope and configuration for OAuth, more than %d", maxOAuth+4, maxOAuth)},
		{Config{Enabled: []string{"plain"}}, `no SASL mechanism "plain"`},
		{Config{Enabled: []string{"CRAM-MD5"}}, `no SASL mechanism "CRAM-MD5"`},
		{Config{Enabled: []string{"SCRAM-SHA-1"}}, "decoys for SCRAM-SHA-1: a secret of less than 16 octets"},
		{Config{Enabled: []string{"SCRAM-SHA-1"}, Decoy: Decoy{Secret: decoy.Secret, SaltSize: 8}}, "decoys for SCRAM-SHA-1: an iteration count of less than 4096"},
		{Config{Enabled: []string{"SCRAM-SHA-256-PLUS"}, Decoy: Decoy{Secret: decoy.Secret, Iterations: 4096, SaltSize: 33}}, "decoys for SCRAM-SHA-256-PLUS: salts of 33 octets"},
	} {
		_, err := New(c.config)
		if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
			t.Errorf("%+v: %v, want %q", c.config, err, c.want)
		}
	}
}

func TestOffered(t *testing.T) {
	all := Mechanisms()
	for name, c := range map[string]struct {
		conn    Conn
		enabled []string
		want    string
	}{
		"everything":            {secure, all, "EXTERNAL SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 OAUTHBEARER XOAUTH2 PLAIN LOGIN"},
		"no TLS":                {Conn{}, all, "SCRAM-SHA-256 SCRAM-SHA-1"},
		"no TLS, trusted":       {Conn{Clear: true}, all, "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN"},
		"TLS that ends earlier": {Conn{TLS: true}, all, "SCRAM-SHA-256 SCRAM-SHA-1 OAUTHBEARER XOAUTH2 PLAIN LOGIN"},
		"binding without TLS":   {Conn{Bindings: secure.Bindings, Certificate: "fred"}, all, "SCRAM-SHA-256 SCRAM-SHA-1"},
		"few":                   {secure, []string{"LOGIN", "PLAIN"}, "PLAIN LOGIN"},
		"none":                  {secure, []string{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, c.enabled...)
			if len(c.enabled) == 0 {
				s = &Server{}
			}
			offered := s.Offered(c.conn)
			if got := strings.Join(offered, " "); got != c.want {
				t.Errorf("offered %s, want %s", got, c.want)
			}
			for _, m := range all {
				_, err := s.Start(strings.ToLower(m), c.conn, nil)
				if (err == nil) != slices.Contains(offered, m) {
					t.Errorf("start %s: %v", m, err)
				}
				if err != nil && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrPrivacy) {
					t.Errorf("start %s: %v", m, err)
				}
			}
		})
	}
	if _, err := newServer(t).Start("PLAIN", Conn{}, nil); !errors.Is(err, ErrPrivacy) {
		t.Errorf("PLAIN without TLS: %v", err)
	}
	if _, err := newServer(t).Start("XOAUTH2", Conn{Clear: true}, nil); !errors.Is(err, ErrPrivacy) {
		t.Errorf("XOAUTH2 without TLS: %v", err)
	}
	if _, err := newServer(t).Start("DIGEST-MD5", secure, nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("DIGEST-MD5: %v", err)
	}
}

// TestExchanges is what clients say in the mechanisms that have no nonce, right
// and wrong.
func TestExchanges(t *testing.T) {
	const (
		bearer  = "auth=Bearer " + token + "\x01"
		invalid = `{"status":"invalid_token","scope":"mail","openid-configuration":"https://example.com/.well-known/openid-configuration"}|`
		request = `{"status":"invalid_request","scope":"mail","openid-configuration":"https://example.com/.well-known/openid-configuration"}|`
		google  = `{"status":"400","schemes":"Bearer","scope":"mail"}|`
	)
	long := strings.Repeat("x", MaxResponse)
	for _, c := range []struct {
		mechanism  string
		responses  []string
		challenges string
		err        error
		account    string
	}{
		// RFC 4616 section 4.
		{"PLAIN", []string{"-", "\x00tim\x00pencil"}, "|", nil, "tim"},
		{"PLAIN", []string{"\x00tim\x00pencil"}, "", nil, "tim"},
		{"PLAIN", []string{"Ursel\x00Kurt\x00xipj3plmq"}, "", ErrAuthzid, ""},
		{"PLAIN", []string{"tim\x00tim\x00pencil"}, "", nil, "tim"},
		{"PLAIN", []string{"TIM\x00Tim\x00pencil"}, "", nil, "tim"},
		{"PLAIN", []string{"user\x00tim\x00pencil"}, "", ErrAuthzid, ""},
		{"PLAIN", []string{"\xff\x00tim\x00pencil"}, "", ErrMalformed, ""},
		{"PLAIN", []string{"\x00t\u00adim\x00pencil"}, "", nil, "tim"}, // RFC 4013 section 3, example 1
		{"PLAIN", []string{"\x00\u2160\u00c9\x00pencil"}, "", nil, "i\u00e9"},
		{"PLAIN", []string{"\x00tim\x00wrong"}, "", ErrWrong, ""},
		{"PLAIN", []string{"\x00nobody\x00pencil"}, "", ErrWrong, ""},
		{"PLAIN", []string{"\x00tim\x00pen\xffcil"}, "", ErrWrong, ""}, // the backend decides
		{"PLAIN", []string{""}, "", ErrMalformed, ""},
		{"PLAIN", []string{"-", ""}, "|", ErrMalformed, ""},
		{"PLAIN", []string{"-", "-"}, "|", ErrMalformed, ""},
		{"PLAIN", []string{"tim"}, "", ErrMalformed, ""},
		{"PLAIN", []string{"\x00tim"}, "", ErrMalformed, ""},
		{"PLAIN", []string{"\x00tim\x00"}, "", ErrMalformed, ""},
		{"PLAIN", []string{"\x00\x00pencil"}, "", ErrMalformed, ""},
		{"PLAIN", []string{"\x00tim\x00pencil\x00"}, "", ErrMalformed, ""},
		{"PLAIN", []string{"\x00t\nim\x00pencil"}, "", ErrMalformed, ""},
		{"PLAIN", []string{"\x00t\u0007im\x00pencil"}, "", ErrMalformed, ""},
		{"PLAIN", []string{"\x00\u00ad\x00pencil"}, "", ErrMalformed, ""}, // nothing left
		{"PLAIN", []string{"\x00" + strings.Repeat("n", 256) + "\x00pencil"}, "", ErrMalformed, ""},
		{"PLAIN", []string{"\x00tim\x00" + long}, "", ErrMalformed, ""},

		{"LOGIN", []string{"-", "tim", "pencil"}, "Username:|Password:|", nil, "tim"},
		{"LOGIN", []string{"Tim", "pencil"}, "Password:|", nil, "tim"},
		{"LOGIN", []string{"tim", "wrong"}, "Password:|", ErrWrong, ""},
		{"LOGIN", []string{"nobody", "pencil"}, "Password:|", ErrWrong, ""},
		{"LOGIN", []string{"tim", ""}, "Password:|", ErrMalformed, ""},
		{"LOGIN", []string{"tim", "pencil\x00"}, "Password:|", ErrMalformed, ""},
		{"LOGIN", []string{"tim", long + "x"}, "Password:|", ErrMalformed, ""},
		{"LOGIN", []string{""}, "", ErrMalformed, ""},
		{"LOGIN", []string{"-", ""}, "Username:|", ErrMalformed, ""},
		{"LOGIN", []string{"t\x00im"}, "", ErrMalformed, ""},
		{"LOGIN", []string{"\xff"}, "", ErrMalformed, ""},

		// RFC 4422 appendix A.2.
		{"EXTERNAL", []string{"-", ""}, "|", nil, "fred@example.com"},
		{"EXTERNAL", []string{"fred@example.com"}, "", nil, "fred@example.com"},
		{"EXTERNAL", []string{""}, "", nil, "fred@example.com"},
		{"EXTERNAL", []string{"fred"}, "", nil, "fred@example.com"},
		{"EXTERNAL", []string{"root"}, "", ErrAuthzid, ""},
		{"EXTERNAL", []string{"fred\x00"}, "", ErrMalformed, ""},
		{"EXTERNAL", []string{"\xc0\x80"}, "", ErrMalformed, ""},

		// RFC 7628 section 4.1 to 4.4; the last has no "a=" in its header.
		{"OAUTHBEARER", []string{"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01" + bearer + "\x01"}, "", nil, "user@example.com"},
		{"OAUTHBEARER", []string{"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=\x01\x01", "\x01"}, invalid, ErrNoToken, ""},
		{"OAUTHBEARER", []string{"n,user=someuser@example.com,\x01" + bearer + "\x01", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"-", "n,,\x01auth=bEARER  " + token + "\x01\x01"}, "|", nil, "user@example.com"},
		{"OAUTHBEARER", []string{"y,,\x01" + bearer + "qs=a=b\x01\x01"}, "", nil, "user@example.com"},
		{"OAUTHBEARER", []string{"n,a=USER@example.com,\x01" + bearer + "\x01"}, "", nil, "user@example.com"},
		{"OAUTHBEARER", []string{"n,a=other@example.com,\x01" + bearer + "\x01", "\x01"}, invalid, ErrAuthzid, ""},
		{"OAUTHBEARER", []string{"n,a=user=40example.com,\x01" + bearer + "\x01", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"n,,\x01auth=Bearer wrong\x01\x01", "\x01"}, invalid, ErrWrong, ""},
		{"OAUTHBEARER", []string{"n,,\x01auth=Bearer wrong\x01\x01", ""}, invalid, ErrWrong, ""}, // whatever the answer
		{"OAUTHBEARER", []string{"n,,\x01auth=Bearer wrong\x01\x01", long + "x"}, invalid, ErrWrong, ""},
		{"OAUTHBEARER", []string{"n,,\x01auth=Bearer \x01\x01", "\x01"}, invalid, ErrNoToken, ""},
		{"OAUTHBEARER", []string{"n,,\x01\x01", "\x01"}, invalid, ErrNoToken, ""},
		{"OAUTHBEARER", []string{"n,,\x01auth=Basic dGltOnBlbmNpbA==\x01\x01", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"n,,\x01auth=Bearer a b\x01\x01", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"n,,\x01" + bearer + bearer + "\x01", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"n,,\x01" + bearer, "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"n,,\x01" + bearer + "\x01more", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"n,," + bearer + "\x01", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"p=tls-exporter,,\x01" + bearer + "\x01", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"n,,\x01port=0143\x01" + bearer + "\x01", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"n,,\x01port=65536\x01" + bearer + "\x01", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"n,,\x01h0st=a\x01" + bearer + "\x01", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"n,,\x01=a\x01" + bearer + "\x01", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"n,,\x01host=a\x00b\x01" + bearer + "\x01", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"", "\x01"}, request, ErrMalformed, ""},
		{"OAUTHBEARER", []string{"\x01"}, "", ErrMalformed, ""},
		{"OAUTHBEARER", []string{"n,,\x01auth=Bearer " + long + "\x01\x01"}, "", ErrMalformed, ""},

		{"XOAUTH2", []string{"user=user@example.com\x01" + bearer + "\x01"}, "", nil, "user@example.com"},
		{"XOAUTH2", []string{"-", "user=User@Example.com\x01" + bearer + "\x01"}, "|", nil, "user@example.com"},
		{"XOAUTH2", []string{"user=user@example.com\x01auth=Bearer old\x01\x01", ""}, google, ErrWrong, ""},
		{"XOAUTH2", []string{"user=other@example.com\x01" + bearer + "\x01", ""}, google, ErrAuthzid, ""},
		{"XOAUTH2", []string{"user=user@example.com\x01auth=\x01\x01", ""}, google, ErrNoToken, ""},
		{"XOAUTH2", []string{bearer + "\x01", ""}, google, ErrMalformed, ""},
		{"XOAUTH2", []string{"user=\xff\x01" + bearer + "\x01", ""}, google, ErrMalformed, ""},
		{"XOAUTH2", []string{"user=user@example.com\x01" + bearer, ""}, google, ErrMalformed, ""},
		{"XOAUTH2", []string{"", ""}, google, ErrMalformed, ""},
		{"XOAUTH2", []string{"\x01", ""}, google, ErrMalformed, ""},
	} {
		name := fmt.Sprintf("%s %.60q", c.mechanism, c.responses)
		x := start(t, c.mechanism, secure, newAccounts(t))
		challenges, err := say(t, x, c.responses...)
		if challenges != c.challenges || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: %q, %v; want %q, %v", name, challenges, err, c.challenges, c.err)
		}
		if x.Account() != c.account || x.Failure() != err {
			t.Errorf("%s: account %q, failure %v; want %q", name, x.Account(), x.Failure(), c.account)
		}
	}
}

// TestForeignAuthzid wants an identity other than one's own to be refused before
// the password is looked at.
func TestForeignAuthzid(t *testing.T) {
	a := newAccounts(t)
	if _, err := say(t, start(t, "PLAIN", secure, a), "user\x00tim\x00pencil"); !errors.Is(err, ErrAuthzid) {
		t.Error(err)
	}
	if len(a.asked) > 0 {
		t.Errorf("asked for %q", a.asked)
	}
}

// TestAsked is what the backend is asked.
func TestAsked(t *testing.T) {
	for _, c := range []struct {
		mechanism, response, asked, claimed string
	}{
		{"PLAIN", "\x00T\u00adim\x00pen\u00adcil", "password of Tim: pen\u00adcil", "Tim"},
		{"OAUTHBEARER", "n,,\x01auth=Bearer x\x01\x01", "token of : x", ""},
		{"OAUTHBEARER", "n,a=A=2CB=3DC,\x01auth=Bearer x\x01\x01", "token of A,B=C: x", "A,B=C"},
		{"XOAUTH2", "user=M\u00fcller\x01auth=Bearer x\x01\x01", "token of M\u00fcller: x", "M\u00fcller"},
		{"EXTERNAL", "", "certificate of fred", "fred"},
	} {
		a := newAccounts(t)
		x := start(t, c.mechanism, secure, a)
		if _, _, err := x.Next(t.Context(), []byte(c.response)); errors.Is(err, ErrMalformed) {
			t.Errorf("%s %q: %v", c.mechanism, c.response, err)
		}
		if got := strings.Join(a.asked, "; "); got != c.asked || x.Claimed() != c.claimed {
			t.Errorf("%s %q: asked %q, claimed %q; want %q, %q", c.mechanism, c.response, got, x.Claimed(), c.asked, c.claimed)
		}
	}
}

// TestMaxChallenge wants the longest that there is to tell to be no longer.
func TestMaxChallenge(t *testing.T) {
	s, err := New(Config{Enabled: []string{"XOAUTH2", "OAUTHBEARER"}, OAuth: OAuth{Configuration: strings.Repeat("<", maxOAuth)}})
	if err != nil {
		t.Fatal(err)
	}
	x, err := s.Start("OAUTHBEARER", secure, newAccounts(t))
	if err != nil {
		t.Fatal(err)
	}
	challenge, _, err := x.Next(t.Context(), []byte("n,,\x01\x01"))
	if err != nil || len(challenge) < maxOAuth || len(challenge) > MaxChallenge {
		t.Errorf("%d octets, %v", len(challenge), err)
	}
}

// TestServerMeant is the check of RFC 7628 section 3.2.
func TestServerMeant(t *testing.T) {
	for _, c := range []struct {
		host  string
		port  int
		pairs string
		want  error
	}{
		{"", 0, "host=elsewhere.example.org\x01port=1\x01", nil},
		{"mail.example.org", 993, "", nil},
		{"mail.example.org", 993, "host=Mail.Example.org\x01port=993\x01", nil},
		{"mail.example.org", 993, "host=evil.example.org\x01port=993\x01", ErrBinding},
		{"mail.example.org", 993, "port=143\x01", ErrBinding},
	} {
		conn := secure
		conn.Host, conn.Port = c.host, c.port
		a := newAccounts(t)
		x := start(t, "OAUTHBEARER", conn, a)
		_, _, err := x.Next(t.Context(), []byte("n,,\x01"+c.pairs+"auth=Bearer "+token+"\x01\x01"))
		if err != nil || !errors.Is(x.Failure(), c.want) || (x.Failure() == nil) != (c.want == nil) {
			t.Errorf("%q at %s:%d: %v, %v; want %v", c.pairs, c.host, c.port, err, x.Failure(), c.want)
		}
		if c.want != nil && len(a.asked) > 0 {
			t.Errorf("%q at %s:%d: asked %q", c.pairs, c.host, c.port, a.asked)
		}
	}
}

func TestPrepare(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		// RFC 4013 section 3.
		{"I\u00adX", "IX"},
		{"user", "user"},
		{"USER", "USER"},
		{"\u00aa", "a"},
		{"\u2168", "IX"},
		{"\u0007", ""},
		{"\u0627\u0031", ""},

		{"a\u00a0b", "a b"},
		{"M\u0075\u0308ller", "M\u00fcller"},
		{"a b", "a b"},
		{"", ""},
		{"\u00ad", ""},
		{"a\x7f", ""},
		{"\ue000", ""},
		{"\xff", ""},
		{"\U0001f600", "\U0001f600"}, // Unicode 3.2 did not have it
		{strings.Repeat("x", 255), strings.Repeat("x", 255)},
		{strings.Repeat("x", 256), ""},
		{strings.Repeat("\ufdfa", 60), ""}, // 180 octets before, 1980 after
	} {
		got, err := Prepare(c.name)
		if got != c.want || (err != nil) != (c.want == "") || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}
