package container

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Command returns a command that runs in the container, as its root.
func (c *Container) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{
		"--target", strconv.Itoa(c.leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--"}, args...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/root"}
	cmd.Dir = "/"
	return cmd
}

// commandTime is how long a command may take.
const commandTime = 4 * time.Minute // a package is installed on a machine that has other things to do

// Output runs a command in the container and returns its standard output. What it says
// on standard error is in the error.
func (c *Container) Output(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	var out, complaints bytes.Buffer
	cmd := c.Command(ctx, args...)
	cmd.WaitDelay = time.Second // what it has started may go on
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(complaints.Bytes()))
	}
	return out.String(), nil
}

// Run runs a command in the container.
func (c *Container) Run(args ...string) error {
	_, err := c.Output(args...)
	return err
}

// Shell runs a script of sh(1) in the container and returns its standard output.
func (c *Container) Shell(script string, args ...string) (string, error) {
	return c.Output(append([]string{"sh", "-ec", script, "sh"}, args...)...)
}

// Write writes a file in the container, with the directories above it.
func (c *Container) Write(path, text string, mode fs.FileMode) error {
	cmd := c.Command(context.Background(), "sh", "-ec", `mkdir -p "$(dirname "$1")"; cat > "$1.new"; chmod "$2" "$1.new"; mv "$1.new" "$1"`,
		"sh", path, fmt.Sprintf("%o", mode.Perm()))
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("write %s in the container: %w: %s", path, err, out)
	}
	return nil
}

// Copy copies what is below a directory of the host into one of the container, as
// root's. Files that are there are replaced as a whole: programs that run keep theirs.
func (c *Container) Copy(from, to string) error {
	pack := exec.Command("tar", "--create", "--owner=0", "--group=0", ".")
	pack.Dir = from
	var complaints bytes.Buffer
	pack.Stderr = &complaints
	stream, err := pack.StdoutPipe()
	if err != nil {
		return err
	}
	if err := pack.Start(); err != nil {
		return err
	}
	unpack := c.Command(context.Background(), "sh", "-ec", `new=$(mktemp -d "$1/.new-XXXXXX")
		cd "$new"
		tar --extract --preserve-permissions
		find . -mindepth 1 -type d -exec sh -c 'for d; do [ -d "../$d" ] || mkdir "../$d"; done' sh {} +
		find . ! -type d -exec sh -c 'for f; do mv -f "$f" "../$f"; done' sh {} +
		cd /
		rm -r "$new"`, "sh", to)
	unpack.Stdin = stream
	out, err := unpack.CombinedOutput()
	if packed := pack.Wait(); err == nil {
		err = packed
	}
	if err != nil {
		return fmt.Errorf("copy %s to %s in the container: %w: %s%s", filepath.Base(from), to, err, complaints.Bytes(), out)
	}
	return nil
}

// Dial connects to an address in the container's network, such as 127.0.0.1:143.
func (c *Container) Dial(address string) (net.Conn, error) {
	runtime.LockOSThread()
	host, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer host.Close()
	if err := unix.Setns(int(c.net.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("enter the container's network: %w", err)
	}
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if back := unix.Setns(int(host.Fd()), unix.CLONE_NEWNET); back != nil {
		panic("container: cannot leave its network: " + back.Error()) // the thread is of no use
	}
	runtime.UnlockOSThread()
	return conn, err
}
