package clients

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/test/site"
)

// terminal is a program that runs in a terminal of its own.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	keys   io.WriteCloser
	screen string // file of all that was shown
}

// neomutt starts neomutt with a configuration and with a macro on the key "Z".
func (in *installation) neomutt(t *testing.T, config, macro string) *terminal {
	t.Helper()
	needs(t, "neomutt")
	needs(t, "script")
	rc := in.write(t, "neomuttrc", `
set ssl_force_tls = yes
set certificate_file = `+in.certificate()+`
set realname = "Robin Demo"
set from = demo@example.org
set mailcap_path = /dev/null
set header_cache = ""
set timeout = 1
set sleep_time = 0
set mail_check = 1
set imap_idle = yes
set confirm_append = no
set confirm_create = no
set delete = yes
set quit = yes
set wait_key = no
set index_format = "%C <%s> %Z"
set sort = mailbox-order
unset mark_old
`+config+`
set spool_file = +INBOX
macro index Z "`+macro+`"
`)
	k := &terminal{t: t, screen: in.write(t, "typescript", "")}
	k.cmd = in.command(t.Context(), "script", "--quiet", "--return", "--flush", "--append", "--command", "stty cols 100 rows 40; exec neomutt -n -F "+rc, k.screen)
	keys, err := k.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	k.keys = keys
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.cmd.Process.Kill() }) // it has ended unless the test failed
	return k
}

func (k *terminal) shown() string {
	k.t.Helper()
	data, err := os.ReadFile(k.screen)
	if err != nil {
		k.t.Fatal(err)
	}
	return string(data)
}

// sees waits until the terminal has shown a text.
func (k *terminal) sees(text string) {
	k.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(k.shown(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			k.t.Fatalf("never shown: %q\n%q", text, k.shown())
		}
	}
}

func (k *terminal) press(keys string) {
	k.t.Helper()
	if _, err := io.WriteString(k.keys, keys); err != nil {
		k.t.Fatal(err)
	}
}

// ends waits until the program has left by itself.
func (k *terminal) ends() {
	k.t.Helper()
	if err := k.cmd.Wait(); err != nil {
		k.t.Errorf("%v\n%q", err, k.shown())
	}
}

// What a person does: see the list and what comes in meanwhile, read one
// message, copy one elsewhere, flag one, delete one, look at another mailbox,
// leave.
func TestNeomutt(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name   string
		config func(in *installation) string
	}{
		{"imaps", func(in *installation) string {
			return fmt.Sprintf("set imap_user = %s\nset imap_pass = %s\nset folder = \"imaps://%s/\"", site.Account, site.Password, in.imaps)
		}},
		{"starttls", func(in *installation) string {
			return fmt.Sprintf("set imap_user = %s\nset imap_pass = %s\nset ssl_starttls = yes\nset folder = \"imap://%s/\"", site.Account, site.Password, in.imap)
		}},
		{"tunnel", func(in *installation) string {
			return fmt.Sprintf("set tunnel = \"%s/imap-session -u %s -m %s 2>tunnel.log\"\nset tunnel_is_secure = yes\nset folder = \"imap://localhost/\"",
				in.Bin, site.Account, in.Home())
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			in := install(t)
			before := in.mailboxes(t)
			inbox := before[mail.Inbox]
			k := in.neomutt(t, way.config(in), strings.Join([]string{
				"2<enter><display-message><exit>", "<pipe-message>cat > piped<enter>",
				"3<enter><copy-message>=Archive.2024<enter>",
				"4<enter><flag-message>",
				"5<enter><delete-message>",
				"<sync-mailbox><change-folder>=Sent<enter><quit>",
			}, ""))
			k.sees(fmt.Sprintf("%d <", len(inbox)))
			if err := in.Deliver(t.Context(), []byte("Subject: news for neomutt\n\nhello\n")); err != nil {
				t.Fatal(err)
			}
			k.sees("<news for neomutt>")
			k.press("Z")
			k.ends()
			after := in.mailboxes(t)
			log, err := os.ReadFile(filepath.Join(in.home, "tunnel.log"))
			if way.name == "tunnel" && (err != nil || strings.Contains(string(log), "level=ERROR")) {
				t.Errorf("log of the tunnel: %v\n%s", err, log)
			}
			compareAfterNeomutt(t, in, before, after)
			if t.Failed() {
				t.Logf("shown:\n%q", k.shown())
			}
		})
	}
}

