package webmail

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"

	"fantail/web"
)

// squeeze returns a page with gzip, or nil where it must go as it is.
//
// The length of what is compressed tells who listens on the line a little about what is in
// it: who can have a guess put into the page beside a secret, and the page loaded again and
// again, finds the secret letter by letter (the attack BREACH). A page here has mail, which
// is secret, and mail, which anybody can send. So what scripts load by themselves, when new
// mail comes for example, is never compressed, nor what another site leads to: only what a
// person opens, and that not to the octet, since between 0 and 255 octets of nothing are
// added.
func squeeze(r *request, page []byte) ([]byte, error) {
	const least = 1400 // less is one packet anyway
	h := r.Header
	site := h.Get("Sec-Fetch-Site")
	if len(page) < least || !web.Accepts(r.Request, "gzip") || h.Get(headerFragment) != "" ||
		h.Get("Sec-Fetch-Mode") != "navigate" || h.Get("Sec-Fetch-Dest") != "document" || site != "same-origin" && site != "none" {
		return nil, nil
	}
	var some [1]byte
	if _, err := rand.Read(some[:]); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.DefaultCompression)
	if err != nil {
		return nil, err
	}
	z.Extra = make([]byte, some[0])
	if _, err := z.Write(page); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
