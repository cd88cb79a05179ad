package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"fantail/internal/autoconfig"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/tlsconf"
)

// certificates: they can be read by the fronts, and their keys by nobody else; clients
// trust them, for a while, and find the names there by which they know this server.
func (x *examination) certificates() {
	s := x.cfg.TLS
	found, err := tlsconf.Examine(tlsconf.Options{Certificate: s.Certificate, Key: s.Key, Directory: s.Directory, Clock: x.now})
	if err != nil {
		x.wrong("%v", err).because(noTLS).typing("fantail config tls")
	}
	if err == nil && len(found) == 0 {
		x.warning("there is no certificate: the first front that starts makes itself one").
			because("no mail program trusts it without asking").typing(x.certifying()...)
	}
	if s.ClientCA != "" {
		x.clientCA(s.ClientCA)
	}
	for _, f := range found {
		if f.Err != nil {
			x.unusable(f)
			continue
		}
		x.certificate(f)
		x.pairAccess(f)
	}
	if len(found) > 0 {
		x.certifiedNames(found)
	}
}

const noTLS = "mail programs cannot connect with TLS"

// clientCA says whether the fronts can use the file of those who certify clients.
func (x *examination) clientCA(path string) {
	if err := tlsconf.CheckClientCA(path); err != nil {
		x.wrong("%v", err).because("no client can log in with a certificate").typing("fantail config tls.client_ca")
		return
	}
	x.readable(frontsName, path, "no client can log in with a certificate")
}

// unusable says why a pair cannot be used.
func (x *examination) unusable(f tlsconf.Found) {
	told := x.wrong("%v", f.Err).because(noTLS)
	switch {
	case errors.Is(f.Err, fs.ErrPermission):
		told.typing("sudo fantail doctor")
	case errors.Is(f.Err, fs.ErrNotExist):
		told.typing("fantail config tls.certificate tls.key")
	case strings.Contains(f.Err.Error(), "private key does not match"):
		told.typing(
			"openssl x509 -noout -pubkey -in "+argumentOf(f.Certificate)+" | openssl dgst -sha256",
			"openssl pkey -pubout -in "+argumentOf(f.Key)+" | openssl dgst -sha256")
		if own(f) {
			told.typing(remaking(f)...)
		}
	default:
		told.typing("openssl x509 -noout -subject -dates -in "+argumentOf(f.Certificate), "openssl pkey -noout -check -in "+argumentOf(f.Key))
	}
}

// ownDirectory is where a front keeps the pair that it has made itself.
const ownDirectory = "/var/lib/fantail/tls"

func own(f tlsconf.Found) bool { return filepath.Dir(f.Certificate) == ownDirectory }

// remaking are the commands that have a front make itself another pair.
func remaking(f tlsconf.Found) []string {
	return []string{"rm " + argumentOf(f.Certificate) + " " + argumentOf(f.Key), restartFronts}
}

const (
	fronts        = "fantail-imapd fantail-pop3d fantail-webmaild"
	restartFronts = "systemctl try-restart " + fronts
)

// renewing are the commands that get the same certificate anew, by what seems to have got
// it. The fronts notice by themselves.
func (x *examination) renewing(f tlsconf.Found) []string {
	name := filepath.Base(filepath.Dir(f.Certificate))
	switch {
	case strings.HasPrefix(f.Certificate, "/etc/letsencrypt/live/"):
		return []string{"certbot renew --cert-name " + argumentOf(name)}
	case strings.Contains(f.Certificate, "/.acme.sh/"):
		return []string{"acme.sh --renew --domain " + argumentOf(strings.TrimSuffix(name, "_ecc"))}
	case strings.Contains(f.Certificate, "/dehydrated/"):
		return []string{"dehydrated --cron"}
	case f.SelfSigned && own(f):
		return remaking(f)
	}
	return x.certifying()
}

// certifying are the commands that get a certificate for this host.
func (x *examination) certifying() []string {
	host := "mail.example.org"
	if p, err := autoconfig.Derive(x.cfg, autoconfig.ThisMachine(x.cfg)); err == nil && strings.Contains(p.Host, ".") {
		host = p.Host
	}
	live := "/etc/letsencrypt/live/" + host
	return append([]string{
		"certbot certonly --standalone --domain " + host,
		"chgrp " + frontsName + " /etc/letsencrypt/live /etc/letsencrypt/archive " + live + "/privkey.pem",
		"chmod g+rx /etc/letsencrypt/live /etc/letsencrypt/archive",
		"chmod g+r " + live + "/privkey.pem",
	}, append(x.setting("tls", `tls.certificate = "`+live+`/fullchain.pem"`, `tls.key = "`+live+`/privkey.pem"`), restartFronts)...)
}

// setting are the commands that set something, in a file of its own.
func (x *examination) setting(name string, lines ...string) []string {
	if x.cfg.File != "" && x.cfg.File != conf.DefaultPath {
		return []string{fmt.Sprintf(`printf '%%s\n' '%s' >>%s`, strings.Join(lines, "' '"), argumentOf(x.cfg.File))}
	}
	dir := filepath.Join(filepath.Dir(conf.DefaultPath), "conf.d")
	var list []string
	if !x.has(dir) {
		list = append(list, "mkdir -p "+dir)
	}
	return append(list, fmt.Sprintf(`printf '%%s\n' '%s' >%s/80-%s.toml`, strings.Join(lines, "' '"), dir, name))
}

