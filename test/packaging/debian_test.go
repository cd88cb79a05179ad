package packaging

import (
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"os"
)

// suites are the releases of Debian on which the package works.
var suites = []string{"bookworm", "trixie"}

// TestInstalled: the package is installed, and with no configuration the users of the
// system read their mail; it is purged, and only mail is left. With -lab on every release,
// and all that happens to a package in between.
func TestInstalled(t *testing.T) {
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			if suite != suites[0] {
				needsLab(t)
			}
			h := newHouse(t, suite)
			for _, test := range []struct {
				name string
				lab  bool
				run  func(house)
			}{
				{"install", false, installed},
				{"units", true, unitsOf},
				{"postfix", true, postfix},
				{"chromium", true, chromium},
				{"reload", true, reload},
				{"upgrade", true, upgrade},
				{"downgrade", true, downgrade},
				{"remove", true, remove},
				{"purge", false, purge},
				{"again", true, again},
			} {
				if *lab || !test.lab {
					t.Run(test.name, func(t *testing.T) {
						test.run(h.with(t))
						h.with(t).calm(test.name)
					})
				}
			}
		})
	}
}

// installed: it runs once it is installed.
func installed(h house) {
	says := h.install(first)
	if strings.Contains(says, "fantail: ") || strings.Contains(strings.ToLower(says), "warning") {
		h.Errorf("dpkg says:\n%s", says)
	}
	for _, verb := range []string{"is-enabled", "is-active"} {
		want := map[string]string{"is-enabled": "enabled", "is-active": "active"}[verb]
		if got := h.states(verb, sockets...); got != all(want, len(sockets)) {
			h.Errorf("%s: %s", verb, got)
		}
	}
	h.reads()
	h.healthy()
	if out := h.sh("fantail config -n && fantail -v"); out != "fantail "+first {
		h.Errorf("fantail says %q", out)
	}
}

// unitsOf: the systemd of the release understands every line of the units, and what
// strangers talk to is exposed to less than 1.0 of 10.
func unitsOf(h house) {
	if out := h.sh(`cd /usr/lib/systemd/system; systemd-analyze verify --man=no --recursive-errors=no fantail-* 2>&1 || true`); out != "" {
		h.Errorf("verify:\n%s", out)
	}
	for _, name := range []string{"imapd", "pop3d", "webmaild", "lmtpd", "keyd"} {
		if out, err := h.Shell(`systemd-analyze security --no-pager --threshold=9 "fantail-$1.service"`, name); err != nil {
			h.Errorf("%v\n%s", err, out)
		} else {
			_, level, _ := strings.Cut(out, "Overall exposure level")
			h.Log(strings.TrimSpace(level))
		}
	}
}

// recipe are the commands of README.Debian in which there is a text.
func recipe(t *testing.T, contains string) string {
	t.Helper()
	text, err := os.ReadFile("../../packaging/debian/README.Debian")
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(string(text), "\n\n") {
		if strings.HasPrefix(block, "    ") && strings.Contains(block, contains) {
			return strings.ReplaceAll("\n"+block, "\n    ", "\n")
		}
	}
	t.Fatalf("README.Debian has no commands with %q", contains)
	return ""
}

// postfix: Debian's Postfix delivers by LMTP after the two lines of README.Debian.
func postfix(h house) {
	h.sh(`echo host.example >/etc/mailname
		postconf -e myhostname=host.example "mydestination=host.example, localhost" inet_interfaces=loopback-only
		newaliases
		systemctl start postfix`)
	h.sh(recipe(h.T, "mailbox_transport") + "\nsystemctl reload postfix")
	h.sh(`printf 'Subject: by Postfix\n\ntext\n' | sendmail -i ann@host.example`)
	defer func() {
		if h.Failed() {
			h.Log(h.sh("postqueue -p; postconf -n; journalctl --no-pager | grep postfix | tail -20"))
		}
	}()
	h.within(30*time.Second, "the mail", func() bool {
		return h.sh(`grep -l "^Subject: by Postfix" /home/ann/Maildir/new/* 2>/dev/null || true`) != ""
	})
	if log := h.sh("journalctl --unit=fantail-lmtpd --output=cat --no-pager"); !strings.Contains(log, "user=ann") {
		h.Errorf("lmtpd has not delivered it:\n%s", log)
	}
	if got := h.sh(`stat -c "%U %a" /home/ann/Maildir/new/*; rm /home/ann/Maildir/new/*`); got != "ann 600" {
		h.Errorf("the mail is of %s", got)
	}
}

