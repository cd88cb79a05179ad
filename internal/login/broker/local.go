package broker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/login/userdb"
)

// Verifier is a password source. Its errors wrap userdb.ErrWrong or
// userdb.ErrUnavailable; any other error counts as the latter.
type Verifier interface {
	Verify(ctx context.Context, name string, password userdb.Secret) (userdb.User, error)
	// Check reports why it cannot verify anything, if it cannot.
	Check() error
}

// LocalOptions say how a Local works.
type LocalOptions struct {
	Verifier Verifier
	// MailPath returns the Maildir of an account that has none of its own,
	// from its home directory (conf.Config.MailPath).
	MailPath func(home string) (string, error)
	// Programs is the directory of the session programs.
	Programs string
	// ConfigFile is handed on as -c unless it is "".
	ConfigFile string
	// FailureDelay is how long the answer to wrong credentials takes at least,
	// whatever the check took.
	FailureDelay time.Duration
	Log          *slog.Logger
}

// Local is Authenticator and Starter in one process: session programs run under
// the uid of the front. It refuses accounts of any other uid.
type Local struct {
	o       LocalOptions
	linger  time.Duration  // time to end for a session whose connection is closed
	running sync.WaitGroup // session programs that are not reaped
}

// NewLocal returns a Local without sessions.
func NewLocal(o LocalOptions) *Local {
	return &Local{o: o, linger: 5 * time.Minute}
}

// Authenticate implements Authenticator. When ctx ends, it does too.
func (l *Local) Authenticate(ctx context.Context, c Credentials) (Grant, error) {
	delay := time.NewTimer(l.o.FailureDelay)
	defer delay.Stop()
	user, err := l.o.Verifier.Verify(ctx, c.Name, c.Password)
	if err == nil {
		return Grant{Account: user.Name, user: user}, nil
	}
	select {
	case <-delay.C:
	case <-ctx.Done():
	}
	if !errors.Is(err, ErrWrong) && !errors.Is(err, ErrUnavailable) {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return Grant{}, err
}

// programs are the session programs by service.
var programs = map[string]string{
	"imap":    "imap-session",
	"pop3":    "pop3-session",
	"webmail": "webmail-session",
}

// Check reports why nobody can log in to the service, if nobody can.
func (l *Local) Check(service string) error {
	err := l.o.Verifier.Check()
	if _, pathErr := exec.LookPath(filepath.Join(l.o.Programs, programs[service])); pathErr != nil {
		err = errors.Join(err, fmt.Errorf("find the session program: %w", pathErr))
	}
	return err
}

// Start implements Starter.
func (l *Local) Start(ctx context.Context, service string, g Grant) (net.Conn, error) {
	conn, err := l.start(ctx, service, g)
	if err != nil {
		return nil, fmt.Errorf("%w: start %s session: %w", ErrUnavailable, service, err)
	}
	return conn, nil
}

func (l *Local) start(ctx context.Context, service string, g Grant) (*sessionConn, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	cmd, err := l.command(service, g)
	if err != nil {
		return nil, err
	}
	ours, theirs, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	stderr, childStderr, err := os.Pipe()
	if err != nil {
		ours.Close()
		return nil, err
	}
	defer childStderr.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, childStderr
	if err := cmd.Start(); err != nil {
		ours.Close()
		stderr.Close()
		return nil, err
	}
	conn := &sessionConn{UnixConn: ours, linger: l.linger, ended: make(chan struct{}), kill: cmd.Process.Kill}
	l.running.Add(1)
	go l.attend(cmd, stderr, conn, l.o.Log.With("sid", g.SID, "user", g.Account, "proto", service))
	return conn, nil
}

// command puts together what to execute.
func (l *Local) command(service string, g Grant) (*exec.Cmd, error) {
	program, ok := programs[service]
	if !ok {
		return nil, fmt.Errorf("no such service %q", service)
	}
	if err := userdb.CheckName(g.Account); err != nil {
		return nil, err
	}
	if uid := os.Geteuid(); g.user.UID >= 0 && g.user.UID != uid {
		return nil, fmt.Errorf("account %s has uid %d and this program uid %d", g.Account, g.user.UID, uid)
	}
	mail := g.user.Mail
	if mail == "" {
		var err error
		if mail, err = l.o.MailPath(g.user.Home); err != nil {
			return nil, err
		}
	}
	args := []string{"-front"}
	if l.o.ConfigFile != "" {
		args = append(args, "-c", l.o.ConfigFile)
	}
	args = append(args, "-u", g.Account, "-m", mail)
	cmd := exec.Command(filepath.Join(l.o.Programs, program), args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	if g.user.Home != "" {
		cmd.Env = append(cmd.Env, "HOME="+g.user.Home)
	}
	// A process group of its own: Ctrl-C on a terminal is for the front, which
	// lets sessions finish. No Pdeathsig: when the front dies, the end of the
	// connection tells the session, and lets it finish what it is writing.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd, nil
}

// socketpair returns two connected stream sockets, neither of which any other
// program inherits by accident.
func socketpair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "session")
	f := os.NewFile(uintptr(fds[0]), "front")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return conn.(*net.UnixConn), theirs, nil
}

// attend logs what a session program says and how it ends, and reaps it.
func (l *Local) attend(cmd *exec.Cmd, stderr io.ReadCloser, conn *sessionConn, log *slog.Logger) {
	defer l.running.Done()
	logLines(stderr, log)
	stderr.Close()
	err := cmd.Wait()
	close(conn.ended)
	if err != nil {
		log.Error("session program ended", "err", err)
	}
}

// maxLogLine is the longest line of a session program that is logged in one
// piece, in octets.
const maxLogLine = 4 << 10

// logLines copies lines to the log until the program has closed its standard
// error. What is longer than a line may be is logged in pieces.
func logLines(r io.Reader, log *slog.Logger) {
	b := bufio.NewReaderSize(r, maxLogLine)
	for {
		line, err := b.ReadSlice('\n')
		if text := strings.TrimRight(string(line), "\r\n"); text != "" {
			log.Info("session says", "text", text)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return // the end, or nothing that would come after it
		}
	}
}

// Wait returns when every session program has ended, or with ctx's error.
func (l *Local) Wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		l.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for sessions: %w", context.Cause(ctx))
	}
}

// sessionConn is the front's end of a connection. A program that does not end
// when it is closed is killed after a while, so that none is left for ever.
type sessionConn struct {
	*net.UnixConn
	linger time.Duration
	ended  chan struct{} // closed when the program is reaped
	kill   func() error
	once   sync.Once
}

func (c *sessionConn) Close() error {
	err := c.UnixConn.Close()
	c.once.Do(func() {
		go func() {
			timer := time.NewTimer(c.linger)
			defer timer.Stop()
			select {
			case <-c.ended:
			case <-timer.C:
				c.kill() // an error says that it has just ended
			}
		}()
	})
	return err
}
