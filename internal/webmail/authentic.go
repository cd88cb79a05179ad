package webmail

import (
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"fantail/internal/message"
	"fantail/internal/webmail/authres"
)

// authenticity is what our mail servers have found out about who sent a message.
type authenticity struct {
	From   message.Address // of the author; not Valid if there is not exactly one
	Domain string          // of From, as A-labels in lower case

	// Passed says that the author's domain vouches for the message, by DMARC (RFC 7489) or
	// by a signature of the same organisation (RFC 6376); Failed, that it does not, although
	// it should. If both are false nobody knows.
	Passed, Failed bool

	dkim []authres.Result // signatures that are good
}

// authenticate reads the Authentication-Results of the server with this name. Our own
// servers remove fields that others wrote in their name (RFC 8601 section 5); should one
// have come through all the same, a failure outweighs what it says.
func authenticate(root *message.Part, id string) authenticity {
	a := authenticity{}
	for _, x := range root.Envelope().From {
		if x.Kind == message.Mailbox && a.From.Mailbox == "" {
			a.From = x
		} else if x.Kind == message.Mailbox {
			a.From = message.Address{}
			break
		}
	}
	if a.From.Valid() {
		a.Domain = asciiDomain(a.From.Host)
	}
	spf, dkim, dmarc := "", "", ""
	for _, r := range authres.Of(values(root, "Authentication-Results"), id) {
		switch r.Method {
		case "dmarc":
			if from := r.Prop("header.from"); from != "" && asciiDomain(from) != a.Domain && organisation(asciiDomain(from)) != organisation(a.Domain) {
				continue // of another author's domain
			}
			dmarc = worse(dmarc, r.Value)
		case "spf":
			spf = worse(spf, r.Value)
		case "dkim":
			if r.Value != "pass" {
				dkim = worse(dkim, r.Value)
				continue
			}
			a.dkim = append(a.dkim, r)
		}
	}
	aligned := a.Domain != "" && slices.ContainsFunc(a.dkim, func(r authres.Result) bool {
		return organisation(signer(r)) == organisation(a.Domain)
	})
	a.Failed = dmarc == "fail" || dmarc == "" && len(a.dkim) == 0 && (spf == "fail" || spf == "softfail") && dkim != ""
	a.Passed = a.Domain != "" && !a.Failed && (dmarc == "pass" || aligned)
	return a
}

// worse returns the worse one of two results.
func worse(a, b string) string {
	for _, bad := range []string{"fail", "softfail"} {
		if a == bad || b == bad {
			return bad
		}
	}
	if a != "" {
		return a
	}
	return b
}

// signer is the domain of a signature (RFC 8601 section 2.7.1).
func signer(r authres.Result) string {
	if d := r.Prop("header.d"); d != "" {
		return asciiDomain(d)
	}
	_, d, _ := strings.Cut(r.Prop("header.i"), "@")
	return asciiDomain(d)
}

// asciiDomain returns a domain as A-labels in lower case; what is none stays.
func asciiDomain(d string) string {
	d = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(d)), ".")
	if a, err := idna.Lookup.ToASCII(d); err == nil {
		return a
	}
	return d
}

// organisation is the domain that somebody registered of which this one is a part.
func organisation(domain string) string {
	if d, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return d
	}
	return domain
}

// signed reports whether a good signature covers fields of the message: which ones a
// signature covers stands in it alone (RFC 6376 section 3.5, h=).
func (a *authenticity) signed(root *message.Part, fields ...string) bool {
	for _, v := range values(root, "DKIM-Signature") {
		tags := tagList(v)
		good := slices.ContainsFunc(a.dkim, func(r authres.Result) bool {
			b := r.Prop("header.b")
			return signer(r) == asciiDomain(tags["d"]) && tags["d"] != "" && (b == "" || strings.HasPrefix(tags["b"], b))
		})
		covered := strings.Split(strings.ToLower(tags["h"]), ":")
		if good && !slices.ContainsFunc(fields, func(f string) bool { return !slices.Contains(covered, f) || len(values(root, f)) != 1 }) {
			return true
		}
	}
	return false
}

// tagList reads the tags of a signature (RFC 6376 section 3.2), without white space.
func tagList(v string) map[string]string {
	m := make(map[string]string)
	for _, tag := range strings.Split(v, ";") {
		name, value, ok := strings.Cut(tag, "=")
		name = strings.TrimSpace(name)
		if _, twice := m[name]; ok && !twice {
			m[name] = strings.Join(strings.Fields(value), "")
		}
	}
	return m
}

// values returns the fields of that name, unfolded.
func values(root *message.Part, name string) []string {
	var out []string
	for i := range root.Fields {
		if root.Fields[i].Is(name) {
			out = append(out, root.Fields[i].Value())
		}
	}
	return out
}
