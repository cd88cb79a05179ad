package packaging

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/test/container"
)

// debian is a release with what Fantail meets there.
func debian(suite string) container.Recipe {
	return container.Recipe{Name: "packaging-" + suite, Suite: suite, Packages: slices.Concat(container.Systemd,
		[]string{"dovecot-imapd", "dovecot-pop3d", "init-system-helpers", "libpam-runtime", "postfix", "rpm"})}
}

// The user of the machine, and her password.
const (
	user     = "ann"
	password = "secret"
)

// The ports of a package that has just been installed.
var sockets = []string{"fantail-https.socket", "fantail-imap.socket", "fantail-imaps.socket", "fantail-pop3.socket", "fantail-pop3s.socket"}

// house is a machine on which packages are installed.
type house struct {
	*testing.T
	*container.Container
}

func (h house) with(t *testing.T) house { return house{t, h.Container} }

// newHouse is a machine of a release, with a user who has mail, where neither Dovecot nor
// Postfix runs yet.
func newHouse(t *testing.T, suite string) house {
	t.Helper()
	return furnish(t, debian(suite))
}

// furnish is the same with other packages of Debian.
func furnish(t *testing.T, recipe container.Recipe) house {
	t.Helper()
	h := house{t, container.Start(t, recipe)}
	h.sh(`systemctl disable --quiet --now dovecot.service postfix.service 2>/dev/null || true
		systemctl stop dovecot.socket 2>/dev/null || true
		systemctl reset-failed
		adduser --quiet --disabled-password --gecos "" ann
		echo ann:secret | chpasswd
		install -d -o ann -g ann -m 700 /home/ann/Maildir /home/ann/Maildir/cur /home/ann/Maildir/new /home/ann/Maildir/tmp
		printf 'Subject: of ann\n\nsecret\n' >/home/ann/Maildir/cur/1000000001.secret.host:2,
		chown ann:ann /home/ann/Maildir/cur/*
		adduser --quiet --disabled-password --gecos "" gone
		echo gone:secret | chpasswd
		chage -E 0 gone`)
	t.Cleanup(func() {
		if t.Failed() {
			log, err := h.Shell("systemctl --failed --no-legend; journalctl --no-pager --lines=150 --output=short-precise")
			t.Logf("%s%v", log, err)
		}
	})
	return h
}

