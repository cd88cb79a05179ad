package systemd

import (
	"strings"
)

// expires: the timer's service removes what POP3 has retrieved and left, as the users
// whose mail it is, and nothing else.
func expires(h house) {
	h.sh(`
		install -d /etc/fantail/conf.d
		echo 'pop3.expire = 30' >/etc/fantail/conf.d/expire.toml
		for name in 1.M1P1.h:2, 2.M2P2.h:2,F 3.M3P3.h:2,; do
			printf 'Subject: left\n\nbody\n' >/home/bob/Maildir/cur/$name
			chown bob:bob /home/bob/Maildir/cur/$name
		done`)
	defer h.sh("rm /etc/fantail/conf.d/expire.toml /home/bob/Maildir/cur/[23].M*; systemctl try-restart fantail-pop3d")
	h.sh("systemctl try-restart fantail-pop3d")
	c := h.dial(pop3)
	c.say("CAPA", "EXPIRE 30")
	c.say("USER bob", "+OK Send")
	c.say("PASS "+password, "+OK Logged in")
	c.say("UIDL", ".")
	c.say("RETR 1", ".")
	c.say("RETR 2", ".")
	c.say("QUIT", "+OK Logging out")
	retrieved := "/home/bob/Maildir/fantail-pop3-retrieved"
	h.sh(`awk 'NR > 1 { $2 -= 31 * 86400 } { print }' "$1" >/tmp/aged && cat /tmp/aged >"$1" && rm /tmp/aged`, retrieved)
	out := h.sh("fantail expire -n")
	if !strings.Contains(out, "bob: UID 1 goes, retrieved ") || !strings.Contains(out, "bob: UID 2 stays: flagged") || strings.Contains(out, "ann") {
		h.Errorf("expire -n: %s", out)
	}
	h.sh("systemctl start fantail-expire.service")
	if out := h.sh("ls /home/bob/Maildir/cur | grep '[123].M'"); out != "2.M2P2.h:2,FS\n3.M3P3.h:2," {
		h.Errorf("left: %s", out)
	}
	if out := h.sh(`stat -c %U "$1"`, retrieved); out != "bob" {
		h.Errorf("%s is %s's", retrieved, out)
	}
	h.sh("journalctl --sync")
	if out := h.sh("journalctl --quiet --output=cat --unit=fantail-expire.service"); !strings.Contains(out, "bob: 1 of ") {
		h.Errorf("it has said: %s", out)
	}
	h.sh("systemctl enable --quiet --now fantail-expire.timer && systemctl disable --quiet --now fantail-expire.timer")
}
