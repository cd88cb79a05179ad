// Package sessiontest is the other side of a session program, for tests: Front and
// Start start one as fronts do, Run has what receives connections in the test's own
// process, and Log is where either may write.
package sessiontest

import (
	"bufio"
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
// standard output. Its status is that of the session program. With -socket before the
// arguments only the first line of the input, the record, goes that way, with a
// socket of TCP, and the rest by this one.
func Front() int {
	args, talk := os.Args[1:], converse
	if args[0] == "-socket" {
		args, talk = args[1:], converseByTCP
	}
	err := front(args[0], args[1:], talk)
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

func front(program string, args []string, talk func(*net.UnixConn) error) error {
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	conn, err := Start(cmd)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := talk(conn); err != nil {
		return err
	}
	return cmd.Wait()
}

// stream is a connection with two directions.
type stream interface {
	net.Conn
	CloseWrite() error
}

// converse sends the input, and then writes what comes.
func converse(conn *net.UnixConn) error { return exchange(conn, os.Stdin) }

func exchange(conn stream, in io.Reader) error {
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, in)
		sent <- errors.Join(err, conn.CloseWrite())
	}()
	if _, err := io.Copy(os.Stdout, conn); err != nil && !errors.Is(err, unix.ECONNRESET) {
		return err
	}
	conn.Close()
	<-sent // a session that has ended does not take everything
	return nil
}

// converseByTCP is converse for a session that gets a socket.
func converseByTCP(channel *net.UnixConn) error {
	in := bufio.NewReader(os.Stdin)
	record, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	client, server, err := loopback()
	if err != nil {
		return err
	}
	defer client.Close()
	err = fdpass.WriteFile(channel, record, server)
	if err := errors.Join(err, server.Close()); err != nil {
		return err
	}
	return exchange(client, in)
}

// loopback returns the two ends of a connection of TCP.
func loopback() (client, server *net.TCPConn, err error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if client, err = net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr)); err != nil {
		return nil, nil, err
	}
	if server, err = l.AcceptTCP(); err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return client, server, nil
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
	if err := pass(control, 1, handover.Account{}, end); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	cmd.Stdin = theirs
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// pass passes a connection, which stays the caller's to close.
func pass(control *fdpass.Conn, number uint32, of handover.Account, conn *net.UnixConn) error {
	f, err := conn.File()
	if err != nil {
		return err
	}
	defer f.Close()
	return control.Send(handover.Message{Kind: handover.Pass, Conn: number, Account: of}.Append(nil), f)
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
