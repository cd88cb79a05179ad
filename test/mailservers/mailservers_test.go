// Package mailservers tests authd as what Debian's Postfix and Exim ask about clients that
// want to send mail. test/packages fetches them.
package mailservers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	authdUID = 54002
	password = "pass wörd"
)

// files is where test/packages puts the files of a Debian package that is not installed.
func files(t *testing.T, name string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mail servers want root")
	}
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", "debian", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		t.Skip("test/packages has not fetched ", name)
	}
	return path
}

// owner is a user of every Debian that a mail server may be.
func owner(t *testing.T) (uid, gid int) {
	t.Helper()
	u, err := user.Lookup("mail")
	if err != nil {
		t.Skip(err)
	}
	uid, err = strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return uid, gid
}

// house is an authd with a socket for a mail server, whose user is in the group "mail".
type house struct {
	*testing.T
	dir   string
	authd *exec.Cmd
}

func (h *house) path(names ...string) string {
	return filepath.Join(append([]string{h.dir}, names...)...)
}

// own makes a directory that belongs to somebody.
func (h *house) own(mode os.FileMode, uid, gid int, name string) {
	h.Helper()
	path := h.path(name)
	if err := errors.Join(os.MkdirAll(path, 0o755), os.Chown(path, uid, gid), os.Chmod(path, mode)); err != nil {
		h.Fatal(err)
	}
}

func (h *house) write(name, text string, mode os.FileMode) string {
	h.Helper()
	path := h.path(name)
	if err := errors.Join(os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
		h.Fatal(err)
	}
	return path
}

var directory string

// built is authd.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(directory, "authd")
	cmd := exec.Command("go", "build", "-o", path, "fantail/cmd/authd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("build authd: %w: %s", err, out)
	}
	return path, errors.Join(err, os.Chmod(directory, 0o755))
})