// sh runs a script and returns what it writes.
func (h house) sh(script string, args ...string) string {
	h.Helper()
	out, err := h.Shell(script, args...)
	if err != nil {
		h.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// bring puts a package there and returns its path.
func (h house) bring(path string) string {
	h.Helper()
	dir := h.TempDir()
	if err := os.Link(path, filepath.Join(dir, filepath.Base(path))); err != nil {
		h.Fatal(err)
	}
	if err := h.Copy(dir, "/root"); err != nil {
		h.Fatal(err)
	}
	return "/root/" + filepath.Base(path)
}

// install has apt install a package of Debian, with nobody to ask.
func (h house) install(version string) string {
	h.Helper()
	return h.sh(`DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --allow-downgrades --no-install-recommends -o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$1" 2>&1 </dev/null; rm "$1"`, h.bring(pack(h.T, "deb", version)))
}

// states are what systemd says of units: "enabled", "masked", "active", ...
func (h house) states(verb string, units ...string) string {
	h.Helper()
	return strings.Join(strings.Fields(h.sh(`systemctl "$@" 2>/dev/null || true`, append([]string{verb}, units...)...)), " ")
}

// all is a state, of so many units.
func all(state string, n int) string { return strings.TrimSpace(strings.Repeat(state+" ", n)) }

// connect connects to a port, by TLS where that is its way.
func (h house) connect(port string) (net.Conn, error) {
	conn, err := h.Dial("127.0.0.1:" + port)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second)) // of a connection that is open
	if port == "143" || port == "110" {
		return conn, nil
	}
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // it is self-signed
	if err := secure.Handshake(); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// talk connects to a port and says lines, each after an answer with what stands before it.
func (h house) talk(port string, dialogue ...string) error {
	conn, err := h.connect(port)
	if err != nil {
		return fmt.Errorf("port %s: %w", port, err)
	}
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for i := 0; i < len(dialogue); i += 2 {
		var said []string
		for found := false; !found; {
			if !lines.Scan() {
				return fmt.Errorf("port %s ended without %q: %q, %v", port, dialogue[i], said, lines.Err())
			}
			said = append(said, lines.Text())
			found = strings.HasPrefix(lines.Text(), dialogue[i])
		}
		if i+1 < len(dialogue) {
			if _, err := fmt.Fprintf(conn, "%s\r\n", dialogue[i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// reads wants the user to read her mail by every way.
func (h house) reads() {
	h.Helper()
	if err := h.talk("993", "* OK", "a LOGIN ann secret", "a OK", "b SELECT INBOX", "b OK", "c FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "Subject: of ann", "d LOGOUT", "d OK"); err != nil {
		h.Error(err)
	}
	if err := h.talk("995", "+OK", "USER ann", "+OK", "PASS secret", "+OK", "RETR 1", "Subject: of ann", "QUIT", "+OK"); err != nil {
		h.Error(err)
	}
	if err := h.talk("993", "* OK", "a LOGIN ann wrong", "a NO [AUTHENTICATIONFAILED]"); err != nil {
		h.Error(err)
	}
	if err := h.talk("993", "* OK", "a LOGIN gone secret", "a NO ["); err != nil { // an account that has expired: PAM's answers differ in what they say of it
		h.Error(err)
	}
	h.browses()
}

// browses wants her to read it in a browser.
func (h house) browses() {
	h.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.Fatal(err)
	}
	browser := http.Client{Jar: jar, Transport: &http.Transport{
		DialContext:     func(_ context.Context, _, address string) (net.Conn, error) { return h.Dial(address) },
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // it is self-signed
	}}
	defer browser.CloseIdleConnections()
	page := func(resp *http.Response, err error) string {
		h.Helper()
		if err != nil {
			h.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			h.Fatalf("%s: %s, %v\n%s", resp.Request.URL, resp.Status, err, text)
		}
		return string(text)
	}
	const at = "https://127.0.0.1:443"
	form := page(browser.Get(at + "/login"))
	action := regexp.MustCompile(`<form[^>]* action="([^"]*)"`).FindStringSubmatch(form)
	token := regexp.MustCompile(`name="token" value="([^"]*)"`).FindStringSubmatch(form)
	if action == nil || token == nil {
		h.Fatalf("no form to log in:\n%s", form)
	}
	inbox := page(browser.PostForm(at+action[1], url.Values{"name": {user}, "password": {password}, "token": token[1:], "next": {"/"}}))
	if !strings.Contains(inbox, "of ann") {
		h.Errorf("after the login:\n%s", inbox)
	}
}

// healthy wants nothing to have failed.
func (h house) healthy() {
	h.Helper()
	if failed := h.sh("systemctl list-units --failed --no-legend --plain 'fantail*'"); failed != "" {
		h.Errorf("units have failed:\n%s", failed)
	}
}

// expected are warnings that are right.
var expected = []string{
	"self-signed certificate made",
	// Of sessions that outlive sessiond, see fantail(7).
	"Found left-over process",
	"This usually indicates unclean termination of a previous run, or service implementation deficiencies.",
	// Of "systemctl mask --now", which reads the units anew before it stops the socket.
	"fantail-policy.socket: Socket unit configuration has changed while unit has been running",
}

// calm wants what systemd and Fantail have written to the journal since it was last asked
// to be nothing that an administrator would ask about: no error and no warning, but for
// what is expected.
func (h house) calm(during string) {
	h.Helper()
	log := h.sh(`journalctl --sync 2>/dev/null || true
		journalctl --no-pager --quiet --output=json --cursor-file=/run/calm --output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,UNIT`)
	for line := range strings.Lines(log) {
		var entry struct {
			Message    any    `json:"MESSAGE"`
			Priority   string `json:"PRIORITY"`
			Identifier string `json:"SYSLOG_IDENTIFIER"`
			Of         string `json:"_SYSTEMD_UNIT"`
			About      string `json:"UNIT"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			h.Fatalf("%v: %s", err, line)
		}
		message := fmt.Sprint(entry.Message)
		bad := len(entry.Priority) == 1 && entry.Priority < "5" || strings.Contains(message, "level=WARN") || strings.Contains(message, "level=ERROR")
		ours := strings.Contains(strings.ToLower(entry.Of+entry.About+message+entry.Identifier), "fantail")
		if bad && ours && !slices.ContainsFunc(expected, func(known string) bool { return strings.Contains(message, known) }) {
			h.Errorf("in the journal, during %s: <%s> %s %s%s: %s", during, entry.Priority, entry.Identifier, entry.Of, entry.About, message)
		}
	}
}

// page is the source of a manual page.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../man/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
