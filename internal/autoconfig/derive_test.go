package autoconfig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fantail/internal/daemon/conf"
)

// configured is a configuration of some lines.
func configured(t *testing.T, text string) *conf.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fantail.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := conf.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestDeriveNames(t *testing.T) {
	for _, c := range []struct {
		name, text string
		machine    Machine
		host       string
		domains    []string
	}{
		{"full name", "", Machine{Host: "mail.example.org"}, "mail.example.org", []string{"example.org"}},
		{"name of a domain", "", Machine{Host: "example.org"}, "example.org", []string{"example.org"}},
		{"Debian", "", Machine{Host: "mail", MailName: "Example.org", Certificate: []string{"*.example.org", "mail.example.org"}}, "mail.example.org", []string{"example.org"}},
		{"certificate", "", Machine{Host: "mail.example.org", Certificate: []string{"www.example.org", "Mail.example.org"}}, "mail.example.org", []string{"example.org"}},
		{"certificate of a domain", "", Machine{Host: "mail.example.org", Certificate: []string{"example.org", "*.example.org"}}, "mail.example.org", []string{"example.org"}},
		{"certificate of another host", "", Machine{Host: "vps7.hoster.example", Certificate: []string{"*.example.org", "mail.example.org"}}, "mail.example.org", []string{"example.org"}},
		{"certificate of another domain", "", Machine{Host: "mail.example.org", Certificate: []string{"*.example.net"}}, "mail.example.org", []string{"example.org"}},
		{"mail name of the host", "", Machine{Host: "mail", MailName: "mail.example.org"}, "mail.example.org", []string{"mail.example.org"}},
		{"mail name without a domain", "", Machine{Host: "mail.example.org", MailName: "mail"}, "mail.example.org", []string{"example.org"}},
		{"first label alone", "", Machine{Host: "box", Certificate: []string{"box"}}, "box", []string{"box"}},
		{"domains of LMTP", `lmtp.domains = ["*", "example.org", "example.net"]`, Machine{Host: "mail.example.com", MailName: "x.example"}, "mail.example.com", []string{"example.org", "example.net"}},
		{"what is set", "autoconfig.host = \"m.example.org\"\nautoconfig.domains = [\"bücher.example\", \"xn--bcher-kva.example\"]\nlmtp.domains = [\"example.org\"]", Machine{Host: "mail.example.com"}, "m.example.org", []string{"xn--bcher-kva.example"}},
	} {
		p, err := Derive(configured(t, c.text), c.machine)
		if err != nil || p.Host != c.host || !slices.Equal(p.Domains, c.domains) || p.Name != Unicode(c.domains[0]) {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
	}
	for name, c := range map[string]struct {
		text string
		host string
	}{
		"no name": {"", ""}, "impossible name": {"", "my_host"}, "impossible domain": {`autoconfig.domains = ["a_b.example"]`, "mail.example.org"},
		"impossible endpoint": {`autoconfig.imap = "a_b.example:993"`, "mail.example.org"},
	} {
		if p, err := Derive(configured(t, c.text), Machine{Host: c.host}); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestDeriveServices(t *testing.T) {
	const h = "mail.example.org"
	usual, submission := Service{h, 993, false}, Service{h, 465, false}
	for _, c := range []struct {
		name, text             string
		sockets                []string
		imap, pop3, submission Service
		webmail                string
	}{
		{"nothing is known", "", nil, usual, Service{h, 995, false}, submission, "https://" + h},
		{"units without POP3", "", []string{"fantail-imaps", "fantail-https"}, usual, Service{}, submission, "https://" + h},
		{"units with POP3", "", []string{"fantail-imaps", "fantail-pop3"}, usual, Service{h, 995, false}, submission, "https://" + h},
		{"listening", "imap.listen = [\":143\"]\nimap.listen_tls = [\":1993\"]\npop3.listen = [\":1110\"]\nwebmail.listen_tls = [\"[::]:8443\"]", nil,
			Service{h, 1993, false}, Service{h, 1110, true}, submission, "https://" + h + ":8443"},
		{"a demonstration", "imap.listen_tls = [\"127.0.0.1:1993\"]\nwebmail.listen_tls = [\"localhost:8443\"]", nil, Service{h, 1993, false}, Service{}, submission, "https://" + h + ":8443"},
		{"behind a proxy", "imap.listen_tls = [\"127.0.0.1:1993\"]\nwebmail.listen_tls = [\"127.0.0.1:8443\"]\nlogin.proxies = [\"127.0.0.1\"]", nil, usual, Service{}, submission, "https://" + h},
		{"any port", "imap.listen_tls = [\":0\"]", nil, usual, Service{}, submission, "https://" + h},
		{"what is set", "imap.listen_tls = [\":1993\"]\nautoconfig.imap = \":143\"\nautoconfig.pop3 = \"pop.example.org:995\"\nautoconfig.submission = \"off\"\nautoconfig.webmail = \"https://web.example.org:443\"", nil,
			Service{h, 143, true}, Service{"pop.example.org", 995, false}, Service{}, "https://web.example.org"},
	} {
		p, err := Derive(configured(t, c.text), Machine{Host: h, Sockets: c.sockets})
		if err != nil || p.IMAP != c.imap || p.POP3 != c.pop3 || p.Submission != c.submission || p.Webmail != c.webmail {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
	}
}

func TestDeriveLogin(t *testing.T) {
	for _, c := range []struct {
		text  string
		file  bool
		local bool
	}{
		{"", false, true}, {"", true, false}, {`auth.sources = ["pam"]`, true, true}, {`auth.sources = ["pam", "passwd-file"]`, false, false},
		{`auth.ldap_uri = "ldaps://l"`, false, false}, {`autoconfig.login = "local"`, true, true}, {`autoconfig.login = "address"`, false, false},
	} {
		p, err := Derive(configured(t, c.text), Machine{Host: "mail.example.org", PasswordFile: c.file})
		if err != nil || p.LocalLogin != c.local {
			t.Errorf("%q, file %t: %t, %v", c.text, c.file, p.LocalLogin, err)
		}
	}
}

func TestThisMachine(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cfg := configured(t, "tls.certificate = \"cert.pem\"\nauth.passwd_file = \"passwd\"\n")
	if m := ThisMachine(cfg); m.Certificate != nil || m.PasswordFile {
		t.Errorf("%+v", m)
	}
	for path, text := range map[string][]byte{cfg.TLS.Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), cfg.Auth.PasswdFile: nil} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if m := ThisMachine(cfg); !slices.Equal(m.Certificate, template.DNSNames) || !m.PasswordFile || m.Host != name {
		t.Errorf("%+v", m)
	}
}
