package oauth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

// issuer is a server that gives tokens out.
type issuer struct {
	*httptest.Server
	t       *testing.T
	keys    map[string]crypto.Signer // by their identifiers
	fetched atomic.Int32             // how often keys were
	broken  atomic.Bool
	active  map[string]map[string]any // what introspection says, by token
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t, keys: make(map[string]crypto.Signer), active: make(map[string]map[string]any)}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	i.must(err)
	i.keys["rsa"] = rsaKey
	i.keys["ec"] = i.newKey()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.say(w, map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.fetched.Add(1)
		i.say(w, i.set())
	})
	mux.HandleFunc("POST /introspect", func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "fan%3Atail" || password != "s%26cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer, ok := i.active[r.PostFormValue("token")]
		if !ok {
			answer = map[string]any{"active": false}
		}
		i.say(w, answer)
	})
	mux.HandleFunc("GET /redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) })
	i.Server = httptest.NewUnstartedServer(mux)
	i.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	i.StartTLS()
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) must(err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
}

func (i *issuer) newKey() crypto.Signer {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	i.must(err)
	return key
}

// set is the published keys, and one that is secret and so for nobody.
func (i *issuer) set() jose.JSONWebKeySet {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{KeyID: "secret", Key: []byte("a secret that all know, of 32 oct")}}}
	for id, key := range i.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{KeyID: id, Key: key.Public()})
	}
	return set
}

func (i *issuer) say(w http.ResponseWriter, answer any) {
	if i.broken.Load() {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		i.t.Error(err)
	}
}

// sign makes a token. change changes what is in a good one of ann's.
func (i *issuer) sign(algorithm jose.SignatureAlgorithm, key any, id string, header map[jose.HeaderKey]any, change func(map[string]any)) string {
	i.t.Helper()
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": i.URL, "aud": []string{"other", "mail"}, "sub": "42", "preferred_username": "ann", "scope": "openid mail",
		"iat": now, "nbf": now, "exp": now + 300,
	}
	if change != nil {
		change(claims)
	}
	payload, err := json.Marshal(claims)
	i.must(err)
	o := &jose.SignerOptions{ExtraHeaders: header}
	if id != "" {
		o = o.WithHeader("kid", id)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, o)
	i.must(err)
	jws, err := s.Sign(payload)
	i.must(err)
	text, err := jws.CompactSerialize()
	i.must(err)
	return text
}

// good is sign with a key of the issuer.
func (i *issuer) good(change func(map[string]any)) string {
	i.t.Helper()
	return i.sign(jose.RS256, i.keys["rsa"], "rsa", nil, change)
}

func (i *issuer) settings() conf.OAuthSettings {
	i.t.Helper()
	ca := filepath.Join(i.t.TempDir(), "ca.pem")
	i.must(os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate().Raw}), 0o600))
	return conf.OAuthSettings{Issuer: i.URL, Audience: "mail", Claim: "preferred_username", Scope: "mail", CAFile: ca}
}

// known is the other source, in which ann is.
type known struct{ passdb.Source }

func (known) Name() string { return "known" }
func (known) Lookup(_ context.Context, name string) (userdb.User, error) {
	switch strings.ToLower(name) {
	case "ann":
		return userdb.User{Name: "ann", UID: 1000, GID: 100}, nil
	case "gone":
		return userdb.User{}, passdb.ErrDisabled
	}
	return userdb.User{}, userdb.ErrUnknown
}

