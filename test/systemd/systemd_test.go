package systemd

import (
	"crypto/tls"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestInstalled: an installation under systemd, with the users of the system.
func TestInstalled(t *testing.T) {
	h := build(t)
	for _, test := range []struct {
		name string
		run  func(house)
	}{
		{"users", users},
		{"expired", expired},
		{"fields", fields},
		{"counted", counted},
		{"admin", admin},
		{"expires", expires},
		{"taken over", takenOver},
		{"inetd", inetd},
		{"webmail", webmail},
		{"lmtp", lmtp},
		{"full", full},
		{"reload", reload},
		{"keys", keys},
		{"upgrade", upgrade},
		{"crash", crash},
		{"journal", journal},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(h.with(t)) })
	}
	if failed := h.sh("systemctl --failed --no-legend --plain"); failed != "" {
		t.Errorf("units have failed:\n%s", failed)
	}
}

// users: a login by PAM ends in a process that is exactly the user's.
func users(h house) {
	for user, groups := range map[string]string{"ann": "", "carol": "mail games"} {
		c := h.dial(imaps)
		c.login(user)
		c.say("b SELECT INBOX", "* 1 EXISTS")
		if got := c.say("c FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "Subject"); got != "Subject: of "+user {
			h.Errorf("%s reads %q", user, got)
		}
		pids := h.sessions("imap-session", user)
		if len(pids) != 1 {
			h.Fatalf("%s has the sessions %v", user, pids)
		}
		status := h.sh(`cat /proc/"$1"/status`, pids[0])
		uid, gid := h.sh(`id -u "$1"`, user), h.sh(`id -g "$1"`, user)
		want := []string{
			fmt.Sprintf("Uid:\t%[1]s\t%[1]s\t%[1]s\t%[1]s\n", uid), fmt.Sprintf("Gid:\t%[1]s\t%[1]s\t%[1]s\t%[1]s\n", gid),
			"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n", "CapAmb:\t0000000000000000\n",
			"NoNewPrivs:\t1\n", "Seccomp:\t2\n",
		}
		for _, w := range want {
			if !strings.Contains(status, w) {
				h.Errorf("the session of %s has not %q:\n%s", user, w, status)
			}
		}
		has, should := numbers(regexp.MustCompile(`(?m)^Groups:(.*)$`).FindStringSubmatch(status)[1]), make(map[string]bool)
		for _, group := range strings.Fields(groups) {
			should[h.sh(`getent group "$1" | cut -d: -f3`, group)] = true
		}
		delete(has, gid) // adduser may have put the user into his own group, too
		for _, of := range []map[string]bool{has, should} {
			for g := range of {
				if !has[g] || !should[g] && g != h.sh(`getent group users | cut -d: -f3`) {
					h.Errorf("the session of %s has the groups %v, want %v", user, has, should)
				}
			}
		}
		c.say("d LOGOUT", "d OK")
	}
	if got := h.dial(imaps).say("a LOGIN ann wrong", "a "); !strings.HasPrefix(got, "a NO [AUTHENTICATIONFAILED]") {
		h.Error(got)
	}
	if got := h.dial(imaps).say("a LOGIN root "+password, "a "); !strings.HasPrefix(got, "a NO [AUTHENTICATIONFAILED]") {
		h.Error(got)
	}
	for _, unit := range []string{"fantail-imapd", "fantail-authd", "fantail-sessiond"} {
		status := h.sh(`cat /proc/"$1"/status`, h.pid(unit))
		if !strings.Contains(status, "NoNewPrivs:\t1\n") || !strings.Contains(status, "Seccomp:\t2\n") {
			h.Errorf("%s:\n%s", unit, status)
		}
	}
}

func numbers(text string) map[string]bool {
	set := make(map[string]bool)
	for _, f := range strings.Fields(text) {
		set[f] = true
	}
	return set
}

