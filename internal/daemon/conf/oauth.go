package conf

import "strings"

// OAuthSettings say whose access tokens log in.
type OAuthSettings struct {
	Issuer           string // URL; also the claim "iss"
	Keys             string // URL or path of a JSON Web Key Set; "": the issuer says where
	Audience         string
	Claim            string // that has the account's name
	Scope            string // separated by spaces; "": none is wanted
	Introspection    string // URL; "": tokens are JSON Web Tokens
	ClientID         string
	ClientSecretFile string
	CAFile           string // PEM; "": the system's
}

// IsSet reports whether there is an issuer.
func (s OAuthSettings) IsSet() bool { return s.Issuer != "" || s.Introspection != "" }

// Configuration is the URL where the issuer says what it is (OpenID Connect Discovery
// 1.0 section 4).
func (s OAuthSettings) Configuration() string {
	return strings.TrimSuffix(s.Issuer, "/") + "/.well-known/openid-configuration"
}
