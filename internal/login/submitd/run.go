package submitd

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/loglines"
	"fantail/internal/login/broker/wire"
)

const (
	// mostSaid is how much is logged of what a program with a limit says, in octets.
	mostSaid = 64 << 10
	// leaving is how long what such a program has left behind may keep its pipes.
	leaving = time.Second
)

// run runs the program for an account, and returns when it wants to run again.
func (s *Server) run(work Work, a *wire.Account) (next time.Time, err error) {
	cmd, err := s.Command(work, a)
	if err != nil {
		return next, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return next, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return next, err
	}
	if err := cmd.Start(); err != nil {
		return next, err
	}
	says := loglines.Program{
		Log:     s.Log.With("user", a.Name, "pid", cmd.Process.Pid),
		Message: work.Program() + " says",
		Says:    func(key, _ string) bool { return key != "user" },
	}
	if limit := works[work].limit; limit > 0 {
		return s.watch(cmd, limit, stdout, stderr, says)
	}
	var reading sync.WaitGroup
	reading.Go(func() { says.Copy(stderr) })
	next = readNext(stdout)
	reading.Wait()
	return next, cmd.Wait()
}

// watch waits for a program that is not trusted to end, nor to be quiet, and ends with it
// whatever is left in its process group.
func (s *Server) watch(cmd *exec.Cmd, limit time.Duration, stdout, stderr io.Reader, says loglines.Program) (next time.Time, err error) {
	group := -cmd.Process.Pid // as long as it is not reaped no other has that number
	late := time.AfterFunc(limit, func() { _ = unix.Kill(group, unix.SIGKILL) })
	read := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		says.Copy(io.LimitReader(stderr, mostSaid))
		_, _ = io.Copy(io.Discard, stderr) // so that it never waits for us
	})
	reading.Go(func() { next = readNext(stdout) })
	go func() {
		reading.Wait()
		close(read)
	}()
	waited := exited(cmd.Process.Pid)
	inTime := late.Stop()
	_ = unix.Kill(group, unix.SIGKILL) // an error says that nothing is left
	select {
	case <-read:
	case <-time.After(leaving):
	}
	err = cmd.Wait() // which closes the pipes
	<-read
	switch {
	case waited != nil:
		err = waited
	case !inTime:
		err = fmt.Errorf("it was stopped after %s", limit)
	}
	return next, err
}

// exited waits for the end of a child, and leaves it to be reaped.
func exited(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err
		}
	}
}

// readNext reads a line "next" and a time in seconds. What else is said is nothing.
func readNext(r io.Reader) (next time.Time) {
	const longest = 400 * 24 * time.Hour
	lines := bufio.NewScanner(io.LimitReader(r, 4096))
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "next ")
		seconds, err := strconv.ParseInt(text, 10, 64)
		if !ok || err != nil {
			continue
		}
		next = time.Unix(seconds, 0)
		if time.Until(next) > longest {
			next = time.Now().Add(longest)
		}
	}
	_, _ = io.Copy(io.Discard, r) // so that it never waits for us
	return next
}
