package courier

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"path"
	"slices"
	"strings"

	"fantail/internal/admin/translation"
)

// protocol is one of the two that Courier serves, each by a daemon for the port without TLS
// and one for that with it.
type protocol struct {
	name        string
	plain, tls  listener
	tlsRequired string
}

// listener is one of these daemons.
type listener struct {
	socket      string // ours
	file        string
	start       string
	port        string
	address     string
	usual       string
	certificate bool
}

var protocols = []protocol{
	{"IMAP", listener{"fantail-imap.socket", "imapd", "IMAPDSTART", "PORT", "ADDRESS", "143", false},
		listener{"fantail-imaps.socket", "imapd-ssl", "IMAPDSSLSTART", "SSLPORT", "SSLADDRESS", "993", true}, "IMAP_TLS_REQUIRED"},
	{"POP3", listener{"fantail-pop3.socket", "pop3d", "POP3DSTART", "PORT", "ADDRESS", "110", false},
		listener{"fantail-pop3s.socket", "pop3d-ssl", "POP3DSSLSTART", "SSLPORT", "SSLADDRESS", "995", true}, "POP3_TLS_REQUIRED"},
}

// runs reports whether Courier has started a daemon.
func (l listener) runs(c *Config) bool { return yes(c.value(l.start, l.file)) }

// listeners says which of our sockets stand for a protocol.
func (t *translator) listeners(p protocol) {
	var on []string
	for _, l := range []listener{p.plain, p.tls} {
		if t.c.file(l.file) == nil {
			continue
		}
		if !l.runs(t.c) {
			t.out.Note(t.from(l.start, l.file), "Courier does not listen on port %s: leave %s disabled", l.usual, l.socket)
			continue
		}
		on = append(on, l.socket)
		t.addresses(l)
	}
	if len(on) > 0 {
		t.out.Note(translation.Origin{Name: p.name, File: p.plain.file}, "systemctl enable --now %s, when Courier has left the ports", strings.Join(on, " "))
	}
}

// addresses notes those that are not a protocol's port at all of the machine's.
func (t *translator) addresses(l listener) {
	var streams []string
	usual := true
	ports := strings.FieldsFunc(t.c.value(l.port, l.file), func(r rune) bool { return r == ',' || r == ' ' })
	if len(ports) == 0 {
		ports = []string{l.usual}
	}
	for _, p := range ports {
		host := t.c.value(l.address, l.file)
		if i := strings.LastIndexByte(p, '.'); i >= 0 { // "127.0.0.1.143"
			host, p = p[:i], p[i+1:]
		}
		if host == "" || host == "0" || host == "0.0.0.0" || host == "::" {
			host = ""
		}
		usual = usual && host == "" && (p == l.usual || p == strings.TrimSuffix(strings.TrimPrefix(l.socket, "fantail-"), ".socket"))
		stream := p
		if host != "" {
			stream = net.JoinHostPort(strings.Trim(host, "[]"), p)
		}
		streams = append(streams, "ListenStream="+stream)
	}
	if !usual || len(streams) > 1 {
		t.out.Grave(t.from(l.port, l.file), "Courier listens elsewhere than %s does: systemctl edit %[1]s, with \"[Socket]\", an empty \"ListenStream=\" and %s", l.socket, strings.Join(streams, ", "))
	}
}

// plaintext sets where passwords may travel without TLS: Courier lets them unless TLS is
// required.
func (t *translator) plaintext() {
	open, closed, from := false, false, translation.Origin{}
	for _, p := range protocols {
		if !p.plain.runs(t.c) {
			continue
		}
		// The daemon without TLS reads both files, that with TLS last.
		if v := t.c.value(p.tlsRequired, p.plain.file, p.tls.file); v != "" && v != "0" {
			closed, from = true, t.from(p.tlsRequired, p.plain.file, p.tls.file)
		} else if !open {
			open = true
			t.out.Set("login.plaintext", translation.Quote("always"), t.from(p.tlsRequired, p.plain.file, p.tls.file))
			t.out.Note(t.from(p.tlsRequired, p.plain.file, p.tls.file), "passwords may travel without TLS, as they may at Courier; when no mail program does that any more, take login.plaintext away")
		}
	}
	switch {
	case open && closed:
		t.out.Note(from, "one setting is for IMAP and POP3 here: login.plaintext = \"always\" is what the other one had")
	case closed:
		t.out.Set("login.plaintext", translation.Quote("tls"), from)
	}
}

