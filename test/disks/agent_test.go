package disks

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// programs is where the programs under test are.
var programs string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if programs, err = os.MkdirTemp("", "disks"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(programs)
	args := []string{"build", "-o", programs + "/"}
	for _, name := range []string{"authd", "deliver", "deliver-session", "lmtpd"} {
		args = append(args, "fantail/cmd/"+name)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// agent delivers to one mailbox.
type agent struct {
	t       *testing.T
	name    string
	dir     string // of its configuration, on a disk that works
	mailbox string
	lmtp    *exec.Cmd // nil: by deliver
	crashed bool      // so that there may be rubbish in tmp, for 36 hours
}

// agents are what mail comes in by, each with a mailbox on the volume.
func agents(t *testing.T, v *volume, each func(t *testing.T, a *agent)) {
	for _, name := range []string{"deliver", "lmtpd"} {
		t.Run(name, func(t *testing.T) {
			a := newAgent(t, name, filepath.Join(v.dir, name, "Maildir"))
			each(t, a)
		})
	}
}

func newAgent(t *testing.T, name, mailbox string) *agent {
	t.Helper()
	a := &agent{t: t, name: name, dir: scratch(t), mailbox: mailbox}
	config := fmt.Sprintf(`auth.passwd_file = "users"
auth.directory = "auth"
tls.certificate = "certificate.pem"
tls.key = "key.pem"
lmtp.listen = [%q]
lmtp.spool = %q
`, a.socket(), a.dir)
	users := fmt.Sprintf("ann:{PLAIN}x:%d:%d::::userdb_mail=maildir:%s\n", os.Getuid(), os.Getgid(), mailbox)
	err := errors.Join(os.WriteFile(filepath.Join(a.dir, "fantail.toml"), []byte(config), 0o600),
		os.WriteFile(filepath.Join(a.dir, "users"), []byte(users), 0o600), os.MkdirAll(filepath.Dir(mailbox), 0o700))
	if err != nil {
		t.Fatal(err)
	}
	a.start()
	t.Cleanup(a.stop)
	return a
}

func (a *agent) socket() string { return filepath.Join(a.dir, "lmtp") }

// start starts lmtpd, with an authd and sessions of its own.
func (a *agent) start() {
	a.t.Helper()
	if a.name != "lmtpd" {
		return
	}
	log, err := os.OpenFile(filepath.Join(a.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		a.t.Fatal(err)
	}
	defer log.Close()
	a.lmtp = exec.Command(filepath.Join(programs, "lmtpd"), "-c", filepath.Join(a.dir, "fantail.toml"))
	a.lmtp.Stderr = log
	a.lmtp.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := a.lmtp.Start(); err != nil {
		a.t.Fatal(err)
	}
	for n := 0; ; n++ {
		if conn, err := net.Dial("unix", a.socket()); err == nil {
			conn.Close()
			return
		}
		if n == 1000 {
			a.t.Fatal("lmtpd does not listen")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// stop ends lmtpd and all that it has started.
func (a *agent) stop() {
	if a.lmtp == nil {
		return
	}
	if a.t.Failed() {
		if log, err := os.ReadFile(filepath.Join(a.dir, "log")); err == nil {
			a.t.Logf("%s", log[max(0, len(log)-1500):])
		}
	}
	_ = syscall.Kill(-a.lmtp.Process.Pid, syscall.SIGKILL) // it may have ended
	_ = a.lmtp.Wait()                                      // by that
	a.lmtp = nil
	_ = os.Remove(a.socket())
}

// deliver delivers a message and returns whether the sender was told that it is there.
// Everything else has to be temporary; then it returns what was said.
func (a *agent) deliver(message string) (accepted bool, says string) {
	a.t.Helper()
	if a.lmtp == nil {
		cmd := exec.Command(filepath.Join(programs, "deliver"), "-c", filepath.Join(a.dir, "fantail.toml"), "-d", "ann")
		cmd.Stdin = strings.NewReader(message)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		err := cmd.Run()
		status := cmd.ProcessState.ExitCode()
		if err != nil && (status != 75 || !strings.HasPrefix(stderr.String(), "4.")) {
			a.t.Errorf("exit status %d: %s", status, stderr.String())
		}
		return status == 0, stderr.String()
	}
	c, err := dial(a.socket())
	if err != nil {
		a.t.Fatal(err)
	}
	defer c.conn.Close()
	reply, err := c.send(message)
	if err != nil || !strings.HasPrefix(reply, "250 2.") && !strings.HasPrefix(reply, "45") {
		a.t.Errorf("%q, %v", reply, err)
	}
	return strings.HasPrefix(reply, "250"), reply
}

// client is one of LMTP.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(socket string) (*client, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	c := &client{conn, bufio.NewReader(conn)}
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	if _, err = c.hear(); err == nil {
		_, err = c.say("LHLO test\r\n")
	}
	return c, err
}

func (c *client) hear() (line string, err error) {
	for {
		line, err = c.in.ReadString('\n')
		if err != nil || len(line) > 3 && line[3] != '-' {
			return line, err
		}
	}
}

func (c *client) say(text string) (string, error) {
	if _, err := c.conn.Write([]byte(text)); err != nil {
		return "", err
	}
	return c.hear()
}

// send sends a message, of which no line begins with a dot, and returns the last reply.
func (c *client) send(message string) (reply string, err error) {
	for _, command := range []string{"MAIL FROM:<a@example.org>\r\n", "RCPT TO:<ann>\r\n", "DATA\r\n"} {
		if reply, err = c.say(command); err != nil || reply[0] > '3' {
			return reply, err
		}
	}
	return c.say(strings.ReplaceAll(message, "\n", "\r\n") + ".\r\n")
}

// message is one that can be told from others and from a part of it. No line is long.
func message(id string, lines int) string {
	return fmt.Sprintf("Subject: %s\n\n%send of %s\n", id, strings.Repeat(strings.Repeat("x", 63)+"\n", lines), id)
}

// count counts the messages in the mailbox by their ids, and wants each to be whole.
func (a *agent) count() map[string]int {
	a.t.Helper()
	ids := make(map[string]int)
	for _, dir := range []string{"new", "cur"} {
		list, err := os.ReadDir(filepath.Join(a.mailbox, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.t.Fatal(err)
		}
		for _, e := range list {
			b, err := os.ReadFile(filepath.Join(a.mailbox, dir, e.Name()))
			if err != nil {
				a.t.Fatal(err)
			}
			_, rest, found := strings.Cut(string(b), "Subject: ")
			id, body, _ := strings.Cut(rest, "\n")
			if !found || !strings.HasSuffix(body, "\nend of "+id+"\n") || strings.Contains(body, "\x00") {
				a.t.Errorf("%s is torn: %d octets, %.200q", e.Name(), len(b), b)
			}
			ids[id]++
		}
	}
	return ids
}

// empty removes the messages.
func (a *agent) empty() {
	a.t.Helper()
	list, err := filepath.Glob(filepath.Join(a.mailbox, "new", "*"))
	for _, path := range list {
		err = errors.Join(err, os.Remove(path))
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

// clean wants tmp to be empty.
func (a *agent) clean() {
	a.t.Helper()
	left, err := os.ReadDir(filepath.Join(a.mailbox, "tmp"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(left) > 0 {
		a.t.Errorf("in tmp: %v, %v", left, err)
	}
}

// try delivers a message while the disk may fail, and has the promises kept.
func (a *agent) try(id string, lines int) (accepted bool, says string) {
	a.t.Helper()
	before := a.count()[id]
	accepted, says = a.deliver(message(id, lines))
	want := before
	if accepted {
		want++
	}
	if got := a.count()[id]; got != want {
		a.t.Errorf("it was told %t (%q), and the message is there %d times, after %d", accepted, says, got, before)
	}
	if !a.crashed {
		a.clean()
	}
	return accepted, says
}

// succeed delivers one on a disk that works again.
func (a *agent) succeed(id string, lines int) {
	a.t.Helper()
	if ok, says := a.try(id, lines); !ok {
		a.t.Errorf("the disk works again: %q", says)
	}
}
