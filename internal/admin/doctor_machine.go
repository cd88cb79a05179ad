package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// machine is what examinations ask of the system. A test has one of its own, whose files
// are in a directory, and whose commands are functions.
type machine struct {
	root    string // before the paths of the system's files; "" on a real one
	command func(ctx context.Context, name string, args ...string) (string, error)
	now     func() time.Time
	statfs  func(path string) (unix.Statfs_t, error)
	resolve *net.Resolver
	offline bool // no other machine is to be asked
	// synchronised reports whether the clock is.
	synchronised func() (bool, error)

	// What several examinations want, found out once.
	units     func() map[string]unit
	listeners func() []listener
}

func newMachine(ctx context.Context) *machine {
	m := &machine{command: command, now: time.Now, statfs: statfs, resolve: &net.Resolver{PreferGo: true}, synchronised: clockState}
	m.units = sync.OnceValue(func() map[string]unit { return m.readUnits(ctx) })
	m.listeners = sync.OnceValue(m.readListeners)
	return m
}

// path is where a file of the system is.
func (m *machine) path(path string) string { return filepath.Join("/", m.root, path) }

// text is what is in a file; "" if it cannot be read.
func (m *machine) text(path string) string {
	text, err := os.ReadFile(m.path(path))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// has reports whether there is a file.
func (m *machine) has(path string) bool {
	_, err := os.Stat(m.path(path))
	return err == nil
}

// commandTime is how long a command may take that examinations run. Those who mend a
// machine have others that hang.
const commandTime = 15 * time.Second

// errNoCommand says that a command is not installed.
var errNoCommand = errors.New("not installed")

// command runs a program and returns what it writes. That of one which has found
// something, and says so by its exit status, comes with the error.
func command(ctx context.Context, name string, args ...string) (string, error) {
	path, err := lookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, errNoCommand)
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = "/", append(os.Environ(), "LC_ALL=C", "SYSTEMD_COLORS=0", "SYSTEMD_PAGER="), time.Second
	var out, says bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &says
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(says.Bytes()))
	}
	return out.String(), nil
}

// lookPath finds a program also where the PATH of users does not go.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err == nil {
			break
		}
		path, err = exec.LookPath(filepath.Join(dir, name))
	}
	return path, err
}

func statfs(path string) (st unix.Statfs_t, err error) {
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Statfs(path, &st)
	}
	return st, err
}

// contained says in what container this machine is, if it is one: clocks and kernels are
// then those of another, where they are mended.
func (m *machine) contained() string { return m.text("/run/systemd/container") }

// process is one that runs.
type process struct {
	pid  int
	name string // of its program
	unit string // of systemd, ""
}

// process finds out about one by its number.
func (m *machine) process(pid int) process {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	p := process{pid: pid, name: m.text(dir + "/comm")}
	for line := range strings.Lines(m.text(dir + "/cgroup")) {
		_, path, _ := strings.Cut(strings.TrimSpace(line), ":/")
		for name := range strings.SplitSeq(path, "/") {
			if strings.HasSuffix(name, ".service") {
				p.unit = name
			}
		}
	}
	return p
}

func (p process) String() string {
	switch {
	case p.unit != "":
		return fmt.Sprintf("%s (process %d of %s)", p.name, p.pid, p.unit)
	}
	return fmt.Sprintf("%s (process %d)", p.name, p.pid)
}

// stopping is the command that ends it, for good. Programs of its own may take a moment
// longer.
func (p process) stopping(m *machine) string {
	if p.unit == "" {
		return "kill " + strconv.Itoa(p.pid)
	}
	name, instance, _ := strings.Cut(strings.TrimSuffix(p.unit, ".service"), "@")
	if instance != "" {
		name += "@"
	}
	if !m.hasUnitFile(name + ".service") { // it is gone once it is stopped
		return "systemctl stop " + p.unit
	}
	units := p.unit
	if m.hasUnitFile(name + ".socket") {
		units += " " + strings.TrimSuffix(p.unit, ".service") + ".socket"
	}
	return "systemctl disable --now " + units + " && sleep 1"
}

// hasUnitFile reports whether a unit of systemd has a file.
func (m *machine) hasUnitFile(name string) bool {
	for _, dir := range []string{"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", "/usr/local/lib/systemd/system", "/run/systemd/generator", "/run/systemd/generator.late"} {
		if m.has(filepath.Join(dir, name)) {
			return true
		}
	}
	return false
}

// processes are the numbers of those that run.
func (m *machine) processes() []int {
	list, err := os.ReadDir(m.path("/proc"))
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range list {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// listener is a TCP socket that listens.
type listener struct {
	address string // as in /proc/net/tcp: hexadecimal
	port    int
	inode   string
	pids    []int // whose it is, as far as can be seen
}

// readListeners reads who listens for TCP, as far as this user may see it.
func (m *machine) readListeners() []listener {
	var list []listener
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for line := range strings.Lines(m.text(table)) {
			const listen = "0A"
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != listen {
				continue
			}
			address, hex, _ := strings.Cut(f[1], ":")
			if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
				list = append(list, listener{address: address, port: int(port), inode: f[9]})
			}
		}
	}
	for _, pid := range m.processes() {
		dir := m.path(fmt.Sprintf("/proc/%d/fd", pid))
		fds, err := os.ReadDir(dir)
		if err != nil {
			continue // it has ended, or is somebody else's
		}
		for _, fd := range fds {
			target, err := os.Readlink(filepath.Join(dir, fd.Name()))
			inode, ok := strings.CutPrefix(target, "socket:[")
			if err != nil || !ok {
				continue
			}
			for i := range list {
				if list[i].inode == strings.TrimSuffix(inode, "]") && !slices.Contains(list[i].pids, pid) {
					list[i].pids = append(list[i].pids, pid)
				}
			}
		}
	}
	return list
}

// at are those who listen at a port.
func (m *machine) at(port int) []listener {
	return slices.DeleteFunc(slices.Clone(m.listeners()), func(l listener) bool { return l.port != port })
}

// missing reports whether an error says that there is no such file.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
