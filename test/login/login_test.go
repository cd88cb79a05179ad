// Package login tests the login as a whole, as root: a front, authd and sessiond, each as
// the user that it is to be, and sessions as their accounts'.
package login

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
	"fantail/internal/login/sasl"
	"fantail/test/site"
	"github.com/xdg-go/scram"
)

// The users. Ann and bob are virtual: they share a uid.
const (
	frontUID   = 54001
	authdUID   = 54002
	virtualUID = 54003
	carolUID   = 54004
	keydUID    = 54005
	gid        = 54000
)

func TestMain(m *testing.M) {
	runtime.LockOSThread() // the daemons end with the thread that started them
	os.Exit(m.Run())
}

// silent is what one says who only listens.
const silent = "\x00"

// house is an installation whose daemons run.
type house struct {
	*testing.T
	dir string
	// host:port
	imap, imaps, pop3 string
}

func (h *house) path(names ...string) string {
	return filepath.Join(append([]string{h.dir}, names...)...)
}

// own makes a directory that belongs to a user.
func (h *house) own(mode os.FileMode, uid int, names ...string) {
	h.Helper()
	path := h.path(names...)
	if err := errors.Join(os.MkdirAll(path, 0o755), os.Chown(path, uid, gid), os.Chmod(path, mode)); err != nil {
		h.Fatal(err)
	}
}

// build makes one and starts it. Each of changes gets the text of the configuration and
// returns another one.
func build(t *testing.T, changes ...func(h *house, config string) string) *house {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("becoming other users needs root")
	}
	dir, err := os.MkdirTemp("", "fantail-login")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &house{T: t, dir: dir}
	h.own(0o755, 0)
	h.own(0o755, 0, "bin")
	h.make("fantail/cmd/imapd", "fantail/cmd/pop3d", "fantail/cmd/authd", "fantail/cmd/sessiond", "fantail/cmd/imap-session", "fantail/test/login/stranger")
	if err := os.Rename(h.path("bin", "stranger"), h.path("bin", "pop3-session")); err != nil {
		t.Fatal(err)
	}
	h.own(os.ModeSetgid|0o770, authdUID, "run")
	h.own(0o700, frontUID, "front")
	h.own(0o700, authdUID, "auth")
	h.own(0o755, 0, "mail")
	var passwd strings.Builder
	for name, uid := range map[string]int{"ann": virtualUID, "bob": virtualUID, "carol": carolUID, "daemon": 1, "root": 0} {
		h.own(0o700, uid, "mail", name)
		for _, sub := range []string{"Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"} {
			h.own(0o700, uid, "mail", name, sub)
		}
		secret := h.path("mail", name, "Maildir", "cur", "1000000001.secret.host:2,")
		if err := errors.Join(os.WriteFile(secret, []byte("Subject: of "+name+"\n\nsecret\n"), 0o600), os.Chown(secret, uid, gid)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&passwd, "%s:{PLAIN}secret:%d:%d::%s::\n", name, uid, max(1, min(uid, gid)), h.path("mail", name))
	}
	config := fmt.Sprintf("[imap]\nlisten = [\"127.0.0.1:0\"]\nlisten_tls = [\"127.0.0.1:0\"]\n[pop3]\nlisten = [\"127.0.0.1:0\"]\n[tls]\ncertificate = %q\nkey = %q\n[auth]\npasswd_file = %q\ndirectory = %q\nmechanisms = [\"PLAIN\", \"SCRAM-SHA-256\", \"SCRAM-SHA-256-PLUS\"]\n",
		h.path("front", "c.pem"), h.path("front", "k.pem"), h.path("passwd"), h.path("auth"))
	for _, change := range changes {
		config = change(h, config)
	}
	err = errors.Join(
		os.WriteFile(h.path("fantail.toml"), []byte(config), 0o644),
		os.WriteFile(h.path("passwd"), []byte(passwd.String()), 0o400),
		os.Chown(h.path("passwd"), authdUID, gid),
	)
	if err != nil {
		t.Fatal(err)
	}
	h.start("authd", authdUID, "login")
	h.start("sessiond", 0, "session")
	if strings.Contains(config, "key_process = true") {
		h.start("keyd", keydUID, "key")
	}
	listening := h.front("imapd", 2)
	h.imap, h.imaps = listening["imap"], listening["imaps"]
	h.pop3 = h.front("pop3d", 1)["pop3"]
	return h
}

