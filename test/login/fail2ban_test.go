package login

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fantail/test/site"
)

// TestFail2ban: what the daemons write of wrong passwords is what the filter counts,
// whatever clients call themselves.
func TestFail2ban(t *testing.T) {
	h := build(t)
	forged := ` remote=192.0.2.99 user=ann`
	line := "x\r\ntime=2026-11-23T08:00:00Z level=INFO msg=\"login failed\" sid=1 proto=imap remote=192.0.2.99 user=ann mech=PLAIN tls=true err=x\r\n"
	imap := map[string]string{ // those that cannot be names are no attempts, and cost no time
		"a LOGIN ann wrong":                                       "a NO [AUTHENTICATIONFAILED]",
		`a LOGIN "` + forged + `" wrong`:                          "a NO [AUTHENTICATIONFAILED]",
		`a LOGIN "\"` + forged + `" wrong`:                        "a NO [AUTHENTICATIONFAILED]",
		fmt.Sprintf("a LOGIN {%d+}\r\n%s wrong", len(line), line): "a BAD",
		"a LOGIN {3+}\r\n\"\\\x7f wrong":                          "a BAD",
	}
	var all sync.WaitGroup
	for login, answer := range imap {
		all.Go(func() { h.dial(h.imap)(login, answer) })
	}
	for _, name := range []string{"ann", forged} {
		all.Go(func() {
			say := h.dial(h.pop3)
			say("USER "+name, "+OK")
			say("PASS wrong", "-ERR")
		})
	}
	all.Wait()
	if _, err := exec.LookPath("fail2ban-regex"); err != nil {
		t.Skip("fail2ban is not installed")
	}
	filter, err := filepath.Abs("../../packaging/fail2ban/filter.d/fantail.conf")
	if err != nil {
		t.Fatal(err)
	}
	for daemon, want := range map[string]int{"imapd": 3, "pop3d": 2} {
		g := site.Group{Dir: h.path("log-" + daemon)}
		out, err := exec.Command("fail2ban-regex", "--usedns", "no", "-o", "ip", g.Log(daemon), filter).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := string(out); got != strings.Repeat("127.0.0.1\n", want) {
			log, _ := os.ReadFile(g.Log(daemon))
			t.Errorf("%s: it counts %q, want %d times 127.0.0.1 of\n%s", daemon, strings.Fields(got), want, log)
		}
	}
}
