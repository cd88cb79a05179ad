package dialogue

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Peer is a kind of server to talk to.
type Peer struct {
	Name string
	// Start begins a conversation with the mailbox of b. It is called again
	// for each further connection.
	Start func(s *Script, b Box) (*Server, error)

	manner Manner
}

// Server is the far end of one connection.
type Server struct {
	Conn   *net.UnixConn
	PID    int
	Silent bool // it begins without a greeting
	// Wait returns when the server has ended: what it wrote to standard
	// error, and an error unless it ended well.
	Wait func() (log string, err error)
	Kill func()
}

// Ours is the peer that runs the session programs in directory bin.
func Ours(bin string) Peer {
	return Peer{Name: "ours", Start: func(s *Script, b Box) (*Server, error) {
		config, err := b.config(s.Config)
		if err != nil {
			return nil, err
		}
		args := append([]string{"-c", config, "-m", b.Maildir()}, s.Args...)
		return start(exec.Command(filepath.Join(bin, string(s.Protocol)+"-session"), args...), b)
	}}
}

// config writes our configuration file, unless it is there, and gives its path.
func (b Box) config(lines []string) (string, error) {
	const name = "fantail.toml"
	path := filepath.Join(b.Home, name)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "mail.folders") }) {
		lines = append([]string{`mail.folders = ""`}, lines...)
	}
	return path, b.writeFile(name, []byte(strings.Join(lines, "\n")+"\n"))
}

// dovecotDir is where Debian, Fedora and Dovecot's own packages put the
// programs that serve one connection on standard input and output.
const dovecotDir = "/usr/lib/dovecot"

// HasDovecot reports whether Dovecot's program for p is installed.
func HasDovecot(p Protocol) bool {
	_, err := os.Stat(filepath.Join(dovecotDir, string(p)))
	return err == nil
}

// Dovecot is the peer that runs the imap and pop3 programs of an installed
// Dovecot 2.3, without its master process.
func Dovecot() Peer {
	return Peer{Name: "dovecot", Start: func(s *Script, b Box) (*Server, error) {
		conf := fmt.Sprintf("mail_location = maildir:%s\nssl = no\n%s\n", b.Maildir(), strings.Join(s.Dovecot, "\n"))
		if err := b.writeFile("dovecot.conf", []byte(conf)); err != nil {
			return nil, err
		}
		srv, err := start(exec.Command(filepath.Join(dovecotDir, string(s.Protocol)), "-c", filepath.Join(b.Home, "dovecot.conf")), b)
		if err == nil {
			srv.Silent = s.Protocol == POP3
		}
		return srv, err
	}}
}

// start runs cmd with one end of a socket pair as its standard input and
// output, as the account of b.
func start(cmd *exec.Cmd, b Box) (*Server, error) {
	conn, far, err := Pair()
	if err != nil {
		return nil, err
	}
	defer far.Close()
	var log bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = far, far, &log
	cmd.Dir = b.Home
	cmd.Env = []string{"HOME=" + b.Home, "USER=nobody", "LOGNAME=nobody", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	if b.UID >= 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(b.UID), Gid: uint32(b.GID)}}
	}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &Server{
		Conn: conn,
		PID:  cmd.Process.Pid,
		Wait: func() (string, error) {
			err := cmd.Wait()
			return log.String(), err
		},
		Kill: func() { _ = cmd.Process.Kill() }, // it may have ended by itself
	}, nil
}

// Pair makes a connected pair of stream sockets: our end, and a file to pass
// to a server.
func Pair() (*net.UnixConn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	near, far := os.NewFile(uintptr(fds[0]), "near"), os.NewFile(uintptr(fds[1]), "far")
	conn, err := net.FileConn(near)
	if err := errors.Join(err, near.Close()); err != nil {
		return nil, nil, errors.Join(err, far.Close())
	}
	return conn.(*net.UnixConn), far, nil
}
