package submit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// OneClick unsubscribes by a POST (RFC 8058). The address comes from a stranger's message,
// so nothing is asked that is not public: only HTTPS on its port, every address of the
// name must be one of the public internet, the connection goes to an address that was
// checked and to no other, no redirection is followed, and neither cookies nor the name of
// a program nor a proxy of the environment are used. The answer is not read but for its
// status.
type OneClick struct {
	// For tests; nil and "" are what the system has.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Client  func(*http.Transport)
}

const (
	unsubscribeTime = 30 * time.Second
	maxURL          = 2000
	maxAnswer       = 64 << 10
)

// Why there is no unsubscription.
var (
	ErrURL     = errors.New("not an https address that can be asked")
	ErrPrivate = errors.New("the address is not public")
)

// Unsubscribe implements Unsubscriber.
func (o OneClick) Unsubscribe(ctx context.Context, text string) error {
	u, err := CheckURL(text)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, unsubscribeTime)
	defer cancel()
	addrs, err := o.resolve(ctx, u.Hostname())
	if err != nil {
		return fmt.Errorf("find %s: %w", u.Hostname(), err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrURL, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "") // none
	t := &http.Transport{
		DialContext:            func(ctx context.Context, network, _ string) (net.Conn, error) { return o.dial(ctx, network, addrs) },
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxAnswer,
	}
	if o.Client != nil {
		o.Client(t)
	}
	res, err := t.RoundTrip(req) // one request: a client would follow redirections
	if err != nil {
		return fmt.Errorf("ask %s: %w", u.Hostname(), err)
	}
	defer res.Body.Close() // nothing was written
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)); err != nil {
		return fmt.Errorf("ask %s: %w", u.Hostname(), err)
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %d", u.Hostname(), res.StatusCode)
	}
	return nil
}

// CheckURL returns an address that may be asked, as far as it tells by itself.
func CheckURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL {
		return nil, ErrURL
	}
	if u.Scheme != "https" || u.User != nil || u.Hostname() == "" || u.Port() != "" && u.Port() != "443" || u.Opaque != "" {
		return nil, ErrURL
	}
	u.Fragment = ""
	return u, nil
}

// resolve returns the addresses of a host, all of which are public.
func (o OneClick) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	if a, err := netip.ParseAddr(host); err == nil {
		addrs = []netip.Addr{a}
	} else {
		look := o.Resolve
		if look == nil {
			look = func(ctx context.Context, host string) ([]netip.Addr, error) {
				return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
			}
		}
		if addrs, err = look(ctx, host); err != nil {
			return nil, err
		}
	}
	if len(addrs) == 0 {
		return nil, errors.New("it has no address")
	}
	for _, a := range addrs {
		if !isPublic(a) {
			return nil, fmt.Errorf("%w: %s", ErrPrivate, a)
		}
	}
	return addrs, nil
}

// dial connects to one of the addresses that were checked.
func (o OneClick) dial(ctx context.Context, network string, addrs []netip.Addr) (net.Conn, error) {
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	var errs []error
	for _, a := range addrs {
		conn, err := dial(ctx, network, netip.AddrPortFrom(a.Unmap(), 443).String())
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// special are the networks that are not of the public internet (the registries of RFC 6890
// and what was added to them), beside what netip tells.
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// isPublic reports whether an address is one of the public internet. Networks that carry
// other addresses within theirs (NAT64, 6to4) are none.
func isPublic(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
