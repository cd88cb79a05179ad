package front

import (
	"strings"
	"testing"

	"fantail/internal/daemon/metrics"
)

// TestCounted: what clients do is counted once, and as what it was.
func TestCounted(t *testing.T) {
	counts := metrics.New(metrics.IMAPD)
	b := start(t, func(o *Options) { o.Metrics, o.PerSource = counts, 2 })
	c := b.dial("imaps")
	c.want("* OK")
	c.say("a LOGIN alice wrong", "a NO")
	c.say("b LOGIN alice right", "b OK")
	other := b.dial("imap")
	other.want("* OK")
	b.dial("imap").want("* BYE")
	text := func() string { return string(metrics.Append(nil, counts.Samples())) }
	for _, want := range []string{
		"fantail_connections 2\n", "fantail_connections_accepted_total 2\n", `fantail_connections_refused_total{reason="source"} 1`,
		`fantail_tls_handshakes_total{version="1.3"} 1`, `fantail_logins_total{mechanism="LOGIN",outcome="ok"} 1`,
		`fantail_logins_total{mechanism="LOGIN",outcome="wrong"} 1`, "fantail_login_duration_seconds_count 1\n",
	} {
		if !strings.Contains(text(), want) {
			t.Errorf("no %s in\n%s", want, text())
		}
	}
	c.conn.Close()
	other.conn.Close()
	waitFor(t, func() bool { return strings.Contains(text(), "fantail_connections 0\n") })
	if strings.Contains(text(), `fantail_client_bytes_total{direction="out"} 0`) {
		t.Errorf("nothing was carried:\n%s", text())
	}
}
