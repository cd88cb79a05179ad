package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"fantail/internal/login/userdb"
)

// introspect asks the issuer what a token is (RFC 7662 section 2). We show who we are
// by name and password (RFC 6749 section 2.3.1).
func (s *Source) introspect(ctx context.Context, token string) (claims, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequest(http.MethodPost, s.s.Introspection, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", userdb.ErrUnavailable, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(s.s.ClientID), url.QueryEscape(string(s.secret)))
	var c claims
	if err := s.do(ctx, r, &c); err != nil {
		return nil, err
	}
	if string(c["active"]) != "true" {
		return nil, wrong(errors.New("the issuer says that the token is not active"))
	}
	return c, nil
}
