package packaging

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// dovecots are what an administrator has told the Dovecot of a release; the rest is as
// Debian has it.
var dovecots = map[string]string{
	"bookworm": "mail_location = maildir:~/Maildir\nssl_cert = </etc/dovecot/private/own.pem\nssl_key = </etc/dovecot/private/own.key\n",
	"trixie": "mail_driver = maildir\nmail_path = ~/Maildir\nmail_inbox_path = ~/Maildir\n" +
		"ssl_server_cert_file = /etc/dovecot/private/own.pem\nssl_server_key_file = /etc/dovecot/private/own.key\n",
}

// TestMove: on a machine whose Dovecot serves the users, Fantail is installed, takes over
// by what import-dovecot makes of its configuration, and gives back. Clients that have all
// mail, by IMAP and by POP3, download nothing again on either way, and what is changed
// meanwhile is what changes for them.
func TestMove(t *testing.T) {
	needsLab(t)
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			h := newHouse(t, suite)
			c := h.clients()
			h.dovecot(dovecots[suite])
			h.furnish()
			if n := c.fetched(); n != 61 {
				t.Fatalf("mpop has fetched %d messages", n)
			}
			c.mirror() // after mpop, since what it has fetched is read

			h.takeOver()
			c.unchanged("after the move")
			h.wants("143", "a LOGIN ann secret", "b SELECT INBOX", "c SEARCH KEYWORD Urgent FLAGGED", "* SEARCH 1 2 3 4 5 6 7 8 9")
			h.wants("143", "a LOGIN ann secret", `b LIST (SUBSCRIBED) "" "*"`, "Projects.2026")
			h.wants("143", "a LOGIN ann secret", "b SELECT INBOX", `c STORE 10:12 +FLAGS.SILENT (\Flagged Later)`, "d CREATE Made-Here", "e COPY 3 Made-Here", "e OK")
			h.sh(`printf 'Subject: in between\n\nhello\n' | su ann -c "/usr/sbin/deliver"`)
			if n := c.fetched(); n != 1 {
				t.Errorf("mpop fetches %d messages, not the new one", n)
			}
			c.mirror()
			h.healthy()
			h.calm("the move")

			h.giveBack()
			c.unchanged("after the way back")
			h.wants("143", "a LOGIN ann secret", "b SELECT INBOX", "c SEARCH KEYWORD Later FLAGGED", "* SEARCH 10 11 12")
			h.wants("143", "a LOGIN ann secret", "b STATUS Made-Here (MESSAGES)", "(MESSAGES 1)")
		})
	}
}

// dovecot starts the Dovecot of the release with some settings.
func (h house) dovecot(settings string) {
	h.Helper()
	h.put("/etc/dovecot/local.conf", settings)
	h.sh(`mkdir -p /etc/dovecot/private
		cd /etc/dovecot/private
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
			-addext subjectAltName=DNS:127.0.0.1,IP:127.0.0.1 -out own.pem -keyout own.key 2>/dev/null
		chmod 600 own.key
		systemctl enable --quiet --now dovecot`)
}

// furnish gives the user mail in folders, keywords and subscriptions, by IMAP.
func (h house) furnish() {
	h.Helper()
	h.sh(`cd /home/ann/Maildir/cur
		for i in $(seq 1 60); do
			printf 'From: %s@example.org\nSubject: message %s\nMessage-ID: <%s@example.org>\n\ntext %s\n' $i $i $i $i >$((1100000000 + i)).$i.host:2,S
		done
		chown ann:ann *`)
	h.wants("143", "a LOGIN ann secret", "b SELECT INBOX", `c STORE 1:9 +FLAGS.SILENT (\Flagged Urgent)`,
		"d CREATE Projects.2026", "e SUBSCRIBE Projects.2026", "f COPY 1:20 Projects.2026", "g CREATE Sent", "h COPY 30 Sent", "h OK")
}

// wants says commands, of which each is to succeed, and wants what is last to be in the
// answers.
func (h house) wants(port string, said ...string) {
	h.Helper()
	commands, want := said[:len(said)-1], said[len(said)-1]
	conn, err := h.connect(port)
	if err != nil {
		h.Fatal(err)
	}
	defer conn.Close()
	var heard strings.Builder
	buf := make([]byte, 4096)
	hear := func(until ...string) {
		h.Helper()
		for {
			lines := strings.Split(heard.String(), "\r\n")
			for _, line := range lines[:len(lines)-1] {
				if slices.ContainsFunc(until, func(u string) bool { return strings.HasPrefix(line, u) }) {
					return
				}
			}
			n, err := conn.Read(buf)
			heard.Write(buf[:n])
			if err != nil {
				h.Fatalf("%q: %v after\n%s", until, err, &heard)
			}
		}
	}
	hear("* OK")
	for _, command := range commands {
		tag, _, _ := strings.Cut(command, " ")
		fmt.Fprintf(conn, "%s\r\n", command)
		hear(tag+" OK", tag+" NO", tag+" BAD")
		if !strings.Contains(heard.String(), "\r\n"+tag+" OK") {
			h.Errorf("%s:\n%s", command, &heard)
		}
	}
	if !strings.Contains(heard.String(), want) {
		h.Errorf("no %q in\n%s", want, &heard)
	}
}