// make builds programs as they are installed.
func (h *house) make(programs ...string) {
	h.Helper()
	cmd := exec.Command("go", append([]string{"build", "-o", h.path("bin") + "/"}, programs...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		h.Fatalf("build the programs: %v\n%s", err, out)
	}
}

// start starts a daemon as a user and waits for its socket.
func (h *house) start(name string, uid uint32, socket string) *site.Group {
	h.Helper()
	g := &site.Group{Dir: h.path("log-" + name), Owner: &syscall.Credential{Uid: uid, Gid: gid}}
	h.own(0o700, int(uid), "log-"+name)
	if uid == 0 {
		g.Owner = nil
	}
	if err := g.Start(name, h.path("bin", name), "-c", h.path("fantail.toml"), "-S", h.path("run")); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() {
		if h.Failed() {
			text, _ := os.ReadFile(g.Log(name))
			h.Logf("%s:\n%s", name, text)
		}
		g.Stop(5 * time.Second)
	})
	if socket == "" {
		return g
	}
	for range 1000 {
		c, err := net.Dial("unixpacket", h.path("run", socket))
		if err == nil {
			c.Close()
			return g
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.Fatalf("%s does not listen", name)
	return nil
}

// front starts a front and returns where it listens for each of its services.
func (h *house) front(name string, services int) map[string]string {
	h.Helper()
	g := h.start(name, frontUID, "")
	for range 1000 {
		text, err := os.ReadFile(g.Log(name))
		if err != nil {
			h.Fatal(err)
		}
		at := make(map[string]string)
		for _, m := range regexp.MustCompile(`msg=listening proto=(\S+) address=(\S+)`).FindAllSubmatch(text, -1) {
			at[string(m[1])] = string(m[2])
		}
		if len(at) == services {
			return at
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.Fatalf("%s does not listen", name)
	return nil
}

// dial connects, and returns a function that says a line and returns the answer that
// begins so.
func (h *house) dial(address string) func(line, prefix string) string {
	h.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		h.Fatal(err)
	}
	return h.talk(conn)
}

func (h *house) talk(conn net.Conn) func(line, prefix string) string {
	h.Helper()
	h.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		h.Fatal(err)
	}
	lines := bufio.NewScanner(conn)
	return func(line, prefix string) string {
		h.Helper()
		if line != silent {
			fmt.Fprintf(conn, "%s\r\n", line)
		}
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), prefix) {
				return lines.Text()
			}
		}
		h.Fatalf("after %q the connection ended without %q: %v", line, prefix, lines.Err())
		return ""
	}
}

// sessionOf returns what the kernel says of an account's session program.
func (h *house) sessionOf(account string) string {
	h.Helper()
	return h.status("imap-session", "-u\x00"+account)
}

// status returns what the kernel says of a program that runs with this argument.
func (h *house) status(name, arg string) string {
	h.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		h.Fatal(err)
	}
	for _, dir := range dirs {
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // it may have ended
		if strings.HasPrefix(string(args), h.path("bin", name)+"\x00") && strings.Contains(string(args), "\x00"+arg+"\x00") {
			status, err := os.ReadFile(filepath.Join(dir, "status"))
			if err != nil {
				h.Fatal(err)
			}
			return string(status)
		}
	}
	h.Fatalf("no %s with %q runs", name, arg)
	return ""
}

// TestUsers: a login ends in a process with exactly the account's uid, gid and groups,
// and without any privilege.
func TestUsers(t *testing.T) {
	h := build(t)
	for account, uid := range map[string]int{"ann": virtualUID, "carol": carolUID} {
		say := h.dial(h.imap)
		say("a LOGIN "+account+" secret", "a OK")
		say("b SELECT INBOX", "* 1 EXISTS")
		if got := say("c FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "Subject"); got != "Subject: of "+account {
			t.Errorf("%s reads %q", account, got)
		}
		status := h.sessionOf(account)
		for _, want := range []string{
			fmt.Sprintf("Uid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", uid),
			fmt.Sprintf("Gid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", min(uid, gid)),
			"Groups:\t \n",
			"CapEff:\t0000000000000000\n",
			"CapPrm:\t0000000000000000\n",
			"NoNewPrivs:\t1\n",
			"THP_enabled:\t0\n",
			"Seccomp:\t2\n",
		} {
			if !strings.Contains(status, want) {
				t.Errorf("the session of %s has not %q:\n%s", account, want, status)
			}
		}
	}
	for _, account := range []string{"root", "daemon"} { // as a source that is mistaken has them
		h.dial(h.imap)("a LOGIN "+account+" secret", "a NO [UNAVAILABLE]")
	}
	h.dial(h.imap)("a LOGIN ann wrong", "a NO [AUTHENTICATIONFAILED]")
}

