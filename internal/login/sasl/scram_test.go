package sasl

import (
	"crypto"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestVectors is RFC 5802 section 5 and RFC 7677 section 3: the client's
// messages are theirs, so is the server's part of the nonce, and so must be the
// server's messages.
func TestVectors(t *testing.T) {
	for _, v := range []struct {
		mechanism                  string
		hash                       crypto.Hash
		nonce                      string
		cFirst, sFirst, cLast, end string
	}{
		{
			"SCRAM-SHA-1", crypto.SHA1, "3rfcNHYJY1ZVvWVs7j",
			"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
		{
			"SCRAM-SHA-256", crypto.SHA256, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
			"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	} {
		x := start(t, v.mechanism, Conn{}, newAccounts(t))
		s := &scramExchange{x: x, hash: v.hash}
		if _, _, err := s.first(t.Context(), []byte(v.cFirst)); err != nil {
			t.Fatal(err)
		}
		m, err := scanClientFirst(v.cFirst)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.serverFirst(m, v.nonce); got != v.sFirst {
			t.Errorf("%s: server-first %s, want %s", v.mechanism, got, v.sFirst)
		}
		end, next, err := s.final(t.Context(), []byte(v.cLast))
		if err != nil || string(end) != v.end {
			t.Fatalf("%s: server-final %s, %v; want %s", v.mechanism, end, err, v.end)
		}
		if _, _, err := next(t.Context(), nil); err != nil || x.account != "user" {
			t.Errorf("%s: account %q, %v", v.mechanism, x.account, err)
		}
	}
}

// attempt is a client that may do things wrong. Its fields are for SCRAM-SHA-1.
type attempt struct {
	gs2, bare string // client-first-message; the nonce is "nonce"

	binding    string // what "c=" holds, if not gs2
	nonce      string // what "r=" holds, if not what the server sent
	extensions string // with a comma before
	password   string // if not the right one
	final      string // the whole client-final-message but the proof, if not ""
	proof      string // the whole attribute, if not ""
}

// last returns the client-final-message.
func (a attempt) last(t testing.TB, serverFirst string) string {
	t.Helper()
	parts := strings.Split(serverFirst, ",")
	if len(parts) != 3 {
		t.Fatalf("server-first %q", serverFirst)
	}
	salt, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(parts[1], "s="))
	if err != nil {
		t.Fatal(err)
	}
	binding, nonce, pass, final, proof := a.binding, a.nonce, a.password, a.final, a.proof
	if binding == "" {
		binding = a.gs2
	}
	if nonce == "" {
		nonce = strings.TrimPrefix(parts[0], "r=")
	}
	if pass == "" {
		pass = password
	}
	if final == "" {
		final = "c=" + base64.StdEncoding.EncodeToString([]byte(binding)) + ",r=" + nonce + a.extensions
	}
	if proof == "" {
		key := clientKey(t, crypto.SHA1, pass, salt, 4096)
		signature := mac(crypto.SHA1, sum(crypto.SHA1, key), a.bare+","+serverFirst+","+final)
		subtle.XORBytes(key, key, signature)
		proof = ",p=" + base64.StdEncoding.EncodeToString(key)
	}
	return final + proof
}

// TestSCRAM is clients of SCRAM-SHA-1, right and wrong, without channel binding
// (on a connection that has none to offer) and with it.
func TestSCRAM(t *testing.T) {
	exporter := string(secure.Bindings[BindingExporter])
	endPoint := string(secure.Bindings[BindingEndPoint])
	const none, right = "n,,", "n=user,r=nonce"
	plain, bound := "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"
	for _, c := range []struct {
		mechanism string
		conn      Conn
		attempt   attempt
		e         string // what the server says is wrong; "" for success, and for a wrong proof
		err       error
	}{
		{plain, Conn{}, attempt{gs2: none, bare: right}, "", nil},
		{plain, Conn{}, attempt{gs2: "y,,", bare: right}, "", nil},
		{plain, Conn{TLS: true}, attempt{gs2: "y,,", bare: right}, "", nil},
		{plain, secure, attempt{gs2: none, bare: right}, "", nil},
		{plain, Conn{}, attempt{gs2: "n,a=user,", bare: right}, "", nil},
		{plain, Conn{}, attempt{gs2: "n,a=USER,", bare: "n=u\u00adser,r=nonce"}, "", nil},
		{plain, Conn{}, attempt{gs2: none, bare: right + ",x=1,Y==,=", extensions: ",t=a=b"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right + ",x=1,Y==", extensions: ",t=a=b"}, "", nil},

		{plain, Conn{}, attempt{gs2: none, bare: right, password: "pen"}, "", ErrWrong},
		{plain, Conn{}, attempt{gs2: none, bare: "n=nobody,r=nonce"}, "", ErrWrong},
		{plain, Conn{}, attempt{gs2: none, bare: "n=tim,r=nonce"}, "", ErrWrong},
		{plain, Conn{}, attempt{gs2: none, bare: "n=alias,r=nonce"}, "", ErrWrong},
		{plain, Conn{}, attempt{gs2: none, bare: right, proof: ",p=AAAA"}, "", ErrWrong},
		{plain, Conn{}, attempt{gs2: none, bare: right, proof: ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAA="}, "", ErrWrong},
		{plain, Conn{}, attempt{gs2: "n,a=tim,", bare: right}, "other-error", ErrAuthzid},
		{plain, Conn{}, attempt{gs2: none, bare: right, nonce: "nonce"}, "other-error", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, nonce: "other"}, "other-error", ErrMalformed},

		// Channel binding (RFC 5802 section 6).
		{bound, secure, attempt{gs2: "p=tls-exporter,,", bare: right, binding: "p=tls-exporter,," + exporter}, "", nil},
		{bound, secure, attempt{gs2: "p=tls-server-end-point,,", bare: right, binding: "p=tls-server-end-point,," + endPoint}, "", nil},
		{bound, secure, attempt{gs2: "p=tls-exporter,a=user,", bare: right, binding: "p=tls-exporter,a=user," + exporter}, "", nil},
		{bound, secure, attempt{gs2: "p=tls-exporter,,", bare: right, binding: "p=tls-exporter,," + endPoint}, "channel-bindings-dont-match", ErrBinding},
		{bound, secure, attempt{gs2: "p=tls-exporter,,", bare: right, binding: "p=tls-exporter,,"}, "channel-bindings-dont-match", ErrBinding},
		{bound, secure, attempt{gs2: "p=tls-exporter,,", bare: right, binding: "p=tls-server-end-point,," + endPoint}, "channel-bindings-dont-match", ErrBinding},
		{bound, secure, attempt{gs2: "p=tls-exporter,a=user,", bare: right, binding: "p=tls-exporter,," + exporter}, "channel-bindings-dont-match", ErrBinding},
		{bound, secure, attempt{gs2: "p=tls-exporter,,", bare: right, binding: none}, "channel-bindings-dont-match", ErrBinding},
		{plain, Conn{}, attempt{gs2: none, bare: right, binding: "y,,"}, "channel-bindings-dont-match", ErrBinding},
		{plain, Conn{}, attempt{gs2: none, bare: right, binding: "n,a=user,"}, "channel-bindings-dont-match", ErrBinding},
		{bound, secure, attempt{gs2: "p=tls-unique,,", bare: right}, "unsupported-channel-binding-type", ErrUnsupported},
		{bound, secure, attempt{gs2: none, bare: right}, "server-does-support-channel-binding", ErrMalformed},
		{bound, secure, attempt{gs2: "y,,", bare: right}, "server-does-support-channel-binding", ErrMalformed},
		{plain, secure, attempt{gs2: "y,,", bare: right}, "server-does-support-channel-binding", ErrBinding},
		{plain, secure, attempt{gs2: "p=tls-exporter,,", bare: right}, "channel-binding-not-supported", ErrMalformed},

		// The first message.
		{plain, Conn{}, attempt{}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{bare: right}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: "n,", bare: right}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: "N,,", bare: right}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: "n=,,", bare: right}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: "p=,,", bare: right}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: "p=tls_exporter,,", bare: right}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: "F,n,,", bare: right}, "invalid-encoding", ErrMalformed}, // RFC 5801's nonstandard flag
		{plain, Conn{}, attempt{gs2: "n,a=,", bare: right}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: "n,user,", bare: right}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: "n,a=u=2cser,", bare: right}, "invalid-username-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "m=x," + right}, "extensions-not-supported", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=user,m=x,r=nonce"}, "extensions-not-supported", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right + ",m=x"}, "extensions-not-supported", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "r=nonce,n=user"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=user"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=user,r="}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=,r=nonce"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=user,x=1,r=nonce"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=user,r=no nce"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=user,r=n\u00f6nce"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=user,r=" + strings.Repeat("x", maxNonce-24)}, "", nil},
		{plain, Conn{}, attempt{gs2: none, bare: "n=user,r=" + strings.Repeat("x", maxNonce+1)}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=us\x00er,r=nonce"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=us\xffer,r=nonce"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=us=er,r=nonce"}, "invalid-username-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=us=2,r=nonce"}, "invalid-username-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=us\u0007er,r=nonce"}, "invalid-username-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: "n=\u00ad,r=nonce"}, "invalid-username-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right + ",n=other"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right + ",p=AAAA"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right + ","}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right + ",x="}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right + ",1=x"}, "invalid-encoding", ErrMalformed},

		// The last message.
		{plain, Conn{}, attempt{gs2: none, bare: right, final: "c=biws"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, final: "r=nonce,c=biws"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, final: "c=biw,r=nonce"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, final: "c=bi\nws,r=nonce"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, final: "c=biws=,r=nonce"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, final: "m=x,c=biws,r=nonce"}, "extensions-not-supported", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, extensions: ",m=x"}, "extensions-not-supported", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, extensions: ",r=nonce"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, extensions: ",p=AAAA"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, extensions: ",x"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, proof: ",x=1"}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, proof: ",p="}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, proof: ",p=AAAB=="}, "invalid-encoding", ErrMalformed},
		{plain, Conn{}, attempt{gs2: none, bare: right, proof: ",p=AB=="}, "invalid-encoding", ErrMalformed}, // bits after the end
		{plain, Conn{}, attempt{gs2: none, bare: right, proof: ",p=AAAA,x=1"}, "invalid-encoding", ErrMalformed},
	} {
		name := fmt.Sprintf("%s %+q", c.mechanism, c.attempt)
		x := start(t, c.mechanism, c.conn, newAccounts(t))
		challenge, done, err := x.Next(t.Context(), []byte(c.attempt.gs2+c.attempt.bare))
		if err == nil && !done && x.Failure() == nil {
			challenge, done, err = x.Next(t.Context(), []byte(c.attempt.last(t, string(challenge))))
		}
		failed := c.err != nil
		if failed && c.e == "" { // the user's fault
			if !done || err != c.err || x.Failure() != c.err || x.Account() != "" {
				t.Errorf("%s: done %t, %v, account %q; want %v", name, done, err, x.Account(), c.err)
			}
			continue
		}
		if err != nil || done {
			t.Errorf("%s: over without a word: %v", name, err)
			continue
		}
		if e, _ := strings.CutPrefix(string(challenge), "e="); failed && e != c.e || !failed && !strings.HasPrefix(e, "v=") {
			t.Errorf("%s: %q, want %q", name, challenge, c.e)
		}
		if !errors.Is(x.Failure(), c.err) || (x.Failure() != nil) != failed || x.Account() != "" {
			t.Errorf("%s: %v, account %q; want %v", name, x.Failure(), x.Account(), c.err)
		}
		_, done, err = x.Next(t.Context(), nil)
		if !done || !errors.Is(err, c.err) || (err != nil) != failed || (x.Account() == "user") == failed {
			t.Errorf("%s: at the end %v, account %q; want %v", name, err, x.Account(), c.err)
		}
	}
}

