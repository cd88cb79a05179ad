package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"fantail/internal/login/userdb"
)

// maxAnswer is the longest answer of an issuer, in octets.
const maxAnswer = 1 << 20

// newClient returns a client that trusts the certificates in a file, or those that the
// system does if caFile is "". It goes where it is told and nowhere else: no proxy of
// the environment, no redirects.
func newClient(caFile string) (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no certificate in %s", caFile)
		}
	}
	return &http.Client{
		Timeout:       issuerTime,
		Transport:     &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, MaxConnsPerHost: 8, IdleConnTimeout: issuerTime},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("a redirect, which is not followed") },
	}, nil
}

// checkURL wants a URL to be one with https.
func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%q is no URL with https", s)
	}
	return nil
}

// do makes a request and reads its answer, which is JSON. Whatever goes wrong is
// unavailable.
func (s *Source) do(ctx context.Context, r *http.Request, answer any) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: ask %s: %w", userdb.ErrUnavailable, r.URL.Host, err)
		}
	}()
	r.Header.Set("Accept", "application/json")
	response, err := s.client.Do(r.WithContext(ctx))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return err
	case len(data) > maxAnswer:
		return fmt.Errorf("an answer of more than %d octets", maxAnswer)
	}
	return json.Unmarshal(data, answer)
}

// get is do for a URL.
func (s *Source) get(ctx context.Context, address string, answer any) error {
	if err := checkURL(address); err != nil {
		return fmt.Errorf("%w: %w", userdb.ErrUnavailable, err)
	}
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", userdb.ErrUnavailable, err)
	}
	return s.do(ctx, r, answer)
}
