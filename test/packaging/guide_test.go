package packaging

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/test/container"
)

// block is what the administrator's guide has one type under a name.
func block(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../doc/admin.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?ms)^```sh run=" + regexp.QuoteMeta(name) + "\n(.*?)^```$").FindSubmatch(text)
	if m == nil {
		t.Fatalf("the guide has no block %s", name)
	}
	return string(m[1])
}

// types has an administrator type a block of the guide.
func (h house) types(name string) string {
	h.Helper()
	out, err := h.Shell("set -e\n" + block(h.T, name))
	if err != nil {
		h.Fatalf("%v\n%s", err, h.sh("journalctl --no-pager --lines=40 --output=cat"))
	}
	return out
}

// TestGuide: an administrator who types what the guide says gets what it promises.
func TestGuide(t *testing.T) {
	needsLab(t)
	h := furnish(t, container.Recipe{Name: "guide", Suite: suites[0], Packages: slices.Concat(container.Systemd,
		[]string{"init-system-helpers", "isync", "libpam-runtime", "openssl", "postfix", "rsync", "ufw", "xinetd"})})
	h.install(first)
	h.sh(`echo 127.0.0.1 mail.example.org >>/etc/hosts
		echo mail.example.org >/etc/mailname
		postconf -e myhostname=mail.example.org mydestination=mail.example.org,localhost inet_interfaces=loopback-only inet_protocols=ipv4
		newaliases
		systemctl stop xinetd
		systemctl start postfix`)
	for _, test := range []struct {
		name string
		run  func(house)
	}{
		{"certificate", certificate},
		{"postfix", guidePostfix},
		{"virtual", virtual},
		{"restart", restart},
		{"submission", submission},
		{"backup", backup},
		{"pipe", pipe},
		{"xinetd", perConnection},
		{"accept", acceptYes},
		{"ufw", ufw},
		{"8443", webmail8443},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(h.with(t)) })
	}
}

// certificate: it is there within seconds, without a reload, and the key is nobody else's.
func certificate(h house) {
	h.reads() // the fronts run, with their own
	before := h.sh("systemctl show --property=MainPID --value fantail-imapd")
	h.sh(`mkdir -p /etc/letsencrypt/live/mail.example.org /etc/letsencrypt/renewal-hooks/deploy
		cd /etc/letsencrypt/live/mail.example.org
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=mail.example.org \
			-addext subjectAltName=DNS:mail.example.org -keyout privkey.pem -out fullchain.pem 2>/dev/null`)
	h.types("certbot")
	for _, port := range []string{"993", "995", "443"} {
		h.within(10*time.Second, "the certificate at port "+port, func() bool {
			conn, err := h.connect(port)
			if err != nil {
				return false
			}
			defer conn.Close()
			return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName == "mail.example.org"
		})
	}
	if after := h.sh("systemctl show --property=MainPID --value fantail-imapd"); after != before {
		h.Error("imapd was started anew for it")
	}
	if got := h.sh(`stat -c "%U %a" /var/lib/fantail/tls/key.pem`); got != "_fantail 400" {
		h.Errorf("the key is %s", got)
	}
}

// arrives sends mail by sendmail and wants it in a directory.
func (h house) arrives(to, subject, dir string) {
	h.Helper()
	h.sh(`printf 'From: root\nSubject: %s\n\ntext\n' "$2" | sendmail -i "$1"`, to, subject)
	defer func() {
		if h.Failed() {
			h.Log(h.sh("postqueue -p; journalctl --no-pager | grep -E 'postfix|lmtpd|sessiond|authd' | tail -30"))
		}
	}()
	h.within(30*time.Second, subject+" for "+to, func() bool {
		return h.sh(`grep -rl "^Subject: $1\$" "$2"/new "$2"/cur 2>/dev/null || true`, subject, dir) != ""
	})
}

func guidePostfix(h house) {
	h.types("postfix")
	h.arrives("ann@mail.example.org", "to a user of the system", "/home/ann/Maildir")
	if log := h.sh("journalctl --unit=fantail-lmtpd --output=cat --no-pager"); !strings.Contains(log, "user=ann") {
		h.Errorf("lmtpd has not delivered it:\n%s", log)
	}
}

