package tlsconf

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/tls"
	"slices"
	"strings"
	"time"
)

// certificates are those in use, and which of them is for whom. They are not changed
// once they are made.
type certificates struct {
	config *tls.Config                   // where clients are asked for certificates
	own    *tls.Certificate              // of tls.certificate
	byName map[string][]*tls.Certificate // by host name in lower case, also "*.example.org"; the best first
}

// all are the certificates, some of them more than once.
func (c *certificates) all() []*tls.Certificate {
	list := []*tls.Certificate{c.own}
	for _, some := range c.byName {
		list = append(list, some...)
	}
	return list
}

// newCertificates makes the table. The first certificate is the own one.
func newCertificates(all []*tls.Certificate, now time.Time) *certificates {
	c := &certificates{own: all[0], byName: make(map[string][]*tls.Certificate)}
	for _, one := range all {
		for _, name := range one.Leaf.DNSNames {
			name = strings.ToLower(name)
			if !slices.Contains(c.byName[name], one) {
				c.byName[name] = append(c.byName[name], one)
			}
		}
	}
	for _, list := range c.byName {
		slices.SortStableFunc(list, func(a, b *tls.Certificate) int { return better(a, b, now) })
	}
	return c
}

// better orders certificates for one name: those that are valid now, then those whose
// signatures cost us least, then those that last longest.
func better(a, b *tls.Certificate, now time.Time) int {
	rank := func(c *tls.Certificate) int {
		n := 0
		if now.Before(c.Leaf.NotBefore) || now.After(c.Leaf.NotAfter) {
			n += 2
		}
		switch c.Leaf.PublicKey.(type) {
		case *ecdsa.PublicKey, ed25519.PublicKey:
		default:
			n++
		}
		return n
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), b.Leaf.NotAfter.Compare(a.Leaf.NotAfter))
}

// choose returns the certificate for a client: one with the name that it wants (RFC 6066
// section 3), in full before with a wildcard (RFC 9525 section 6.3), of a kind that it
// knows. A client that wants no name, or one
// of which there is none, gets the own certificate, or another one with a name of that
// if it does not know its kind.
func (c *certificates) choose(hello *tls.ClientHelloInfo) *tls.Certificate {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	var known []*tls.Certificate
	if name != "" {
		known = c.byName[name]
		if _, parent, ok := strings.Cut(name, "."); ok && first(known, hello) == nil {
			if wild := c.byName["*."+parent]; len(wild) > 0 {
				known = wild
			}
		}
	}
	if known == nil {
		known = []*tls.Certificate{c.own}
		for _, name := range c.own.Leaf.DNSNames {
			known = append(known, c.byName[strings.ToLower(name)]...)
		}
	}
	if one := first(known, hello); one != nil {
		return one
	}
	return known[0] // the handshake says what does not fit
}

// first returns the first certificate of a kind that the client knows, or nil.
func first(list []*tls.Certificate, hello *tls.ClientHelloInfo) *tls.Certificate {
	if len(list) == 0 {
		return nil
	}
	anyName := *hello
	anyName.ServerName = "" // the own certificate is for every name
	for _, one := range list {
		if anyName.SupportsCertificate(one) == nil {
			return one
		}
	}
	return nil
}
