package webauthn

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

const origin = "https://mail.example.org"

// key is an authenticator with one key.
type key struct {
	signer crypto.Signer
	cose   map[int]any
	id     []byte
	count  uint32
}

func newKey(t testing.TB, algorithm int) *key {
	t.Helper()
	k := &key{id: []byte("credential")}
	var err error
	switch algorithm {
	case es256:
		var s *ecdsa.PrivateKey
		s, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		point, _ := s.PublicKey.Bytes()
		k.signer, k.cose = s, map[int]any{1: typeEC2, 3: es256, -1: curveP256, -2: point[1:33], -3: point[33:]}
	case edDSA:
		var s ed25519.PrivateKey
		var p ed25519.PublicKey
		p, s, err = ed25519.GenerateKey(rand.Reader)
		k.signer, k.cose = s, map[int]any{1: typeOKP, 3: edDSA, -1: curveEd25519, -2: []byte(p)}
	case rs256:
		var s *rsa.PrivateKey
		s, err = rsa.GenerateKey(rand.Reader, 2048)
		k.signer, k.cose = s, map[int]any{1: typeRSA, 3: rs256, -1: s.N.Bytes(), -2: []byte{1, 0, 1}}
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// said is what an answer is made of, before it is signed.
type said struct {
	client    map[string]any
	party     string
	flags     byte
	count     uint32
	id        []byte // of the browser
	keyID     []byte // of the authenticator
	cose      map[int]any
	extra     []byte // after the authenticator's data
	format    string
	statement any
	spoil     func(signature []byte) []byte
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := cbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// answer makes the JSON of an answer.
func (k *key) answer(t testing.TB, kind string, c Challenge, change func(*said)) []byte {
	t.Helper()
	k.count++
	s := said{
		client: map[string]any{"type": kind, "challenge": octets(c[:]), "origin": origin, "crossOrigin": false},
		party:  "mail.example.org", flags: flagPresent, count: k.count, id: k.id, keyID: k.id, cose: k.cose,
		format: "none", statement: map[string]any{}, spoil: func(b []byte) []byte { return b },
	}
	if kind == "webauthn.create" {
		s.flags |= flagKey
	}
	if change != nil {
		change(&s)
	}
	client, err := json.Marshal(s.client)
	if err != nil {
		t.Fatal(err)
	}
	party := sha256.Sum256([]byte(s.party))
	data := append(party[:], s.flags)
	data = binary.BigEndian.AppendUint32(data, s.count)
	if s.flags&flagKey != 0 {
		data = append(data, make([]byte, 16)...)
		data = binary.BigEndian.AppendUint16(data, uint16(len(s.keyID)))
		data = append(append(data, s.keyID...), marshal(t, s.cose)...)
	}
	data = append(data, s.extra...)
	hash := sha256.Sum256(client)
	message := append(bytes.Clone(data), hash[:]...)
	digest := sha256.Sum256(message)
	var signature []byte
	if _, ok := k.signer.(ed25519.PrivateKey); ok {
		signature, err = k.signer.Sign(rand.Reader, message, crypto.Hash(0))
	} else {
		signature, err = k.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	}
	if err != nil {
		t.Fatal(err)
	}
	signature = s.spoil(signature)
	if f, ok := s.statement.(func([]byte) any); ok {
		s.statement = f(signature)
	}
	inner := map[string]any{"clientDataJSON": octets(client), "transports": []string{"usb", "usb", "N F C", "nfc"}}
	if kind == "webauthn.create" {
		inner["attestationObject"] = octets(marshal(t, map[string]any{"fmt": s.format, "authData": data, "attStmt": s.statement}))
	} else {
		inner["authenticatorData"], inner["signature"] = octets(data), octets(signature)
	}
	out, err := json.Marshal(map[string]any{"id": octets(s.id), "rawId": octets(s.id), "type": "public-key", "response": inner})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func party(t testing.TB) Party {
	t.Helper()
	p, err := PartyOf(origin)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestLife makes a key of each kind and shows it twice.
func TestLife(t *testing.T) {
	for _, algorithm := range []int{es256, edDSA, rs256} {
		k, c := newKey(t, algorithm), NewChallenge()
		made, err := Register(k.answer(t, "webauthn.create", c, nil), c, party(t))
		if err != nil {
			t.Fatal(algorithm, err)
		}
		if string(made.ID) != "credential" || made.Count != 1 || made.Eligible || made.Origin != origin || !slices.Equal(made.Transports, []string{"usb", "nfc"}) {
			t.Errorf("%+v", made)
		}
		for range 2 {
			c = NewChallenge()
			answer := k.answer(t, "webauthn.get", c, nil)
			if id, err := Answers(answer); string(id) != "credential" || err != nil {
				t.Errorf("%q, %v", id, err)
			}
			after, err := made.Assert(answer, c)
			if err != nil || after.Count != made.Count+1 {
				t.Fatal(algorithm, after.Count, err)
			}
			if _, err := after.Assert(answer, c); !errors.Is(err, ErrRefused) {
				t.Errorf("%d: the same answer again: %v", algorithm, err)
			}
			if _, err := made.Assert(answer, NewChallenge()); !errors.Is(err, ErrRefused) {
				t.Errorf("%d: to another challenge: %v", algorithm, err)
			}
			made = after
		}
	}
}

// hostile are the ways in which an answer can be wrong.
var hostile = map[string]func(*said){
	"another site":          func(s *said) { s.client["origin"] = "https://evil.example" },
	"another port":          func(s *said) { s.client["origin"] = origin + ":8443" },
	"without TLS":           func(s *said) { s.client["origin"] = "http://mail.example.org" },
	"a host below":          func(s *said) { s.client["origin"] = "https://x.mail.example.org" },
	"no origin":             func(s *said) { delete(s.client, "origin") },
	"in a frame":            func(s *said) { s.client["crossOrigin"] = true },
	"below another page":    func(s *said) { s.client["topOrigin"] = "https://evil.example" },
	"another challenge":     func(s *said) { s.client["challenge"] = octets(make([]byte, 32)) },
	"half a challenge":      func(s *said) { s.client["challenge"] = s.client["challenge"].(octets)[:16] },
	"another type":          func(s *said) { s.client["type"] = "payment.get" },
	"another host's key":    func(s *said) { s.party = "evil.example" },
	"a host above":          func(s *said) { s.party = "example.org" },
	"nobody there":          func(s *said) { s.flags &^= flagPresent },
	"copied, not eligible":  func(s *said) { s.flags |= flagCopied },
	"something behind":      func(s *said) { s.extra = []byte{0xa0} },
	"extensions that end":   func(s *said) { s.flags |= flagExtra },
	"extensions that lie":   func(s *said) { s.flags |= flagExtra; s.extra = []byte{0xbf, 0xff} },
	"another key's answer":  func(s *said) { s.id = []byte("other") },
	"no name":               func(s *said) { s.id = nil },
	"a name beyond measure": func(s *said) { s.id = make([]byte, MaxID+1); s.keyID = s.id },
}

func TestRefused(t *testing.T) {
	k, c := newKey(t, es256), NewChallenge()
	made, err := Register(k.answer(t, "webauthn.create", c, nil), c, party(t))
	if err != nil {
		t.Fatal(err)
	}
	bit := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)-1] ^= 1; return b }
	asserted := map[string]func(*said){
		"a changed signature":   func(s *said) { s.spoil = bit },
		"no signature":          func(s *said) { s.spoil = func([]byte) []byte { return nil } },
		"a counter that stands": func(s *said) { s.count = made.Count },
		"a counter that falls":  func(s *said) { s.count = 0 },
		"copied now":            func(s *said) { s.flags |= flagEligible | flagCopied },
		"of a new key":          func(s *said) { s.client["type"] = "webauthn.create" },
	}
	registered := map[string]func(*said){
		"no key":                  func(s *said) { s.flags &^= flagKey },
		"of an old key":           func(s *said) { s.client["type"] = "webauthn.get" },
		"a point off the curve":   func(s *said) { s.cose = with(s.cose, -3, bit(s.cose[-3].([]byte))) },
		"a curve nobody wants":    func(s *said) { s.cose = with(s.cose, -1, 2) },
		"an algorithm of others":  func(s *said) { s.cose = with(s.cose, 3, -65535) },
		"half a point":            func(s *said) { s.cose = with(s.cose, -2, make([]byte, 31)) },
		"attestation of a maker":  func(s *said) { s.format = "tpm" },
		"none that says more":     func(s *said) { s.statement = map[string]any{"x": 1} },
		"its own, and wrong":      func(s *said) { s.format, s.spoil, s.statement = "packed", bit, own(es256) },
		"its own, by another":     func(s *said) { s.format, s.statement = "packed", own(edDSA) },
		"certificates":            func(s *said) { s.format, s.statement = "packed", chain },
		"no map":                  func(s *said) { s.statement = 1 },
		"a name that is too long": func(s *said) { s.keyID = make([]byte, 65535) },
	}
	for name, change := range hostile {
		asserted[name], registered[name] = change, change
	}
	for name, change := range asserted {
		if got, err := made.Assert(k.answer(t, "webauthn.get", c, change), c); !errors.Is(err, ErrRefused) || got.Count != made.Count {
			t.Errorf("assert %s: %v", name, err)
		}
	}
	for name, change := range registered {
		if _, err := Register(k.answer(t, "webauthn.create", c, change), c, party(t)); !errors.Is(err, ErrRefused) {
			t.Errorf("register %s: %v", name, err)
		}
	}
	for _, text := range []string{"", "{", "null", "[]", `{"type":"public-key","rawId":"AA=="}`, `{"type":"public-key","rawId":"AAAA","response":{"clientDataJSON":"e30"}}`, strings.Repeat(" ", MaxResponse+1)} {
		if _, err := Register([]byte(text), c, party(t)); !errors.Is(err, ErrRefused) {
			t.Errorf("register %.20q: %v", text, err)
		}
		if _, err := made.Assert([]byte(text), c); !errors.Is(err, ErrRefused) {
			t.Errorf("assert %.20q: %v", text, err)
		}
	}
}

func with(m map[int]any, label int, value any) map[int]any {
	out := make(map[int]any)
	for k, v := range m {
		out[k] = v
	}
	out[label] = value
	return out
}

// own is the statement of an authenticator that vouches for itself.
func own(algorithm int) func([]byte) any {
	return func(signature []byte) any { return map[string]any{"alg": algorithm, "sig": signature} }
}

func chain(signature []byte) any {
	return map[string]any{"alg": es256, "sig": signature, "x5c": [][]byte{{1}}}
}

// TestAccepted has what is not usual and right nevertheless.
func TestAccepted(t *testing.T) {
	k, c := newKey(t, es256), NewChallenge()
	for name, change := range map[string]func(*said){
		"its own attestation": func(s *said) { s.format, s.statement = "packed", own(es256) },
		"extensions":          func(s *said) { s.flags |= flagExtra; s.extra = marshal(t, map[string]any{"credProtect": 2}) },
		"with a PIN":          func(s *said) { s.flags |= flagVerified },
		"a passkey":           func(s *said) { s.flags |= flagEligible | flagCopied },
		"our page in a page":  func(s *said) { s.client["topOrigin"] = origin },
		"words of the future": func(s *said) { s.client["other_keys_can_be_added_here"] = "x" },
	} {
		if _, err := Register(k.answer(t, "webauthn.create", c, change), c, party(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// One that does not count, as passkeys do not.
	still := func(s *said) { s.count = 0 }
	made, err := Register(k.answer(t, "webauthn.create", c, still), c, party(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if made, err = made.Assert(k.answer(t, "webauthn.get", c, still), c); err != nil {
			t.Error(err)
		}
	}
}

func TestPartyOf(t *testing.T) {
	for text, want := range map[string]Party{
		"https://mail.example.org":            {"mail.example.org", "https://mail.example.org"},
		"https://mail.example.org:443":        {"mail.example.org", "https://mail.example.org"},
		"https://mail.example.org:8443":       {"mail.example.org", "https://mail.example.org:8443"},
		"https://localhost:1":                 {"localhost", "https://localhost:1"},
		"http://mail.example.org":             {},
		"https://192.0.2.1":                   {},
		"https://[2001:db8::1]":               {},
		"https://mail.example.org/":           {},
		"https://Mail.example.org":            {},
		"https://ann@mail.example.org":        {},
		"https://mail.example.org?x":          {},
		"https://":                            {},
		"mail.example.org":                    {},
		"https://mäil.example":                {},
		"https://" + strings.Repeat("a", 300): {},
	} {
		if got, err := PartyOf(text); got != want || (err == nil) != (want != Party{}) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestOptions(t *testing.T) {
	var c Challenge
	has := []Credential{{ID: []byte{1}, Origin: origin, Transports: []string{"usb"}}, {ID: []byte{2}, Origin: "https://localhost"}, {ID: []byte{3}, Origin: origin}}
	zeros := `"challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
	creation := string(Creation(c, party(t), User{[]byte("handle"), "ann<script>"}, has))
	for _, want := range []string{zeros, `"alg":-7`, `"alg":-8`, `"alg":-257`, `"id":"aGFuZGxl"`, `"attestation":"none"`, `"excludeCredentials":[{"type":"public-key","id":"AQ","transports":["usb"]},{"type":"public-key","id":"Aw"}]`} {
		if !strings.Contains(creation, want) {
			t.Errorf("no %s in %s", want, creation)
		}
	}
	if strings.Contains(creation, "<") {
		t.Error(creation)
	}
	var list []struct {
		RPID  string `json:"rpId"`
		Allow []any  `json:"allowCredentials"`
	}
	if err := json.Unmarshal(Request(c, has), &list); err != nil || len(list) != 2 || list[0].RPID != "mail.example.org" || len(list[0].Allow) != 2 || list[1].RPID != "localhost" {
		t.Errorf("%+v, %v", list, err)
	}
	if got := string(Request(c, nil)); got != "[]" {
		t.Error(got)
	}
}

// FuzzRegister: whatever is registered can be parsed again, and is not beyond the limits.
func FuzzRegister(f *testing.F) {
	var c Challenge
	for _, algorithm := range []int{es256, edDSA, rs256} {
		f.Add(newKey(f, algorithm).answer(f, "webauthn.create", c, nil))
	}
	f.Add([]byte(`{"type":"public-key","rawId":"AA","response":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		made, err := Register(text, c, party(t))
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Error(err)
			}
			return
		}
		if _, rest, err := parseKey(made.Key); err != nil || len(rest) != 0 || len(made.ID) > MaxID {
			t.Errorf("%+v, %v", made, err)
		}
	})
}

// FuzzAuthenticator: what an authenticator says is read, or refused.
func FuzzAuthenticator(f *testing.F) {
	host := sha256.Sum256([]byte("mail.example.org"))
	k := newKey(f, es256)
	f.Add(append(host[:], flagPresent, 0, 0, 0, 1))
	data := append(append(host[:], flagPresent|flagKey|flagExtra, 0, 0, 0, 1), make([]byte, 16)...)
	data = append(append(append(data, 0, 2, 'i', 'd'), marshal(f, k.cose)...), 0xa0)
	f.Add(data)
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseAuthenticator(b)
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Error(err)
			}
			return
		}
		if (a.flags&flagKey != 0) != (a.made != nil) || len(a.id) > MaxID || len(a.key) > len(b) {
			t.Errorf("%+v", a)
		}
	})
}
