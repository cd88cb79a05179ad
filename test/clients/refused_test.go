package clients

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fantail/test/site"
)

// TestPOP3Refused: a client whose password is right and that may not log in now hears why
// (RFC 2449 section 8.1.1 and 8.1.2), and does not take it for a wrong password.
func TestPOP3Refused(t *testing.T) {
	needs(t, "fetchmail")
	const busy, wrong = 9, 3 // exit statuses of fetchmail(1)
	for _, c := range []struct {
		setting, code string
		status        int
	}{
		{"lock_session = true", "[IN-USE]", busy},
		{`login_delay = "1h"`, "[LOGIN-DELAY]", busy},
	} {
		t.Run(c.code, func(t *testing.T) {
			t.Parallel()
			in := install(t, func(text string) string { return strings.Replace(text, "[pop3]\n", "[pop3]\n"+c.setting+"\n", 1) })
			first := in.pop3Talk(t)
			second := in.pop3Dial(t)
			second.do("USER %s", site.Account)
			if got := second.try("PASS %s", site.Password); !strings.HasPrefix(got, "-ERR "+c.code+" ") {
				t.Errorf("answered with %s", got)
			}
			if _, err := second.c.ReadLine(); err == nil {
				t.Error("the connection goes on")
			}
			if got := in.fetchmailStatus(t, site.Password); got != c.status {
				t.Errorf("fetchmail exits with %d", got)
			}
			if got := in.fetchmailStatus(t, "not it"); got != wrong {
				t.Errorf("fetchmail exits with %d after a wrong password", got)
			}
			first.do("QUIT")
			if c.code == "[IN-USE]" {
				in.pop3Talk(t).do("QUIT")
			}
		})
	}
}

// fetchmailStatus has fetchmail look for mail, and returns its exit status.
func (in *installation) fetchmailStatus(t *testing.T, password string) int {
	t.Helper()
	rc := in.write(t, "fetchmailrc", fmt.Sprintf("set no bouncemail\npoll 127.0.0.1 proto pop3 port %s uidl auth password\n"+
		"user %s there with password %q keep sslproto '' mda /bin/true\n", port(in.pop3), site.Account, password))
	_, err := in.try(context.Background(), "fetchmail", "--fetchmailrc", rc, "--check", "--idfile", filepath.Join(in.home, "ids"),
		"--pidfile", filepath.Join(in.home, "pid"), "--silent", "--norewrite")
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		t.Log(err)
		return exit.ExitCode()
	}
	t.Fatal(err)
	return -1
}
