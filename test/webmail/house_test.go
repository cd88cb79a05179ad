package webmail

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fantail/test/visitor"
)

// The users, when root tests.
const (
	frontUID = 54101
	authdUID = 54102
	annUID   = 54103
	bobUID   = 54104
	gid      = 54100
)

// password is everybody's.
const password = "secret"

// patience is how long what happens at once may take on a machine that has much to do.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	runtime.LockOSThread() // the daemons end with the thread that started them
	code := m.Run()
	if dir, err := programs(); err == nil {
		_ = os.RemoveAll(dir) // of temporary files
	}
	os.Exit(code)
}

// programs are built once.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "fantail-webmail-bin")
	if err != nil {
		return "", err
	}
	args := []string{"build", "-o", dir + "/"}
	for _, p := range []string{"webmaild", "webmail-session", "webmail-submit", "submitd", "authd", "sessiond", "imap-session", "pop3-session", "deliver-session", "deliver"} {
		args = append(args, "fantail/cmd/"+p)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return dir, os.Chmod(dir, 0o755)
})

// house is an installation with two accounts, ann and bob.
type house struct {
	*testing.T
	dir    string
	bin    string
	socket *os.File // where webmail listens, whoever serves it
	url    string

	// separate says that everything has a user of its own, which needs root; else webmaild
	// starts what it needs.
	separate bool

	mu      sync.Mutex
	running map[string]*daemon
	ending  bool
}

// daemon is one that runs.
type daemon struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func (h *house) path(names ...string) string {
	return filepath.Join(append([]string{h.dir}, names...)...)
}

// own makes a directory that belongs to a user.
func (h *house) own(mode os.FileMode, uid int, names ...string) {
	h.Helper()
	path := h.path(names...)
	err := os.MkdirAll(path, 0o755)
	if err == nil {
		err = h.give(path, uid)
	}
	if err = errors.Join(err, os.Chmod(path, mode)); err != nil {
		h.Fatal(err)
	}
}

// give makes a user the owner of a file, if there are users.
func (h *house) give(path string, uid int) error {
	switch {
	case os.Geteuid() != 0:
		return nil
	case !h.separate:
		uid = annUID
	}
	return os.Chown(path, uid, gid)
}

// file writes one that everybody can read, in the directory of the house.
func (h *house) file(text string, mode os.FileMode, names ...string) {
	h.Helper()
	if err := os.WriteFile(h.path(names...), []byte(text), mode); err != nil {
		h.Fatal(err)
	}
}

// daemons are those that the test starts, and as whom they run; 0: as the one who tests.
func (h *house) daemons() map[string]int {
	switch {
	case h.separate:
		return map[string]int{"authd": authdUID, "submitd": 0, "sessiond": 0, "webmaild": frontUID}
	case os.Geteuid() == 0:
		return map[string]int{"webmaild": annUID}
	}
	return map[string]int{"webmaild": 0}
}

// sendmail accepts a message by the rename of its file, which has the recipients in its
// first line.
const sendmail = `#!/bin/sh
umask 0
in=$(mktemp "%s/in.XXXXXXXX") || exit 75
{ echo "$@"; cat; } >"$in" && mv "$in" "$in.taken" || exit 75
`

// build makes one and starts it. Settings are lines of the configuration.
func build(t *testing.T, settings ...string) *house {
	t.Helper()
	return buildAs(t, os.Geteuid() == 0, settings...)
}

// buildAs is build of which it is said whether it is separate.
func buildAs(t *testing.T, separate bool, settings ...string) *house {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "fantail-webmail")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, dir: dir, bin: bin, separate: separate, running: make(map[string]*daemon)}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	h.own(0o755, 0)
	for _, d := range []struct {
		name string
		mode os.FileMode
		uid  int
	}{{"run", os.ModeSetgid | 0o770, authdUID}, {"front", 0o700, frontUID}, {"auth", 0o700, authdUID}, {"submit", 0o700, 0}, {"sink", os.ModeSticky | 0o777, 0}, {"mail", 0o755, 0}} {
		h.own(d.mode, d.uid, d.name)
	}
	h.file(fmt.Sprintf(sendmail, h.path("sink")), 0o755, "sendmail")
	var passwd strings.Builder
	for name, uid := range map[string]int{"ann": annUID, "bob": bobUID} {
		for _, sub := range []string{"", "Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp", "Maildir/fantail-webmail"} {
			h.own(0o700, uid, "mail", name, sub)
		}
		h.file(`{"grouping":"messages","undoSend":0}`, 0o644, "mail", name, "Maildir", "fantail-webmail", "settings.json")
		who := "::"
		if h.separate {
			who = fmt.Sprintf("%d:%d:", uid, gid)
		}
		fmt.Fprintf(&passwd, "%s:{PLAIN}%s:%s:%s::\n", name, password, who, h.path("mail", name))
	}
	h.file(passwd.String(), 0o400, "passwd")
	if err := h.give(h.path("passwd"), authdUID); err != nil {
		t.Fatal(err)
	}
	h.file(fmt.Sprintf(`
tls.certificate = %q
tls.key = %q
auth.passwd_file = %q
auth.directory = %q
webmail.sendmail = %q
webmail.submit_directory = %q
autoconfig.domains = ["example.org"]
`, h.path("front", "c.pem"), h.path("front", "k.pem"), h.path("passwd"), h.path("auth"), h.path("sendmail"), h.path("submit"))+strings.Join(settings, "\n")+"\n", 0o644, "fantail.toml")
	h.listen()
	t.Cleanup(h.stop)
	for _, name := range []string{"authd", "submitd", "sessiond", "webmaild"} {
		h.start(name)
	}
	return h
}

