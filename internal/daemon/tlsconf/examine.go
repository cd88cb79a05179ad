package tlsconf

import (
	"bytes"
	"crypto/x509"
	"errors"
	"time"
)

// Found is a pair that there is.
type Found struct {
	Certificate, Key string
	Leaf             *x509.Certificate // nil if Err
	Err              error             // why the pair cannot be used
	Soon             bool              // it expires within two weeks, or has expired
	SelfSigned       bool
	// Incomplete says that who has signed it is neither in the file nor known to this
	// machine: clients which know only authorities cannot trust it.
	Incomplete bool
	Trusted    error // why clients of this machine would not trust it; nil if they would
}

// Examine returns the pairs that Load would use: the one of the settings, unless neither of
// its files is there, and those of the directory.
func Examine(o Options) ([]Found, error) {
	own := pair{certificate: o.Certificate, key: o.Key, setting: "tls."}
	var pairs []pair
	if !own.gone() {
		pairs = append(pairs, own)
	}
	if o.Directory != "" {
		further, err := findPairs(o.Directory)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, further...)
	}
	list := make([]Found, len(pairs))
	now := o.Clock()
	for i := range pairs {
		p := &pairs[i]
		list[i] = Found{Certificate: p.certificate, Key: p.key, Err: p.read(o.Sign)}
		if list[i].Err == nil {
			list[i].judge(p, now)
		}
	}
	return list, nil
}

// judge says what clients will think of a pair that can be used.
func (f *Found) judge(p *pair, now time.Time) {
	f.Leaf, f.Soon = p.inUse.Leaf, p.expires(now)
	f.SelfSigned = bytes.Equal(f.Leaf.RawIssuer, f.Leaf.RawSubject)
	intermediates := x509.NewCertPool()
	signed := false // by one that is in the file
	for _, der := range p.inUse.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil { // one that is none helps nobody
			intermediates.AddCert(c)
			signed = signed || bytes.Equal(c.RawSubject, f.Leaf.RawIssuer)
		}
	}
	_, f.Trusted = f.Leaf.Verify(x509.VerifyOptions{Intermediates: intermediates, CurrentTime: now})
	f.Incomplete = errors.As(f.Trusted, new(x509.UnknownAuthorityError)) && !f.SelfSigned && !signed
}
