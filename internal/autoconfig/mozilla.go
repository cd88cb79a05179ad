package autoconfig

import (
	"bytes"
	"encoding/xml"
)

// clientConfig is the document of config-v1.1: what all readers know. The version 1.2 of
// draft-ietf-mailmaint-autoconfig adds services that there are none of here, and readers
// of 1.1 would have to skip them.
type clientConfig struct {
	XMLName  xml.Name      `xml:"clientConfig"`
	Version  string        `xml:"version,attr"`
	Provider emailProvider `xml:"emailProvider"`
	LogIn    struct {
		URL string `xml:"url,attr"`
	} `xml:"webMail>loginPage"`
}

type emailProvider struct {
	ID        string        `xml:"id,attr"`
	Domains   []string      `xml:"domain"`
	Name      string        `xml:"displayName"`
	ShortName string        `xml:"displayShortName"`
	Incoming  []mailServer  `xml:"incomingServer"`
	Outgoing  []mailServer  `xml:"outgoingServer"`
	Help      documentation `xml:"documentation"`
}

type mailServer struct {
	Type           string `xml:"type,attr"`
	Host           string `xml:"hostname"`
	Port           int    `xml:"port"`
	Socket         string `xml:"socketType"`
	Login          string `xml:"username"`
	Authentication string `xml:"authentication"`
	Leave          *bool  `xml:"pop3>leaveMessagesOnServer,omitempty"`
}

type documentation struct {
	URL   string `xml:"url,attr"`
	Title struct {
		Language string `xml:"lang,attr"`
		Text     string `xml:",chardata"`
	} `xml:"descr"`
}

// Mozilla returns config-v1.1.xml. It is the same for every address: programs put the
// address in where the placeholders are.
func (p Provider) Mozilla() ([]byte, error) {
	// Programs take the first server that works: IMAP comes before POP3.
	c := clientConfig{Version: "1.1", Provider: emailProvider{ID: p.Domain(), Domains: p.Domains, Name: p.Name, ShortName: p.Name}}
	c.LogIn.URL = p.Webmail + "/"
	c.Provider.Help.URL, c.Provider.Help.Title.Language, c.Provider.Help.Title.Text = p.Help(), "en", "Set up your mail program"
	if p.IMAP.Exists() {
		c.Provider.Incoming = append(c.Provider.Incoming, p.mozillaServer("imap", p.IMAP))
	}
	if p.POP3.Exists() {
		s, leave := p.mozillaServer("pop3", p.POP3), true // webmail and IMAP show the same mail
		s.Leave = &leave
		c.Provider.Incoming = append(c.Provider.Incoming, s)
	}
	if p.Submission.Exists() {
		c.Provider.Outgoing = append(c.Provider.Outgoing, p.mozillaServer("smtp", p.Submission))
	}
	return document(c)
}

func (p Provider) mozillaServer(kind string, s Service) mailServer {
	// password-encrypted would be CRAM-MD5. With password-cleartext programs use PLAIN, within
	// TLS, and SCRAM where it is offered.
	m := mailServer{Type: kind, Host: s.Host, Port: s.Port, Socket: "SSL", Login: "%EMAILADDRESS%", Authentication: "password-cleartext"}
	if s.STARTTLS {
		m.Socket = "STARTTLS"
	}
	if p.LocalLogin {
		m.Login = "%EMAILLOCALPART%"
	}
	return m
}

// document writes v as a document of XML.
func document(v any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", " ")
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
