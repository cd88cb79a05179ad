// Package container runs a whole Debian with systemd as process 1, for tests of what
// needs that: units, sockets, PAM, users.
//
//	Recipe ──mmdebstrap, once──► root in Cache ──overlay──► systemd-nspawn ──► Container
//
// A root is made once, from where the host has its packages, and kept; without a network
// the one that is there is used. A container writes into a layer of its own above it,
// so each begins as new. It has its own processes, users, mounts and network, in which
// there is only the loopback interface; Dial connects there.
//
// What this cannot have: limits of cgroups on memory and processes are taken and not
// kept, where the host does not pass its cgroups on.
package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Container is one that runs. It is safe for many goroutines.
type Container struct {
	dir    string // of its layer and log
	nspawn *exec.Cmd
	ended  chan struct{} // closed when nspawn has
	leader int           // process 1 of the container, as the host sees it
	net    *os.File      // its network
	group  string        // the directory of its cgroup, "" if it has none of its own
}

// bootTime is how long a container may take until its services are started.
const bootTime = 60 * time.Second

// tools are what the host must have.
var tools = []string{"mmdebstrap", "systemd-nspawn", "unshare", "nsenter", "tar"}

// Unavailable says why there can be no container, if there can be none.
func Unavailable() error {
	if os.Geteuid() != 0 {
		return errors.New("a container needs root")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("a container needs %s: run test/packages", tool)
		}
	}
	if !mayConfigureNetworks() {
		return errors.New("a container needs the capability to configure networks (CAP_NET_ADMIN)")
	}
	if out, err := exec.Command("unshare", "--mount", "--pid", "--net", "--fork", "true").CombinedOutput(); err != nil {
		return fmt.Errorf("namespaces cannot be made here: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// mayConfigureNetworks reports whether this process can: root in a container may not.
func mayConfigureNetworks() bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		if set, ok := strings.CutPrefix(line, "CapEff:"); ok {
			bits, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			return err == nil && bits>>unix.CAP_NET_ADMIN&1 == 1
		}
	}
	return false
}

// Start starts a container for the time of a test, which is skipped if there can be
// none.
func Start(t *testing.T, r Recipe) *Container {
	t.Helper()
	if err := Unavailable(); err != nil {
		t.Skip(err)
	}
	root, err := r.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "fantail-container")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	c, err := boot(t.Context(), root, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	return c
}

// script makes the layer in a mount namespace that ends with the container, so that
// nothing is left mounted whatever happens.
const script = `set -e
mkdir upper work root
chmod 755 . upper root
mount -t overlay overlay -o "lowerdir=$1,upperdir=upper,workdir=work" root 2>/dev/null || cp -a "$1/." root
[ -z "$3" ] || echo $$ >"$3/cgroup.procs"
exec systemd-nspawn --quiet --register=no --keep-unit --directory=root --machine="$2" --private-network --console=read-only \
  --system-call-filter='landlock_create_ruleset landlock_add_rule landlock_restrict_self' --boot`

// boot starts a container whose files are in dir.
func boot(ctx context.Context, root, dir string) (*Container, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // nspawn has it
	group, err := newGroup(filepath.Base(dir))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", root, filepath.Base(dir), group)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1", "SYSTEMD_NSPAWN_LOCK=0")
	cmd.Stdout, cmd.Stderr = log, log
	// It ends with the thread that starts it, so Dial gives threads back as they were.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	c := &Container{dir: dir, nspawn: cmd, ended: make(chan struct{}), group: group}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, removeGroup(group))
	}
	go func() {
		_ = cmd.Wait() // how it ended, its log says
		close(c.ended)
	}()
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	if err := c.wait(ctx); err != nil {
		c.stop()
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("boot a container: %w\n%s", err, text)
	}
	return c, nil
}

// wait waits until the container has booted.
func (c *Container) wait(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.ended:
			return errors.New("systemd-nspawn has ended")
		case <-time.After(20 * time.Millisecond):
		}
		if c.leader == 0 {
			c.leader = leader(c.nspawn.Process.Pid)
			continue
		}
		out, _ := c.Command(ctx, "systemctl", "is-system-running").Output() // there may be nobody to ask yet
		switch state := strings.TrimSpace(string(out)); state {
		case "running", "degraded":
			var err error
			c.net, err = os.Open(fmt.Sprintf("/proc/%d/ns/net", c.leader))
			return errors.Join(err, c.Run("ip", "link", "set", "lo", "up"))
		}
	}
}

// leader returns the child of a process that is process 1 of a namespace, 0 if there is
// none yet.
func leader(parent int) int {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		return 0
	}
	for _, child := range strings.Fields(string(children)) {
		status, err := os.ReadFile("/proc/" + child + "/status")
		pid, bad := strconv.Atoi(child)
		if err != nil || bad != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "NSpid:" && f[2] == "1" {
				return pid
			}
		}
	}
	return 0
}

// stop ends the container at once: nothing in it is kept.
func (c *Container) stop() {
	if c.leader != 0 {
		_ = syscall.Kill(c.leader, syscall.SIGKILL) // and with it all its processes; it may have ended
	}
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		_ = c.nspawn.Process.Kill()
		<-c.ended
	}
	if c.net != nil {
		c.net.Close()
	}
	_ = removeGroup(c.group) // an empty directory is in nobody's way
}

// PID returns the number on the host of the container's process 1.
func (c *Container) PID() int { return c.leader }
