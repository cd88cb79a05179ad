package clients

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/test/site"
)

// TestMoveFromDovecot: a Dovecot is replaced, by what import-dovecot makes of its
// configuration, and comes back. Clients that have all mail, by IMAP and by POP3, notice
// nothing: not one message is downloaded again, and what was changed meanwhile is what
// changes for them.
func TestMoveFromDovecot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root runs a whole Dovecot")
	}
	needs(t, "doveconf")
	needs(t, "mpop")
	needs(t, "mbsync")
	needs(t, "openssl")
	t.Parallel()
	var ports [4]int
	for i := range ports {
		ports[i] = freePort(t)
	}
	in := prepare(t, site.Ports{IMAP: ports[0], IMAPS: ports[1], POP3: ports[2], POP3S: ports[3]})
	for i, address := range []*string{&in.imap, &in.imaps, &in.pop3, &in.pop3s} {
		*address = fmt.Sprintf("127.0.0.1:%d", ports[i])
	}
	if err := os.MkdirAll(filepath.Dir(in.certificate()), 0o755); err != nil {
		t.Fatal(err)
	}
	made, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
		"-addext", "subjectAltName=DNS:127.0.0.1,IP:127.0.0.1", "-out", in.certificate(), "-keyout", in.key()).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl: %v\n%s", err, made)
	}
	in.chown(t, in.certificate())
	in.chown(t, in.key())
	m := in.newMirror(t, "mirror")
	inbox := len(read(t, in.Home()))

	// At Dovecot's.
	config, stop := in.startDovecot(t, ports)
	k := in.talk(t)
	k.do("SELECT INBOX")
	k.do(`STORE 1:9 +FLAGS (\Flagged Urgent)`)
	k.do("CREATE Projects.2026")
	k.do("SUBSCRIBE Projects.2026")
	k.do("COPY 1:20 Projects.2026")
	k.logout()
	if n := in.fetched(t); n != inbox {
		t.Fatalf("mpop has fetched %d of %d messages", n, inbox)
	}
	m.mustSync(t)
	stop()

	// Here, by what was made of its configuration.
	in.importFrom(t, config, ports)
	stop = in.start(t)
	in.unchanged(t, m, "after the move")
	k = in.talk(t)
	if lines := strings.Join(k.do("LIST (SUBSCRIBED) \"\" Projects.*"), "\n"); !strings.Contains(lines, "Projects.2026") {
		t.Errorf("the subscription is lost: %s", lines)
	}
	k.do("SELECT INBOX")
	if lines := k.do("SEARCH KEYWORD Urgent FLAGGED"); !strings.Contains(strings.Join(lines, "\n"), "SEARCH 1 2 3 4 5 6 7 8 9") {
		t.Errorf("keywords: %q", lines)
	}
	k.do(`STORE 10:12 +FLAGS (\Flagged Later)`)
	k.do("CREATE Made-Here")
	k.do("COPY 3 Made-Here")
	k.logout()
	if err := in.Deliver(t.Context(), []byte("Message-ID: <moved@example.org>\nSubject: in between\n\nhello\n")); err != nil {
		t.Fatal(err)
	}
	if n := in.fetched(t); n != 1 {
		t.Errorf("mpop fetches %d messages, not the new one", n)
	}
	m.mustSync(t) // after mpop, since what it has fetched is read
	stop()

	// And back.
	_, stop = in.startDovecot(t, ports)
	in.unchanged(t, m, "after the way back")
	k = in.talk(t)
	k.do("SELECT INBOX")
	if lines := k.do("SEARCH KEYWORD Later FLAGGED"); !strings.Contains(strings.Join(lines, "\n"), "SEARCH 10 11 12") {
		t.Errorf("dovecot: keywords: %q", lines)
	}
	k.logout()
	stop()
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (in *installation) key() string { return filepath.Join(in.Dir, "tls", "key.pem") }

// unchanged wants clients to have nothing to do.
func (in *installation) unchanged(t *testing.T, m *mirror, when string) {
	t.Helper()
	here := allFiles(t, m.dir())
	out := m.mustSync(t)
	sameFiles(t, when+", of mbsync", here, allFiles(t, m.dir()))
	if strings.Contains(out, "UIDVALIDITY") {
		t.Errorf("%s mbsync says\n%s", when, out)
	}
	if n := in.fetched(t); n != 0 {
		t.Errorf("%s mpop fetches %d messages", when, n)
	}
	m.compare(t)
}

