package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"fantail/internal/daemon/loglines"
	"fantail/internal/store/quota"
)

const (
	// timeLimit is how long a program may take. submitd waits a little longer.
	timeLimit = time.Minute
	// mostOctets and mostLines are how much it may say.
	mostOctets = 8 << 10
	mostLines  = 100
	// leaving is how long what it has left behind may go on to speak.
	leaving = time.Second
)

// environment is all that the program is told. What was reached is a percentage of the
// configuration, or 0; a limit that there is not is 0.
func environment(account string, c quota.Crossing) []string {
	list := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"FANTAIL_USER=" + account,
	}
	if home := os.Getenv("HOME"); home != "" {
		list = append(list, "HOME="+home)
	}
	for _, v := range []struct {
		name  string
		value int64
	}{
		{"BEFORE", int64(c.Before)}, {"PERCENT", int64(c.Now)},
		{"OCTETS", c.Usage.Octets}, {"MESSAGES", c.Usage.Messages},
		{"LIMIT_OCTETS", c.Limits.Octets}, {"LIMIT_MESSAGES", c.Limits.Messages},
		{"TIME", c.Time.Unix()},
	} {
		list = append(list, fmt.Sprintf("FANTAIL_%s=%d", v.name, v.value))
	}
	return list
}

var (
	errLong  = errors.New("it was stopped: it takes too long")
	errFlood = errors.New("it was stopped: it says too much")
)

// execute runs the program, and logs what it says. It stops the program; what that has
// started itself, if it is in its process group, submitd stops.
func execute(program, env []string, limit time.Duration, log *slog.Logger) error {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	timer := time.AfterFunc(limit, func() { stop(errLong) })
	defer timer.Stop()
	says, to := io.Pipe()
	var logging sync.WaitGroup
	logging.Go(func() { loglines.Program{Log: log, Message: "the program for quota says", Foreign: true}.Copy(says) })
	cmd := exec.CommandContext(ctx, program[0], program[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = "/", env, leaving
	out := &meter{to: to, octets: mostOctets, lines: mostLines, over: func() { stop(errFlood) }}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	to.Close() // never fails
	logging.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // it has ended, and left something that speaks
	}
	return err
}

// meter lets so much through.
type meter struct {
	to            io.Writer
	octets, lines int
	over          func()
}

// Write implements io.Writer.
func (m *meter) Write(p []byte) (int, error) {
	m.octets -= len(p)
	m.lines -= bytes.Count(p, []byte("\n"))
	if m.octets >= 0 && m.lines >= 0 {
		return m.to.Write(p)
	}
	m.over()
	return 0, errFlood
}
