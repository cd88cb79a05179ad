package broker_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/loglines"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/sasl"
)

// names are what somebody may call himself who wants another one to be banned, or nobody.
var names = []string{
	"ann", "ann@example.org", "", " ", "a b", "Zoë", "\xff\xfe", "a\x00b", `"`, `\`, `\"`, `"" remote=192.0.2.99 `,
	" remote=192.0.2.99 ", "remote=192.0.2.99", "x remote=192.0.2.99 user=ann", `x" remote=192.0.2.99 user="ann`,
	"x\nlevel=INFO msg=\"login failed\" sid=1 proto=imap remote=192.0.2.99 user=ann mech=PLAIN tls=true err=x",
	"x\r\ntime=2026-11-23T08:00:00.000Z level=INFO msg=\"login failed\" sid=1 proto=imap remote=192.0.2.99 user=ann mech=PLAIN tls=true err=x\n",
	"x\u2028time=2026-11-23T08:00:00.000Z level=INFO", "\u202e", "\x1b[2J", `ann mech=PLAIN tls=true err="x"`, "<HOST>", "%s",
	"2026-11-23 08:00:00 192.0.2.99", strings.Repeat("n", 10_000), strings.Repeat("ë", 10_000), strings.Repeat("\n", 10_000),
}

// lines are the log's, with what syslog or the journal writes before each.
func lines(t *testing.T, before string, remote netip.Addr) string {
	t.Helper()
	var all strings.Builder
	for n, name := range names {
		var line bytes.Buffer
		sid := []string{"0123abcd", "", `a"b`, "a=b"}[n%4] // that of a mail server's is its own
		l := broker.Login{Service: wire.Service(1 + n%4), Remote: remote, SID: sid, Conn: sasl.Conn{TLS: n%2 == 0}}
		l.Failed(slog.New(slog.NewTextHandler(&line, nil)), name, "PLAIN")
		if strings.Count(line.String(), "\n") != 1 || line.Len() > 2000 {
			t.Errorf("%.100q has %d lines, %d octets", name, strings.Count(line.String(), "\n"), line.Len())
		}
		all.WriteString(before + line.String())
	}
	return all.String()
}

// filter is what is installed for fail2ban.
const filter = "../../../packaging/fail2ban/filter.d/fantail.conf"

// banned returns whom the real fail2ban would count, an address a line.
func banned(t *testing.T, log string) string {
	t.Helper()
	program, err := exec.LookPath("fail2ban-regex")
	if err != nil {
		t.Skip("fail2ban is not installed")
	}
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	abs, err := filepath.Abs(filter)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--usedns", "no", "-o", "ip", path, abs)
	var says strings.Builder
	cmd.Stderr = &says
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, &says)
	}
	return string(out)
}

// TestFail2ban: the real fail2ban counts each failure for the address that it came from,
// and nothing that a client says makes it count another one.
func TestFail2ban(t *testing.T) {
	now := time.Now()
	for where, before := range map[string]string{
		"a file":      "",
		"syslog":      now.Format(time.Stamp) + " mail imapd[4711]: ",
		"rsyslog":     now.Format("2006-01-02T15:04:05.000000-07:00") + " mail.example.org webmaild[4711]: ",
		"the journal": "mail pop3d[4711]: ", // as fail2ban makes a line of its fields
	} {
		for _, remote := range []string{"198.51.100.7", "2001:db8::7"} {
			got := banned(t, lines(t, before, netip.MustParseAddr(remote)))
			if want := strings.Repeat(remote+"\n", len(names)); got != want {
				t.Errorf("%s: %d times %q of %d", where, strings.Count(got, "\n"), strings.Fields(got), len(names))
			}
		}
	}
}

// TestFail2banOthers: what is no failure counts for nobody, whatever is quoted in it.
func TestFail2banOthers(t *testing.T) {
	failure := lines(t, "", netip.MustParseAddr("192.0.2.99"))
	failure = strings.Split(failure, "\n")[0]
	var log bytes.Buffer
	l := slog.New(slog.NewTextHandler(&log, nil))
	for _, text := range []string{failure, failure[strings.Index(failure, "level="):], "x " + failure} {
		l.Info("session says", "user", "ann", "line", text)
		says := loglines.Program{Log: l.With("user", "ann", "proto", "imap"), Message: "session says"}
		says.Copy(strings.NewReader(text + "\n" + strings.Replace(text, "login failed", "login  failed", 1) + "\n"))
		says.Log = l // a program for several accounts, at worst
		says.Copy(strings.NewReader(text + "\n"))
		l.Info("login", "user", text, "remote", "192.0.2.99")
		l.Info(text)
		l.Info("login impossible", "sid", "1", "proto", "imap", "remote", "192.0.2.99", "user", text)
		l.Warn("login failed", "user", text, "remote", "192.0.2.99", "err", text)
	}
	broker.Login{Service: wire.IMAP}.Failed(l, failure, "PLAIN") // one without an address
	if got := banned(t, log.String()); got != "" {
		t.Errorf("counted: %s of\n%s", got, &log)
	}
	fmt.Fprintln(&log, failure)
	if got := banned(t, log.String()); got != "192.0.2.99\n" {
		t.Errorf("the one that counts: %q", got)
	}
}