// fetched is how many messages a POP3 client fetches that leaves all on the server.
func (in *installation) fetched(t *testing.T) int {
	t.Helper()
	dir := filepath.Join(in.home, "fetched")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	in.mkdir(t, dir)
	mpop(in, t, dir)
	return len(read(t, dir))
}

// startDovecot runs all of Dovecot on the account, and returns its configuration.
func (in *installation) startDovecot(t *testing.T, ports [4]int) (config string, stop func()) {
	t.Helper()
	dir := filepath.Join(in.Dir, "dovecot")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	config = filepath.Join(dir, "dovecot.conf")
	text := fmt.Sprintf(`protocols = imap pop3
listen = 127.0.0.1
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
ssl_cert = <%[2]s
ssl_key = <%[3]s
first_valid_uid = 1
mail_location = maildir:~
passdb {
  driver = passwd-file
  args = %[4]s
}
userdb {
  driver = passwd-file
  args = %[4]s
}
service imap-login {
  inet_listener imap {
    port = %[5]d
  }
  inet_listener imaps {
    port = %[6]d
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = %[7]d
  }
  inet_listener pop3s {
    port = %[8]d
    ssl = yes
  }
}
`, dir, in.certificate(), in.key(), in.Users(), ports[0], ports[1], ports[2], ports[3])
	if err := errors.Join(os.WriteFile(config, []byte(text), 0o644), os.Chmod(in.Users(), 0o644), os.Chmod(in.Dir, 0o711)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/sbin/dovecot", "-F", "-c", config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	running := true
	stop = func() {
		if !running {
			return
		}
		running = false
		if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
			t.Errorf("dovecot: %v", err)
		}
	}
	t.Cleanup(stop)
	for _, address := range []string{in.imap, in.imaps, in.pop3, in.pop3s} {
		awaitPort(t, address, filepath.Join(dir, "log"))
	}
	return config, stop
}

// awaitPort waits until somebody listens, who writes a log.
func awaitPort(t *testing.T, address, log string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log) // there may be none
			t.Fatalf("nobody listens: %v\n%s", err, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// importFrom makes the configuration of that of Dovecot's, and adds what an installation
// of a user's own needs: its ports, and where its files are.
func (in *installation) importFrom(t *testing.T, config string, ports [4]int) {
	t.Helper()
	printed, err := exec.Command("doveconf", "-nP", "-c", config).Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(in.Dir, "doveconf")
	if err := os.WriteFile(file, printed, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(in.Bin, "fantail"), "import-dovecot", file)
	var says strings.Builder
	cmd.Stderr = &says
	text, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // 1: other ports than the usual ones
		t.Fatalf("import-dovecot: %v\n%s", err, &says)
	}
	for _, own := range []string{
		fmt.Sprintf("[imap]\nlisten = [\"127.0.0.1:%d\"]\nlisten_tls = [\"127.0.0.1:%d\"]\n", ports[0], ports[1]),
		fmt.Sprintf("[pop3]\nlisten = [\"127.0.0.1:%d\"]\nlisten_tls = [\"127.0.0.1:%d\"]\n", ports[2], ports[3]),
		"[auth]\ndirectory = \"auth\"\n",
		"[login]\ndrain = \"1s\"\n",
		fmt.Sprintf("[programs]\ndirectory = %q\n", in.Bin),
	} {
		table, _, _ := strings.Cut(own, "\n")
		if strings.Contains(string(text), table+"\n") {
			text = []byte(strings.Replace(string(text), table+"\n", own, 1))
		} else {
			text = append(text, "\n"+own...)
		}
	}
	if err := os.WriteFile(in.Config(), text, 0o600); err != nil {
		t.Fatal(err)
	}
	in.chown(t, in.Config())
	if !strings.Contains(says.String(), "fantail-imaps.socket") {
		t.Errorf("nothing is said of the ports:\n%s", &says)
	}
}