// listen makes the socket of webmail, which outlives those who serve it, as those of
// systemd do.
func (h *house) listen() {
	h.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.Fatal(err)
	}
	defer l.Close()
	h.url = "https://" + l.Addr().String()
	if h.socket, err = l.(*net.TCPListener).File(); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { h.socket.Close() })
}

// start starts a daemon, if the test does that, and again whenever it ends, as an init
// system does.
func (h *house) start(name string) {
	uid, ours := h.daemons()[name]
	if !ours {
		return
	}
	log, err := os.OpenFile(h.path(name+".log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		h.Error(err)
		return
	}
	defer log.Close()
	args := []string{filepath.Join(h.bin, name), "-c", h.path("fantail.toml")}
	if h.separate {
		args = append(args, "-S", h.path("run"))
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if name == "webmaild" {
		cmd = exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`}, args...)...)
		cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=https")
		cmd.ExtraFiles = []*os.File{h.socket}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	}
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: gid}
	}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ending {
		return
	}
	if err := cmd.Start(); err != nil {
		h.Error(err)
		return
	}
	d := &daemon{cmd, make(chan struct{})}
	h.running[name] = d
	go func() {
		_ = cmd.Wait() // its log says why
		h.mu.Lock()
		ending := h.ending
		h.mu.Unlock()
		if !ending {
			h.start(name)
		}
		close(d.done)
	}()
}

// stop ends everything.
func (h *house) stop() {
	h.mu.Lock()
	h.ending = true
	h.mu.Unlock()
	for _, name := range []string{"webmaild", "sessiond", "submitd", "authd"} {
		d := h.running[name]
		if d == nil {
			continue
		}
		_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-d.done:
		case <-time.After(patience):
			h.Errorf("%s does not end", name)
			_ = d.cmd.Process.Kill()
			<-d.done
		}
	}
	for _, name := range []string{"webmail-session", "webmail-submit", "submitd", "authd", "sendmail"} {
		h.kill(name)
	}
	if h.Failed() {
		for name := range h.daemons() {
			text, _ := os.ReadFile(h.path(name + ".log"))
			h.Logf("%s:\n%s", name, text[max(0, len(text)-8000):])
		}
	}
}

// pids returns the processes of this house that run a program.
func (h *house) pids(name string) (list []int) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		h.Fatal(err)
	}
	for _, dir := range dirs {
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // it may have ended
		text := string(args)
		begins := strings.HasPrefix(text, filepath.Join(h.bin, name)+"\x00") || strings.HasPrefix(text, "/bin/sh\x00"+h.path(name)+"\x00")
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && begins && strings.Contains(text, h.dir) {
			list = append(list, pid)
		}
	}
	return list
}

// kill kills all processes of this house that run a program, and says how many.
func (h *house) kill(name string) (n int) { return h.killOf(name, "") }

// killOf is kill of those that serve an account; "": of all.
func (h *house) killOf(name, account string) (n int) {
	for _, pid := range h.pids(name) {
		args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it may have ended
		if account != "" && !strings.Contains(string(args), "\x00-u\x00"+account+"\x00") {
			continue
		}
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

// visit returns somebody who has logged in.
func (h *house) visit(name string) *visitor.Visitor {
	h.Helper()
	v := visitor.New(h.url, nil)
	h.Cleanup(v.Close)
	h.until(name+" can log in", func() error { return v.Login(h.Context(), name, password) })
	return v
}

// until waits until something is done without an error.
func (h *house) until(what string, try func() error) {
	h.Helper()
	var err error
	for began := time.Now(); time.Since(began) < patience; time.Sleep(20 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	h.Fatalf("%s: not within %v: %v", what, patience, err)
}

// taken returns the messages that have left, each with its recipients in the first line.
func (h *house) taken() (list []string) {
	h.Helper()
	files, err := filepath.Glob(h.path("sink", "*.taken"))
	if err != nil {
		h.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			h.Fatal(err)
		}
		list = append(list, string(text))
	}
	return list
}

// maildir is the path of an account's mail.
func (h *house) maildir(name string) string { return h.path("mail", name, "Maildir") }
