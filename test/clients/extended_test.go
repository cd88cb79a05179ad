package clients

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fantail/internal/mail"
)

// What a program does that speaks IMAP by itself where imaplib ends: ENABLE, IDLE
// while mail comes and goes, with a command in the packet of DONE, and APPEND.
func TestPythonExtended(t *testing.T) {
	t.Parallel()
	in := install(t)
	needs(t, "/usr/bin/python3")
	script, err := scripts.ReadFile("testdata/extended.py")
	if err != nil {
		t.Fatal(err)
	}
	inbox := in.mailboxes(t)[mail.Inbox]
	cmd := in.command(t.Context(), "/usr/bin/python3", "-c", string(script), port(in.imaps), in.certificate())
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var word string
	if _, err := fmt.Fscan(out, &word); err != nil || word != "idling" {
		t.Fatalf("it says %q, %v\n%s", word, err, &said)
	}
	if err := in.Deliver(t.Context(), []byte("Subject: while it idles\n\nhello\n")); err != nil {
		t.Fatal(err)
	}
	k := in.talk(t)
	k.do("SELECT INBOX")
	k.do("STORE 2 +FLAGS (\\Deleted)")
	k.do("EXPUNGE")
	k.logout()
	var got struct {
		Enabled, Told []string
		Count         int
		State         string
	}
	err = json.NewDecoder(out).Decode(&got)
	if errEnd := cmd.Wait(); err != nil || errEnd != nil {
		t.Fatalf("%v, %v\n%s", err, errEnd, &said)
	}
	if got.Count != len(inbox) {
		t.Errorf("it counted %d messages, there were %d", got.Count, len(inbox))
	}
	if !slices.Contains(got.Told, fmt.Sprintf("* %d EXISTS", len(inbox)+1)) {
		t.Errorf("told %q", got.Told)
	}
	gone := regexp.MustCompile(`^\* 2 EXPUNGE$`)
	if slices.Contains(got.Enabled, "QRESYNC") {
		gone = regexp.MustCompile(`^\* VANISHED \d+$`)
	}
	if !slices.ContainsFunc(got.Told, gone.MatchString) {
		t.Errorf("enabled %q, told %q", got.Enabled, got.Told)
	}
	after := in.mailboxes(t)[mail.Inbox]
	m := only(t, after, "appended", withText("<extended@example.org>"))
	if m.system() != "F" || m.date.Unix() != 1741151228 || !strings.Contains(m.data, "Subject: Grüße\n") {
		t.Errorf("appended as %+v", m)
	}
	if !strings.Contains(got.State, `$Python`) || !strings.Contains(got.State, `" 5-Mar-2025 05:07:08 +0000"`) && !strings.Contains(got.State, `06:07:08 +0100`) {
		t.Errorf("fetched %s", got.State)
	}
	if len(after) != len(inbox)+1 {
		t.Errorf("%d messages, there were %d", len(after), len(inbox))
	}
}