// open makes the source, and an engine whose chain it is in.
func open(t *testing.T, s conf.OAuthSettings, others bool) (*Source, *authd.Engine) {
	t.Helper()
	var chain *passdb.Chain
	src, err := New(s, Accounts{
		Admit:  func(ctx context.Context, q passdb.Query) (userdb.User, error) { return chain.Admit(ctx, q) },
		Others: others,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	})
	chain = passdb.NewChain(nil, known{}, src)
	e, err := authd.New(authd.Options{Log: slog.New(slog.DiscardHandler)}, authd.Setup{Accounts: chain, SASL: sasl.Config{
		Enabled: []string{"OAUTHBEARER", "XOAUTH2"},
		OAuth:   sasl.OAuth{Scope: s.Scope, Configuration: s.Configuration()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return src, e
}

// logIn logs in with both mechanisms, which must agree. told is what OAUTHBEARER says to
// a client that fails.
func logIn(t *testing.T, e *authd.Engine, name, token string) (told string, step authd.Step) {
	t.Helper()
	var steps []authd.Step
	for mechanism, response := range map[string]string{
		"OAUTHBEARER": fmt.Sprintf("n,a=%s,\x01auth=Bearer %s\x01\x01", name, token),
		"XOAUTH2":     fmt.Sprintf("user=%s\x01auth=Bearer %s\x01\x01", name, token),
	} {
		x, step := e.Begin(authd.Client{Service: wire.IMAP, Conn: sasl.Conn{TLS: true}}, mechanism)
		if !step.Done {
			step = x.Next(t.Context(), []byte(response))
		}
		if !step.Done {
			if mechanism == "OAUTHBEARER" {
				told = string(step.Challenge)
			}
			step = x.Next(t.Context(), []byte("\x01"))
		}
		steps = append(steps, step)
	}
	if steps[0].Failed != steps[1].Failed || steps[0].User != steps[1].User {
		t.Errorf("the mechanisms differ: %+v", steps)
	}
	return told, steps[0]
}

func set(claim string, value any) func(map[string]any) {
	return func(c map[string]any) {
		if c[claim] = value; value == nil {
			delete(c, claim)
		}
	}
}

func TestTokens(t *testing.T) {
	i := newIssuer(t)
	now := time.Now().Unix()
	stranger := i.newKey()
	none := func() string {
		parts := strings.Split(i.good(nil), ".")
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
	}
	public, err := x509.MarshalPKIXPublicKey(i.keys["rsa"].Public())
	i.must(err)
	for _, c := range []struct {
		name, token string
		want        wire.Reason // 0: ann
	}{
		{"good", i.good(nil), 0},
		{"of an elliptic curve", i.sign(jose.ES256, i.keys["ec"], "ec", nil, nil), 0},
		{"in capitals", i.good(set("preferred_username", "ANN")), 0},
		{"one audience", i.good(set("aud", "mail")), 0},
		{"scopes in a list", i.good(func(c map[string]any) { delete(c, "scope"); c["scp"] = []string{"mail"} }), 0},
		{"without nbf", i.good(set("nbf", nil)), 0},
		{"expired", i.good(set("exp", now-10)), wire.Wrong},
		{"without an end", i.good(set("exp", nil)), wire.Wrong},
		{"not yet", i.good(set("nbf", now+120)), wire.Wrong},
		{"another audience", i.good(set("aud", "other")), wire.Wrong},
		{"no audience", i.good(set("aud", nil)), wire.Wrong},
		{"another issuer", i.good(set("iss", i.URL+"/")), wire.Wrong},
		{"no issuer", i.good(set("iss", nil)), wire.Wrong},
		{"another scope", i.good(set("scope", "email mailbox")), wire.Wrong},
		{"no scope", i.good(set("scope", nil)), wire.Wrong},
		{"no name", i.good(set("preferred_username", nil)), wire.Wrong},
		{"a number as name", i.good(set("preferred_username", 5)), wire.Wrong},
		{"a path as name", i.good(set("preferred_username", "../ann")), wire.Wrong},
		{"somebody else", i.good(set("preferred_username", "eve")), wire.Wrong},
		{"alg none", none(), wire.Wrong},
		{"a public key as a secret", i.sign(jose.HS256, public, "rsa", nil, nil), wire.Wrong},
		{"a published secret", i.sign(jose.HS256, []byte("a secret that all know, of 32 oct"), "secret", nil, nil), wire.Wrong},
		{"a stranger with a key's name", i.sign(jose.ES256, stranger, "ec", nil, nil), wire.Wrong},
		{"a stranger without a name", i.sign(jose.ES256, stranger, "", nil, nil), wire.Wrong},
		{"no name of several", i.sign(jose.RS256, i.keys["rsa"], "", nil, nil), wire.Wrong},
		{"a path as key", i.sign(jose.ES256, stranger, "../../../../dev/null", nil, nil), wire.Wrong},
		{"a URL as key", i.sign(jose.ES256, stranger, i.URL+"/keys", nil, nil), wire.Wrong},
		{"a key brought along", i.sign(jose.ES256, stranger, "ec", map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: stranger.Public()}}, nil), wire.Wrong},
		{"a place of keys brought along", i.sign(jose.ES256, stranger, "x", map[jose.HeaderKey]any{"jku": i.URL + "/keys"}, nil), wire.Wrong},
		{"cut off", i.good(nil)[:100], wire.Wrong},
		{"no token", "x", wire.Wrong},
	} {
		_, e := open(t, i.settings(), false) // without penalties of the last one
		told, step := logIn(t, e, "ann", c.token)
		if c.want != 0 && (!strings.Contains(told, `"invalid_token"`) || !strings.Contains(told, `"scope":"mail"`) || !strings.Contains(told, i.URL+"/.well-known/openid-configuration")) {
			t.Errorf("%s: clients are told %s", c.name, told)
		}
		if step.Failed != c.want || c.want == 0 && step.User != (userdb.User{Name: "ann", UID: 1000, GID: 100}) {
			t.Errorf("%s: %+v", c.name, step)
		}
	}
}

// TestNames wants tokens to be of those whom the other sources know, and of others only
// where that is said; nobody is somebody else.
func TestNames(t *testing.T) {
	i := newIssuer(t)
	for _, c := range []struct {
		others         bool
		claimed, token string
		failed         wire.Reason
		user           userdb.User
	}{
		{false, "eve", "eve", wire.Wrong, userdb.User{}},
		{true, "eve", "eve", 0, userdb.User{Name: "eve", UID: -1, GID: -1}},
		{true, "ann", "ann", 0, userdb.User{Name: "ann", UID: 1000, GID: 100}},
		{true, "ann", "eve", wire.Disabled, userdb.User{}},
		{true, "gone", "gone", wire.Disabled, userdb.User{}},
	} {
		_, e := open(t, i.settings(), c.others)
		if _, step := logIn(t, e, c.claimed, i.good(set("preferred_username", c.token))); step.Failed != c.failed || step.User != c.user {
			t.Errorf("%+v: %+v", c, step)
		}
	}
	s := i.settings()
	s.Claim = "email"
	for verified, failed := range map[any]wire.Reason{nil: 0, true: 0, "true": 0, false: wire.Wrong, "no": wire.Wrong} {
		_, e := open(t, s, false)
		if _, step := logIn(t, e, "ann", i.good(func(c map[string]any) { set("email", "ann")(c); set("email_verified", verified)(c) })); step.Failed != failed {
			t.Errorf("verified %v: %+v", verified, step)
		}
	}
}

// TestKeysChange wants new keys to be found, and not to be fetched for each wrong token.
func TestKeysChange(t *testing.T) {
	i := newIssuer(t)
	src, _ := open(t, i.settings(), false)
	ask := func(token string) error {
		t.Helper()
		_, err := src.Token(t.Context(), passdb.Query{}, userdb.Secret(token))
		return err
	}
	if err := ask(i.good(nil)); err != nil {
		t.Error(err)
	}
	i.keys["next"] = i.newKey()
	next := i.sign(jose.ES256, i.keys["next"], "next", nil, nil)
	for range 5 {
		if err := ask(next); !errors.Is(err, userdb.ErrWrong) {
			t.Error(err)
		}
	}
	if n := i.fetched.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
	src.keys.refetch = 0
	if err := ask(next); err != nil {
		t.Error(err)
	}
	old := i.good(nil)
	delete(i.keys, "rsa")
	if err := src.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := ask(old); !errors.Is(err, userdb.ErrWrong) {
		t.Errorf("of a key that is withdrawn: %v", err)
	}
	i.broken.Store(true)
	if err := ask(old); !errors.Is(err, userdb.ErrUnavailable) || errors.Is(err, userdb.ErrWrong) {
		t.Errorf("the issuer is gone: %v", err)
	}
	if err := ask(next); err != nil {
		t.Errorf("the issuer is gone and its key is here: %v", err)
	}
	if err := src.Check(t.Context()); !errors.Is(err, userdb.ErrUnavailable) {
		t.Error(err)
	}
}

// TestWhereKeysAre has keys in a file, at a URL, and where there are none.
func TestWhereKeysAre(t *testing.T) {
	i := newIssuer(t)
	text, err := json.Marshal(i.set())
	i.must(err)
	file := filepath.Join(t.TempDir(), "keys.json")
	i.must(os.WriteFile(file, text, 0o600))
	for where, want := range map[string]error{
		file:                  nil,
		i.URL + "/keys":       nil,
		i.URL + "/redirect":   userdb.ErrUnavailable,
		i.URL + "/nothing":    userdb.ErrUnavailable,
		file + "x":            userdb.ErrUnavailable,
		i.URL + "/introspect": userdb.ErrUnavailable,
	} {
		s := i.settings()
		s.Keys = where
		src, _ := open(t, s, false)
		if _, err := src.Token(t.Context(), passdb.Query{}, userdb.Secret(i.good(nil))); !errors.Is(err, want) {
			t.Errorf("%s: %v", where, err)
		}
	}
	s := i.settings()
	s.Issuer += "/" // finds a configuration of an issuer with another name
	src, _ := open(t, s, false)
	if err := src.Check(t.Context()); !errors.Is(err, userdb.ErrUnavailable) || !strings.Contains(err.Error(), "calls itself") {
		t.Error(err)
	}
	s = i.settings()
	s.CAFile = ""
	src, _ = open(t, s, false)
	if err := src.Check(t.Context()); !errors.Is(err, userdb.ErrUnavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
}

func TestIntrospection(t *testing.T) {
	i := newIssuer(t)
	s := i.settings()
	s.Introspection, s.ClientID = i.URL+"/introspect", "fan:tail"
	s.ClientSecretFile = filepath.Join(t.TempDir(), "secret")
	i.must(os.WriteFile(s.ClientSecretFile, []byte("s&cret\n"), 0o600))
	now := time.Now().Unix()
	for token, change := range map[string]func(map[string]any){
		"good": func(map[string]any) {}, "inactive": set("active", false), "text": set("active", "true"),
		"expired": set("exp", now-5), "elsewhere": set("aud", "other"), "other": set("iss", "https://other"),
		"narrow": set("scope", "openid"), "nameless": set("preferred_username", nil), "when": set("exp", "soon"),
	} {
		i.active[token] = map[string]any{"active": true, "preferred_username": "ann", "scope": "mail"}
		change(i.active[token])
		want := wire.Wrong
		if token == "good" {
			want = 0
		}
		_, e := open(t, s, false)
		if _, step := logIn(t, e, "ann", token); step.Failed != want {
			t.Errorf("%s: %+v", token, step)
		}
	}
	_, e := open(t, s, false)
	if _, step := logIn(t, e, "ann", "nobody's"); step.Failed != wire.Wrong {
		t.Errorf("%+v", step)
	}
	i.must(os.WriteFile(s.ClientSecretFile, []byte("another"), 0o600))
	_, e = open(t, s, false)
	if _, step := logIn(t, e, "ann", "good"); step.Failed != wire.Unavailable {
		t.Errorf("the issuer does not know us: %+v", step)
	}
}

func TestSettings(t *testing.T) {
	good := conf.OAuthSettings{Issuer: "https://issuer.example.org", Audience: "mail", Claim: "sub"}
	if _, err := New(good, Accounts{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*conf.OAuthSettings)
		want   string
	}{
		{func(s *conf.OAuthSettings) { s.Issuer = "http://issuer.example.org" }, "auth.oauth_issuer"},
		{func(s *conf.OAuthSettings) { s.Issuer = "" }, "auth.oauth_issuer"},
		{func(s *conf.OAuthSettings) { s.Audience = "" }, "auth.oauth_audience"},
		{func(s *conf.OAuthSettings) { s.Claim = "" }, "auth.oauth_claim"},
		{func(s *conf.OAuthSettings) { s.Keys = "keys.json" }, "auth.oauth_keys"},
		{func(s *conf.OAuthSettings) { s.CAFile = "/nonexistent" }, "auth.oauth_ca_file"},
		{func(s *conf.OAuthSettings) { s.Introspection = "ftp://x" }, "auth.oauth_introspection"},
		{func(s *conf.OAuthSettings) { s.Introspection = "https://x/" }, "auth.oauth_client_id"},
		{func(s *conf.OAuthSettings) { s.Introspection, s.ClientID = "https://x/", "f" }, "auth.oauth_client_secret_file"},
	} {
		s := good
		c.change(&s)
		if _, err := New(s, Accounts{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// FuzzClaims wants claims of any shape to be read or refused.
func FuzzClaims(f *testing.F) {
	for _, s := range []string{`{}`, `{"sub":"ann","exp":1e300,"aud":["a",5],"scope":" a  b "}`, `{"exp":-1}`, `{"nbf":"x"}`, `{"sub":{"a":1},"scp":[["x"]]}`, `null`} {
		f.Add([]byte(s))
	}
	s := conf.OAuthSettings{Issuer: "i", Audience: "a", Scope: "s"}
	f.Fuzz(func(t *testing.T, text []byte) {
		var c claims
		if json.Unmarshal(text, &c) != nil {
			return
		}
		if err := c.check(s); err != nil && !errors.Is(err, userdb.ErrWrong) {
			t.Error(err)
		}
		if name, err := c.name("sub"); err == nil && userdb.CheckName(name) != nil || err != nil && !errors.Is(err, userdb.ErrWrong) {
			t.Errorf("%q, %v", name, err)
		}
	})
}