// expired: an account that has expired does not get in with its password (Debian's PAM
// does not say why), and a wrong one does not tell.
func expired(h house) {
	if got := h.dial(imaps).say("a LOGIN gone "+password, "a "); !strings.HasPrefix(got, "a NO [AUTHORIZATIONFAILED]") {
		h.Error(got)
	}
	if got := h.dial(imaps).say("a LOGIN gone wrong", "a "); !strings.HasPrefix(got, "a NO [AUTHENTICATIONFAILED]") {
		h.Error(got)
	}
}

// takenOver: a session that a stranger has taken over has its own mail and nothing else.
func takenOver(h house) {
	h.put("fantail/test/login/stranger", "/usr/libexec/fantail/pop3-session")
	defer h.put("fantail/cmd/pop3-session", "/usr/libexec/fantail/pop3-session")
	c := h.dial(pop3)
	c.say("USER ann", "+OK")
	c.say("PASS "+password, "own mail: <nil>")
	for _, want := range []string{
		"list mail of bob: .*permission denied", "read mail of bob: .*permission denied",
		"write mail of bob: .*permission denied", "rename mail of bob: .*permission denied",
		"read a file of the system: .*permission denied",
		"open a socket: operation not permitted", "open a unix socket: operation not permitted",
		"run a program: .*(operation not permitted|permission denied)",
		"become root: operation not permitted", "signal init: (operation not permitted|no such process)",
	} {
		what, _, _ := strings.Cut(want, ":")
		if got := c.say("", what); !regexp.MustCompile("^" + want + "$").MatchString(got) {
			h.Errorf("%s, want %s", got, want)
		}
	}
}

// inetd: the classic way, a process for each connection, by the units that are examples of
// it. Here the daemon goes on beside them.
func inetd(h house) {
	for _, name := range []string{"imap-each.socket", "imap-each@.service"} {
		text, err := os.ReadFile("../../packaging/examples/systemd/" + name)
		if err != nil {
			h.Fatal(err)
		}
		unit := strings.NewReplacer("Conflicts=fantail-imap.socket\n", "", "ListenStream=143\n", "ListenStream=127.0.0.1:1143\n").Replace(string(text))
		if err := h.Write("/etc/systemd/system/"+name, unit, 0o644); err != nil {
			h.Fatal(err)
		}
	}
	h.sh("systemctl daemon-reload; systemctl start imap-each.socket")
	for range 2 {
		c := h.dial("127.0.0.1:1143")
		c.say("s STARTTLS", "s OK")
		if err := c.startTLS(); err != nil {
			h.Fatal(err)
		}
		c.login("bob")
		c.say("b SELECT INBOX", "b OK")
		c.say("c LOGOUT", "c OK")
	}
}

// journal: the journal has the log, each line as that of its unit.
func journal(h house) {
	log := h.sh("journalctl --unit=fantail-imapd --output=cat --no-pager")
	for _, want := range []string{
		`msg=login sid=\S+ proto=imap remote=127.0.0.1 user=ann mech=LOGIN tls=true`,
		`msg=login sid=\S+ proto=imap remote=127.0.0.1 user=ann mech=LOGIN tls=false`,
		`msg=logout sid=\S+ proto=imap remote=127.0.0.1 user=ann `,
		`msg="login failed" .*remote=127.0.0.1 user=ann `,
	} {
		if !regexp.MustCompile(want).MatchString(log) {
			h.Errorf("no line %s in\n%s", want, log)
		}
	}
	if strings.Contains(log, password) {
		h.Error("a password is in the log")
	}
}

// reload: a front reads a new certificate at SIGHUP, in its sandbox.
func reload(h house) {
	shown := func() string {
		return h.dial(imaps).conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.String()
	}
	before := shown()
	h.sh(`cd /var/lib/fantail/tls
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=new.example -addext subjectAltName=DNS:new.example -keyout key.new -out certificate.new 2>/dev/null
		chown _fantail:_fantail key.new certificate.new
		mv key.new key.pem; mv certificate.new certificate.pem
		systemctl reload fantail-imapd`)
	if after := shown(); after == before || after != "CN=new.example" {
		h.Errorf("certificates before and after the reload: %s, %s", before, after)
	}
}
