// Package webauthntest is a security key with a browser, for tests.
package webauthntest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/url"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"fantail/internal/login/webauthn"
)

// Key is an authenticator with one key, of ES256.
type Key struct {
	ID     []byte
	secret *ecdsa.PrivateKey
	count  uint32
}

// New makes one with a name of its own.
func New(t testing.TB, id string) *Key {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Key{ID: []byte(id), secret: secret}
}

// client is what the browser says.
func client(t testing.TB, kind, origin string, c webauthn.Challenge) []byte {
	t.Helper()
	out, err := json.Marshal(map[string]any{"type": kind, "challenge": text(c[:]), "origin": origin, "crossOrigin": false})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// data is what the authenticator says.
func (k *Key) data(t testing.TB, origin string, flags byte) []byte {
	t.Helper()
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	k.count++
	host := sha256.Sum256([]byte(u.Hostname()))
	return binary.BigEndian.AppendUint32(append(host[:], flags), k.count)
}

// Create is its answer to a page of an origin that wants a new key.
func (k *Key) Create(t testing.TB, origin string, c webauthn.Challenge) []byte {
	t.Helper()
	point, err := k.secret.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		t.Fatal(err)
	}
	data := append(k.data(t, origin, 0x41), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(k.ID)))
	data = append(append(data, k.ID...), cose...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "authData": data, "attStmt": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	return k.answer(t, map[string]any{
		"clientDataJSON": text(client(t, "webauthn.create", origin, c)), "attestationObject": text(object), "transports": []string{"usb"},
	})
}

// Get is its answer to a challenge on a page of an origin.
func (k *Key) Get(t testing.TB, origin string, c webauthn.Challenge) []byte {
	t.Helper()
	says := client(t, "webauthn.get", origin, c)
	data := k.data(t, origin, 0x01)
	hash := sha256.Sum256(says)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.secret, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return k.answer(t, map[string]any{
		"clientDataJSON": text(says), "authenticatorData": text(data), "signature": text(signature),
	})
}

func (k *Key) answer(t testing.TB, inner map[string]any) []byte {
	t.Helper()
	out, err := json.Marshal(map[string]any{"id": text(k.ID), "rawId": text(k.ID), "type": "public-key", "response": inner})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