// virtual: an account that is no user of the system gets mail and reads it, and what is for
// nobody is refused before it is sent.
func virtual(h house) {
	h.types("virtual")
	h.sh("echo secret | fantail user add -stdin vera@example.org; systemctl reload fantail-authd")
	h.types("postfix-virtual")
	h.arrives("vera@example.org", "to a virtual account", "/srv/mail/example.org/vera/Maildir")
	if err := h.talk("993", "* OK", "a LOGIN vera@example.org secret", "a OK", "b SELECT INBOX", "* 1 EXISTS", "c LOGOUT", "c OK"); err != nil {
		h.Error(err)
	}
	if got := h.sh("stat -c %U /srv/mail/example.org/vera/Maildir/cur/*"); got != "vmail" {
		h.Errorf("the mail is %s's", got)
	}
	h.reads() // so do the users of the system
	if got := h.sh("fantail doctor vera@example.org 2>&1 || true"); !strings.HasSuffix(got, "Nothing is wrong.") {
		h.Errorf("doctor says\n%s", got)
	}

	h.types("postfix-policy")
	if err := h.smtp("25", "RCPT TO:<vera@example.org>", "250"); err != nil {
		h.Error(err)
	}
	if err := h.smtp("25", "RCPT TO:<nobody@example.org>", "550"); err != nil {
		h.Error(err)
	}
}

// smtp says a command for a recipient, and wants it answered so. Postfix may first have to
// ask whether there is one.
func (h house) smtp(port, command, want string) error {
	var err error
	for range 5 {
		if err = h.talkPlain(port, "220", "EHLO client.example", "250 ", "MAIL FROM:<>", "250", command, want); err == nil {
			return nil
		}
		time.Sleep(time.Second)
	}
	return err
}

