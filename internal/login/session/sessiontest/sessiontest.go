// Package sessiontest is the other side of a session program, for tests: Front and
// Start start one as fronts do, Run has what receives connections in the test's own
// process, and Log is where either may write.
package sessiontest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/handover"
)

// Front is a program: its arguments are those of a session program. It hands one
// connection over, sends its standard input on it, and writes what comes back to its
// standard output. Its status is that of the session program.
func Front() int {
	err := front(os.Args[1], os.Args[2:])
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil:
		fmt.Fprintln(os.Stderr, "front:", err)
		return 1
	}
	return 0
}

func front(program string, args []string) error {
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	conn, err := Start(cmd)
	if err != nil {
		return err
	}
	defer conn.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, os.Stdin)
		sent <- errors.Join(err, conn.CloseWrite())
	}()
	if _, err := io.Copy(os.Stdout, conn); err != nil && !errors.Is(err, unix.ECONNRESET) {
		return err
	}
	conn.Close()
	<-sent // a session that has ended does not take everything
	return cmd.Wait()
}

// Start starts a session program, hands one connection over to it, and says that
// there will be no other. The program ends with the session.
func Start(cmd *exec.Cmd) (*net.UnixConn, error) {
	control, theirs, err := fdpass.Pair()
	if err != nil {
		return nil, err
	}
	defer control.Close()
	defer theirs.Close()
	conn, end, err := Pair()
	if err != nil {
		return nil, err
	}
	defer end.Close()
	if err := pass(control, 1, end); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	cmd.Stdin = theirs
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// pass passes a connection, which stays the caller's to close.
func pass(control *fdpass.Conn, number uint32, conn *net.UnixConn) error {
	f, err := conn.File()
	if err != nil {
		return err
	}
	defer f.Close()
	return control.Send(handover.Message{Kind: handover.Pass, Conn: number}.Append(nil), f)
}

// Pair returns the two ends of a connection.
func Pair() (ours, theirs *net.UnixConn, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	var ends [2]*net.UnixConn
	var errs [2]error
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		conn, err := net.FileConn(f)
		ends[i], _ = conn.(*net.UnixConn)
		errs[i] = errors.Join(err, f.Close())
	}
	return ends[0], ends[1], errors.Join(errs[:]...)
}
