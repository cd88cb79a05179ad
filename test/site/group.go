package site

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// tailLines is how much of a log is shown when its daemon has died.
const tailLines = 20

// Group is the daemons that run. One goroutine uses it.
//
// A child ends with the thread that started it (Start), so a program that
// lasts calls runtime.LockOSThread before.
type Group struct {
	Dir   string              // of the logs
	Owner *syscall.Credential // who runs them; nil: the caller

	children []*child
	deaths   chan error // made by Died
}

// child is one daemon.
type child struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and err is set
	err  error
}

// Log is the path of a daemon's log.
func (g *Group) Log(name string) string { return filepath.Join(g.Dir, name+".log") }

// Start starts a daemon whose standard output and error go to its log, which
// begins anew.
func (g *Group) Start(name, path string, args ...string) error {
	log, err := os.OpenFile(g.Log(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the child has it
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:    true,            // Ctrl-C is for us; we tell them
		Pdeathsig:  syscall.SIGTERM, // also if we are killed
		Credential: g.Owner,
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("start %s: %s does not exist: run \"make build\" first", name, path)
		}
		return fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{name: name, cmd: cmd, done: make(chan struct{})}
	g.children = append(g.children, c)
	go func() {
		c.err = cmd.Wait()
		close(c.done)
	}()
	return nil
}

// Died gives the end of the first daemon that ends, with the end of its log.
// All are started before it is called.
func (g *Group) Died() <-chan error {
	if g.deaths == nil {
		g.deaths = make(chan error, len(g.children))
		for _, c := range g.children {
			go func() {
				<-c.done
				g.deaths <- fmt.Errorf("%s has ended: %s\n%s", c.name, c.cmd.ProcessState, g.Tail(c.name))
			}()
		}
	}
	return g.deaths
}

// PIDs are the processes of the daemons started, without their children.
func (g *Group) PIDs() []int {
	var all []int
	for _, c := range g.children {
		all = append(all, c.cmd.Process.Pid)
	}
	return all
}

// Stop ends all daemons and waits for them. It returns the names of those that
// had to be killed since they took longer than limit.
func (g *Group) Stop(limit time.Duration) (killed []string) {
	for _, c := range g.children {
		c.signal(syscall.SIGTERM)
	}
	deadline := time.After(limit)
	for _, c := range g.children {
		select {
		case <-c.done:
			continue
		case <-deadline:
			deadline = time.After(0)
		}
		killed = append(killed, c.name)
		c.signal(syscall.SIGKILL)
		<-c.done
	}
	return killed
}

// signal tells a child; one that has ended does not mind.
func (c *child) signal(sig os.Signal) {
	if err := c.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		panic("site: signal a child: " + err.Error())
	}
}

// Tail gives the last lines of a log, with its name before each.
func (g *Group) Tail(name string) string {
	data, err := os.ReadFile(g.Log(name))
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimRight(data, "\n"), []byte("\n"))
	if n := len(lines) - tailLines; n > 0 {
		lines = lines[n:]
	}
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s: %s\n", name, l)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
