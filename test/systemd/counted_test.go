package systemd

import (
	"encoding/json"
	"strings"
	"time"
)

// fields: records are found by what they are about, and what a session program says is its
// user's.
func fields(h house) {
	c := h.dial(imaps)
	c.login("ann")
	c.say("z LOGOUT", "z OK")
	h.dial(imaps).say("a LOGIN bob no", "a NO")
	var login, failed, logout map[string]any
	h.within(20*time.Second, "records with fields", func() bool {
		h.sh("journalctl --sync")
		login = lastRecord(h, "FANTAIL_EVENT=login", "FANTAIL_USER=ann", "FANTAIL_SERVICE=imap")
		failed = lastRecord(h, "FANTAIL_EVENT=login-failed", "_SYSTEMD_UNIT=fantail-imapd.service")
		if login == nil || failed == nil {
			return false
		}
		sid, _ := login["FANTAIL_SESSION"].(string)
		logout = lastRecord(h, "FANTAIL_EVENT=logout", "FANTAIL_USER=ann", "FANTAIL_SESSION="+sid)
		return logout != nil
	})
	for name, want := range map[string]string{
		"FANTAIL_REMOTE": "127.0.0.1", "FANTAIL_TLS": "true", "PRIORITY": "6", "SYSLOG_IDENTIFIER": "imapd",
		"_SYSTEMD_UNIT": "fantail-imapd.service", "_COMM": "imapd",
	} {
		if login[name] != want {
			h.Errorf("a login has %s=%v", name, login[name])
		}
	}
	if text, _ := login["MESSAGE"].(string); !strings.HasPrefix(text, "level=INFO msg=login sid=") {
		h.Errorf("a login says %q", text)
	}
	if failed["FANTAIL_USER"] != "bob" {
		h.Errorf("a login that failed: %v", failed)
	}
	if text, _ := logout["MESSAGE"].(string); !strings.Contains(text, "msg=logout") {
		h.Errorf("a logout says %q", text)
	}
}

// lastRecord is the last record with these fields, nil if there is none.
func lastRecord(h house, match ...string) map[string]any {
	h.Helper()
	line := h.sh(`journalctl --quiet --output=json --lines=1 "$@"`, match...)
	if line == "" {
		return nil
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(line), &record); err != nil {
		h.Fatal(err)
	}
	return record
}

// counted: the daemons tell its numbers, to whoever may connect and to nobody else.
func counted(h house) {
	h.dial(imaps).login("ann")
	h.sh("systemctl start fantail-submitd fantail-lmtp.socket fantail-metrics.socket && systemctl start fantail-lmtpd fantail-webmaild fantail-pop3d")
	text := h.sh("fantail stats -m")
	for _, daemon := range []string{"imapd", "pop3d", "webmaild", "lmtpd", "authd", "sessiond", "submitd"} {
		for _, family := range []string{"fantail_up{daemon=\"" + daemon + "\"} 1\n", "process_resident_memory_bytes{daemon=\"" + daemon + "\"} ", "process_open_fds{daemon=\"" + daemon + "\"} "} {
			if !strings.Contains(text, family) {
				h.Errorf("there is no %s", family)
			}
		}
		mode := h.sh(`stat -c '%G %a' /run/fantail/metrics/"$1" /run/fantail/metrics/"$1"/openmetrics`, daemon)
		if mode != "_fantail-metrics 2750\n_fantail-metrics 660" {
			h.Errorf("the socket of %s and its directory: %s", daemon, mode)
		}
	}
	for _, sample := range []string{`fantail_logins_total{daemon="imapd",mechanism="LOGIN",outcome="ok"} `, `fantail_sessions{daemon="sessiond",service="imap"} `, `fantail_source_duration_seconds_count{daemon="authd",source="pam"} `} {
		if !strings.Contains(text, sample) {
			h.Errorf("there is no %s in\n%s", sample, text)
		}
	}
	if out := h.sh("runuser -u ann -- fantail stats 2>&1 || test $? = 77"); !strings.Contains(out, "permission denied") {
		h.Errorf("ann sees %s", out)
	}
	if out := h.sh("stat -c '%U %G %a' /run/fantail/metrics.sock"); out != "root _fantail-metrics 660" {
		h.Errorf("metrics.sock: %s", out)
	}
	web := h.sh(`runuser -u _fantail-metrics -- perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => "/run/fantail/metrics.sock") or die $!;
		print $s "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
		$s->flush; print while <$s>'`)
	if !strings.HasPrefix(web, "HTTP/1.1 200 OK\r\n") || !strings.Contains(web, "fantail_up{daemon=\"imapd\"} 1\n") || !strings.HasSuffix(web, "# EOF") {
		h.Errorf("by HTTP: %.300q", web)
	}
	h.sh("systemctl reload fantail-imapd && systemctl restart fantail-imapd && systemctl stop fantail-metrics.socket fantail-lmtp.socket fantail-lmtpd")
	if text := h.sh("fantail stats -m"); !strings.Contains(text, "fantail_up{daemon=\"imapd\"} 1\n") {
		h.Error("imapd does not tell its numbers after a restart")
	}
}
