package admin

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/login/userdb"
)

// terminal is a program on a terminal of its own.
type terminal struct {
	*testing.T
	master, slave *os.File
	cmd           *exec.Cmd
	said          *bufio.Reader
}

func onTerminal(t *testing.T, s *site, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	t.Cleanup(func() { slave.Close() })
	program := filepath.Join(installed(t), "fantail")
	cmd := exec.Command(program, append([]string{"-c", s.path("fantail.toml")}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	t.Cleanup(func() { timer.Stop() })
	return &terminal{t, master, slave, cmd, bufio.NewReader(master)}
}

// echoes reports whether the terminal shows what is typed.
func (c *terminal) echoes() bool {
	c.Helper()
	now, err := unix.IoctlGetTermios(int(c.slave.Fd()), unix.TCGETS)
	if err != nil {
		c.Fatal(err)
	}
	return now.Lflag&unix.ECHO != 0
}

// asks waits for a question, and types an answer, which is not shown.
func (c *terminal) asks(question, answer string) {
	c.Helper()
	got, err := c.said.ReadString(':')
	if err != nil || !strings.HasSuffix(got, question) || c.echoes() {
		c.Errorf("it asks %q, %v, want %q; it shows what is typed: %t", got, err, question, c.echoes())
	}
	if _, err := io.WriteString(c.master, answer); err != nil {
		c.Fatal(err)
	}
}

// TestTerminal: a password is asked for twice, and not shown.
func TestTerminal(t *testing.T) {
	s := open(t, "")
	c := onTerminal(t, s, "user", "add", "ann", "-s", "PLAIN")
	c.asks("New password for ann:", "secret\n")
	c.asks("Once more:", "secret\n")
	if err := c.cmd.Wait(); err != nil || !c.echoes() {
		t.Errorf("%v; the terminal shows what is typed: %t", err, c.echoes())
	}
	records, _, err := userdb.ReadFile(s.path("passwd"))
	if err != nil || len(records) != 1 || string(records[0].Password) != "{PLAIN}secret" {
		t.Errorf("%+v, %v", records, err)
	}

	c = onTerminal(t, s, "passwd", "ann")
	c.asks("New password for ann:", "one\n")
	c.asks("Once more:", "two\n")
	if err := c.cmd.Wait(); c.cmd.ProcessState.ExitCode() != exitData || !c.echoes() {
		t.Errorf("two that differ: %v", err)
	}
}

// TestInterrupted: who changes his mind has a terminal that shows what he types.
func TestInterrupted(t *testing.T) {
	s := open(t, "")
	c := onTerminal(t, s, "user", "add", "ann")
	c.asks("New password for ann:", "sec\x03")
	err := c.cmd.Wait()
	if status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGINT || !c.echoes() {
		t.Errorf("%v; the terminal shows what is typed: %t", err, c.echoes())
	}
	if _, err := os.Stat(s.path("passwd")); err == nil {
		t.Error("there is a file")
	}
}
