package systemd

import (
	"encoding/json"
	"os"
	"strings"
)

// admin: the tool finds nothing wrong with what has been installed but its certificate,
// and does what it says.
func admin(h house) {
	c := h.dial(imaps) // imapd has made itself a certificate
	c.login("ann")
	for line := range strings.Lines(h.sh("fantail doctor -j || test $? = 1")) {
		var f struct{ Level, About, Text string }
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			h.Fatalf("%v: %s", err, line)
		}
		// Nobody has certified it, it has no name and no mail server.
		if f.Level != "ok" && f.About != "certificate" && f.About != "names" && f.About != "submission" {
			h.Errorf("doctor: %s", line)
		}
	}
	if out := h.sh("fantail doctor carol"); strings.Contains(out, "error") || !strings.Contains(out, "its mail is /home/carol/Maildir") {
		h.Errorf("doctor carol: %s", out)
	}
	if out := h.sh("fantail user show carol"); !strings.Contains(out, "source   pam\n") || !strings.Contains(out, "home     /home/carol\n") || len(strings.Fields(line(out, "groups"))) < 3 {
		h.Errorf("user show: %s", out)
	}
	if out := h.sh("fantail passwd ann 2>&1 || test $? = 67"); !strings.Contains(out, "passwd(1): passwd ann") {
		h.Errorf("passwd: %s", out)
	}

	if out := h.sh("fantail who"); !strings.Contains(line(out, "ann"), "imap") || !strings.Contains(line(out, "ann"), "127.0.0.1") {
		h.Errorf("who: %s", out)
	}
	if out := h.sh("fantail kick ann"); !strings.HasPrefix(out, "ended ") {
		h.Errorf("kick: %s", out)
	}
	c.say("", "* BYE")
	if out := h.sh("runuser -u ann -- fantail kick ann 2>&1 || test $? = 77"); !strings.Contains(out, "root") {
		h.Errorf("kick by ann: %s", out)
	}

	secret := h.sh("fantail apppw add ann phone 2>/dev/null")
	h.dial(imaps).say("a LOGIN ann "+secret, "a OK")
	h.sh("fantail apppw del ann phone")
	if got := h.dial(imaps).say("a LOGIN ann "+secret, "a "); !strings.HasPrefix(got, "a NO [AUTHENTICATIONFAILED]") {
		h.Error(got)
	}

	// The first account of the passwd-file, while authd runs.
	out := h.sh(`
		install -d -o 60001 -g 60001 -m 700 /srv/dan
		echo secret | fantail user add dan -stdin -uid 60001 -gid 60001 -home /srv/dan`)
	if !strings.Contains(out, "systemctl restart fantail-authd") {
		h.Errorf("user add: %s", out)
	}
	h.sh("systemctl restart fantail-authd")
	h.dial(imaps).login("dan")
	if out := h.sh("stat -c '%U %G %a' /etc/fantail/passwd"); out != "root _fantail-auth 640" {
		h.Errorf("the passwd-file is %s", out)
	}
	h.dial(imaps).login("ann") // who is none of its accounts
	h.sh("fantail doctor dan && fantail user del dan && rm /etc/fantail/passwd && systemctl restart fantail-authd")
	h.sh("journalctl --sync")
	for _, match := range journalMatch(h) {
		if out := h.sh(`journalctl --quiet --output=cat "$1" | grep 'msg="login failed" sid=.* proto=imap remote=127.0.0.1 user=ann mech=LOGIN' || true`, match); strings.Contains(match, "imapd") != (out != "") {
			h.Errorf("with %s fail2ban would find in the journal: %q", match, out)
		}
		if out := h.sh(`systemctl cat "$1"`, strings.TrimPrefix(match, "_SYSTEMD_UNIT=")); out == "" {
			h.Errorf("no unit for %s", match)
		}
	}
}

// journalMatch is what the filter for fail2ban looks for in the journal.
func journalMatch(h house) []string {
	h.Helper()
	text, err := os.ReadFile("../../packaging/fail2ban/filter.d/fantail.conf")
	if err != nil {
		h.Fatal(err)
	}
	all := strings.TrimSpace(strings.TrimPrefix(line(string(text), "journalmatch = "), "journalmatch = "))
	if all == "" {
		h.Fatal("the filter has no journalmatch")
	}
	return strings.Split(all, " + ")
}

// line returns the line that begins with a word.
func line(text, word string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, word) {
			return l
		}
	}
	return ""
}
