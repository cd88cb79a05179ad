package admin

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// mta: the mail server of this machine delivers where Fantail reads. One that does not
// run, and is not to, is none.
func (x *examination) mta() {
	for _, m := range []struct {
		unit, config string
		examine      func(*examination)
	}{
		{"postfix.service", "/etc/postfix/main.cf", (*examination).postfix},
		{"exim4.service", "/etc/exim4/update-exim4.conf.conf", (*examination).exim},
		{"opensmtpd.service", "/etc/smtpd.conf", (*examination).opensmtpd},
	} {
		if !x.has(m.config) {
			continue
		}
		out, err := x.command(x.ctx, "systemctl", "show", "--property=ActiveState,UnitFileState", m.unit)
		active, enabled := strings.Contains(out, "ActiveState=active"), strings.Contains(out, "UnitFileState=enabled")
		name := strings.TrimSuffix(m.unit, ".service")
		switch {
		case err != nil:
			// whether it runs cannot be found out
		case active:
			m.examine(x)
		case enabled:
			x.wrong("%s is to run, and does not", name).because("no mail comes, and none leaves").
				typing("systemctl restart "+name, "journalctl -u 'postfix*' -n 20")
		}
	}
}

// postfixSettings are those that are asked for.
var postfixSettings = []string{"mailbox_transport", "mailbox_command", "home_mailbox", "mail_spool_directory", "local_transport",
	"virtual_transport", "virtual_mailbox_domains", "virtual_alias_domains", "relay_domains", "mydestination", "myhostname",
	"smtpd_sasl_auth_enable", "smtpd_sasl_type", "smtpd_sasl_path", "queue_directory"}

const (
	lmtpPath      = "/run/fantail/lmtp"
	reloadPostfix = "systemctl reload postfix"
)

func (x *examination) postfix() {
	out, err := x.command(x.ctx, "postconf", append([]string{"-x"}, postfixSettings...)...)
	if err != nil {
		return // it says itself what is wrong with its configuration, wherever it is asked
	}
	set := make(map[string]string)
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " =")
		set[name] = strings.TrimSpace(value)
	}
	before := len(x.findings)
	if x.usesPAM() {
		x.postfixLocal(set)
		x.postfixDomains(set)
	}
	x.postfixVirtual(set)
	x.postfixLMTP(set)
	x.postfixSASL(set)
	if len(x.findings) == before {
		x.ok("Postfix delivers here")
	}
}

// oursForMail reports whether a transport of Postfix leads to Fantail.
func (x *examination) oursForMail(transport string) bool {
	if strings.Contains(transport, "fantail") {
		return true
	}
	return slices.ContainsFunc(x.cfg.LMTP.Listen, func(a string) bool {
		_, port, _ := cutLast(a, ":")
		return strings.HasPrefix(transport, "lmtp:") && strings.HasSuffix(transport, ":"+port)
	})
}

// postfixLocal: mail for users of the system goes to Fantail, or into the Maildirs that it
// reads.
func (x *examination) postfixLocal(set map[string]string) {
	f := &finding{}
	switch home := set["home_mailbox"]; {
	case x.oursForMail(set["local_transport"]) || x.oursForMail(set["mailbox_transport"]):
		return
	case set["mailbox_transport"] != "":
		f = x.warning("Postfix gives mail for users of the system to %s, and not to Fantail (mailbox_transport)", set["mailbox_transport"])
	case strings.Contains(set["mailbox_command"], "dovecot"):
		f = x.warning("Postfix has Dovecot's program deliver: %s (mailbox_command)", set["mailbox_command"])
	case set["mailbox_command"] != "":
		return // ours, or one that the administrator trusts with it
	case strings.HasSuffix(home, "/") && x.readsHome(strings.TrimSuffix(home, "/")):
		return
	case strings.HasSuffix(home, "/"):
		f = x.wrong("Postfix delivers to the Maildir ~/%s, and Fantail reads %s", home, x.cfg.Mail.Path)
	case home != "":
		f = x.wrong("Postfix delivers to ~/%s, which is no Maildir: it has no / at its end (home_mailbox)", home)
	default:
		f = x.wrong("Postfix delivers to %s, where all messages of a user are one file", filepath.Join(set["mail_spool_directory"], "USER"))
	}
	f.because("nobody sees that mail here, or not with its folders, limits and notices").
		typing("postconf -e mailbox_transport=lmtp:unix:"+lmtpPath, "postconf -F lmtp/unix/chroot=n", reloadPostfix)
}

// readsHome reports whether mail.path is a directory in homes.
func (x *examination) readsHome(name string) bool {
	return filepath.Clean(x.cfg.Mail.Path) == filepath.Join("~", name)
}

