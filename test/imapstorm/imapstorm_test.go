package main

import (
	"errors"
	"io"
	"log"
	"os"
	"strings"
	"testing"
	"time"

	"fantail/test/imapstorm/client"
)

// bin is the directory that the programs are built into.
var bin string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "imapstorm-bin")
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), build(dir))
	}
	if err != nil {
		log.Fatal(errors.Join(err, os.RemoveAll(dir)))
	}
	bin = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

// small is a storm that a test has time for.
func small() options {
	return options{bin: bin, time: 8 * time.Second, messages: 100, fronts: 5, filters: 5, rate: 20, mail: 3, pop3: 2, seed: 1}
}

func judged(t *testing.T, o options) *client.Report {
	t.Helper()
	r, err := o.hold()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// clean fails the test if the report tells of a broken promise.
func clean(t *testing.T, r *client.Report) {
	t.Helper()
	var b strings.Builder
	r.Write(&b)
	t.Log("\n" + b.String())
	if len(r.Broken) > 0 {
		t.Error("promises were broken")
	}
}

// TestStorm: ten connections, deliveries and POP3 sessions on one mailbox, and every
// client knows in the end what is there.
func TestStorm(t *testing.T) {
	r := judged(t, small())
	clean(t, r)
	for _, deed := range []string{"APPEND", "UID COPY", "EXPUNGE", "UID EXPUNGE", "FETCH", "UID FETCH", "IDLE", "NOOP", "SEARCH", "UID SEARCH",
		"STORE", "UID STORE", "CLOSE", "EXAMINE", "deliver", "POP3", "compressed", "NOTIFY", "LIST", "CREATE", "DELETE", "RENAME", "SUBSCRIBE"} {
		if r.Deeds[deed] == 0 {
			t.Errorf("nobody did %s: that is no storm", deed)
		}
	}
}

// TestDovecot: what the clients hold against a server, a server can do.
func TestDovecot(t *testing.T) {
	if _, err := os.Stat(dovecotIMAP); err != nil {
		t.Skip("Dovecot is not installed: ", err)
	}
	o := small()
	o.fronts, o.filters, o.dovecots, o.mail, o.pop3, o.time = 0, 0, 8, 0, 0, 3*time.Second
	clean(t, judged(t, o))
}

// TestLies: a server that breaks one promise is found out.
func TestLies(t *testing.T) {
	for _, c := range []struct {
		lie  string
		rule client.Rule
	}{
		{"lost-expunge", client.OtherUID},
		{"wrong-expunge", client.OtherUID},
		{"late-expunge", client.NotNow},
		{"fewer-exist", client.FewerExist},
		{"lost-flags", client.Untold},
		{"stale-flags", client.LostFlag},
		{"other-size", client.Changed},
		{"other-uid", client.NotAtEnd},
		{"wrong-place", client.WrongPlace},
		{"lost-found", client.WrongFound},
		{"unannounced", client.Unannounced},
		{"lost-status", client.Unnotified},
		{"lost-list", client.Unnotified},
		{"lost-new", client.Unnotified},
		{"early-expunge", client.NotNow},
		{"unasked", client.Unasked},
		{"other-status", client.Unasked},
		{"lost-uid", client.Grammar},
		{"compressed-twice", client.Compression},
	} {
		t.Run(c.lie, func(t *testing.T) {
			t.Parallel()
			o := small()
			o.bad, o.messages, o.fronts, o.filters, o.mail = c.lie, 30, 0, 4, 1
			if c.rule == client.Unnotified || c.rule == client.Unasked {
				o.filters = 8 // not all use NOTIFY, nor for the same
			}
			// On a busy machine no occasion for the lie may come in a second.
			for o.time = time.Second; ; o.time *= 2 {
				r := judged(t, o)
				if r.Broken[c.rule] > 0 {
					return
				}
				if o.time >= 16*time.Second {
					t.Fatalf("nobody noticed; only %v", r.Broken)
				}
				o.seed++
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{{"-bad", "weather"}, {"-x"}, {"-fronts", "0", "-filters", "0"}} {
		if got := run(append(args, "-bin", bin), io.Discard, io.Discard); got != 2 {
			t.Errorf("%q: exit status %d", args, got)
		}
	}
}
