package quota

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"fantail/test/dovecot"
)

// dovecotLimits are those of the configuration below.
var dovecotLimits = Limits{Octets: 100 << 20, Messages: 1000}

func newDovecot(t *testing.T) *dovecot.Account {
	t.Helper()
	return dovecot.New(t, "", `mail_plugins = quota
plugin {
 quota = maildir:User quota
 quota_rule = *:storage=100M:messages=1000
}
`)
}

// dovecotSays is the usage by doveadm, in KiB and messages.
func dovecotSays(t *testing.T, a *dovecot.Account) (kilo, messages int) {
	t.Helper()
	for line := range strings.Lines(a.Doveadm("-f", "tab", "quota", "get")) {
		// Quota name, Type, Value, Limit, %
		fields := strings.Split(line, "\t")
		if len(fields) < 4 || fields[1] == "Type" {
			continue
		}
		to, limit := &kilo, "102400"
		if fields[1] == "MESSAGE" {
			to, limit = &messages, "1000"
		}
		if _, err := fmt.Sscan(fields[2], to); err != nil || fields[3] != limit {
			t.Errorf("doveadm says %q, %v", line, err)
		}
	}
	return kilo, messages
}

func message(size int) string {
	head := "Subject: x\r\n\r\n"
	return head + strings.Repeat("x", size-len(head)-2) + "\r\n"
}

// TestWeReadDovecots reads what Dovecot writes, changes and recounts.
func TestWeReadDovecots(t *testing.T) {
	a := newDovecot(t)
	mail := &box{}
	f := Open(a.Maildir, dovecotLimits, Options{Mail: mail})
	want := func(what string, real bool) {
		t.Helper()
		u, err := f.Usage(t.Context())
		if err != nil || mail.counts != 0 {
			text, _ := os.ReadFile(f.path())
			t.Fatalf("%s: %v after %d counts of %q", what, err, mail.counts, text)
		}
		there, err := disk{a.Maildir}.Count(t.Context())
		if err != nil || (u == there) != real {
			t.Errorf("%s: %+v, %v; there is %+v", what, u, err, there)
		}
	}
	a.IMAP(dovecot.Append(message(3000)), dovecot.Append(message(5000)))
	want("appended", true)
	a.IMAP("SELECT INBOX", `STORE 1 +FLAGS (\Deleted)`, "EXPUNGE")
	want("expunged", true)
	if err := f.Add(1000, 1); err != nil {
		t.Fatal(err)
	}
	want("with a line too much", false)
	a.IMAP(dovecot.Append(message(500)))
	want("appended behind ours", false)
	a.Doveadm("quota", "recalc")
	want("recalculated", true)
}

// TestDovecotReadsOurs: doveadm shows what our file says. The mail that we count
// is not there, so it cannot have counted.
func TestDovecotReadsOurs(t *testing.T) {
	a := newDovecot(t)
	mail := &box{usage: Usage{Octets: 50 << 10, Messages: 5}}
	f := Open(a.Maildir, dovecotLimits, Options{Mail: mail})
	want := func(what string, kilo, messages int) {
		t.Helper()
		k, m := dovecotSays(t, a)
		if k != kilo || m != messages {
			text, _ := os.ReadFile(f.path())
			t.Errorf("%s: Dovecot says %d KiB, %d messages; want %d, %d; file %q", what, k, m, kilo, messages, text)
		}
	}
	if _, err := f.Usage(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("counted", 50, 5)
	for _, kilo := range []int64{20, -10} {
		if err := f.Add(kilo<<10, kilo/10); err != nil {
			t.Fatal(err)
		}
	}
	want("changed", 60, 6)
	a.IMAP(dovecot.Append(message(4 << 10)))
	want("appended by Dovecot", 64, 7)
	if u, err := f.Usage(t.Context()); err != nil || u.Messages != 7 || mail.counts != 1 {
		t.Errorf("we read %+v, %v, after %d counts", u, err, mail.counts)
	}
	// What we spoil, Dovecot counts again: one message is there.
	if err := f.append(spoilt); err != nil {
		t.Fatal(err)
	}
	want("spoilt", 4, 1)
}