// postfixDomains: Postfix takes mail for the domains in which people have their addresses,
// and lmtpd takes it from Postfix.
func (x *examination) postfixDomains(set map[string]string) {
	taken := listOf(set["mydestination"])
	tables := slices.ContainsFunc(taken, func(s string) bool { return strings.ContainsAny(s, ":/") })
	everywhere := set["mydestination"] + " " + set["virtual_mailbox_domains"] + " " + set["virtual_alias_domains"] + " " + set["relay_domains"]
	mailname := x.text("/etc/mailname")
	domains := slices.Clone(x.cfg.Autoconfig.Domains)
	if strings.Contains(mailname, ".") {
		domains = append(domains, mailname)
	}
	for _, d := range domains {
		if tables || strings.Contains(everywhere, ":") || slices.ContainsFunc(listOf(everywhere), func(s string) bool { return strings.EqualFold(s, d) }) {
			continue
		}
		x.wrong("Postfix does not take mail for %s: it is not in mydestination, which is %s", d, set["mydestination"]).
			because("mail for these addresses is sent back, or around in a loop").
			typing(`postconf -e "mydestination = $(postconf -h mydestination), `+d+`"`, reloadPostfix)
	}
	if !x.oursForMail(set["mailbox_transport"]) || slices.Contains(x.cfg.LMTP.Domains, "*") {
		return
	}
	own := append(slices.Clone(x.cfg.LMTP.Domains), "localhost")
	if host, err := os.Hostname(); err == nil && len(x.cfg.LMTP.Domains) == 0 {
		own = append(own, host, mailname)
	}
	var refused []string
	for _, d := range taken {
		known := slices.ContainsFunc(own, func(o string) bool { return strings.EqualFold(o, d) })
		if !known && !strings.ContainsAny(d, ":/$") && !strings.HasPrefix(d, "localhost") && strings.Contains(d, ".") {
			refused = append(refused, d)
		}
	}
	if refused != nil {
		all := slices.DeleteFunc(append(refused, own...), func(d string) bool { return d == "" })
		x.wrong("Postfix takes mail for %s, and lmtpd does not", strings.Join(refused, ", ")).
			because("mail for users of the system at these names is sent back").
			typing(append(x.setting("lmtp", `lmtp.domains = ["`+strings.Join(all, `", "`)+`"]`), "systemctl try-restart fantail-lmtpd")...)
	}
}

// listOf is a list of Postfix: with commas, spaces or both.
func listOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
}

// postfixVirtual: mail for accounts that are no users of the system goes to Fantail.
func (x *examination) postfixVirtual(set map[string]string) {
	if t := set["virtual_transport"]; set["virtual_mailbox_domains"] != "" && strings.Contains(t, "dovecot") {
		x.warning("Postfix gives mail for virtual accounts to %s, and not to Fantail (virtual_transport)", t).
			because("its limits and notices are Dovecot's, and it stops with Dovecot").
			typing("postconf -e virtual_transport=lmtp:unix:"+lmtpPath, "postconf -F lmtp/unix/chroot=n", reloadPostfix)
	}
}

// postfixLMTP: Postfix reaches the socket of lmtpd.
func (x *examination) postfixLMTP(set map[string]string) {
	path := ""
	for _, name := range []string{"mailbox_transport", "virtual_transport", "local_transport"} {
		if rest, ok := strings.CutPrefix(set[name], "lmtp:unix:"); ok && filepath.IsAbs(rest) {
			path = rest
		}
	}
	if path == "" {
		return
	}
	const why = "mail waits in the queue of Postfix: postqueue -p"
	if within(path, set["queue_directory"]) {
		return // where Postfix sees it in whatever chroot
	}
	out, err := x.command(x.ctx, "postconf", "-F", "lmtp/unix/chroot")
	if err == nil && strings.HasSuffix(strings.TrimSpace(out), "= y") {
		x.wrong("Postfix runs its client for LMTP in a chroot, where it does not find %s", path).because(why).
			typing("postconf -F lmtp/unix/chroot=n", reloadPostfix)
	}
	x.reachable("postfix", path, why, append([]string{"systemctl enable fantail-lmtp.socket"}, x.listening("fantail-lmtp.socket", "fantail-lmtpd.service")...)...)
}

// reachable: a user can connect to a socket.
func (x *examination) reachable(name, path, why string, mending ...string) {
	who, err := systemUser(name)
	if err != nil || who == nil {
		return
	}
	err = as(who, func() error { return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS) })
	if err != nil {
		x.wrong("%s cannot connect to %s: %v", name, path, err).because(why).typing(mending...)
	}
}

const smtpSocket = "/etc/systemd/system/fantail-smtp.socket"