// takeOver installs Fantail beside the Dovecot, has it told what Dovecot was told, and
// stops that.
func (h house) takeOver() {
	h.Helper()
	says := h.install(first)
	_, todo, ok := strings.Cut(says, "when they are stopped: ")
	if !ok {
		h.Fatalf("dpkg says:\n%s", says)
	}
	todo, _, _ = strings.Cut(todo, "\n")
	notes, err := h.Shell("fantail import-dovecot -o /etc/fantail/conf.d/dovecot.toml 2>&1")
	h.Logf("import-dovecot: %v\n%s\n%s", err, notes, h.sh("cat /etc/fantail/conf.d/dovecot.toml"))
	if check, _ := h.Shell("fantail doctor 2>&1"); !strings.Contains(check, "own.key") {
		h.Errorf("doctor says nothing of the key, which only root can read:\n%s", check)
	} else {
		h.Log(check)
	}
	h.sh("chgrp _fantail /etc/dovecot/private/own.key; chmod 640 /etc/dovecot/private/own.key; chmod 755 /etc/dovecot/private")
	h.sh("systemctl disable --quiet --now dovecot; systemctl stop dovecot.socket 2>/dev/null || true; " + todo)
}

// giveBack switches Fantail off, and Dovecot on.
func (h house) giveBack() {
	h.Helper()
	h.sh(`systemctl disable --quiet --now fantail-imap.socket fantail-imaps.socket fantail-pop3.socket fantail-pop3s.socket
		systemctl stop fantail-imapd fantail-pop3d
		systemctl enable --quiet --now dovecot`)
}

// clients are a person's programs on another machine, which have the network of the
// house in common with it.
type clients struct {
	house
	dir  string
	near map[string]string // what the mirror has
}

func (h house) clients() *clients {
	h.Helper()
	for _, program := range []string{"mbsync", "mpop"} {
		if _, err := exec.LookPath(program); err != nil {
			h.Fatalf("%s is not installed: run test/packages", program)
		}
	}
	c := &clients{house: h, dir: h.TempDir()}
	if err := os.Mkdir(filepath.Join(c.dir, "mirror"), 0o700); err != nil {
		h.Fatal(err)
	}
	config := fmt.Sprintf(`IMAPStore far
Host 127.0.0.1
User ann
Pass secret
SSLType IMAPS
CertificateFile %[1]s/own.pem

MaildirStore near
Path %[1]s/mirror/
Inbox %[1]s/mirror/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
Sync All
SyncState *
`, c.dir)
	if err := os.WriteFile(filepath.Join(c.dir, "mbsyncrc"), []byte(config), 0o600); err != nil {
		h.Fatal(err)
	}
	return c
}

// run runs a program in the network of the house.
func (c *clients) run(args ...string) string {
	c.Helper()
	certificate := c.sh("cat /etc/dovecot/private/own.pem")
	if err := os.WriteFile(filepath.Join(c.dir, "own.pem"), []byte(certificate+"\n"), 0o600); err != nil {
		c.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{fmt.Sprintf("--net=/proc/%d/ns/net", c.PID()), "--"}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+c.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.Fatalf("%s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// mirror has mbsync make both sides the same.
func (c *clients) mirror() string {
	c.Helper()
	says := c.run("mbsync", "--config", filepath.Join(c.dir, "mbsyncrc"), "--verbose", "--all")
	c.near = c.files()
	return says
}

// files are those of the mirror, with when they were changed.
func (c *clients) files() map[string]string {
	c.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(filepath.Join(c.dir, "mirror"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all[path] = fmt.Sprint(info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	return all
}

// fetched is how many messages a POP3 client fetches that leaves all on the server.
func (c *clients) fetched() int {
	c.Helper()
	dir := filepath.Join(c.dir, "fetched")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			c.Fatal(err)
		}
	}
	defer os.RemoveAll(dir)
	c.run("mpop", "--host=127.0.0.1", "--port=995", "--tls=on", "--tls-starttls=off", "--tls-trust-file="+filepath.Join(c.dir, "own.pem"),
		"--user=ann", "--passwordeval=echo secret", "--auth=plain", "--keep=on", "--uidls-file="+filepath.Join(c.dir, "uidls"), "--delivery=maildir,"+dir, "--quiet")
	list, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		c.Fatal(err)
	}
	return len(list)
}

// unchanged wants the clients to have nothing to do.
func (c *clients) unchanged(when string) {
	c.Helper()
	before := c.near
	if len(before) < 80 {
		c.Fatalf("the mirror has %d messages", len(before))
	}
	says := c.mirror()
	// The folders that every account has are new to the mirror.
	if strings.Contains(strings.ReplaceAll(says, "no UIDVALIDITY, creating new", ""), "UIDVALIDITY") {
		c.Errorf("%s mbsync says\n%s", when, says)
	}
	if !maps.Equal(before, c.near) {
		c.Errorf("%s the mirror has changed: of %d messages are %d\n%s", when, len(before), len(c.near), says)
	}
	if n := c.fetched(); n != 0 {
		c.Errorf("%s mpop fetches %d messages", when, n)
	}
}
