package fsck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fantail/internal/store"
	"fantail/test/dovecot"
)

// TestDovecot: what Dovecot has written is clean; and when sizes are mended Dovecot shows
// the same UIDs, flags and keywords as before.
func TestDovecot(t *testing.T) {
	d := dovecot.New(t, "", "mail_plugins = quota\nplugin {\n quota = maildir:User quota\n quota_rule = *:storage=100M\n}\n")
	commands := []string{`CREATE Work`, `CREATE "W&APY-rk.deep"`, `SUBSCRIBE Work`}
	for n := range 6 {
		text := fmt.Sprintf("Subject: m%d\r\n\r\nbody\r\n", n)
		commands = append(commands, fmt.Sprintf("APPEND INBOX (\\Seen k%d) {%d+}\r\n%s", n, len(text), text))
	}
	commands = append(commands, "SELECT INBOX", "STORE 2 +FLAGS (\\Flagged more)", "COPY 1:4 Work", "STORE 3 +FLAGS (\\Deleted)", "CLOSE", "SELECT Work", "STORE 1:2 -FLAGS (\\Seen)", "FETCH 1:* (RFC822.SIZE ENVELOPE)")
	d.IMAP(commands...)

	check := func(when string, o Options, want ...Kind) {
		t.Helper()
		var kinds []Kind
		o.Report = func(f Finding) {
			kinds = append(kinds, f.Kind)
			if len(want) == 0 {
				t.Errorf("%s: %+v", when, f)
			}
		}
		o.Progress = func(string, int) {}
		ok, err := Prepare(d.Maildir, o)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		a, err := store.OpenAccount(d.Maildir, store.Options{Host: "test"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = Account(context.Background(), a, o)
		if err := errors.Join(err, a.Close()); err != nil {
			t.Fatal(err)
		}
		if len(want) > 0 && !slices.Equal(slices.Compact(kinds), want) {
			t.Errorf("%s: %v, want %v", when, kinds, want)
		}
	}
	check("Dovecot's", Options{DryRun: true, Full: true})
	check("Dovecot's", Options{Full: true})

	see := func() []string {
		var lines []string
		for _, l := range d.IMAP("SELECT INBOX", "UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])") {
			if strings.Contains(l, "FETCH (") || strings.HasPrefix(l, "Subject") || strings.Contains(l, "UIDVALIDITY") {
				lines = append(lines, l)
			}
		}
		return lines
	}
	before := see()
	if len(before) != 11 {
		t.Fatalf("%q", before)
	}
	files, err := filepath.Glob(filepath.Join(d.Maildir, "cur", "*"))
	if err != nil || len(files) != 5 {
		t.Fatal(files, err)
	}
	list := filepath.Join(d.Maildir, "dovecot-uidlist")
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.Rename(f, strings.Replace(f, ",S=1", ",S=7", 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(list, []byte(strings.ReplaceAll(string(text), ",S=1", ",S=7")), 0o600); err != nil {
		t.Fatal(err)
	}
	check("with wrong sizes", Options{}, Size)
	if after := see(); !slices.Equal(before, after) {
		t.Errorf("before %q\nafter %q", before, after)
	}
	check("afterwards", Options{Full: true})
}
