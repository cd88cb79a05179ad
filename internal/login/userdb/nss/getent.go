package nss

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"fantail/internal/login/userdb"
)

// maxAnswer is the most that getent may say, in octets. A group lists its members.
const maxAnswer = 1 << 20

var (
	errNoTool     = errors.New("there is no getent")
	errNoDatabase = errors.New("getent does not know the database")
	errLong       = errors.New("getent says too much")
)

// Exit statuses of getent.
const (
	statusUsage   = 1 // also: no such database
	statusMissing = 2
)

// run asks getent and returns the one line that it says, without LF.
func (d *DB) run(ctx context.Context, database, name string) (string, error) {
	tool, err := d.tool()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	select {
	case d.turns <- struct{}{}:
		defer func() { <-d.turns }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	out := &bounded{stop: cancel}
	cmd := exec.CommandContext(ctx, tool, "--", database, name)
	cmd.Stdout = out
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // what it started, too
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case out.full:
		return "", errLong
	case ctx.Err() != nil:
		return "", fmt.Errorf("getent %s: %w", database, context.Cause(ctx))
	case errors.As(err, &exit) && exit.ExitCode() == statusMissing:
		return "", userdb.ErrUnknown
	case errors.As(err, &exit) && exit.ExitCode() == statusUsage:
		return "", errNoDatabase
	case err != nil:
		return "", fmt.Errorf("getent %s: %w", database, err)
	}
	line, ok := strings.CutSuffix(out.text.String(), "\n")
	if !ok || strings.ContainsRune(line, '\n') {
		return "", fmt.Errorf("getent %s does not say one line", database)
	}
	return line, nil
}

// tool is the path of getent.
func (d *DB) tool() (string, error) {
	for _, path := range d.getent {
		if _, err := exec.LookPath(path); err == nil {
			return path, nil
		}
	}
	return "", errNoTool
}

// bounded keeps the first maxAnswer octets; at one more it stops the writer. The buffer
// is not embedded: it could be filled past Write.
type bounded struct {
	text bytes.Buffer
	full bool
	stop func()
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > maxAnswer {
		b.full = true
		b.stop()
		return 0, errLong
	}
	return b.text.Write(p)
}
