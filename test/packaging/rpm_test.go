package packaging

import (
	"strings"
	"testing"
)

// redHat makes a Debian into what the package for Red Hat's family expects: PAM's stacks
// have other names there, and nobody but root may read /etc/shadow.
const redHat = `
	printf '#PAM\nauth required pam_unix.so\naccount required pam_unix.so\n' >/etc/pam.d/password-auth
	chown root:root /etc/shadow
	chmod 000 /etc/shadow
	mkdir -p /var/lib/rpm
	rpm --initdb`

// rpm installs or upgrades to a version. Debian's rpm knows no package that is needed, and
// is to do everything else.
func (h house) rpm(version string, args ...string) string {
	h.Helper()
	return h.sh(`file="$1"; shift; rpm "$@" --nodeps "$file" 2>&1; rm "$file"`, append([]string{h.bring(pack(h.T, "rpm", version))}, args...)...)
}

// TestRPM: the package for Red Hat's family is installed, starts nothing by itself, works
// once it is started, is upgraded while clients come, verifies, and goes.
func TestRPM(t *testing.T) {
	needsLab(t)
	h := newHouse(t, suites[0])
	h.sh(redHat)
	h.rpm(first, "--install")
	if got := h.states("is-enabled", sockets...); got != all("enabled", len(sockets)) {
		h.Errorf("is-enabled: %s", got)
	}
	if got := h.states("is-active", sockets...); got != all("inactive", len(sockets)) {
		h.Errorf("is-active: %s", got)
	}
	if got, err := h.Shell("rpm --verify --nodeps fantail"); err != nil || got != "" {
		h.Errorf("verify: %v\n%s", err, got)
	}
	h.sh(start(h.T))
	h.reads()
	h.healthy()
	h.calm("the installation")

	h.sh(`echo 'login.drain = "2s"' >>/etc/fantail/fantail.toml
		systemctl restart fantail-imapd fantail-pop3d fantail-webmaild
		systemctl disable --quiet --now fantail-pop3.socket; systemctl mask --quiet --now fantail-policy.socket`)
	stop := h.stream()
	h.rpm(second, "--upgrade")
	stop()
	h.chosen()
	if v := h.sh(`for d in imapd authd; do /proc/$(systemctl show --property=MainPID --value fantail-$d)/exe -v; done`); v != "imapd "+second+"\nauthd "+second {
		h.Errorf("what runs after the upgrade: %s", v)
	}
	h.calm("the upgrade")
	if got, err := h.Shell("rpm --verify --nodeps fantail || true"); err != nil || !strings.HasPrefix(got, "S.5....T.  c /etc/fantail/fantail.toml\n") || strings.Count(got, "\n") != 1 {
		h.Errorf("verify: %v\n%s", err, got)
	}
	if got := h.sh(`cd /etc
		head -qn 1 fantail/fantail.toml fantail/fantail.toml.rpmnew fail2ban/jail.d/fantail.conf | cut -c-10`); got != "# Fantail'\n# Revised.\n# Revised." {
		h.Errorf("configuration files:\n%s", got)
	}
	h.rpm(first, "--upgrade", "--oldpackage")
	h.chosen()

	h.sh("systemctl unmask --quiet fantail-policy.socket; rm /etc/fantail/fantail.toml.rpmnew; rpm --erase fantail 2>&1")
	h.calm("the removal")
	if left := h.sh(`pgrep --list-full "^/usr/(libexec/fantail|sbin)/" || true; ls /usr/libexec/fantail 2>/dev/null || true; find /usr /etc -name '*fantail*' ! -name '*.rpmsave' ! -path /etc/fantail; find /etc/fantail -type f`); left != "/etc/fantail/fantail.toml.rpmsave" {
		h.Errorf("after the removal there are:\n%s", left)
	}
	if got := h.sh("ls /home/ann/Maildir/cur | wc -l"); got != "1" {
		h.Errorf("ann has %s messages", got)
	}
}

// start is the command by which fantail(7) has everything started that is switched on.
func start(t *testing.T) string {
	t.Helper()
	const command = "systemctl start sockets.target timers.target multi-user.target"
	if !strings.Contains(page(t, "fantail.7"), "\n"+command+"\n") {
		t.Fatalf("fantail(7) does not say %q", command)
	}
	return command
}

// TestRPMTaken: ports that another server has stay that server's.
func TestRPMTaken(t *testing.T) {
	needsLab(t)
	h := newHouse(t, suites[0])
	h.sh(redHat + "\nsystemctl start dovecot")
	h.rpm(first, "--install")
	if got := h.states("is-enabled", "fantail-imaps.socket", "fantail-pop3.socket", "fantail-https.socket"); got != "disabled disabled enabled" {
		h.Errorf("is-enabled: %s", got)
	}
	h.sh(start(h.T))
	h.browses()
	h.healthy()
}
