package autoconfig

import (
	"crypto/sha256"
	"encoding/base64"
)

// userAgentConfiguration is the document of draft-ietf-mailmaint-pacc, with what its
// versions have in common. Its ports are fixed: TLS from the first byte on the usual ones.
type userAgentConfiguration struct {
	Protocols struct {
		IMAP *paccServer `json:"imap,omitempty"`
		POP3 *paccServer `json:"pop3,omitempty"`
		// The name of this one has been smtp and submit; programs skip what they do not know.
		SMTP   *paccServer `json:"smtp,omitempty"`
		Submit *paccServer `json:"submit,omitempty"`
	} `json:"protocols"`
	Authentication struct {
		Password bool `json:"password"`
	} `json:"authentication"`
	Info struct {
		Provider struct {
			Name      string `json:"name"`
			ShortName string `json:"shortName"`
		} `json:"provider"`
		Help struct {
			Documentation string   `json:"documentation"`
			Contact       []string `json:"contact"`
		} `json:"help"`
	} `json:"info"`
}

type paccServer struct {
	Host string `json:"host"`
}

// PACC returns user-agent-configuration.json, octet by octet what PACCRecord vouches for;
// nil if the servers are not where programs would look for them.
func (p Provider) PACC() ([]byte, error) {
	var c userAgentConfiguration
	at := func(s Service, port int) *paccServer {
		if s.Port != port || s.STARTTLS {
			return nil
		}
		return &paccServer{s.Host}
	}
	c.Protocols.IMAP, c.Protocols.POP3 = at(p.IMAP, 993), at(p.POP3, 995)
	c.Protocols.SMTP, c.Protocols.Submit = at(p.Submission, 465), at(p.Submission, 465)
	if c.Protocols.IMAP == nil && c.Protocols.POP3 == nil {
		return nil, nil
	}
	c.Authentication.Password = true
	c.Info.Provider.Name, c.Info.Provider.ShortName = p.Name, shortName(p.Name)
	c.Info.Help.Documentation, c.Info.Help.Contact = p.Help(), []string{"mailto:" + p.contact()}
	return encode(c)
}

// shortName is the beginning of a name, up to 20 characters.
func shortName(name string) string {
	if all := []rune(name); len(all) > 20 {
		return string(all[:19]) + "…"
	}
	return name
}

// PACCRecord is the text of the TXT record that vouches for a body of PACC.
func PACCRecord(body []byte) string {
	sum := sha256.Sum256(body)
	return "v=UAAC1; a=sha256; d=" + base64.StdEncoding.EncodeToString(sum[:])
}
