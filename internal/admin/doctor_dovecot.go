package admin

import (
	"strings"

	"fantail/internal/daemon/conf"
)

// dovecot: if Dovecot serves the same Maildirs at the same time, that is said in the
// configuration.
func (x *examination) dovecot() {
	if x.cfg.Mail.Coexist == conf.CoexistDovecot || !x.has("/etc/dovecot/dovecot.conf") || !x.runsUnit("dovecot.service") {
		return
	}
	protocols, err := x.command(x.ctx, "doveconf", "-h", "protocols")
	if err != nil || strings.TrimSpace(protocols) == "" { // it checks passwords for others
		return
	}
	where, err := x.command(x.ctx, "doveconf", "-h", "mail_location") // until 2.3
	if err != nil {
		if where, err = x.command(x.ctx, "doveconf", "-h", "mail_path"); err != nil {
			return
		}
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(where), "maildir:"), ":")
	if strings.TrimSuffix(path, "/") != x.cfg.Mail.Path {
		return
	}
	f := x.warning("Dovecot serves the same mail, %s, and mail.coexist is not set", path).
		because("each believes that nobody else changes it: flags can be lost, and messages shown late")
	f.typing(x.setting("coexist", `mail.coexist = "dovecot"`)...).typing("systemctl try-restart 'fantail-*.service'")
}
