// Package launch says how a session program is started for an account: its command
// line, its environment, as whom it runs. Package roster starts it and keeps it.
//
// A program gets its account's name, the path of its mail, and the configuration
// file; nothing of the one who starts it, neither environment nor descriptors nor
// process group. What a client wrote is in none of it. A program that accounts share is
// told the directory of their mail instead, and the account with each connection.
package launch

import (
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/roster"
	"fantail/internal/login/userdb"
)

// Options say how programs are started. They are safe for many goroutines, and not to be
// copied.
type Options struct {
	Programs   string // directory of the session programs
	ConfigFile string // handed on as -c unless it is ""
	// ConfigStamp identifies the state of the configuration that a program would
	// read now (conf.Stamp).
	ConfigStamp func() string
	// Become makes a program run as its account's user, which only root can. Without
	// it the account must have OwnUID.
	Become bool
	OwnUID uint32
	// Fence is the directory in which accounts have their mail that share programs, if
	// they are the same user; "": every account has its own.
	Fence string
	// FirstUID and FirstGID are the lowest that an account may have, if Become: no
	// mistake in a source of accounts may start anything as a user of the system.
	FirstUID, FirstGID uint32

	files files
}

const (
	// mostConnections is for the descriptors of one process, of which a connection
	// takes two and each mailbox some.
	mostConnections = 200
	// mostShared is that of a process that accounts share, if it may have descriptors
	// for so many.
	mostShared = 20_000
	// perConnection is how many descriptors a connection takes whose client has a
	// mailbox selected, generously.
	perConnection = 20
	// idle is longer than the pause between two connections of a client that looks
	// at its mailboxes in turn.
	idle = 30 * time.Second
	// linger is time to finish what is being written, on a slow file server.
	linger = 5 * time.Minute
	// stop is time to finish a command, and to tell the client.
	stop = 20 * time.Second
)

// RosterOptions are how session programs are kept.
func RosterOptions(log *slog.Logger) roster.Options {
	return roster.Options{Most: mostConnections, MostShared: shared(), Idle: idle, Linger: linger, Stop: stop, Log: log}
}

// shared is how many connections a process gets that accounts share. What it may have
// open is what this process may, up to the hard limit: Go's runtime sees to that.
func shared() int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return mostConnections
	}
	return max(mostConnections, int(min(mostShared, l.Max/perConnection)))
}

// names are the session programs by service. A service that has none brings no session
// about.
var names = map[wire.Service]string{
	wire.IMAP:    "imap-session",
	wire.POP3:    "pop3-session",
	wire.Webmail: "webmail-session",
	wire.LMTP:    "deliver-session",
}

// Check reports why no session of the service can be started, if none can.
func (o *Options) Check(s wire.Service) error {
	path, err := o.path(s)
	if err == nil {
		_, err = exec.LookPath(path)
	}
	if err != nil {
		return fmt.Errorf("find the session program: %w", err)
	}
	return nil
}

func (o *Options) path(s wire.Service) (string, error) {
	name, ok := names[s]
	if !ok {
		return "", fmt.Errorf("%s has no sessions", s)
	}
	return filepath.Join(o.Programs, name), nil
}

// Wanted says which program serves an account, or several together: these have one
// user, and only the service LMTP has programs of that kind. The first is whose name
// the program has.
func (o *Options) Wanted(s wire.Service, a *wire.Account, others ...*wire.Account) (roster.Wanted, error) {
	path, err := o.path(s)
	if err == nil {
		err = o.permit(a)
	}
	for _, b := range others {
		if err == nil {
			err = o.permitTogether(s, a, b)
		}
	}
	if err != nil {
		return roster.Wanted{}, fmt.Errorf("account %s: %w", a.Name, err)
	}
	args := []string{path, "-front"}
	if o.ConfigFile != "" {
		args = append(args, "-c", o.ConfigFile)
	}
	who := o.credential(a)
	w := roster.Wanted{Service: s.String(), Account: a.Name}
	home := a.Home
	if o.shares(a) && len(others) == 0 {
		args = append(args, "-fence", o.Fence)
		w.Shared, w.Mail, w.Quota = "as "+as(who), a.Mail, a.Quota
		home = ""
	} else {
		args = append(args, whose(a)...)
	}
	for _, b := range others {
		args = append(args, whose(b)...)
		w.With += b.Name + "\n" // no name has a line end
	}
	w.Edition = o.edition(args, home, who)
	w.Command = func() *exec.Cmd {
		cmd := command(args, home, who)
		if w.Shared == "" {
			// What two processors have done at the start costs half a megabyte for good;
			// the program takes more when there is work for them (package processors).
			cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
		}
		return cmd
	}
	return w, nil
}

