package submit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Sendmail is the transport by the program sendmail, as every MTA has it. It runs as this
// process's user, without a shell and with an environment of its own. The message is its
// standard input: a file, so it gets all of it or, if this process dies before, nothing.
type Sendmail struct {
	Path    string
	Timeout time.Duration // 0: five minutes
}

// Exit status of sysexits.h.
const (
	exUnavailable = 69
	exOSErr       = 71
	exIOErr       = 74
	exTempFail    = 75
)

// Send implements Transport.
func (s Sendmail) Send(ctx context.Context, e Envelope, message *os.File, commit func() error) error {
	if _, err := exec.LookPath(s.Path); err != nil {
		return &Refusal{Temporary: true, Said: err.Error()}
	}
	timeout := s.Timeout
	if timeout == 0 {
		timeout = 5 * time.Minute
	}
	// Not the context of the caller: when webmail-submit is told to end, what it has
	// begun comes to its end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	args := []string{"-i", "-f", e.From}
	if e.Notify {
		args = append(args, "-N", "delay,failure,success")
	}
	cmd := exec.CommandContext(ctx, s.Path, append(append(args, "--"), e.To...)...)
	var says bytes.Buffer
	cmd.Stdin = message
	cmd.Stdout, cmd.Stderr = &limited{w: &says}, &limited{w: &says}
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=" + os.Getenv("HOME")}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	if err := commit(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return &Refusal{Temporary: true, Said: line(err.Error())}
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.Exited():
		return refused(exit.ExitCode(), line(says.String()))
	}
	return fmt.Errorf("sendmail ended without an answer: %w", err) // by a signal: it may have queued the message
}

// refused is what an exit status says.
func refused(status int, said string) *Refusal {
	r := &Refusal{Said: said}
	switch status {
	case exTempFail, exOSErr, exIOErr, exUnavailable:
		// 69 is what Postfix's sendmail says of a queue that it cannot reach.
		r.Temporary = true
	}
	if r.Said == "" {
		r.Said = fmt.Sprintf("exit status %d", status)
	}
	return r
}

// limited keeps the beginning of what is written to it.
type limited struct{ w *bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	const most = 4096
	if room := most - l.w.Len(); room > 0 {
		_, _ = l.w.Write(p[:min(room, len(p))]) // never fails
	}
	return len(p), nil
}

var _ io.Writer = (*limited)(nil)
