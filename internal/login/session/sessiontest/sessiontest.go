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
	"syscall"

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

func front(program string, args []string, talk func(*exec.Cmd, *bufio.Reader, string) error) error {
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	in := bufio.NewReader(os.Stdin)
	record, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	if err := talk(cmd, in, record); err != nil {
		return err
	}
	return cmd.Wait()
}

// stream is a connection with two directions.
type stream interface {
	net.Conn
	CloseWrite() error
}

// converse sends the input by the channel, and then writes what comes.
func converse(cmd *exec.Cmd, in *bufio.Reader, record string) error {
	channel, err := begin(cmd, handover.Introduction{Hello: Someone}, record)
	if err != nil {
		return err
	}
	defer channel.Close()
	return exchange(channel, in)
}

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
func converseByTCP(cmd *exec.Cmd, in *bufio.Reader, record string) error {
	client, server, err := loopback()
	if err != nil {
		return err
	}
	defer client.Close()
	fd, err := Descriptor(server)
	if err != nil {
		return err
	}
	channel, err := begin(cmd, handover.Introduction{Hello: Someone, Socket: fd}, record)
	if err := errors.Join(err, server.Close()); err != nil {
		return err
	}
	defer channel.Close()
	return exchange(client, in)
}

// Descriptor returns that of a connection, which stays open as long as that does.
func Descriptor(conn syscall.Conn) (fd int, err error) {
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(n uintptr) { fd = int(n) })
	}
	return fd, err
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

// Someone is a client like any other.
var Someone = handover.Hello{SID: "s", Remote: "192.0.2.7", Tag: "a"}

// Start starts a session program, hands one connection over to it, and says that
// there will be no other. The program ends with the session.
func Start(cmd *exec.Cmd, hello handover.Hello) (handover.Channel, error) {
	return begin(cmd, handover.Introduction{Hello: hello}, "")
}

// begin is Start of any client, of which another record is told if there is one.
func begin(cmd *exec.Cmd, in handover.Introduction, record string) (handover.Channel, error) {
	control, theirs, err := fdpass.Pair()
	if err != nil {
		return nil, err
	}
	defer control.Close()
	defer theirs.Close()
	channel, p, err := in.Open()
	if err != nil {
		return nil, err
	}
	defer p.Sent()
	if record != "" {
		p.Record = record
	}
	cmd.Stdin = theirs
	if err := errors.Join(pass(control, 1, handover.Account{}, p), cmd.Start()); err != nil {
		return nil, errors.Join(err, channel.Close())
	}
	return channel, nil
}

// Received is what a program gets that is passed p: descriptors of its own.
func Received(p handover.Passage) (handover.Passage, error) {
	got := handover.Passage{Record: p.Record}
	for _, fd := range p.Files {
		own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return handover.Passage{}, errors.Join(err, got.Close())
		}
		got.Files = append(got.Files, own)
	}
	return got, nil
}

// Accepted brings a client to a session in this process, as a starter does that has one.
func Accepted(in handover.Introduction) (handover.Channel, handover.Hello, *handover.Client, error) {
	channel, p, err := in.Open()
	if err != nil {
		return nil, handover.Hello{}, nil, err
	}
	defer p.Sent()
	got, err := Received(p)
	if err != nil {
		return nil, handover.Hello{}, nil, errors.Join(err, channel.Close())
	}
	hello, client, err := handover.Accept(got)
	if err != nil {
		return nil, handover.Hello{}, nil, errors.Join(err, channel.Close())
	}
	return channel, hello, client, nil
}

// pass passes a connection, whose descriptors stay the caller's to close.
func pass(control *fdpass.Conn, number uint32, of handover.Account, p handover.Passage) error {
	m := handover.Message{Kind: handover.Pass, Conn: number, Record: p.Record, Account: of}
	return control.Send(m.Append(nil), p.Files)
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
