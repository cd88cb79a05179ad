package webauthn

import (
	"encoding/json"
	"fmt"
	"time"
)

// patience is how long a browser waits for an authenticator.
const patience = 4 * time.Minute

// User is whom a new key is for.
type User struct {
	Handle []byte // random octets, the same for all keys of an account (section 5.4.3)
	Name   string // for people
}

// descriptor is a PublicKeyCredentialDescriptorJSON.
type descriptor struct {
	Type       string   `json:"type"`
	ID         octets   `json:"id"`
	Transports []string `json:"transports,omitempty"`
}

func describe(list []Credential, origin string) []descriptor {
	out := []descriptor{}
	for _, c := range list {
		if c.Origin == origin {
			out = append(out, descriptor{"public-key", c.ID, c.Transports})
		}
	}
	return out
}

// Creation are the options by which a page asks for a new key
// (PublicKeyCredentialCreationOptionsJSON, section 5.4); not one that the account has.
func Creation(c Challenge, p Party, u User, has []Credential) []byte {
	type parameter struct {
		Type      string `json:"type"`
		Algorithm int64  `json:"alg"`
	}
	var parameters []parameter
	for _, a := range algorithms {
		parameters = append(parameters, parameter{"public-key", a})
	}
	return encode(map[string]any{
		"rp":               map[string]string{"id": p.ID, "name": p.ID},
		"user":             map[string]any{"id": octets(u.Handle), "name": u.Name, "displayName": u.Name},
		"challenge":        octets(c[:]),
		"pubKeyCredParams": parameters,
		"timeout":          patience.Milliseconds(),
		"attestation":      "none",
		// The password has said who it is; touching the key says that he has it.
		"authenticatorSelection": map[string]any{"residentKey": "discouraged", "requireResidentKey": false, "userVerification": "discouraged"},
		"excludeCredentials":     describe(has, p.Origin),
	})
}

// Request are the options by which a page asks for one of the keys: a JSON array with
// PublicKeyCredentialRequestOptionsJSON (section 5.5) for each site on which there is one. A
// page uses that of its own host.
func Request(c Challenge, has []Credential) []byte {
	list := []map[string]any{}
	seen := make(map[string]bool)
	for _, one := range has {
		p, err := PartyOf(one.Origin)
		if err != nil || seen[p.Origin] {
			continue
		}
		seen[p.Origin] = true
		list = append(list, map[string]any{
			"rpId": p.ID, "challenge": octets(c[:]), "timeout": patience.Milliseconds(),
			"userVerification": "discouraged", "allowCredentials": describe(has, p.Origin),
		})
	}
	return encode(list)
}

func encode(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("webauthn: %v", err)) // maps and text of ours
	}
	return out
}