// certificate says whether clients trust one.
func (x *examination) certificate(f tlsconf.Found) {
	until := "until " + f.Leaf.NotAfter.Format(time.DateOnly) + " for " + strings.Join(f.Leaf.DNSNames, ", ")
	switch now := x.now(); {
	case now.After(f.Leaf.NotAfter):
		x.wrong("%s has expired: it was good %s", f.Certificate, until).
			because("mail programs refuse to connect, or ask everybody").typing(x.renewing(f)...)
	case now.Before(f.Leaf.NotBefore):
		x.wrong("%s is good from %s only, and now is %s", f.Certificate, f.Leaf.NotBefore.Format(time.RFC3339), now.Format(time.RFC3339)).
			because("mail programs refuse to connect; either it is not its time yet, or the clock is wrong").
			typing("timedatectl").typing("timedatectl set-ntp true")
	case f.Soon:
		days := int(f.Leaf.NotAfter.Sub(now).Hours() / 24)
		x.warning("%s expires in %d days: it is good %s", f.Certificate, days, until).
			because("whatever renews it should have done that by now").typing(x.renewing(f)...)
	case f.SelfSigned:
		x.warning("%s is self-signed, good %s", f.Certificate, until).
			because("mail programs ask everybody whether to trust it, and people learn to say yes").typing(x.certifying()...)
	case f.Incomplete:
		x.warning("%s has not the certificate of who has signed it, %s, good %s", f.Certificate, f.Leaf.Issuer.CommonName, until).
			because("programs that do not find it elsewhere, such as those on telephones, do not trust it").typing(x.completing(f)...)
	case f.Trusted != nil:
		x.warning("%s is not trusted here, good %s: %v", f.Certificate, until, f.Trusted).
			because("programs that know its authority no better than this machine ask everybody whether to trust it").
			typing("openssl storeutl -noout -text -certs " + argumentOf(f.Certificate) + " | grep -E 'Subject:|Issuer:|Not After'")
	default:
		x.ok("%s, good %s", f.Certificate, until)
	}
}

// completing are the commands that put the certificate of the authority behind that of the
// server.
func (x *examination) completing(f tlsconf.Found) []string {
	dir := filepath.Dir(f.Certificate)
	if full := filepath.Join(dir, "fullchain.pem"); full != f.Certificate && x.has(full) {
		if origin := x.origin("tls.certificate"); origin != "" {
			file, line, _ := cutLast(origin, ":")
			return []string{fmt.Sprintf(`sed -i '%ss,%s,%s,' %s`, line, filepath.Base(f.Certificate), "fullchain.pem", argumentOf(file)), restartFronts}
		}
	}
	if chain := filepath.Join(dir, "chain.pem"); x.has(chain) {
		return []string{"cat " + argumentOf(chain) + " >>" + argumentOf(f.Certificate)}
	}
	for _, url := range f.Leaf.IssuingCertificateURL {
		if strings.HasPrefix(url, "http://") || strings.HasPrefix(url, "https://") {
			return []string{"curl -sSf " + quoteOf(url) + " | openssl x509 -inform DER >>" + argumentOf(f.Certificate)}
		}
	}
	return []string{"openssl x509 -noout -issuer -in " + argumentOf(f.Certificate)}
}

// origin is the file and line where a setting is; "" if it is nowhere.
func (x *examination) origin(name string) string {
	for _, v := range x.cfg.Effective() {
		if v.Name == name && !v.Default {
			return v.Origin
		}
	}
	return ""
}

// certifiedNames: for each name that mail programs are told there is a certificate. The
// machine's own name is used only if it is in one.
func (x *examination) certifiedNames(found []tlsconf.Found) {
	p, err := autoconfig.Derive(x.cfg, autoconfig.ThisMachine(x.cfg))
	if err != nil {
		return // told with the name of the machine
	}
	p.Submission = autoconfig.Service{} // another server's
	for _, host := range hosts(p) {
		if !strings.Contains(host, ".") {
			continue
		}
		certified := false
		var names []string
		for _, f := range found {
			if f.Err == nil {
				certified = certified || f.Leaf.VerifyHostname(host) == nil
				names = append(names, f.Leaf.DNSNames...)
			}
		}
		if certified || names == nil {
			continue
		}
		told := x.warning("no certificate is for %s, which mail programs are told to connect to; those that there are are for %s", host, strings.Join(names, ", ")).
			because("programs that set themselves up refuse to connect")
		if path := found[0].Certificate; strings.HasPrefix(path, "/etc/letsencrypt/live/") {
			told.typing("certbot certonly --expand --cert-name " + argumentOf(filepath.Base(filepath.Dir(path))) + " --domain " + strings.Join(append(names, host), ","))
		} else {
			told.typing("certbot certonly --standalone --domain " + host)
		}
		told.typing("fantail config autoconfig")
	}
}

// pairAccess says who can read a pair and should not, or the other way round. An
// installation of another kind has not the users that it is about.
func (x *examination) pairAccess(f tlsconf.Found) {
	if canRead(nobody, f.Key) == nil {
		x.wrong("everybody on this machine can read the key %s", f.Key).
			because("who has it can pass for this server").typing("chmod o= " + argumentOf(f.Key))
	}
	x.readable(frontsName, f.Certificate, noTLS)
	if !x.cfg.TLS.KeyProcess {
		x.readable(frontsName, f.Key, noTLS)
		return
	}
	x.readable(keydName, f.Key, noTLS)
	if fronts, err := systemUser(frontsName); err == nil && fronts != nil && canRead(fronts, f.Key) == nil {
		x.warning("the fronts can read the key %s, which is to be keyd's alone", f.Key).
			because("tls.key_process is set so that who breaks into a front does not get it").
			typing("chown "+keydName+" "+argumentOf(f.Key), "chmod 400 "+argumentOf(f.Key))
	}
}
