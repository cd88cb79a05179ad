package systemd

import (
	"crypto/tls"
	"strings"
)

// keys: with tls.key_process a front has TLS and no key, and both are as closed as before.
func keys(h house) {
	h.sh(`cd /var/lib/fantail
		install -d -o _fantail-key -g _fantail-key -m 700 key
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=apart.example -addext subjectAltName=DNS:apart.example -keyout key/key.pem -out tls/apart.pem 2>/dev/null
		chown _fantail-key key/key.pem
		chmod 400 key/key.pem
		chown _fantail tls/apart.pem
		mkdir -p /etc/fantail/conf.d
		printf "%s\\n" "tls.key_process = true" "tls.key = \"/var/lib/fantail/key/key.pem\"" "tls.certificate = \"/var/lib/fantail/tls/apart.pem\"" >/etc/fantail/conf.d/keys.toml
		systemctl restart fantail-imapd`)
	defer h.sh(`rm /etc/fantail/conf.d/keys.toml
		systemctl restart fantail-imapd`)
	c := h.dial(imaps)
	if got := c.conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.String(); got != "CN=apart.example" {
		h.Error(got)
	}
	c.login("ann")
	c.say("b LOGOUT", "b OK")
	if pid := h.pid("fantail-keyd"); pid == "0" {
		h.Error("there is no keyd")
	}
	if got := h.sh(`setpriv --reuid _fantail --regid _fantail --init-groups cat /var/lib/fantail/key/key.pem 2>&1 || true`); got != "cat: /var/lib/fantail/key/key.pem: Permission denied" {
		h.Error("a front's user reads the key")
	}
	out := h.sh("fantail doctor || test $? -le 2")
	if strings.Contains(out, "\nerror") || !strings.Contains(out, "keyd answers on /run/fantail/key\n") || strings.Contains(out, "the fronts can read") {
		h.Errorf("doctor: %s", out)
	}
	if out := h.sh("cd /var/lib/fantail; chown _fantail key/key.pem; fantail doctor || test $? = 2; chown _fantail-key key/key.pem"); !strings.Contains(out, "_fantail-key cannot read /var/lib/fantail/key/key.pem") {
		h.Errorf("doctor of a key that is not keyd's: %s", out)
	}
	h.sh("systemctl restart fantail-keyd")
	h.dial(imaps).login("ann")
}