// talkPlain is talk where the port has no TLS.
func (h house) talkPlain(port string, dialogue ...string) error {
	conn, err := h.Dial("127.0.0.1:" + port)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second)) // of a connection that is open
	lines := bufio.NewScanner(conn)
	for i := 0; i < len(dialogue); i += 2 {
		said := ""
		for !strings.HasPrefix(said, dialogue[i]) {
			if len(said) > 3 && said[3] == ' ' && said[0] != dialogue[i][0] || !lines.Scan() {
				return fmt.Errorf("port %s does not say %q, but %q: %v", port, dialogue[i], said, lines.Err())
			}
			said = lines.Text()
		}
		if i+1 < len(dialogue) {
			if _, err := fmt.Fprintf(conn, "%s\r\n", dialogue[i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// restart: as often as one likes.
func restart(h house) {
	for range 3 {
		h.types("restart")
	}
	h.reads()
	h.healthy()
}

// submission: who knows a password sends mail elsewhere, and who does not cannot.
func submission(h house) {
	h.types("submission")
	plain := func(password string) string {
		return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00ann\x00"+password))
	}
	h.within(30*time.Second, "port 465", func() bool { return h.talk("465", "220") == nil })
	if err := h.talk("465", "220", "EHLO client.example", "250 ", plain(password), "235", "MAIL FROM:<ann@mail.example.org>", "250", "RCPT TO:<far@example.net>", "250", "QUIT", "221"); err != nil {
		h.Error(err)
	}
	if err := h.talk("465", "220", "EHLO client.example", "250 ", plain("wrong"), "535"); err != nil {
		h.Error(err)
	}
	if err := h.talk("465", "220", "EHLO client.example", "250 ", "MAIL FROM:<ann@mail.example.org>", "250", "RCPT TO:<far@example.net>", "554"); err != nil {
		h.Error(err)
	}
	h.reads()
	h.healthy()
}

// pipe: the same by deliver.
func pipe(h house) {
	h.types("postfix-pipe")
	before := h.sh("journalctl --unit=fantail-lmtpd --output=cat --no-pager | grep -c user=ann || true")
	h.arrives("ann@mail.example.org", "by a pipe", "/home/ann/Maildir")
	if after := h.sh("journalctl --unit=fantail-lmtpd --output=cat --no-pager | grep -c user=ann || true"); after != before {
		h.Error("lmtpd has delivered it")
	}
}

// webmail8443: webmail makes room for another web server.
func webmail8443(h house) {
	h.types("webmail-8443")
	if err := h.talk("443", ""); err == nil {
		h.Error("somebody is at port 443")
	}
	conn, err := h.connect("8443")
	if err != nil {
		h.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: mail.example.org\r\nConnection: close\r\n\r\n"); err != nil {
		h.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		h.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		h.Error(answer.Status)
	}
}

// perConnection: the classic way, a process for each connection, by Debian's xinetd and the
// example of the package.
func perConnection(h house) {
	h.sh(`systemctl stop fantail-imap.socket fantail-imaps.socket fantail-pop3s.socket fantail-imapd.service fantail-pop3d.service
		cp /usr/share/doc/fantail/examples/xinetd/fantail /etc/xinetd.d/
		systemctl start xinetd`)
	h.within(10*time.Second, "xinetd", func() bool { return h.talk("143", "* OK") == nil })
	h.reads()
	if err := h.talk("143", "* OK", "a LOGIN ann secret", "a OK", "b NOOP", "b OK"); err != nil { // from this machine
		h.Error(err)
	}
	if got := h.sh("systemctl is-active fantail-imapd fantail-pop3d || true"); got != "inactive\ninactive" {
		h.Errorf("the daemons are %s", got)
	}
	if log := h.sh("journalctl --no-pager --output=cat | grep -c 'msg=login .*user=ann' || true"); log == "0" {
		h.Error("the log of these processes is nowhere")
	}
	h.sh(`systemctl stop xinetd
		systemctl start fantail-imap.socket fantail-imaps.socket fantail-pop3s.socket`)
	h.reads()
}

// acceptYes: the same by systemd, with the units that are examples of it.
func acceptYes(h house) {
	h.sh(`systemctl stop fantail-imapd.service
		cp "$1"/imap-each.socket "$1"/imap-each@.service /etc/systemd/system/
		systemctl daemon-reload
		systemctl disable --quiet --now fantail-imap.socket
		systemctl enable --quiet --now imap-each.socket`, "/usr/share/doc/fantail/examples/systemd")
	for range 2 {
		if err := h.talk("143", "* OK", "a LOGIN ann secret", "a OK", "b SELECT INBOX", "b OK", "c LOGOUT", "c OK"); err != nil {
			h.Error(err)
		}
	}
	if got := h.sh("systemctl is-active fantail-imapd || true"); got != "inactive" {
		h.Errorf("the daemon is %s", got)
	}
	h.sh("systemctl disable --quiet --now imap-each.socket; systemctl enable --quiet --now fantail-imap.socket")
	h.reads()
	h.healthy()
}

// mirror is what a client has that keeps a copy of all mail.
const mirror = `IMAPStore far
Host mail.example.org
Port 993
User ann
Pass secret
AuthMechs LOGIN
SSLType IMAPS
CertificateFile /etc/letsencrypt/live/mail.example.org/fullchain.pem

MaildirStore near
Path /root/mirror/
Inbox /root/mirror/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Near
Remove Near
Expunge Near
Sync All
SyncState *
`

// mirrored has the client look what is new, and returns the files of its copy: each is
// there from when it was downloaded until it is gone, whatever its flags do.
func (h house) mirrored() []string {
	h.Helper()
	out := h.sh(`mkdir -p /root/mirror; mbsync --config /root/mbsyncrc --verbose --all >/root/mbsync.log 2>&1 || { cat /root/mbsync.log >&2; exit 1; }
		find /root/mirror -type f -path '*/[cn][ue][rw]/*' -printf '%i %f\n' | sort`)
	files := strings.Split(out, "\n")
	for i := range files {
		files[i], _, _ = strings.Cut(files[i], ":2,") // flags may change
	}
	return files
}

// news are those of files that were not there before.
func news(before, after []string) []string {
	return slices.DeleteFunc(slices.Clone(after), func(file string) bool { return slices.Contains(before, file) })
}

// backup: mail that is in use is kept, lost, and comes back, one message, a folder and all
// of it, while daemons run. Who has a copy downloads what is new for him, and nothing else.
func backup(h house) {
	h.put("/root/mbsyncrc", mirror)
	h.sh(`for n in $(seq 40); do printf 'Message-ID: <%s@example.org>\nSubject: number %s\n\ntext\n' $n $n | runuser -u ann -- deliver; done
		printf 'Subject: the one that is missed\nDate: Sun, 1 Mar 2020 12:00:00 +0000\n\ntext\n' | runuser -u ann -- deliver`)
	if err := h.talk("993", "* OK", "a LOGIN ann secret", "a OK", "b SELECT INBOX", "b OK", "c CREATE Archive", "c ", "d COPY 1:20 Archive", "d OK",
		"e STORE 5:9 +FLAGS (\\Flagged Urgent)", "e OK", "f LOGOUT", "f OK"); err != nil {
		h.Fatal(err)
	}
	h.mirrored()

	stop := h.busy()
	h.types("backup")
	stop()
	if got := h.sh(`ls /srv/backup/ann/Maildir/cur | wc -l; ls /home/ann/Maildir/cur | wc -l`); strings.Fields(got)[0] != strings.Fields(got)[1] {
		h.Errorf("messages in the backup and in the mailbox: %s", got)
	}
	if got := h.types("test-backup"); !strings.Contains(got, "* STATUS INBOX (MESSAGES ") || !strings.Contains(got, "Archive") || !strings.Contains(got, "b OK") {
		h.Errorf("the test of the backup says\n%s", got)
	}

	// One message.
	if err := h.talk("993", "* OK", "a LOGIN ann secret", "a OK", "b SELECT INBOX", "b OK", `c SEARCH RETURN (SAVE) SUBJECT "the one that is missed"`, "c OK",
		`d STORE $ +FLAGS (\Deleted)`, "d OK", "e EXPUNGE", "e OK", "f LOGOUT", "f OK"); err != nil {
		h.Fatal(err)
	}
	before := h.mirrored()
	watching := h.waits()
	h.types("restore-message")
	watching("EXISTS")
	if got := news(before, h.mirrored()); len(got) != 1 {
		h.Errorf("after a message came back the client downloads %q", got)
	}

	// A folder.
	before = h.mirrored()
	if err := h.talk("993", "* OK", "a LOGIN ann secret", "a OK", "b DELETE Archive", "b OK", "c LOGOUT", "c OK"); err != nil {
		h.Fatal(err)
	}
	h.types("restore-folder")
	if after := h.mirrored(); !slices.Equal(after, before) {
		h.Errorf("after a folder came back the client has\n%q\nhad\n%q\n%s", after, before, h.sh("cat /root/mbsync.log"))
	}

	// Everything, with a backup that is older than what clients have.
	h.sh(`printf 'Subject: after the backup\n\ntext\n' | runuser -u ann -- deliver`)
	before = h.mirrored()
	h.sh(`find /home/ann/Maildir -name dovecot-uidlist -delete; find /home/ann/Maildir -path '*/cur/*' -name '*[02468].*' -delete`)
	watching = h.waits()
	h.types("restore-account")
	watching("BYE")
	after := h.mirrored()
	if got := news(before, after); len(got) != 0 || len(after) < 60 {
		h.Errorf("after all came back the client downloads %q and has %d\n%s", got, len(after), h.sh("cat /root/mbsync.log"))
	}
	h.arrives("ann@mail.example.org", "after all", "/home/ann/Maildir")
	if got := news(after, h.mirrored()); len(got) != 1 {
		h.Errorf("of new mail the client downloads %q", got)
	}
	if err := h.talk("993", "* OK", "a LOGIN ann secret", "a OK", "b SELECT INBOX", "b OK", "c SEARCH KEYWORD Urgent FLAGGED", "* SEARCH 5 6 7 8 9", "d UID FETCH * UID", "* 44 FETCH (UID 10000", "e LOGOUT", "e OK"); err != nil {
		h.Error(err)
	}
}

// busy has somebody mark messages, again and again, until the function is called that it
// returns.
func (h house) busy() (stop func()) {
	done, ended := make(chan struct{}), make(chan error)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				ended <- nil
				return
			default:
			}
			if err := h.talk("993", "* OK", "a LOGIN ann secret", "a OK", "b SELECT INBOX", "b OK", "c STORE 1:* "+[]string{"+", "-"}[n%2]+"FLAGS.SILENT (\\Answered)", "c OK", "d LOGOUT", "d OK"); err != nil {
				<-done
				ended <- err
				return
			}
		}
	}()
	return func() {
		close(done)
		if err := <-ended; err != nil {
			h.Error(err)
		}
	}
}

// waits has a client wait for news in INBOX; the function that it returns wants such news.
func (h house) waits() (hears func(news string)) {
	h.Helper()
	conn, err := h.connect("993")
	if err != nil {
		h.Fatal(err)
	}
	lines := bufio.NewScanner(conn)
	until := func(what string) {
		h.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), what) {
				return
			}
		}
		h.Errorf("a client that waits does not hear %s: %v", what, lines.Err())
	}
	until("* OK")
	for _, c := range [][2]string{{"a LOGIN ann secret", "a OK"}, {"b SELECT INBOX", "b OK"}, {"c IDLE", "+"}} {
		if _, err := fmt.Fprintf(conn, "%s\r\n", c[0]); err != nil {
			h.Fatal(err)
		}
		until(c[1])
	}
	return func(news string) {
		h.Helper()
		until(news)
		conn.Close()
	}
}

// ufw: its firewall knows what Fantail serves.
func ufw(h house) {
	if got := h.sh("ufw app list"); !strings.Contains(got, "Fantail\n") {
		h.Errorf("ufw knows\n%s", got)
	}
	for name, ports := range map[string]string{"Fantail": "143,443,993,995/tcp"} {
		if got := h.sh(`ufw app info "$1"`, name); !strings.Contains(got, ports) {
			h.Errorf("%s:\n%s\nwant %s", name, got, ports)
		}
	}
}
