package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/test/samplemail"
	"fantail/test/site"
)

const (
	// messages and seed settle what mail every account has.
	messages = 300
	seed     = 1

	// patience is how long a client may take for one call, on a machine that
	// has much else to do.
	patience = 60 * time.Second
)

// bin is the directory that the programs are built into.
var bin string

func TestMain(m *testing.M) {
	dir, err := build()
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

// build builds the programs into a new directory that everyone can read.
func build() (string, error) {
	dir, err := os.MkdirTemp("", "clients-bin")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return dir, err
	}
	args := []string{"build", "-o", dir + "/"}
	for _, p := range []string{"imapd", "imap-session", "pop3d", "pop3-session", "authd", "deliver", "fantail"} {
		args = append(args, "fantail/cmd/"+p)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return dir, fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return dir, nil
}

// installation is a running Fantail with a mailbox of its own, and a home
// directory for the clients.
type installation struct {
	*site.Site
	home                     string
	imap, imaps, pop3, pop3s string // host:port
}

// install makes an installation and runs imapd and pop3d until the test ends.
// Each of changes gets the text of the configuration and returns another one.
func install(t *testing.T, changes ...func(string) string) *installation {
	t.Helper()
	in := prepare(t, site.Ports{}, changes...)
	in.start(t)
	return in
}

// prepare makes an installation that does not run.
func prepare(t *testing.T, ports site.Ports, changes ...func(string) string) *installation {
	t.Helper()
	root := t.TempDir()
	s, err := site.New(filepath.Join(root, "run"), bin)
	if err != nil {
		t.Fatal(err)
	}
	in := &installation{Site: s, home: filepath.Join(root, "home")}
	if os.Getuid() == 0 {
		s.Owner = nobody(t)
		open(t, root)
	}
	in.mkdir(t, in.home)
	if err := s.Prepare(ports); err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		in.configure(t, change)
	}
	if err := s.WriteMail(samplemail.Generate(messages, seed)); err != nil {
		t.Fatal(err)
	}
	return in
}

// nobody is the account that the mail belongs to when root tests.
func nobody(t *testing.T) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// open lets other accounts pass through dir and those above it, up to the
// directory for temporary files.
func open(t *testing.T, dir string) {
	t.Helper()
	for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
}

func (in *installation) configure(t *testing.T, change func(string) string) {
	t.Helper()
	old, err := os.ReadFile(in.Config())
	if err != nil {
		t.Fatal(err)
	}
	text := change(string(old))
	if text == string(old) {
		t.Fatalf("nothing was changed in\n%s", old)
	}
	if err := os.WriteFile(in.Config(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs the two daemons until stop is called or the test ends; then their logs must
// be without errors.
func (in *installation) start(t *testing.T) (stop func()) {
	t.Helper()
	c, err := conf.Load(in.Config())
	if err != nil {
		t.Fatal(err)
	}
	g := &site.Group{Dir: in.Dir, Owner: in.Owner}
	daemons := []string{"imapd", "pop3d"}
	stop = sync.OnceFunc(func() {
		for _, name := range g.Stop(15 * time.Second) {
			t.Errorf("%s did not stop by itself", name)
		}
		for _, name := range daemons {
			log, err := os.ReadFile(g.Log(name))
			if err != nil {
				t.Error(err)
			}
			if bytes.Contains(log, []byte("level=ERROR")) || bytes.Contains(log, []byte("panic")) {
				t.Errorf("%s has logged errors:\n%s", name, log)
			} else if t.Failed() {
				t.Log(g.Tail(name))
			}
		}
	})
	t.Cleanup(stop)
	for _, name := range daemons {
		if err := g.Start(name, filepath.Join(in.Bin, name), "-c", in.Config()); err != nil {
			t.Fatal(err)
		}
	}
	var services []site.Service
	for _, s := range site.Services(c) {
		if s.Program != "webmaild" {
			services = append(services, s)
		}
	}
	ready, err := g.Ready(t.Context(), services)
	if err != nil {
		t.Fatal(err)
	}
	for i, address := range []*string{&in.imap, &in.imaps, &in.pop3, &in.pop3s} {
		*address = ready[i].Address
	}
	return stop
}

// certificate is the file of the server's self-signed certificate, as a client
// that was told to trust it has it.
func (in *installation) certificate() string {
	return filepath.Join(in.Dir, "tls", "certificate.pem")
}

// port is the port of an address.
func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// write writes a file of the clients' and gives its path.
func (in *installation) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(in.home, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in.chown(t, path)
	return path
}

func (in *installation) mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	in.chown(t, dir)
}

// chown gives a file to the owner of the account.
func (in *installation) chown(t *testing.T, path string) {
	t.Helper()
	if in.Owner == nil {
		return
	}
	if err := os.Chown(path, int(in.Owner.Uid), int(in.Owner.Gid)); err != nil {
		t.Fatal(err)
	}
}

// needs skips the test if a program is not there.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
}

// command is a client that runs as the account's owner in the home directory.
func (in *installation) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = in.home
	cmd.Env = []string{"HOME=" + in.home, "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TERM=xterm", "USER=nobody", "LOGNAME=nobody"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: in.Owner, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	return cmd
}

// try runs a client. It returns what the client wrote to standard output, and
// an error with what it wrote to standard error if it does not exit with 0.
func (in *installation) try(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := in.command(ctx, name, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	var waits string
	cmd.Cancel = func() error {
		waits = waitsFor(cmd.Process.Pid)
		return cmd.Process.Kill()
	}
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s%s%s", name, err, said.Bytes(), out.Bytes(), waits)
	}
	return out.Bytes(), err
}

// waitsFor tells what a process that hangs, and those it has started, wait for: whose
// fault it is that octets do not come. What cannot be found out is left out.
func waitsFor(pid int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "process %d", pid)
	for _, name := range []string{"cmdline", "wchan", "syscall"} {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		fmt.Fprintf(&b, " %s %q", name, text)
	}
	b.WriteByte('\n')
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, child := range strings.Fields(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			b.WriteString(waitsFor(n))
		}
	}
	sockets, _ := exec.Command("ss", "-tnp").Output()
	for line := range strings.Lines(string(sockets)) {
		if strings.Contains(line, fmt.Sprintf("pid=%d,", pid)) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// run is try for a client that must succeed.
func (in *installation) run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := in.try(t.Context(), name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