func TestMain(m *testing.M) {
	var err error
	if directory, err = os.MkdirTemp("", "fantail-authd"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	runtime.LockOSThread() // the daemons end with the thread that started them
	code := m.Run()
	os.RemoveAll(directory)
	os.Exit(code)
}

func build(t *testing.T) *house {
	t.Helper()
	_, gid := owner(t)
	dir, err := os.MkdirTemp("", "fantail-mail")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &house{T: t, dir: dir}
	h.own(0o755, 0, 0, "")
	h.own(os.ModeSetgid|0o750, authdUID, gid, "run")
	h.own(0o700, authdUID, gid, "auth")
	h.own(0o700, authdUID, gid, "log")
	h.write("passwd", "ann:{PLAIN}"+password+":1000:1000::/nonexistent::\n", 0o644)
	h.configure("loopback")
	h.start()
	return h
}

func (h *house) configure(plaintext string) {
	h.Helper()
	h.write("fantail.toml", fmt.Sprintf("[login]\nplaintext = %q\n[auth]\npasswd_file = %q\ndirectory = %q\n"+
		"mechanisms = [\"PLAIN\", \"LOGIN\", \"SCRAM-SHA-1\", \"SCRAM-SHA-256\", \"SCRAM-SHA-256-PLUS\"]\nsmtp_sockets = [%q]\n",
		plaintext, h.path("passwd"), h.path("auth"), h.socket()), 0o644)
}

// socket is the path of authd's.
func (h *house) socket() string { return h.path("run", "dovecot-auth") }

// start starts authd.
func (h *house) start() {
	h.Helper()
	authd, err := built()
	if err != nil {
		h.Fatal(err)
	}
	_, gid := owner(h.T)
	cmd := exec.Command(authd, "-c", h.path("fantail.toml"), "-S", h.path("run"))
	said := &lines{}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: authdUID, Gid: uint32(gid)}, Pdeathsig: syscall.SIGTERM,
	}
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	h.authd = cmd
	h.Cleanup(func() {
		if cmd.ProcessState == nil { // it still runs
			if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
				h.Error(err)
			}
		}
		if h.Failed() {
			h.Logf("authd:\n%s", said.String())
		}
	})
	h.until("authd listens", func() bool {
		c, err := net.Dial("unix", h.socket())
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// lines is what a program says.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (h *house) log(path string) {
	text, err := os.ReadFile(path)
	h.Logf("%s (%v):\n%s", path, err, text)
}

func (h *house) until(what string, done func() bool) {
	h.Helper()
	for range 3000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.Fatalf("never: %s", what)
}

// server is a mail server.
type server struct {
	address string // host:port
	greets  string // a recipient of whom it knows is refused with these words
	later   string // what it says if it cannot ask
	tls     bool   // it has STARTTLS
}

// postfix starts Postfix.
func (h *house) postfix() server {
	h.Helper()
	debian := files(h.T, "postfix")
	uid, gid := owner(h.T)
	lib := filepath.Join(debian, "usr/lib/postfix")
	h.own(0o755, 0, 0, "queue")
	h.own(0o700, uid, gid, "data")
	for _, name := range []string{"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop", "private", "public", "saved", "trace"} {
		h.own(0o700, uid, gid, filepath.Join("queue", name))
	}
	h.own(0o755, 0, 0, "queue/pid")
	h.own(0o755, 0, 0, "postfix")
	port := h.port()
	h.write("postfix/main.cf", fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
daemon_directory = %[2]s/sbin
command_directory = %[3]s/usr/sbin
shlib_directory = %[2]s
meta_directory = %[1]s/postfix
maillog_file = %[1]s/log/postfix.log
maillog_file_prefixes = %[1]s
import_environment = LD_LIBRARY_PATH=%[2]s MAIL_CONFIG=%[1]s/postfix
mail_owner = mail
setgid_group = games
myhostname = mail.example.org
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = %[4]s
smtpd_relay_restrictions = check_sasl_access static:{REJECT it is known who you are}, reject
`, h.dir, lib, debian, h.socket()), 0o644)
	h.write("postfix/master.cf", fmt.Sprintf("127.0.0.1:%d inet n - n - - smtpd\nrewrite unix - - n - - trivial-rewrite\npostlog unix-dgram n - n - 1 postlogd\n", port), 0o644)
	cmd := exec.Command(filepath.Join(lib, "sbin/master"), "-c", h.path("postfix"), "-d")
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LD_LIBRARY_PATH=" + lib}
	h.run(cmd, h.path("log/postfix.log"))
	s := server{address: fmt.Sprint("127.0.0.1:", port), greets: "it is known who you are", later: "454 4.7.0"}
	h.until("Postfix listens", s.listens)
	return s
}

// exim starts Exim, once for each connection as inetd would.
func (h *house) exim() server {
	h.Helper()
	debian := files(h.T, "exim4-daemon-heavy")
	uid, gid := owner(h.T)
	h.own(0o700, uid, gid, "exim")
	certificate, key := h.certificate()
	config := h.write("exim.conf", fmt.Sprintf(`primary_hostname = mail.example.org
qualify_domain = example.org
spool_directory = %[1]s/exim
log_file_path = %[1]s/exim/%%slog
exim_user = mail
exim_group = mail
keep_environment =
host_lookup =
tls_advertise_hosts = *
tls_certificate = %[3]s
tls_privatekey = %[4]s
auth_advertise_hosts = *
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  deny authenticated = *
       message = you are $authenticated_id
  deny
begin authenticators
plain:
  driver = dovecot
  public_name = PLAIN
  server_socket = %[2]s
  server_set_id = $auth1
login:
  driver = dovecot
  public_name = LOGIN
  server_socket = %[2]s
  server_set_id = $auth1
`, h.dir, h.socket(), certificate, key), 0o644)
	program := []string{filepath.Join(debian, "usr/sbin/exim4"), "-C", config, "-bs"}
	if _, err := user.Lookup("Debian-exim"); err != nil { // whom it looks for before it reads that
		passwd := h.append("/etc/passwd", fmt.Sprintf("Debian-exim:x:%d:%d::/:/usr/sbin/nologin\n", uid, gid))
		group := h.append("/etc/group", fmt.Sprintf("Debian-exim:x:%d:\n", gid))
		script := fmt.Sprintf(`mount --bind %q /etc/passwd && mount --bind %q /etc/group && exec "$@"`, passwd, group)
		program = append([]string{"unshare", "-m", "sh", "-c", script, "exim"}, program...)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.Fatal(err)
	}
	var serving sync.WaitGroup
	h.Cleanup(func() {
		l.Close()
		serving.Wait()
		if h.Failed() {
			h.log(h.path("exim/mainlog"))
		}
	})
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { h.inetd(c.(*net.TCPConn), program) })
		}
	})
	return server{address: l.Addr().String(), greets: "you are ann", later: "435 ", tls: true}
}

// append makes a copy of a file with one more line.
func (h *house) append(path, line string) string {
	h.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		h.Fatal(err)
	}
	return h.write(filepath.Base(path)+".more", string(text)+line, 0o644)
}

// inetd runs a program on a connection.
func (h *house) inetd(c *net.TCPConn, program []string) {
	f, err := c.File()
	c.Close()
	if err != nil {
		h.Error(err)
		return
	}
	defer f.Close()
	cmd := exec.Command(program[0], program[1:]...)
	cmd.Stdin, cmd.Stdout = f, f
	said := &lines{}
	cmd.Stderr = said
	// Its status is that of the conversation.
	if err := cmd.Run(); err != nil && said.String() != "" {
		h.Errorf("%s: %v: %s", program[0], err, said.String())
	}
}

// run starts a program that ends with the test.
func (h *house) run(cmd *exec.Cmd, log string) {
	h.Helper()
	said := &lines{}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() {
		err := errors.Join(syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM), cmd.Wait())
		if h.Failed() {
			h.Logf("%v: %s", err, said.String())
			h.log(log)
		}
	})
}

// port returns a port that is free.
func (h *house) port() int {
	h.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// certificate makes a self-signed one.
func (h *house) certificate() (certificate, key string) {
	h.Helper()
	certificate, key = h.path("exim", "c.pem"), h.path("exim", "k.pem")
	cmd := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
		"-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-out", certificate, "-keyout", key)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.Fatalf("%v: %s", err, out)
	}
	uid, gid := owner(h.T)
	if err := errors.Join(os.Chown(certificate, uid, gid), os.Chown(key, uid, gid)); err != nil {
		h.Fatal(err)
	}
	return certificate, key
}

// listens reports whether a server greets.
func (s server) listens() bool {
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		return false
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return false
	}
	_, err = io.ReadFull(c, make([]byte, 4))
	return err == nil
}

// msmtp has a real client send a message, and returns what it says of how that went.
func (h *house) msmtp(s server, mechanism, name, password string, more ...string) string {
	h.Helper()
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		h.Fatal(err)
	}
	args := append([]string{"--file=/dev/null", "--host=" + host, "--port=" + port, "--auth=" + mechanism, "--user=" + name,
		"--passwordeval=cat " + h.write("secret", password, 0o600), "--from=ann@example.org", "--tls=off", "--timeout=30"}, more...)
	cmd := exec.Command("msmtp", append(args, "bob@example.com")...)
	cmd.Stdin = strings.NewReader("Subject: x\n\nx\n")
	out, err := cmd.CombinedOutput()
	if err == nil {
		h.Errorf("msmtp has sent a message that is refused: %s", out)
	}
	return string(out)
}

// wants checks what a client says.
func (h *house) wants(what, got, want string) {
	h.Helper()
	if !strings.Contains(got, want) {
		h.Errorf("%s: %s, want %s", what, got, want)
	}
}

// try has clients log in.
func (h *house) try(s server, mechanisms ...string) {
	h.Helper()
	for _, m := range mechanisms {
		h.wants(m, h.msmtp(s, m, "ann", password), s.greets)
		h.wants(m+" with a wrong password", h.msmtp(s, m, "ann", "wrong"), "535")
		h.wants(m+" with an unknown name", h.msmtp(s, m, "nobody", password), "535")
	}
	for _, m := range []string{"PLAIN", "LOGIN"} {
		out, err := exec.Command("curl", "-sv", "--max-time", "30", "--login-options", "AUTH="+m, "--user", "ann:"+password,
			"--mail-from", "ann@example.org", "--mail-rcpt", "bob@example.com", "-T", h.write("mail", "x\r\n", 0o644), "smtp://"+s.address).CombinedOutput()
		if err == nil {
			h.Errorf("curl has sent a message that is refused: %s", out)
		}
		h.wants("curl with "+m, string(out), s.greets)
	}
}

// outage has authd die and come back while a server runs.
func (h *house) outage(s server) {
	h.Helper()
	say := h.dial(s.address)
	h.wants("greeting", say("EHLO client.example.org"), "AUTH ")
	if err := h.authd.Process.Kill(); err != nil {
		h.Fatal(err)
	}
	_ = h.authd.Wait() // it was killed
	h.wants("without authd", say("AUTH PLAIN AGFubgBwYXNzIHfDtnJk"), s.later)
	h.start()
	h.wants("with authd again", h.msmtp(s, "plain", "ann", password), s.greets)
}

// dial connects, and returns a function that says a line and returns the answer.
func (h *house) dial(address string) func(string) string {
	h.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		h.Fatal(err)
	}
	answer := func() string {
		var all []byte
		for !ended(all) {
			b := make([]byte, 512)
			n, err := c.Read(b)
			if all = append(all, b[:n]...); err != nil {
				h.Fatalf("after %q: %v", all, err)
			}
		}
		return string(all)
	}
	answer()
	return func(line string) string {
		h.Helper()
		if _, err := fmt.Fprintf(c, "%s\r\n", line); err != nil {
			h.Fatal(err)
		}
		return answer()
	}
}

// ended reports whether an answer has its last line.
func ended(b []byte) bool {
	text, ok := bytes.CutSuffix(b, []byte("\r\n"))
	last := text[bytes.LastIndexByte(text, '\n')+1:]
	return ok && len(last) > 3 && last[3] == ' '
}

// malformed has a server pass on what clients say wrong.
func (h *house) malformed(s server) {
	h.Helper()
	say := h.dial(s.address)
	say("EHLO client.example.org")
	for _, c := range []struct {
		say  []string
		want string
	}{
		{[]string{"AUTH PLAIN ="}, "5"},
		{[]string{"AUTH PLAIN AGFubgBw!"}, "5"},
		{[]string{"AUTH PLAIN AGFubgBw\tsecured"}, "5"},
		{[]string{"AUTH PLAIN", "QUFB"}, "5"},
		{[]string{"AUTH PLAIN", "*"}, "501"},
		{[]string{"AUTH LOGIN", "*"}, "501"},
		{[]string{"AUTH LOGIN", "YW5u", "*"}, "501"},
		{[]string{"AUTH LOGIN", "YW5u", "====="}, "5"},
		{[]string{"AUTH SCRAM-SHA-256-PLUS cD10bHMtZXhwb3J0ZXIsLG49YW5uLHI9YWJjZA=="}, "5"},
		{[]string{"AUTH PLAIN AGFubgBwYXNzIHfDtnJk"}, "235"},
	} {
		var got string
		for _, line := range c.say {
			got = say(line)
		}
		if !strings.HasPrefix(got, c.want) {
			h.Errorf("%q: %q, want %s", c.say, got, c.want)
		}
	}
}

func TestPostfix(t *testing.T) {
	files(t, "postfix")
	h := build(t)
	s := h.postfix()
	if got := h.dial(s.address)("EHLO client.example.org"); !strings.Contains(got, "AUTH SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN\r\n") && !strings.Contains(got, "AUTH PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256\r\n") {
		t.Errorf("Postfix offers %q", got)
	}
	h.try(s, "plain", "login", "scram-sha-1", "scram-sha-256")
	h.malformed(s)
	h.outage(s)
}

func TestExim(t *testing.T) {
	files(t, "exim4-daemon-heavy")
	h := build(t)
	s := h.exim()
	h.try(s, "plain", "login")
	h.malformed(s)
	h.outage(s)
	// That the connection is encrypted is passed on. Exim says so of one from the same
	// address, too.
	const elsewhere = "--source-ip=127.0.0.2"
	h.wants("from elsewhere", h.msmtp(s, "plain", "ann", password, elsewhere), s.greets)
	h.configure("tls")
	if err := h.authd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	h.until("a password in the clear is refused", func() bool {
		return strings.Contains(h.msmtp(s, "plain", "ann", password, elsewhere), "535")
	})
	h.wants("with TLS", h.msmtp(s, "plain", "ann", password, elsewhere, "--tls=on", "--tls-certcheck=off"), s.greets)
}