// reload: every daemon that can read its configuration anew does.
func reload(h house) {
	h.sh(`echo 'login.drain = "2s"' >>/etc/fantail/fantail.toml`)
	for _, unit := range []string{"fantail-imapd", "fantail-pop3d", "fantail-webmaild", "fantail-authd", "fantail-lmtpd"} {
		before := h.sh(`systemctl show --property=MainPID --value "$1"`, unit)
		h.sh(`systemctl reload "$1"`, unit)
		if after := h.sh(`systemctl show --property=MainPID --value "$1"`, unit); before == "0" || after != before {
			h.Errorf("%s was the process %s and is %s", unit, before, after)
		}
	}
	h.reads()
}

// upgrade: a new version comes while clients do. Nobody is refused, what was switched off
// stays so, and what was edited.
func upgrade(h house) {
	h.sh("systemctl restart fantail-imapd fantail-pop3d fantail-webmaild") // for login.drain
	h.sh("systemctl disable --quiet --now fantail-pop3.socket; systemctl mask --quiet --now fantail-policy.socket")
	stop := h.stream()
	says := h.install(second)
	stop()
	h.sh("sleep 0.2")
	if v := h.sh(`for d in imapd authd sessiond webmaild; do /proc/$(systemctl show --property=MainPID --value fantail-$d)/exe -v; done`); v !=
		"imapd "+second+"\nauthd "+second+"\nsessiond "+second+"\nwebmaild "+second {
		h.Errorf("what runs after the upgrade: %s\n%s", v, says)
	}
	// What both have changed stays the administrator's, with the authors' beside it; what
	// only the authors have changed is theirs.
	if got := h.sh(`cd /etc
		head -qn 1 fantail/fantail.toml fantail/fantail.toml.dpkg-dist fail2ban/jail.d/fantail.conf | cut -c-10
		ls fail2ban/jail.d`); got != "# Fantail'\n# Revised.\n# Revised.\nfantail.conf" {
		h.Errorf("configuration files:\n%s\n%s", got, says)
	}
	h.chosen()
}

// chosen wants what the administrator has chosen.
func (h house) chosen() {
	h.Helper()
	for _, verb := range []string{"is-enabled", "is-active"} {
		want := map[string]string{"is-enabled": "disabled masked enabled", "is-active": "inactive inactive active"}[verb]
		if got := h.states(verb, "fantail-pop3.socket", "fantail-policy.socket", "fantail-imaps.socket"); got != want {
			h.Errorf("%s: %s, want %s", verb, got, want)
		}
	}
	if got := h.sh("fantail config login.drain"); !strings.Contains(got, `"2s"`) || !strings.Contains(got, "fantail.toml:") {
		h.Errorf("the configuration that was edited: %s", got)
	}
	h.reads()
	h.healthy()
}

// stream has clients connect to each port, again and again, until the function is called
// that it returns, and wants each to be greeted.
func (h house) stream() (stop func()) {
	done := make(chan struct{})
	var clients sync.WaitGroup
	for port, greeting := range map[string]string{"143": "* OK", "993": "* OK", "995": "+OK", "443": "HTTP/1.1 "} {
		clients.Go(func() {
			n, longest := 0, time.Duration(0)
			for {
				select {
				case <-done:
					h.Logf("port %s: %d connections, the slowest within %v", port, n, longest.Round(time.Millisecond))
					return
				default:
				}
				began := time.Now()
				if err := h.greeted(port, greeting); err != nil {
					h.Errorf("after %d connections: %v", n, err)
				}
				n++
				longest = max(longest, time.Since(began))
				time.Sleep(5 * time.Millisecond) // two processors are for the upgrade as well
			}
		})
	}
	return func() { close(done); clients.Wait() }
}

// greeted is a connection to a port that hears a greeting.
func (h house) greeted(port, greeting string) error {
	if port != "443" {
		return h.talk(port, greeting)
	}
	conn, err := h.connect(port)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")); err != nil {
		return err
	}
	answer := make([]byte, len(greeting))
	if n, err := conn.Read(answer); !strings.HasPrefix(greeting, string(answer[:n])) || n == 0 {
		return errAnswer(string(answer[:n]) + ": " + errText(err))
	}
	return nil
}

type errAnswer string

func (e errAnswer) Error() string { return "answered " + string(e) }

func errText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

// downgrade: the old version comes back.
func downgrade(h house) {
	h.install(first)
	if v := h.sh("fantail -v"); v != "fantail "+first {
		h.Error(v)
	}
	h.chosen()
}