// Once returns a command that runs an account's session program for something else than
// sessions, as more says.
func (o *Options) Once(s wire.Service, a *wire.Account, more ...string) (*exec.Cmd, error) {
	path, err := o.path(s)
	if err == nil {
		err = o.permit(a)
	}
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", a.Name, err)
	}
	args := []string{path}
	if o.ConfigFile != "" {
		args = append(args, "-c", o.ConfigFile)
	}
	args = append(args, whose(a)...)
	return command(append(args, more...), a.Home, o.credential(a)), nil
}

// Submit returns the command that sends what an account has in its outbox.
func (o *Options) Submit(a *wire.Account) (*exec.Cmd, error) {
	return o.other("webmail-submit", a, whose(a)...)
}

// QuotaCommand returns the command that runs the administrator's program for the crossings
// of quota that wait in an account's mail.
func (o *Options) QuotaCommand(a *wire.Account) (*exec.Cmd, error) {
	return o.other("quota-command", a, "-u", a.Name, "-m", a.Mail)
}

// other returns the command that runs a program which serves no sessions.
func (o *Options) other(program string, a *wire.Account, more ...string) (*exec.Cmd, error) {
	if err := o.permit(a); err != nil {
		return nil, fmt.Errorf("account %s: %w", a.Name, err)
	}
	args := []string{filepath.Join(o.Programs, program)}
	if o.ConfigFile != "" {
		args = append(args, "-c", o.ConfigFile)
	}
	return command(append(args, more...), a.Home, o.credential(a)), nil
}

// whose are the options that say whose mail a program serves.
func whose(a *wire.Account) []string {
	args := []string{"-u", a.Name, "-m", a.Mail}
	if a.Quota != "" {
		args = append(args, "-quota", a.Quota)
	}
	return args
}

// credential is as whom an account's program runs; nil: as the one who starts it.
func (o *Options) credential(a *wire.Account) *syscall.Credential {
	if !o.Become {
		return nil
	}
	return &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
}

// shares reports whether an account shares programs with others.
func (o *Options) shares(a *wire.Account) bool {
	return o.Fence != "" && strings.HasPrefix(a.Mail, o.Fence+"/")
}

var (
	errRoot = errors.New("the superuser has no sessions")
	errMail = errors.New("the path of the mail is not an absolute, clean one")
)

// permitTogether reports why one program may not serve another account, too.
func (o *Options) permitTogether(s wire.Service, a, b *wire.Account) error {
	if s != wire.LMTP {
		return fmt.Errorf("%s has a program for each account", s)
	}
	if a.UID != b.UID || a.GID != b.GID || !slices.Equal(a.Groups, b.Groups) {
		return fmt.Errorf("account %s is not of the same user", b.Name)
	}
	return o.permit(b)
}

// permit reports why nothing may be started for an account.
func (o *Options) permit(a *wire.Account) error {
	if err := userdb.CheckName(a.Name); err != nil {
		return err
	}
	if strings.HasPrefix(a.Name, "-") {
		return errors.New("the name looks like an option")
	}
	if !filepath.IsAbs(a.Mail) || filepath.Clean(a.Mail) != a.Mail || a.Mail == "/" {
		return errMail
	}
	if !o.Become {
		if a.UID != o.OwnUID {
			return fmt.Errorf("it has uid %d, and this program uid %d", a.UID, o.OwnUID)
		}
		return nil
	}
	if a.UID == 0 || a.GID == 0 {
		return errRoot
	}
	if a.UID < o.FirstUID {
		return fmt.Errorf("uid %d is below the first one of accounts, %d", a.UID, o.FirstUID)
	}
	if a.GID < o.FirstGID {
		return fmt.Errorf("gid %d is below the first one of accounts, %d", a.GID, o.FirstGID)
	}
	for _, g := range a.Groups {
		if g == 0 {
			return errors.New("it is in the superuser's group")
		}
	}
	return nil
}

func command(args []string, home string, who *syscall.Credential) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	if home != "" {
		cmd.Env = append(cmd.Env, "HOME="+home)
	}
	// A process group of its own: Ctrl-C on a terminal is for the one who starts it,
	// who lets sessions finish. No Pdeathsig: when he dies, the end of the connections
	// tells the program, and lets it finish what it is writing.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: who}
	return cmd
}
