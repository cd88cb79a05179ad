package systemd

import (
	"os"
	"strings"
	"time"
)

// full: when accounts become full, by a pipe or by LMTP, the administrator's program runs as
// their users, as the units let it: with the groups of the user, and such rights as to start
// something that is setgid.
func full(h house) {
	config := h.sh("cat /etc/fantail/fantail.toml")
	script := `#!/bin/sh
echo "$(id -un) $(id -Gn | tr ' ' ,) $(/usr/local/sbin/setgid -gn) $FANTAIL_USER $FANTAIL_BEFORE $FANTAIL_PERCENT" >>"$HOME/full"
`
	for path, text := range map[string]string{
		"/usr/local/sbin/full":      script,
		"/etc/fantail/fantail.toml": config + "\nmail.quota = \"1MB\"\nmail.quota_warnings = [80]\nmail.quota_warning_command = [\"/usr/local/sbin/full\"]\n",
	} {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := h.Write(path, text, mode); err != nil {
			h.Fatal(err)
		}
	}
	defer func() {
		if err := h.Write("/etc/fantail/fantail.toml", config+"\n", 0o644); err != nil {
			h.Error(err)
		}
		h.sh("rm -f /home/ann/full /home/carol/full /home/ann/Maildir/new/* /home/carol/Maildir/new/*; systemctl stop fantail-lmtpd.service; sleep 1.5")
	}()
	h.sh(`cp /usr/bin/id /usr/local/sbin/setgid; chgrp games /usr/local/sbin/setgid; chmod 2755 /usr/local/sbin/setgid
		systemctl start fantail-submitd.socket fantail-submitd.service
		systemctl stop fantail-lmtpd.service # which keeps sessions that know nothing of it
		sleep 1.5`) // a change of the configuration is seen after a second
	ran := func(user, groups string) {
		h.Helper()
		want := user + " " + groups + " games " + user + " 0 80"
		var got string
		for end := time.Now().Add(20 * time.Second); got == "" && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			got = h.sh(`cat /home/"$1"/full 2>/dev/null || true`, user)
		}
		if got != want {
			h.Errorf("for %s it ran as %q, want %q", user, got, want)
		}
	}
	h.sh(`(printf 'Subject: large\n\n'; head -c 900000 /dev/zero | tr '\0' '\n') | runuser -u ann -- /usr/sbin/deliver`)
	ran("ann", h.sh("id -Gn ann | tr ' ' ,"))
	for range 2 {
		h.sh(`(printf "%s\n" "LHLO test" "MAIL FROM:<far@example.org>" "RCPT TO:<carol>" DATA "Subject: large"; head -c 450000 /dev/zero | tr '\0' x | fold -w 70; echo; printf "%s\n" . QUIT) | ` + bring)
		h.sh("sleep 1") // what has just changed is not counted for good
	}
	ran("carol", h.sh("id -Gn carol | tr ' ' ,"))
	if left := h.sh("ls -A /var/lib/fantail/crossed"); left != "" {
		h.Errorf("left: %s", left)
	}
	if mode := h.sh("stat -c '%U %a' /var/lib/fantail/crossed"); mode != "root 1733" {
		h.Errorf("the directory for names of accounts is %s", mode)
	}
	if out := h.sh("fantail doctor ann; fantail doctor | grep quota || true"); !strings.Contains(out, "/usr/local/sbin/full, at [80] percent") || strings.Contains(out, "error") || strings.Contains(out, "warning  quota") {
		h.Errorf("fantail doctor says:\n%s", out)
	}
}