// TestNeomuttResync: with what it has kept from its last visit neomutt asks by
// QRESYNC what has happened since, and numbers the messages as they are now.
func TestNeomuttResync(t *testing.T) {
	t.Parallel()
	in := install(t)
	config := fmt.Sprintf("set tunnel = \"tee -a wire | %s/imap-session -u %s -m %s 2>tunnel.log\"\nset tunnel_is_secure = yes\nset folder = \"imap://localhost/\"\n"+
		"set header_cache = headers\nset imap_condstore = yes\nset imap_qresync = yes", in.Bin, site.Account, in.Home())
	before := in.mailboxes(t)[mail.Inbox]
	visit := func(sees, macro string) {
		t.Helper()
		k := in.neomutt(t, config, macro)
		k.sees(sees)
		k.press("Z")
		k.ends()
	}
	visit(fmt.Sprintf("%d <", len(before)), "<quit>")
	gone, flagged := before[1], before[3]
	if err := os.Remove(filepath.Join(in.Home(), gone.file)); err != nil {
		t.Fatal(err)
	}
	if err := in.Deliver(t.Context(), []byte("Subject: news for neomutt\n\nhello\n")); err != nil {
		t.Fatal(err)
	}
	visit("<news for neomutt>", "2<enter><pipe-message>cat > piped<enter>3<enter><flag-message><sync-mailbox><quit>")
	wire, err := os.ReadFile(filepath.Join(in.home, "wire"))
	if err != nil || !strings.Contains(string(wire), " VANISHED)") {
		t.Errorf("neomutt has not asked for what vanished: %v\n%s", err, wire)
	}
	piped, err := os.ReadFile(filepath.Join(in.home, "piped"))
	if err != nil || withoutState(unix(piped)) != withoutState(before[2].data) {
		t.Errorf("message 2 is %q, %v", piped, err)
	}
	now, ok := find(in.mailboxes(t)[mail.Inbox], flagged.base)
	if !ok || now.flags != letterSet(flagged.flags, "F") {
		t.Errorf("%s has become %s", flagged.file, now.file)
	}
}

func compareAfterNeomutt(t *testing.T, in *installation, before, after map[string][]stored) {
	t.Helper()
	inbox := before[mail.Inbox]
	piped, err := os.ReadFile(filepath.Join(in.home, "piped"))
	// neomutt adds fields of its own for the state; the rest is as it is.
	if err != nil || withoutState(unix(piped)) != withoutState(inbox[1].data) {
		t.Errorf("message 2 was shown as %q, %v", piped, err)
	}
	saved := newIn(before["Archive.2024"], after["Archive.2024"])
	if len(saved) != 1 || saved[0].data != inbox[2].data {
		t.Errorf("%d messages were copied, or another one", len(saved))
	}
	for i, m := range inbox {
		now, ok := find(after[mail.Inbox], m.base)
		want := m.flags
		switch i {
		case 1:
			want = letterSet(want, "S")
		case 3:
			want = letterSet(want, "F")
		case 4:
			if ok {
				t.Errorf("%s is still there", now.file)
			}
			continue
		}
		if !ok || now.flags != want || now.data != m.data {
			t.Errorf("%s has become %s, want %q", m.file, now.file, want)
		}
	}
	for name, list := range before {
		if name == mail.Inbox {
			continue
		}
		for _, m := range list {
			if now, ok := find(after[name], m.base); !ok || now != m {
				t.Errorf("%s in %s was changed to %s", m.file, name, now.file)
			}
		}
	}
}

// withoutState removes the fields in which mbox files have flags.
func withoutState(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		if !strings.HasPrefix(l, "Status: ") && !strings.HasPrefix(l, "X-Status: ") {
			b.WriteString(l)
		}
	}
	return b.String()
}