// stays is a client who is logged in and does not leave.
func (h house) stays() net.Conn {
	h.Helper()
	conn, err := h.connect("143")
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "a LOGIN ann secret\r\n"); err != nil {
		h.Fatal(err)
	}
	for heard, buf := "", make([]byte, 4096); !strings.Contains(heard, "\r\na OK"); {
		n, err := conn.Read(buf)
		if err != nil {
			h.Fatalf("%v after %q", err, heard)
		}
		heard += string(buf[:n])
	}
	return conn
}

// remove: nothing runs, and the configuration stays, with all choices, for when the
// package comes back.
func remove(h house) {
	session := h.stays()
	h.sh("dpkg --remove fantail 2>&1")
	if _, err := io.ReadAll(session); err != nil {
		h.Errorf("whoever was logged in: %v", err)
	}
	if log := h.sh("journalctl --no-pager --quiet --unit='fantail*' --since=-1min"); strings.Contains(log, "Scheduled restart") {
		h.Errorf("what was stopped was started again:\n%s", log)
	}
	if left := h.sh(`pgrep --list-full "^/usr/(libexec/fantail|sbin)/" || true; ls /run/fantail 2>/dev/null || true`); strings.Contains(left, "fantail") {
		h.Errorf("after the removal there are: %s", left)
	}
	for _, port := range []string{"993", "995", "443"} {
		if err := h.talk(port, ""); err == nil {
			h.Errorf("somebody is at port %s", port)
		}
	}
	if got := h.sh("tail -n 1 /etc/fantail/fantail.toml; ls /etc/pam.d/fantail; ls /home/ann/Maildir/cur | wc -l"); got != "login.drain = \"2s\"\n/etc/pam.d/fantail\n1" {
		h.Errorf("left: %s", got)
	}
	h.install(second)
	h.chosen()
}

// purge: what is left is mail, the users and what the administrator has made.
func purge(h house) {
	h.sh("systemctl unmask --quiet fantail-policy.socket; echo ann:x:1000:1000::/home/ann >/etc/fantail/passwd; mkdir -p /var/lib/fantail/mail/cur; touch /var/lib/fantail/mail/cur/1; dpkg --purge fantail 2>&1")
	left := h.sh(`find / -xdev \( -path /proc -o -path /sys -o -path /home -o -path /var/log -o -path /usr/share/doc/rpm \) -prune -o -name '*fantail*' -print; find /etc/fantail /var/lib/fantail -type f; ls /home/ann/Maildir/cur | wc -l; getent passwd _fantail | cut -d: -f1`)
	want := regexp.MustCompile(`^/etc/fantail\n/var/lib/fantail\n/etc/fantail/passwd\n/var/lib/fantail/mail/cur/1\n\d\n_fantail$`)
	if !want.MatchString(left) {
		h.Errorf("after purging there are:\n%s", left)
	}
	if got := h.states("is-active", sockets...); strings.Contains(got, "active active") && !strings.Contains(got, "inactive") {
		h.Errorf("after purging: %s", got)
	}
	h.sh("rm -r /etc/fantail /var/lib/fantail/mail")
}

// again: it is installed as if it had never been there.
func again(h house) {
	h.install(first)
	if got := h.states("is-enabled", sockets...); got != all("enabled", len(sockets)) {
		h.Errorf("is-enabled: %s", got)
	}
	h.reads()
	h.healthy()
}

// within waits until ok.
func (h house) within(limit time.Duration, what string, ok func() bool) {
	h.Helper()
	for began := time.Now(); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > limit {
			h.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// TestTaken: Dovecot has its ports. The installation does not fail, takes none of them,
// neither now nor later, and the rest runs; when Dovecot goes, Fantail has them.
func TestTaken(t *testing.T) {
	needsLab(t)
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			h := newHouse(t, suite)
			h.sh("systemctl start dovecot")
			says := h.install(first)
			mail := []string{"fantail-imap.socket", "fantail-imaps.socket", "fantail-pop3.socket", "fantail-pop3s.socket"}
			for _, version := range []string{first, second} {
				if version != first {
					h.install(version)
				}
				if got := h.states("is-enabled", mail...); got != all("disabled", 4) {
					h.Errorf("is-enabled: %s", got)
				}
				if got := h.states("is-active", append([]string{"fantail-https.socket", "fantail-lmtp.socket"}, mail...)...); got != all("active", 2)+" "+all("inactive", 4) {
					h.Errorf("is-active: %s", got)
				}
				h.browses()
				h.healthy()
			}
			h.calm("the installation beside Dovecot")
			_, todo, ok := strings.Cut(says, "when they are stopped: ")
			if !ok {
				t.Fatalf("dpkg says:\n%s", says)
			}
			todo, _, _ = strings.Cut(todo, "\n")
			h.sh("systemctl disable --quiet --now dovecot; " + todo)
			h.reads()
			h.healthy()
		})
	}
}