// postfixSASL: who sends mail is asked for the password that Fantail knows.
func (x *examination) postfixSASL(set map[string]string) {
	path := set["smtpd_sasl_path"]
	if set["smtpd_sasl_auth_enable"] != "yes" || set["smtpd_sasl_type"] != "dovecot" || strings.HasPrefix(path, "inet:") {
		return
	}
	path = strings.TrimPrefix(path, "unix:")
	if !filepath.IsAbs(path) {
		path = filepath.Join(set["queue_directory"], path)
	}
	const why = "nobody can send mail: Postfix asks there who has logged in"
	mending := []string{
		fmt.Sprintf(`printf '[Unit]\nBefore=fantail-authd.service\n[Socket]\nListenStream=%s\nFileDescriptorName=smtp\nSocketUser=postfix\nSocketGroup=postfix\nSocketMode=0660\nService=fantail-authd.service\n[Install]\nWantedBy=sockets.target\n' >%s`, path, smtpSocket),
		"systemctl daemon-reload", "systemctl stop fantail-authd", "systemctl enable --now fantail-smtp.socket",
	}
	if strings.Contains(x.text(smtpSocket), "ListenStream="+path) {
		mending = []string{"systemctl stop fantail-authd", "systemctl restart fantail-smtp.socket"}
	}
	if info, err := os.Stat(path); missing(err) {
		x.wrong("%s, of smtpd_sasl_path, is not there", path).because(why).typing(mending...)
		return
	} else if err == nil && info.Mode()&os.ModeSocket == 0 {
		x.wrong("%s, of smtpd_sasl_path, is no socket", path).because(why).typing(append([]string{"rm " + argumentOf(path)}, mending...)...)
		return
	}
	x.reachable("postfix", path, why, mending...)
}

// exim: Debian's way to say where mail goes is this file.
func (x *examination) exim() {
	if !x.usesPAM() {
		return
	}
	const path = "/etc/exim4/update-exim4.conf.conf"
	how := regexp.MustCompile(`(?m)^dc_localdelivery='([^']*)'`).FindStringSubmatch(x.text(path))
	switch {
	case how == nil:
		return // a configuration of another kind
	case how[1] == "maildir_home" && x.readsHome("Maildir"), strings.Contains(how[1], "fantail"):
		x.ok("Exim delivers here")
	case how[1] == "mail_spool":
		x.wrong("Exim delivers to /var/mail, where all messages of a user are one file").
			because("nobody sees that mail here").
			typing("sed -i \"s/^dc_localdelivery=.*/dc_localdelivery='maildir_home'/\" "+path, "update-exim4.conf", "systemctl restart exim4")
	case strings.Contains(how[1], "dovecot"):
		x.warning("Exim gives mail to Dovecot: %s", how[1]).because("it stops with Dovecot").
			typing("sed -i \"s/^dc_localdelivery=.*/dc_localdelivery='maildir_home'/\" "+path, "update-exim4.conf", "systemctl restart exim4")
	}
}

// opensmtpd: the actions of its configuration.
func (x *examination) opensmtpd() {
	for number, line := range strings.Split(x.text("/etc/smtpd.conf"), "\n") {
		f := strings.Fields(line)
		if x.usesPAM() && len(f) > 2 && f[0] == "action" && f[2] == "mbox" {
			x.wrong("OpenSMTPD delivers to /var/mail, where all messages of a user are one file: the action %s of /etc/smtpd.conf", f[1]).
				because("nobody sees that mail here").
				typing(fmt.Sprintf(`sed -i '%ds,\bmbox\b,lmtp "%s" rcpt-to,' /etc/smtpd.conf`, number+1, lmtpPath), "smtpd -n", "systemctl restart opensmtpd")
		}
	}
}

// submission: mail that is written in webmail can leave.
func (x *examination) submission() {
	s := x.cfg.Webmail.Submit
	if !x.submits() && !x.runs("fantail-https.socket") {
		return
	}
	if s.Server == "" {
		if info, err := os.Stat(s.Sendmail); missing(err) {
			x.warning("%s is not there, and webmail sends with it", s.Sendmail).
				because("mail that is written in webmail waits, and is given up in the end").
				typing(x.installing("postfix", "postfix"), "fantail config webmail")
		} else if err == nil && info.Mode().Perm()&0o111 == 0 {
			x.wrong("%s cannot be run, and webmail sends with it", s.Sendmail).
				because("mail that is written in webmail waits").typing("chmod a+x " + argumentOf(s.Sendmail))
		} else if err == nil {
			x.ok("webmail sends with %s", s.Sendmail)
		}
		return
	}
	network := "tcp"
	if strings.HasPrefix(s.Server, "/") {
		network = "unix"
	} else if x.offline {
		return
	}
	if err := dials(x.ctx, network, s.Server); err != nil {
		x.wrong("webmail.smtp_server does not answer: %v", err).
			because("mail that is written in webmail waits").typing("ss -ltn", "fantail config webmail.smtp_server")
		return
	}
	x.ok("webmail sends to %s", s.Server)
}
