package oauth

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/userdb"
)

// texts returns a claim that is a string or a list of strings.
func (c claims) texts(claim string) []string {
	var one string
	if json.Unmarshal(c[claim], &one) == nil {
		return []string{one}
	}
	var list []string
	if json.Unmarshal(c[claim], &list) != nil {
		return nil
	}
	return list
}

// text returns a claim that is a string; "" if it is not there, or is not one.
func (c claims) text(claim string) string {
	var s string
	if json.Unmarshal(c[claim], &s) != nil {
		return ""
	}
	return s
}

// moment returns a claim that is a time, in seconds (RFC 7519 section 2); ok is false if
// it is there and is none.
func (c claims) moment(claim string) (t time.Time, there, ok bool) {
	raw, there := c[claim]
	if !there {
		return t, false, true
	}
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err != nil || seconds < 0 || seconds > 1<<40 {
		return t, true, false
	}
	return time.Unix(int64(seconds), 0), true, true
}

// leeway is how much clocks may differ.
const leeway = time.Minute

// check wants the claims to be those of a token that is good here and now. What a JWT
// must have, verify has seen; an answer of the issuer may leave it out, and must not
// contradict.
func (c claims) check(s conf.OAuthSettings) error {
	_, hasIssuer := c["iss"]
	_, hasAudience := c["aud"]
	expires, hasEnd, endOK := c.moment("exp")
	begins, hasBegin, beginOK := c.moment("nbf")
	now := time.Now()
	switch {
	case s.Issuer != "" && hasIssuer && c.text("iss") != s.Issuer:
		return wrong(errors.New("the token is of another issuer"))
	case s.Audience != "" && (hasAudience || s.Introspection == "") && !slices.Contains(c.texts("aud"), s.Audience):
		return wrong(errors.New("the token is for another service"))
	case !endOK || !beginOK:
		return wrong(errors.New("the times of the token are none"))
	case hasEnd && now.After(expires):
		return wrong(errors.New("the token has expired"))
	case hasBegin && now.Add(leeway).Before(begins):
		return wrong(errors.New("the token is not yet good"))
	case s.Scope != "" && !c.covers(s.Scope):
		return wrong(errors.New("the token has not the scope"))
	}
	return nil
}

// covers reports whether the token has each of the scopes that are wanted (RFC 6749
// section 3.3). They are in the claim "scope" (RFC 9068 section 2.2.3), or, with some
// issuers, in "scp".
func (c claims) covers(wanted string) bool {
	var has []string
	for _, claim := range []string{"scope", "scp"} {
		for _, text := range c.texts(claim) {
			has = append(has, strings.Fields(text)...)
		}
	}
	for _, w := range strings.Fields(wanted) {
		if !slices.Contains(has, w) {
			return false
		}
	}
	return true
}

// name returns the name of the account.
func (c claims) name(claim string) (string, error) {
	name := c.text(claim)
	if err := userdb.CheckName(name); err != nil {
		return "", wrong(errors.New("the token has no login name in " + claim))
	}
	if raw, ok := c["email_verified"]; ok && claim == "email" && string(raw) != "true" && string(raw) != `"true"` {
		return "", wrong(errors.New("nobody has verified the address in the token"))
	}
	return name, nil
}
