package main

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

const (
	// stopTime is how long a daemon may take to end when it is told to.
	stopTime = 15 * time.Second
	// tailLines is how much of a log is shown when its daemon has died.
	tailLines = 20
)

// group is the daemons that run. One goroutine uses it.
type group struct {
	dir      string // of the logs
	children []*child
	deaths   chan error // made by died
}

// child is one daemon.
type child struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and err is set
	err  error
}

func (g *group) log(name string) string { return filepath.Join(g.dir, name+".log") }

// start starts a daemon whose standard output and error go to its log, which
// begins anew.
func (g *group) start(name, path string, args ...string) error {
	log, err := os.OpenFile(g.log(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the child has it
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:   true,            // Ctrl-C is for us; we tell them
		Pdeathsig: syscall.SIGTERM, // also if we are killed
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

// died gives the end of the first daemon that ends, with the end of its log.
func (g *group) died() <-chan error {
	if g.deaths == nil {
		g.deaths = make(chan error, len(g.children))
		for _, c := range g.children {
			go func() {
				<-c.done
				g.deaths <- fmt.Errorf("%s has ended: %s\n%s", c.name, c.cmd.ProcessState, g.tail(c.name))
			}()
		}
	}
	return g.deaths
}

// stop ends all daemons and waits for them. It returns the names of those that
// had to be killed since they took longer than limit.
func (g *group) stop(limit time.Duration) (killed []string) {
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
		panic("demo: signal a child: " + err.Error())
	}
}

// tail gives the last lines of a log, with its name before each.
func (g *group) tail(name string) string {
	data, err := os.ReadFile(g.log(name))
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
