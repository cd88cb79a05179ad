package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be the process that is in the sandbox: started with
// "tries ROLE DIRECTORY", it tries everything and writes what came of each try.
func TestMain(m *testing.M) {
	if len(os.Args) >= 4 && os.Args[1] == "tries" {
		os.Exit(inside(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

// none is the role of the control: without a sandbox, what is harmless succeeds.
const none = "none"

func inside(name, dir string) int {
	other := exec.Command(peers) // ends with us, whom the sandbox keeps from killing it
	if _, err := other.StdinPipe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := other.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	peer = other.Process.Pid
	if err := listen(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for r, row := range roles {
		if row.name != name {
			continue
		}
		ready := threads(8)
		if err := Enter(Role(r), keeps(Role(r), dir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		close(ready)
	}
	p := place{dir}
	for _, t := range tries() {
		if name == none && !t.harmless {
			continue
		}
		fmt.Printf("%s=%s\n", t.name, outcome(t.try(p)))
	}
	if os.Getenv("WAIT") != "" {
		if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
			return 1
		}
	}
	return 0
}

// keeps are the options of a role.
func keeps(r Role, dir string) Options {
	o := Options{
		Trees:   []string{filepath.Join(dir, "own"), filepath.Join(dir, "linked")},
		Files:   []string{"/proc/sys/kernel/random/boot_id", "/nonexistent"},
		Network: len(os.Args) > 4,
	}
	switch r {
	case Front:
		o = Options{Reading: []string{filepath.Join(dir, "certificates"), "/nonexistent"}, Files: o.Files, Sockets: []string{dir}}
	case Checker:
		o.Programs = []string{listed, peers, filepath.Dir(os.Args[0])}
	case Starter: // mail may be anywhere
		o = Options{Programs: []string{listed, peers, filepath.Dir(os.Args[0])}}
	}
	return o
}

// outcome is "ok", or the name of the first error of the system, or what else is wrong.
func outcome(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

// listed is a program that Checker and Starter may execute.
const listed = "/bin/echo"

// peers is what every process of these tests starts, to have another one.
const peers = "/bin/cat"

// daemon is where a daemon listens on listening, to whom somebody has connected.
var (
	daemon    *unix.SockaddrUnix
	listening int
)

func listen() (err error) {
	daemon = &unix.SockaddrUnix{Name: filepath.Join(os.Args[3], "daemon")}
	listening, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	client, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Unlink(daemon.Name); err != nil && err != unix.ENOENT {
		return err
	}
	return errors.Join(unix.Bind(listening, daemon), unix.Listen(listening, 4), unix.Connect(client, daemon))
}

// threads starts threads before the sandbox; what each may do later is a try.
func threads(n int) chan struct{} {
	ready := make(chan struct{})
	earlier = make(chan error, n)
	for range n {
		go func() {
			runtime.LockOSThread()
			<-ready
			earlier <- place{os.Args[3]}.open("other/cur/mail", unix.O_RDONLY)
			earlier <- second(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
		}()
	}
	return ready
}

// peer is another process of the same user.
var peer int

// earlier says what threads were able to do that there were before Enter.
var earlier chan error

func second[T any](_ T, err error) error { return err }

// layout is the mail of two accounts, and files of nobody's.
func layout(t *testing.T, uid int) string {
	t.Helper()
	dir, err := os.MkdirTemp(parent, "sandbox")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{"own/cur", "own/new", "own/tmp", "own/.Folder/cur", "other/cur", "linked/cur", "outside/empty", "certificates"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "own/cur/dangling")); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"own/cur/mail", "own/cur/mail2", "other/cur/mail", "other/cur/mail2", "linked/cur/mail", "outside/file", "outside/file2", "certificates/mail.pem"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("Subject: x\n\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if uid != 0 {
		err := filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
			return errors.Join(err, os.Lchown(path, uid, uid))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// program is the test binary where every user may execute it.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "sandbox-bin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "sandboxed")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(path, data, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

const nobody = 65534

// parent is where the mail is made; another mount than that of the root if there is one,
// since mail may be on one.
var parent = func() string {
	var root, other unix.Stat_t
	if unix.Stat("/", &root) == nil && unix.Stat("/dev/shm", &other) == nil && root.Dev != other.Dev && other.Mode&0o777 == 0o777 {
		return "/dev/shm"
	}
	return "/tmp"
}()

// users are those that the tests can be.
func users() map[string]int {
	if os.Geteuid() == 0 {
		return map[string]int{"root": 0, "user": nobody}
	}
	return map[string]int{"user": os.Geteuid()}
}

func as(cmd *exec.Cmd, uid int) *exec.Cmd {
	if os.Geteuid() != uid {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	return cmd
}

// run runs the tries, with a socket as standard input on which one more is
// passed.
func run(t *testing.T, cmd *exec.Cmd) map[string]string {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	theirs := os.NewFile(uintptr(fds[1]), "socket")
	defer theirs.Close()
	if err := unix.Sendmsg(fds[0], []byte("x"), unix.UnixRights(fds[1]), nil, 0); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd.Stdin, cmd.Stderr = theirs, &log
	cmd.Env = []string{"TZ=Europe/Berlin"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	got := make(map[string]string)
	for s := bufio.NewScanner(strings.NewReader(string(out))); s.Scan(); {
		name, result, _ := strings.Cut(s.Text(), "=")
		got[name] = result
	}
	return got
}

// skipIncomplete skips a test of what this kernel cannot do.
func skipIncomplete(t *testing.T) {
	t.Helper()
	if m := Missing(); m != nil {
		t.Skipf("this kernel lacks %v", m)
	}
}

// Every try ends as its role says, for root and for a user.
func TestRoles(t *testing.T) {
	skipIncomplete(t)
	bin := program(t)
	for user, uid := range users() {
		for r, row := range roles {
			t.Run(user+"/"+row.name, func(t *testing.T) {
				got := run(t, as(exec.Command(bin, "tries", row.name, layout(t, uid)), uid))
				for _, try := range tries() {
					if want := try.want[r]; got[try.name] != want && want != "" {
						t.Errorf("%s: %q, want %q", try.name, got[try.name], want)
					}
				}
			})
		}
	}
}

// A checker that must ask other machines has sockets for that, and no more than that.
func TestNetwork(t *testing.T) {
	skipIncomplete(t)
	uid := users()["user"]
	got := run(t, as(exec.Command(program(t), "tries", roles[Checker].name, layout(t, uid), "network"), uid))
	for name, want := range map[string]string{
		"open an internet socket": "ok", "open a local socket": "ok", "write into another's mail": "EACCES", "start a program": "EACCES",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}

// Without a sandbox what is refused in one succeeds, so that TestRoles is not
// passed by mistakes of its own.
func TestControl(t *testing.T) {
	bin := program(t)
	for user, uid := range users() {
		t.Run(user, func(t *testing.T) {
			got := run(t, as(exec.Command(bin, "tries", none, layout(t, uid)), uid))
			for _, try := range tries() {
				if try.harmless && got[try.name] != "ok" {
					t.Errorf("%s: %q", try.name, got[try.name])
				}
			}
			if len(got) < 20 {
				t.Errorf("only %d tries: %v", len(got), slices.Sorted(maps.Keys(got)))
			}
		})
	}
}

// Another process of the same uid cannot look into one that is in a sandbox.
func TestNotDumpable(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs two processes of a user that is not us")
	}
	cmd := as(exec.Command(program(t), "tries", "session", layout(t, nobody)), nobody)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	hold, stdin, err := os.Pipe() // whose end it waits for
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	cmd.Stdin, cmd.Env = hold, []string{"WAIT=yes"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hold.Close()
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil { // it is in its sandbox
		t.Fatal(err)
	}
	for _, file := range []string{"mem", "environ", "maps", "fd/0"} {
		path := fmt.Sprintf("/proc/%d/%s", cmd.Process.Pid, file)
		out, err := as(exec.Command("/bin/head", "-c1", path), nobody).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "Permission denied") {
			t.Errorf("%s: %v %s", file, err, out)
		}
	}
	stdin.Close()
	if _, err := io.Copy(io.Discard, stdout); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// An older Landlock is used as far as it goes, and what it lacks is named.
func TestMissingOfLandlock(t *testing.T) {
	for version, want := range []string{
		0: "Landlock (Linux 5.19)",
		1: "Landlock (Linux 5.19)",
		2: "Landlock for truncation (Linux 6.2), Landlock for device ioctls (Linux 6.10), Landlock for signals (Linux 6.12)",
		3: "Landlock for device ioctls (Linux 6.10), Landlock for signals (Linux 6.12)",
		4: "Landlock for device ioctls (Linux 6.10), Landlock for signals (Linux 6.12)",
		5: "Landlock for signals (Linux 6.12)",
		6: "", 7: "", 8: "", 11: "",
	} {
		if got := strings.Join(missingOfLandlock(version), ", "); got != want && (want != "" || version > 5) {
			t.Errorf("%d: %q, want %q", version, got, want)
		}
	}
}

// Numbers are those of this processor and no rule stands twice, of which the second
// would be without effect.
func TestRules(t *testing.T) {
	for _, row := range roles {
		seen := make(map[uint32]bool)
		for _, r := range row.filter().rules {
			if seen[r.call] {
				t.Errorf("%s: system call %d twice", row.name, r.call)
			}
			seen[r.call] = true
		}
		if n := len(row.filter().program()); n > unix.BPF_MAXINSNS {
			t.Errorf("%s: %d instructions", row.name, n)
		}
	}
}

// place is where tries are made: the directory of layout.
type place struct{ dir string }

func (p place) at(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.dir, name)
}

func (p place) open(name string, flags int) error {
	fd, err := unix.Open(p.at(name), flags|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func (p place) rename(from, to string) error { return unix.Rename(p.at(from), p.at(to)) }
func (p place) link(from, to string) error   { return unix.Link(p.at(from), p.at(to)) }

// call makes a system call that no library has.
func call(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

// received takes the descriptor that run has passed, and talks on it.
func received() error {
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(0, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return err
	}
	if len(messages) != 1 {
		return errors.New("nothing was passed")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fds[0]), "passed")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("read: %w", err)
	}
	return nil
}