// TestAcknowledgement wants the response to the server's proof to be empty.
func TestAcknowledgement(t *testing.T) {
	a := attempt{gs2: "n,,", bare: "n=user,r=nonce"}
	x := start(t, "SCRAM-SHA-1", Conn{}, newAccounts(t))
	first, _, err := x.Next(t.Context(), []byte(a.gs2+a.bare))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := x.Next(t.Context(), []byte(a.last(t, string(first)))); err != nil {
		t.Fatal(err)
	}
	if _, done, err := x.Next(t.Context(), []byte("more")); !done || !errors.Is(err, ErrMalformed) || x.Account() != "" {
		t.Errorf("done %t, %v, account %q", done, err, x.Account())
	}
}

// TestDowngrade wants "y" to be refused only where channel binding with the same
// hash is offered: a client that knows no other cannot have seen it.
func TestDowngrade(t *testing.T) {
	s := newServer(t, "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS")
	for mechanism, want := range map[string]error{"SCRAM-SHA-1": nil, "SCRAM-SHA-256": ErrBinding} {
		x, err := s.Start(mechanism, secure, newAccounts(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := x.Next(t.Context(), []byte("y,,n=user,r=nonce")); err != nil || !errors.Is(x.Failure(), want) {
			t.Errorf("%s: %v, failure %v, want %v", mechanism, err, x.Failure(), want)
		}
	}
}

// serverFirst returns salt and iteration count that a name gets.
func serverFirst(t *testing.T, s *Server, mechanism, name string) string {
	t.Helper()
	x, err := s.Start(mechanism, Conn{}, newAccounts(t))
	if err != nil {
		t.Fatal(err)
	}
	challenge, _, err := x.Next(t.Context(), []byte("n,,n="+name+",r=nonce"))
	if err != nil || x.Failure() != nil {
		t.Fatal(err, x.Failure())
	}
	nonce, rest, _ := strings.Cut(string(challenge), ",")
	if len(nonce) != len("r=nonce")+base64.StdEncoding.EncodedLen(nonceSize) {
		t.Errorf("nonce %q", nonce)
	}
	return rest
}

// TestDecoy wants names without keys to get a salt of their own that stays.
func TestDecoy(t *testing.T) {
	s := newServer(t)
	const sha1, sha256 = "SCRAM-SHA-1", "SCRAM-SHA-256"
	bob := serverFirst(t, s, sha256, "bob")
	if salt, _, _ := strings.Cut(bob, ","); len(salt) != len("s=W22ZaJ0SNY7soEsUEjb6gQ==") || !strings.HasSuffix(bob, ",i=4096") {
		t.Errorf("bob gets %s, user %s", bob, serverFirst(t, s, sha256, "user"))
	}
	for _, c := range []struct {
		mechanism, name string
		same            string // as for this name with SCRAM-SHA-256
		want            bool
	}{
		{sha256, "bob", "bob", true},
		{sha256, "BOB", "bob", true}, // user and USER have one salt
		{sha256, "b\u00adob", "bob", true},
		{sha256, "alice", "bob", false},
		{sha1, "bob", "bob", false},
		{sha256, "alias", "other", true}, // the backend knows how it would be spelled
		{sha256, "USER", "user", true},
	} {
		if got := serverFirst(t, s, c.mechanism, c.name) == serverFirst(t, s, sha256, c.same); got != c.want {
			t.Errorf("%s %s: same as for %s: %t", c.mechanism, c.name, c.same, got)
		}
	}
	other, err := New(Config{Enabled: []string{sha256}, Decoy: Decoy{Secret: []byte("fedcba9876543210"), Iterations: 4096, SaltSize: 16}})
	if err != nil {
		t.Fatal(err)
	}
	if serverFirst(t, other, sha256, "bob") == bob {
		t.Error("another secret makes the same salt")
	}
}

// TestDecoyNeverFits wants an unknown name to be refused even by a proof that is
// right for the decoy's keys.
func TestDecoyNeverFits(t *testing.T) {
	key := []byte("01234567890123456789")
	for _, known := range []bool{true, false} {
		s := &scramExchange{hash: crypto.SHA1, known: known, keys: Keys{StoredKey: sum(crypto.SHA1, key)}, message: "x"}
		proof := make([]byte, len(key))
		subtle.XORBytes(proof, key, mac(crypto.SHA1, s.keys.StoredKey, "x"))
		if s.prove(proof) != known {
			t.Errorf("known %t: proof %t", known, !known)
		}
	}
}

// TestDamagedKeys wants keys that cannot be right to be an error of the server's
// side.
func TestDamagedKeys(t *testing.T) {
	good := newAccounts(t).keys[crypto.SHA256]
	for name, damage := range map[string]func(*Keys){
		"salt":       func(k *Keys) { k.Salt = nil },
		"long salt":  func(k *Keys) { k.Salt = make([]byte, maxSalt+1) },
		"iterations": func(k *Keys) { k.Iterations = 0 },
		"stored key": func(k *Keys) { k.StoredKey = k.StoredKey[:20] },
		"server key": func(k *Keys) { k.ServerKey = nil },
	} {
		k := good
		damage(&k)
		x := start(t, "SCRAM-SHA-256", Conn{}, &accounts{keys: map[crypto.Hash]Keys{crypto.SHA256: k}})
		if _, done, err := x.Next(t.Context(), []byte("n,,n=user,r=nonce")); !done || !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: done %t, %v", name, done, err)
		}
	}
}

// TestIterations wants the count that is stored, few though it may be.
func TestIterations(t *testing.T) {
	k := deriveKeys(t, crypto.SHA1, password, "QSXCR+Q6sek8bf92", 1000)
	x := start(t, "SCRAM-SHA-1", Conn{}, &accounts{keys: map[crypto.Hash]Keys{crypto.SHA1: k}})
	challenge, _, err := x.Next(t.Context(), []byte("n,,n=user,r=nonce"))
	if err != nil || !strings.HasSuffix(string(challenge), ",s=QSXCR+Q6sek8bf92,i=1000") {
		t.Errorf("%q, %v", challenge, err)
	}
}
