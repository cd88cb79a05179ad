package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"fantail/test/storm/witness"
)

// process is this program with a role. It works until its standard input ends,
// so none outlives a storm that was broken off.
type process struct {
	name string
	cmd  *exec.Cmd
	in   io.Closer
}

// cast starts processes and ends them.
type cast struct {
	logs string // directory of their logs
	self string // this program; "" for where it is
	cred *syscall.Credential
	all  []*process
}

// start starts a process whose log has that name.
func (c *cast) start(name, role string, args ...string) (*process, error) {
	self := c.self
	if self == "" {
		var err error
		if self, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(self, append([]string{"role", role, "-log", filepath.Join(c.logs, name+".log")}, args...)...)
	cmd.Stderr = os.Stderr
	if c.cred != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.cred}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{name, cmd, in}
	c.all = append(c.all, p)
	return p, nil
}

// patience is how long a process may take to end when it is told to.
const patience = time.Minute

// end tells processes to end and waits for them.
func (c *cast) end(ps []*process) error {
	var errs []error
	for _, p := range ps {
		errs = append(errs, p.in.Close())
	}
	for _, p := range ps {
		late := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
		if err := p.cmd.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("process %s: %w", p.name, err))
		}
		late.Stop()
	}
	return errors.Join(errs...)
}

// kill ends what still runs after an error.
func (c *cast) kill() {
	for _, p := range c.all {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
	}
}

// roles are what a process can be. A role works until ctx ends.
var roles = map[string]func(ctx context.Context, args []string) error{
	"foreign": foreign,
	"reader":  reader,
	"user":    user,
}

// play is the life of a process with a role.
func play(role string, args []string, in io.Reader) error {
	if role == "act" {
		return act(args) // it reads its input itself
	}
	f := roles[role]
	if f == nil {
		return fmt.Errorf("no role %q", role)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		bufio.NewReader(in).ReadByte() // nothing is ever sent: this is the end of input
		cancel()
	}()
	return f(ctx, args)
}

// withLog runs a role that writes down what it does.
func withLog(path string, f func(*witness.Log) error) error {
	l, err := witness.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(f(l), l.Close())
}

// pace calls f n times a second, or as often as it can if n is 0, until ctx
// ends. What could not be done in time is not made up for.
func pace(ctx context.Context, n int, f func() error) error {
	start, done := time.Now(), 0
	for ctx.Err() == nil {
		if n > 0 {
			due := int(time.Since(start).Seconds() * float64(n))
			if done >= due {
				time.Sleep(time.Millisecond)
				continue
			}
			done = max(done, due-n/10)
		}
		if err := f(); err != nil {
			return err
		}
		done++
	}
	return nil
}
