package webauthn

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// octets is octets in base64url without padding, as all JSON of this standard has them
// (RFC 4648 section 5).
type octets []byte

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *octets) UnmarshalText(text []byte) error {
	out, err := base64.RawURLEncoding.Strict().AppendDecode(nil, text)
	*b = out
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (b octets) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// response is a RegistrationResponseJSON or an AuthenticationResponseJSON (section 5.1).
// What else is in it changes nothing.
type response struct {
	RawID    octets `json:"rawId"`
	Type     string `json:"type"`
	Response struct {
		ClientData        octets   `json:"clientDataJSON"`
		AttestationObject octets   `json:"attestationObject"`
		AuthenticatorData octets   `json:"authenticatorData"`
		Signature         octets   `json:"signature"`
		Transports        []string `json:"transports"`
	} `json:"response"`

	client clientData
}

// clientData is what a browser says (section 5.8.1).
type clientData struct {
	Type        string `json:"type"`
	Challenge   octets `json:"challenge"`
	Origin      string `json:"origin"`
	CrossOrigin bool   `json:"crossOrigin"`
	TopOrigin   string `json:"topOrigin"`
}

func parseResponse(text []byte) (*response, error) {
	if len(text) > MaxResponse {
		return nil, refuse("it has more than %d octets", MaxResponse)
	}
	var r response
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, refuse("%v", err)
	}
	if r.Type != "public-key" || len(r.RawID) == 0 || len(r.RawID) > MaxID {
		return nil, refuse("it is of no key")
	}
	// A byte order mark may stand before it (section 7.1: UTF-8 decode).
	if err := json.Unmarshal(bytes.TrimPrefix(r.Response.ClientData, []byte("\xef\xbb\xbf")), &r.client); err != nil {
		return nil, refuse("what the browser says: %v", err)
	}
	return &r, nil
}

// check checks what a browser says. A page in the frame of another site is none of ours.
func (d *clientData) check(kind string, c Challenge, origin string) error {
	switch {
	case d.Type != kind:
		return refuse("it is an answer of the type %.40q", d.Type)
	case subtle.ConstantTimeCompare(d.Challenge, c[:]) != 1:
		return refuse("it answers another challenge")
	case d.Origin != origin:
		return refuse("it is of the site %.300q", d.Origin)
	case d.CrossOrigin || d.TopOrigin != "" && d.TopOrigin != origin:
		return refuse("it is of a page within another site's")
	}
	return nil
}

// mostTransports is how many ways to an authenticator are kept.
const mostTransports = 8

// transports are the ways to an authenticator that have a name like those of section
// 5.8.4; hints that decide nothing.
func (r *response) transports() []string {
	var list []string
	for _, t := range r.Response.Transports {
		odd := func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' }
		if t != "" && len(t) <= 16 && !strings.ContainsFunc(t, odd) && !slices.Contains(list, t) && len(list) < mostTransports {
			list = append(list, t)
		}
	}
	return list
}