// TestTakenOver: a session that a stranger has taken over has its own mail, and nothing
// else, not even of accounts that have the same uid.
func TestTakenOver(t *testing.T) {
	h := build(t)
	say := h.dial(h.pop3)
	say("USER ann", "+OK")
	say("PASS secret", "own mail: <nil>")
	for _, want := range []string{
		"list mail of bob: .*permission denied", "read mail of bob: .*permission denied",
		"write mail of bob: .*permission denied", "rename mail of bob: .*(permission denied|cross-device)",
		"list mail of carol: .*permission denied", "read mail of carol: .*permission denied",
		"write mail of carol: .*permission denied", "rename mail of carol: .*(permission denied|cross-device)",
		"read a file of the system: .*permission denied",
		"open a socket: operation not permitted", "open a unix socket: operation not permitted",
		"run a program: .*(operation not permitted|permission denied)",
		"become root: operation not permitted", "signal init: (operation not permitted|no such process)",
	} {
		what, _, _ := strings.Cut(want, ":")
		if got := say(silent, what); !regexp.MustCompile("^" + want + "$").MatchString(got) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestRestarts: what clients see when each daemon ends and comes back.
func TestRestarts(t *testing.T) {
	h := build(t)
	client := h.dial(h.imap)
	client("a LOGIN ann secret", "a OK")
	// A front of a test's own, in place of one that has been taken over.
	login := broker.Login{Service: wire.IMAP, Remote: netip.MustParseAddr("192.0.2.9"), Conn: sasl.Conn{TLS: true}}
	r := broker.NewRemote(h.path("run"))
	defer r.Shutdown(context.Background())
	g, err := broker.Password(t.Context(), r, login, "ann", "secret")
	if err != nil {
		t.Fatal(err)
	}
	someone := handover.Introduction{Hello: handover.Hello{SID: "s", Remote: "192.0.2.9", TLS: true}}
	other := broker.NewRemote(h.path("run"))
	defer other.Shutdown(context.Background())
	g2 := *g
	g2.Account = "carol"
	if c, err := other.Start(t.Context(), &g2, someone); err == nil {
		c.Close()
		t.Error("a ticket of ann opened the mail of carol")
	}
	if c, err := r.Start(t.Context(), g, someone); err == nil { // the try has used it up
		c.Close()
		t.Error("a ticket was good after a lie")
	}
	for _, name := range []string{"authd", "sessiond"} {
		if out, err := exec.Command("pkill", "-KILL", "-f", "^"+h.path("bin", name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		client("b NOOP", "b OK") // sessions go on
		h.dial(h.imap)("a LOGIN ann secret", "a NO [UNAVAILABLE]")
		if name == "authd" {
			h.start(name, authdUID, "login")
		} else {
			h.start(name, 0, "session")
		}
		h.dial(h.imap)("a LOGIN ann secret", "a OK")
		client("c NOOP", "c OK")
	}
}

// scram logs ann in by SCRAM-SHA-256-PLUS, and returns the answer.
func (h *house) scram(conn *tls.Conn, binding scram.ChannelBinding) string {
	h.Helper()
	client, err := scram.SHA256.NewClient("ann", "secret", "")
	if err != nil {
		h.Fatal(err)
	}
	talk := client.NewConversationWithChannelBinding(binding)
	say := h.talk(conn)
	if caps := say(silent, "* OK"); !strings.Contains(caps, "AUTH=SCRAM-SHA-256-PLUS") {
		h.Fatal(caps)
	}
	line := "a AUTHENTICATE SCRAM-SHA-256-PLUS"
	for said := ""; ; {
		answer := say(line, "")
		if !strings.HasPrefix(answer, "+ ") {
			return answer
		}
		challenge, err := base64.StdEncoding.DecodeString(answer[2:])
		if err != nil {
			h.Fatal(err)
		}
		if !talk.Done() {
			if said, err = talk.Step(string(challenge)); err != nil {
				return err.Error()
			}
		} else {
			said = ""
		}
		line = base64.StdEncoding.EncodeToString([]byte(said))
	}
}

// TestChannelBinding: a client that binds its proof to the TLS connection gets in, and
// one whose connection ends at somebody between does not (RFC 5802 section 6, RFC 9266).
func TestChannelBinding(t *testing.T) {
	h := build(t)
	logIn := func(spoil bool) string {
		conn, err := tls.Dial("tcp", h.imaps, &tls.Config{InsecureSkipVerify: true}) // it is self-signed
		if err != nil {
			t.Fatal(err)
		}
		state := conn.ConnectionState()
		binding, err := scram.NewTLSExporterBinding(&state)
		if err != nil {
			t.Fatal(err)
		}
		if spoil {
			binding.Data[0]++
		}
		return h.scram(conn, binding)
	}
	if got := logIn(false); !strings.HasPrefix(got, "a OK") {
		t.Error(got)
	}
	if got := logIn(true); strings.HasPrefix(got, "a OK") {
		t.Errorf("a proof that was bound to another connection: %s", got)
	}
}