// certificate sets that of the server. Courier has one for each protocol, with its key in the
// same file unless that is said.
func (t *translator) certificate() {
	first := ""
	for _, p := range protocols {
		if t.c.file(p.tls.file) == nil || !p.tls.runs(t.c) && !p.plain.runs(t.c) {
			continue
		}
		certificate, key := t.c.value("TLS_CERTFILE", p.plain.file, p.tls.file), t.c.value("TLS_PRIVATE_KEYFILE", p.plain.file, p.tls.file)
		from := t.from("TLS_CERTFILE", p.plain.file, p.tls.file)
		if key == "" {
			key = certificate
		}
		switch {
		case certificate == "" || certificate == first:
			continue
		case !path.IsAbs(certificate) || !path.IsAbs(key):
			t.out.Grave(from, "%q is no absolute path: set tls.certificate and tls.key", translation.Short(certificate))
			continue
		case first != "":
			t.second(first, certificate, from)
			continue
		}
		if t.beforehand(certificate, from); !t.c.exists(certificate) {
			t.out.Grave(from, "there is no file %s: set tls.certificate and tls.key, or a certificate is made that no client trusts", translation.Short(certificate))
			continue
		}
		first = certificate
		t.out.Set("tls.certificate", translation.Quote(certificate), from)
		t.out.Set("tls.key", translation.Quote(key), from)
		t.out.Grave(from, "let the programs here read the key: setfacl -m u:_fantail:r %s; and keep the file when Courier is purged, which removes what is in its directory", key)
	}
}

// second notes that POP3 has had another certificate.
func (t *translator) second(first, other string, from translation.Origin) {
	names, of := t.names(first), t.names(other)
	missing := slices.DeleteFunc(of, func(n string) bool { return slices.Contains(names, n) })
	if len(missing) == 0 {
		t.out.Note(from, "all protocols have the certificate %s here, which has the same names", first)
		return
	}
	t.out.Grave(from, "%s is for %s, which %s is not: put it and its key, as NAME.crt and NAME.key, into a directory, and set tls.directory", other, some(missing), first)
}

// names are the hosts that a certificate is for; none if it cannot be read.
func (t *translator) names(at string) []string {
	text, err := t.c.read(at)
	if err != nil {
		return nil
	}
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(bytes.TrimSpace(rest)); block == nil {
			return nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		if len(c.DNSNames) > 0 {
			return c.DNSNames
		}
		return []string{c.Subject.CommonName}
	}
}

// beforehand notes further certificates, which Courier finds by their file's name: FILE.NAME
// for a name of the server, FILE.ADDRESS for one of its addresses.
func (t *translator) beforehand(certificate string, from translation.Origin) {
	var further []string
	for _, name := range t.c.list(path.Dir(certificate)) {
		if end, is := strings.CutPrefix(name, path.Base(certificate)+"."); is && end != "" {
			further = append(further, name)
		}
	}
	if len(further) > 0 {
		t.out.Grave(from, "certificates are chosen by the names in them here, and not by addresses: put each of %s with its key, as NAME.crt and NAME.key, into a directory, and set tls.directory", some(further))
	}
}

// clientCertificates sets whose certificates clients may show, and which name in them is the
// account's.
func (t *translator) clientCertificates() {
	for _, p := range protocols {
		files := []string{p.plain.file, p.tls.file}
		verify := strings.ToUpper(t.c.value("TLS_VERIFYPEER", files...))
		from := t.from("TLS_VERIFYPEER", files...)
		if verify == "" || verify == "NONE" {
			continue
		}
		ca := t.c.value("TLS_TRUSTCERTS", files...)
		if !path.IsAbs(ca) || t.c.list(ca) != nil {
			t.out.Grave(from, "%q is no file: set tls.client_ca to one with the certificates of those who certify clients", translation.Short(ca))
			continue
		}
		t.out.Set("tls.client_ca", translation.Quote(ca), t.from("TLS_TRUSTCERTS", files...))
		if verify == "REQUIREPEER" {
			t.out.Grave(from, "clients that have no certificate are served, too: they need a password")
		}
		t.external(files)
	}
}

// external lets clients log in by their certificates.
func (t *translator) external(files []string) {
	v, from := t.c.value("TLS_EXTERNAL", files...), t.from("TLS_EXTERNAL", files...)
	name := ""
	switch strings.ToLower(v) {
	case "":
		return
	case "commonname", "cn":
		name = "common-name"
	case "emailaddress", "email":
		name = "email"
		t.out.Grave(from, "the address is that in the certificate's subjectAltName here, not in its subject")
	default:
		t.out.Grave(from, "the name in a certificate cannot be taken from %q", translation.Short(v))
		return
	}
	t.out.Set("auth.mechanisms", translation.QuoteAll([]string{"PLAIN", "LOGIN", "EXTERNAL"}), from)
	t.out.Set("tls.client_name", translation.Quote(name), from)
	t.out.Note(from, "%s", fmt.Sprintf("by EXTERNAL clients log in without a password, by IMAP and POP3; tls.client_name is %q", name))
}
