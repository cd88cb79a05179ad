package dovecot

import (
	"slices"
	"strconv"
	"strings"

	"fantail/internal/admin/translation"
	"fantail/internal/daemon/conf"
)

// ourMechanisms are those of auth.mechanisms.
var ourMechanisms = []string{"PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "OAUTHBEARER", "XOAUTH2", "EXTERNAL"}

func mechanisms(t *translator, s Setting) {
	var list []string
	for _, m := range strings.FieldsFunc(strings.ToUpper(s.Value), func(r rune) bool { return r == ' ' || r == ',' }) {
		if !slices.Contains(ourMechanisms, m) {
			t.grave(s, "there is no mechanism %s here: who uses it sets the mail program to \"normal password\"", translation.Short(m))
			continue
		}
		list = append(list, m)
	}
	if len(list) > 0 {
		t.set("auth.mechanisms", translation.QuoteAll(list), s)
	}
}

// cleartext is the rule for what permits passwords without TLS by a word.
func cleartext(permits string) rule {
	return func(t *translator, s Setting) {
		if s.Value == permits {
			t.set("login.plaintext", translation.Quote("always"), s)
		}
	}
}

func nameFormat(t *translator, s Setting) {
	ours, err := variables(s.Value)
	switch {
	case err == nil && ours == "%{user}":
	case err == nil && ours == "%{local}":
		t.grave(s, "the domain that people type behind their name is not taken from it here: they log in with the name alone, "+
			`or accounts are called by their whole address. For mail that comes by LMTP set lmtp.domains to your domains, or ["*"]`)
	default:
		t.grave(s, "names are taken as people type them (here it was %q)", translation.Short(s.Value))
	}
}

func tlsUse(t *translator, s Setting) {
	if s.Value == "no" {
		t.note(s, "TLS is offered in any case; a certificate is made if there is none")
	}
}

func altCertificate(t *translator, s Setting) {
	t.note(s, "put it with its key into the directory tls.directory: further certificates are chosen by name and kind of key")
}

func tlsVersion(t *translator, s Setting) {
	if s.Value == "TLSv1" || s.Value == "TLSv1.1" || s.Value == "ANY" || s.Value == "SSLv3" {
		t.note(s, "nothing below TLS 1.2 is spoken: very old mail programs and devices cannot connect")
	}
}

func clientCertificates(t *translator, s Setting) {
	if s.Value != "yes" {
		return
	}
	for _, name := range []string{"ssl_ca", "ssl_server_ca_file"} {
		if ca := t.c.Value(name); ca != "" {
			filename("tls.client_ca")(t, Setting{name, ca, s.Line})
		}
	}
	for _, name := range []string{"ssl_cert_username_field", "ssl_server_cert_username_field"} {
		switch field := t.c.Value(name); field {
		case "":
			t.set("tls.client_name", translation.Quote("common-name"), s) // as Dovecot has it
		case "commonName":
			t.set("tls.client_name", translation.Quote("common-name"), s)
			return
		case "emailAddress", "subjectAltName;email":
			t.set("tls.client_name", translation.Quote("email"), s)
			return
		default:
			t.grave(s, "the name in a certificate is taken from %s, which cannot be chosen here", translation.Short(field))
			return
		}
	}
}

func uidlFormat(t *translator, s Setting) {
	f, err := conf.ParseUIDLFormat(s.Value)
	if err != nil {
		t.grave(s, "unique-ids like %q cannot be made here (%v): POP3 clients that leave mail on the server will fetch it again, unless Dovecot has saved them "+
			"(pop3_save_uidl = yes, and a login of each account before the move)", translation.Short(s.Value), err)
		return
	}
	t.set("pop3.uidl_format", translation.Quote(f.String()), s)
}

func workarounds(t *translator, s Setting) {
	var list []string
	for _, w := range strings.Fields(s.Value) {
		if w == "outlook-no-nuls" || w == "oe-ns-eoh" {
			list = append(list, w)
		} else {
			t.note(s, "there is no work-around %q here", translation.Short(w))
		}
	}
	if len(list) > 0 {
		t.set("pop3.client_workarounds", translation.QuoteAll(list), s)
	}
}

// capability takes those away that Dovecot was told not to offer.
func capability(t *translator, s Setting) {
	if !strings.HasPrefix(s.Value, "+") && !strings.HasPrefix(s.Value, "-") {
		t.note(s, "what is offered follows from what is there; imap.without takes something away")
	}
}

func protocols(t *translator, s Setting) {
	for _, p := range strings.FieldsFunc(s.Value, func(r rune) bool { return r == ' ' || r == ',' }) {
		t.protocol(p, s)
	}
}

// protocol notes what has to be switched on.
func (t *translator) protocol(name string, s Setting) {
	switch name {
	case "imap", "imaps", "pop3", "pop3s":
		p := strings.TrimSuffix(name, "s")
		t.note(s, "for %s: systemctl enable --now fantail-%s.socket fantail-%ss.socket, when Dovecot has left the ports", strings.ToUpper(p), p, p)
	case "lmtp":
		t.note(s, "for LMTP: systemctl enable --now fantail-lmtp.socket; see lmtpd(8) for the mail server")
	case "sieve", "managesieve":
		t.grave(s, "there is no ManageSieve: rules in Sieve are neither kept nor run")
	case "submission":
		t.grave(s, "there is no submission service: let the mail server offer it, with authd(8) for passwords")
	case "none":
	default:
		t.note(s, "there is no service %q", translation.Short(name))
	}
}

// listen notes addresses other than all of the machine's.
func listen(t *translator, s Setting) {
	for _, a := range strings.FieldsFunc(s.Value, func(r rune) bool { return r == ' ' || r == ',' }) {
		if a != "*" && a != "::" && a != "[::]" {
			t.grave(s, "Dovecot listens at %s alone: for each of our sockets, systemctl edit NAME.socket, with \"[Socket]\", an empty \"ListenStream=\" and one with this address", translation.Short(s.Value))
			return
		}
	}
}

// service translates a section "service".
func (t *translator) service(b *Block) {
	for _, l := range b.Blocks {
		name := Setting{"service " + b.Label + " " + l.Label, "", l.Line}
		switch l.Name {
		case "inet_listener":
			t.inet(b.Label, l, name)
		case "unix_listener":
			t.unix(b.Label, l, name)
		}
	}
}

// ports are those that our sockets have.
var ports = map[string]string{"imap": "143", "imaps": "993", "pop3": "110", "pop3s": "995"}

func (t *translator) inet(service string, l *Block, from Setting) {
	port := l.Value("port")
	if l.Value("haproxy") == "yes" {
		t.haproxy, t.haFrom = true, from
	}
	switch {
	case service == "imap-login" || service == "pop3-login":
		usual, known := ports[l.Label]
		switch {
		case !known || port == "" || port == usual:
		case port == "0":
			t.note(from, "Dovecot does not listen on port %s: leave fantail-%s.socket disabled", usual, l.Label)
		default:
			t.grave(from, "Dovecot listens on port %s: systemctl edit fantail-%s.socket, with \"[Socket]\", an empty \"ListenStream=\" and one with this port", translation.Short(port), l.Label)
		}
	case service == "lmtp" && port != "" && port != "0":
		host := strings.Fields(l.Value("address") + l.Value("listen") + " 127.0.0.1")[0]
		if _, err := strconv.ParseUint(port, 10, 16); err != nil || strings.ContainsAny(host, "*,") {
			t.grave(from, "LMTP on port %s: set lmtp.listen", translation.Short(port))
			return
		}
		if strings.Contains(host, ":") {
			host = "[" + strings.Trim(host, "[]") + "]"
		}
		t.set("lmtp.listen", translation.QuoteAll([]string{host + ":" + port}), from)
	case service == "auth" && port != "" && port != "0":
		t.grave(from, "authd is asked on sockets of this machine alone (authd(8))")
	}
}

// unix notes sockets by which mail servers reach Dovecot.
func (t *translator) unix(service string, l *Block, from Setting) {
	switch {
	case service == "lmtp" && strings.Contains(l.Label, "/"):
		t.grave(from, "the mail server brings mail to %s: give it lmtp:unix:/run/fantail/lmtp in its place, such as Postfix's mailbox_transport or virtual_transport (lmtpd(8))", translation.Short(l.Label))
	case service == "auth" && (strings.HasPrefix(l.Label, "/var/spool/postfix/") || strings.Contains(l.Label, "exim") || strings.HasSuffix(l.Label, "auth-client")):
		t.grave(from, "a mail server checks passwords at %s: authd(8) says, under EXAMPLES, how to make a socket for it", translation.Short(l.Label))
	}
}

// proxies sets whose connections begin with the PROXY protocol.
func (t *translator) proxies() {
	if !t.haproxy {
		return
	}
	list := strings.FieldsFunc(t.c.Value("haproxy_trusted_networks"), func(r rune) bool { return r == ' ' || r == ',' })
	if len(list) == 0 {
		t.grave(t.haFrom, "no proxy is trusted to speak the PROXY protocol: set login.proxies")
		return
	}
	t.set("login.proxies", translation.QuoteAll(list), t.haFrom)
	t.note(t.haFrom, "login.proxies counts for all ports: connections from these addresses must begin with the PROXY protocol on each")
}
