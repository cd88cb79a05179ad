package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/login/handover"
	"fantail/internal/login/roster"
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
	// ConfigStamp identifies the state of the configuration that a session program
	// would read now (conf.Stamp).
	ConfigStamp func() string
	// FailureDelay is how long the answer to wrong credentials takes at least,
	// whatever the check took.
	FailureDelay time.Duration
	Log          *slog.Logger
}

// Local is Authenticator and Starter in one process: session programs run under
// the uid of the front. It refuses accounts of any other uid.
type Local struct {
	o      LocalOptions
	roster *roster.Roster
}

// NewLocal returns a Local without sessions.
func NewLocal(o LocalOptions) *Local {
	return &Local{o: o, roster: roster.New(roster.Options{Most: mostConnections, Idle: idle, Linger: linger, Log: o.Log})}
}

const (
	// mostConnections is for the descriptors of one process, of which a
	// connection takes two and each mailbox some.
	mostConnections = 200
	// idle is longer than the pause between two connections of a client that
	// looks at its mailboxes in turn.
	idle = 30 * time.Second
	// linger is time to finish what is being written, on a slow file server.
	linger = 5 * time.Minute
)

// Authenticate implements Authenticator. When ctx ends, it does too.
func (l *Local) Authenticate(ctx context.Context, c Credentials) (Grant, error) {
	delay := time.NewTimer(l.o.FailureDelay)
	defer delay.Stop()
	user, err := l.o.Verifier.Verify(ctx, c.Name, c.Password)
	if err == nil {
		return Grant{Account: user.Name, IMAPWithout: user.IMAPWithout, user: user}, nil
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
func (l *Local) Start(ctx context.Context, service string, g Grant) (handover.Channel, error) {
	w, err := l.wanted(service, g)
	if err == nil {
		var conn handover.Channel
		if conn, err = l.roster.Connect(ctx, w); err == nil {
			return conn, nil
		}
	}
	return nil, fmt.Errorf("%w: start %s session: %w", ErrUnavailable, service, err)
}

// Interrupt asks every session that was started to take leave of its client and end.
// It does not wait.
func (l *Local) Interrupt() { l.roster.Interrupt() }

// Shutdown starts nothing any more, and returns when every session program has
// ended, which they do when their connections are closed, or with ctx's error.
func (l *Local) Shutdown(ctx context.Context) error { return l.roster.Shutdown(ctx) }

// wanted says which program the account needs.
func (l *Local) wanted(service string, g Grant) (roster.Wanted, error) {
	program, ok := programs[service]
	if !ok {
		return roster.Wanted{}, fmt.Errorf("no such service %q", service)
	}
	if err := userdb.CheckName(g.Account); err != nil {
		return roster.Wanted{}, err
	}
	if uid := os.Geteuid(); g.user.UID >= 0 && g.user.UID != uid {
		return roster.Wanted{}, fmt.Errorf("account %s has uid %d and this program uid %d", g.Account, g.user.UID, uid)
	}
	mail := g.user.Mail
	if mail == "" {
		var err error
		if mail, err = l.o.MailPath(g.user.Home); err != nil {
			return roster.Wanted{}, err
		}
	}
	args := []string{filepath.Join(l.o.Programs, program), "-front"}
	if l.o.ConfigFile != "" {
		args = append(args, "-c", l.o.ConfigFile)
	}
	args = append(args, "-u", g.Account, "-m", mail)
	return roster.Wanted{
		Service: service,
		Account: g.Account,
		Edition: l.edition(args, g.user.Home),
		Command: func() *exec.Cmd { return command(args, g.user.Home) },
	}, nil
}

// edition is what a session program depends on that can change while it runs: its
// command line, its own file, the configuration. A login after a change gets a
// program that knows of it.
func (l *Local) edition(args []string, home string) string {
	var st unix.Stat_t
	err := unix.Stat(args[0], &st) // that there is none is found out when it is started
	return fmt.Sprintf("%q %q %v %d:%d %d %v\n%s", args, home, err, st.Dev, st.Ino, st.Size, st.Ctim, l.o.ConfigStamp())
}

func command(args []string, home string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	if home != "" {
		cmd.Env = append(cmd.Env, "HOME="+home)
	}
	// A process group of its own: Ctrl-C on a terminal is for the front, which
	// lets sessions finish. No Pdeathsig: when the front dies, the end of the
	// connections tells the program, and lets it finish what it is writing.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}
