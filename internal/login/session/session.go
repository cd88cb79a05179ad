// Package session is what the session programs (imap-session, pop3-session,
// webmail-session) have in common: the command line, whose mail it is, how
// connections come to it, the log. What they serve they bring along.
//
// A session program belongs to one account and runs as its user. It is either a
// filter that the user starts, who is logged in by that, and then it has one
// session, on standard input and output. Or it was started with -front by a front
// that has checked a password; then standard input is a control socket on which
// connections are handed over (package handover), and each is a session.
//
// With -fence, too, it belongs to all accounts of its user whose mail is in one
// directory, and with each connection it is told whose it is. What accounts give up by
// that is the wall between them: the sandbox is around all of them.
//
// The sessions of an account have one store.Account (mail.go, accounts.go). One that
// panics ends alone.
//
// It exits 0 when every client left or is gone, 1 on an error of its own, 2 on a
// wrong command line.
package session

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/journal"
	"fantail/internal/daemon/processors"
	"fantail/internal/daemon/sandbox"
	"fantail/internal/daemon/slack"
	"fantail/internal/login/crossed"
	"fantail/internal/login/handover"
	"fantail/internal/login/userdb/self"
	"fantail/internal/store"
)

// Session is what a program serves.
type Session struct {
	User string // the account's name
	Log  *slog.Logger
	Conn Conn
	IMAP conf.IMAPSettings
	POP3 conf.POP3Settings

	Deliver conf.DeliverSettings
	Webmail conf.WebmailSettings

	// Hello is what the front said of the client; nil if there is no front.
	Hello *handover.Hello

	// Due tells whoever started the program that the account has something to be sent; it
	// is an error if nobody can be told. It does not wait.
	Due func() error
	// Senders returns the addresses that an account may write as (conf.SenderAddresses).
	Senders func(account string) []string

	mail   *mail
	cross  *crossings
	others map[string]*mail // of the same process, by name
}

// Conn is a connection to a client. What has no deadlines answers
// os.ErrNoDeadline.
type Conn interface {
	io.ReadWriter
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// OpenAccount opens the account's mail, and makes the Maildir if there is none.
// It is the program's to call, so that it can tell its client of an error in its
// own protocol. The sessions of a process get the same account, which is closed
// when the last of them has ended.
func (s *Session) OpenAccount() (*store.Account, error) { return s.mail.open() }

// Maildir is where the account's mail is, or will be when the account is opened.
func (s *Session) Maildir() string { return s.mail.maildir }

// Examine says, before OpenAccount, that nobody is served and the mail is to be mended: the
// sandbox will be that of an examiner.
func (s *Session) Examine() { s.mail.fence.role = sandbox.Examiner }

// OpenOther is OpenAccount of another account that the process has, or of this one, by
// its name.
func (s *Session) OpenOther(name string) (*store.Account, error) {
	if name == s.User {
		return s.mail.open()
	}
	if m := s.others[name]; m != nil {
		return m.open()
	}
	return nil, fmt.Errorf("%w: %q", errNotHere, name)
}

// errNotHere says that the process does not serve an account.
var errNotHere = errors.New("not an account of this program")

// Socket returns the connection as a socket, for a program that needs a whole one.
// Conn is of no use afterwards.
func (s *Session) Socket() (net.Conn, error) {
	switch c := s.Conn.(type) {
	case net.Conn:
		return c, nil
	case *Stdio:
		return c.socket()
	}
	return nil, errors.ErrUnsupported
}

// Program is a session program.
type Program struct {
	Name    string
	Version string
	// Serve serves one session until the client leaves or ctx ends. It is called
	// by several goroutines at once.
	Serve func(ctx context.Context, s *Session) error
	// Together says that a process can have several accounts, each named by -u and -m:
	// every session is of all of them.
	Together bool
	// Prefixed says that mailboxes have the names that IMAP clients are to see
	// (imap.inbox_prefix).
	Prefixed bool

	// Flags, if it is there, adds options of this program. One of them may ask for
	// something else to be done with the account's mail than to serve a session: then
	// Instead returns what.
	Flags   func(fs *flag.FlagSet)
	Instead func() func(ctx context.Context, s *Session, out io.Writer) error
}

// arguments are the command line.
type arguments struct {
	config, account, maildir, fence string
	quota                           string // of the first account
	others                          []other
	check, front, version           bool
	mail                            conf.MailSettings
	imap                            conf.IMAPSettings
	pop3                            conf.POP3Settings
	deliver                         conf.DeliverSettings
	webmail                         conf.WebmailSettings
	senders                         func(account string) []string
	sandbox                         conf.Sandbox
}

// Main runs the program and returns its exit status.
func (p Program) Main(args []string, in, out, stderr *os.File) int {
	a, err := p.parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil: // the flag package has told
		return 2
	case a.version:
		fmt.Fprintln(out, p.Name, p.Version)
		return 0
	}
	if a.front && a.fence == "" {
		processors.Spare(mostProcessors) // at once: a processor that was used leaves something behind
	}
	log := a.log(p.Name, logTo(in, stderr))
	if err := a.complete(); err != nil {
		log.Error("cannot start", "err", err)
		return 1
	}
	a.mail.BelowInbox = p.Prefixed && a.imap.InboxPrefix
	if a.check {
		return 0
	}
	if !a.front {
		log = log.With("user", a.account)
	}
	if err := p.run(a, in, out, log); err != nil {
		log.Error("session failed", "err", err)
		return 1
	}
	return 0
}

// log returns the program's log. A front puts each line into its own log beside
// time and user, so they are left out then.
func (a *arguments) log(name string, w io.Writer) *slog.Logger {
	if !a.front {
		return journal.New(w, name)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
			if attr.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return attr
		},
	}))
}

var errUsage = errors.New("wrong command line")

func (p Program) parse(args []string, stderr io.Writer) (a arguments, err error) {
	fs := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&a.config, "c", "", "configuration `file`")
	fs.StringVar(&a.fence, "fence", "", "with -front: serve all accounts whose mail is in this `directory`")
	fs.BoolVar(&a.front, "front", false, "standard input is the control socket of a front")
	fs.Func("m", "serve this `maildir`", func(s string) error { return p.add(&a, &a.maildir, other{maildir: s}) })
	fs.Func("quota", "limits of the account before it, in place of mail.quota: `limits`, or none", a.limit)
	fs.BoolVar(&a.check, "n", false, "check the configuration and exit")
	fs.Func("u", "name of the `account` in the log", func(s string) error { return p.add(&a, &a.account, other{name: s}) })
	fs.BoolVar(&a.version, "v", false, "print the version and exit")
	if p.Flags != nil {
		p.Flags(fs)
	}
	if err := fs.Parse(args); err != nil {
		return a, err
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(stderr, "%s: what is %q?\n", p.Name, fs.Arg(0))
		return a, errUsage
	}
	for _, o := range a.others {
		if o.name == "" || o.maildir == "" || !a.front {
			fmt.Fprintf(stderr, "%s: further -u and -m come in pairs, with -front\n", p.Name)
			return a, errUsage
		}
	}
	if a.fence != "" && (!a.front || a.account != "" || a.maildir != "" || a.quota != "") {
		fmt.Fprintf(stderr, "%s: -fence goes with -front, and without -m, -quota and -u\n", p.Name)
		return a, errUsage
	}
	return a, nil
}

// other is a further account of the command line.
type other struct{ name, maildir, quota string }

// add takes a -u or -m: the first one into first, and those behind it into pairs.
func (p Program) add(a *arguments, first *string, o other) error {
	switch last := len(a.others) - 1; {
	case *first == "" || !p.Together:
		*first = o.name + o.maildir
	case last >= 0 && o.name != "" && a.others[last].name == "":
		a.others[last].name = o.name
	case last >= 0 && o.maildir != "" && a.others[last].maildir == "":
		a.others[last].maildir = o.maildir
	default:
		a.others = append(a.others, o)
	}
	return nil
}

// limit takes a -quota: that of the account to which the last -u or -m belongs.
func (a *arguments) limit(text string) error {
	own, err := conf.ParseAccountQuota(text)
	if err != nil {
		return err
	}
	to := &a.quota
	if last := len(a.others) - 1; last >= 0 {
		to = &a.others[last].quota
	}
	*to = own
	return nil
}

// logTo returns where the log goes. inetd connects standard error to the client,
// who must not see it.
func logTo(in, stderr *os.File) io.Writer {
	i, err := in.Stat()
	e, errE := stderr.Stat()
	if errors.Join(err, errE) != nil || i.Mode()&os.ModeSocket != 0 && os.SameFile(i, e) {
		return io.Discard
	}
	return stderr
}

// complete reads the configuration and finds out what the command line left
// open.
func (a *arguments) complete() error {
	cfg, err := conf.Load(a.config)
	if err != nil {
		return err
	}
	a.senders = cfg.Senders()
	a.mail, a.imap, a.pop3, a.deliver, a.webmail, a.sandbox = cfg.Mail, cfg.IMAP, cfg.POP3, cfg.Deliver, cfg.Webmail, cfg.Programs.Sandbox
	if a.fence != "" {
		return nil
	}
	return self.Complete(cfg, &a.account, &a.maildir)
}

// run serves until the clients are gone or somebody stops the program.
func (p Program) run(a arguments, in, out *os.File, log *slog.Logger) error {
	// A client that is gone is an error of a write, not the end of the program.
	signal.Ignore(syscall.SIGPIPE)
	slack.Allow(slack.Work, log)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills, also where a read waits for a terminal
	f := &fence{dir: a.maildir, leave: stop, entered: a.sandbox == conf.SandboxOff}
	cross := new(crossings)
	if !a.front {
		dir, err := crossed.Directory(&a.mail.Warnings)
		if err != nil {
			log.Warn("the program for quota is not run at once", "err", err)
		}
		cross.directory = dir
	}
	s := Session{
		cross: cross,
		User:  a.account, Log: log, IMAP: a.imap, POP3: a.pop3, Deliver: a.deliver, Webmail: a.webmail, Senders: a.senders,
		Due: func() error { return handover.ErrNoStarter },
	}
	if a.fence != "" {
		return p.serveAccounts(ctx, in, s, newAccounts(a, f, cross, log))
	}
	settings, err := a.mail.ForAccount(a.quota)
	if err != nil {
		return err
	}
	m := &mail{name: a.account, maildir: a.maildir, settings: settings, log: log, fence: f, own: true, cross: cross}
	s.mail = m
	if len(a.others) > 0 {
		return p.serveTogether(ctx, in, s, a.mail, a.others)
	}
	if a.front {
		// So that nothing of the front's is read outside the sandbox. That mail cannot
		// be opened is told by the session that wants it: it is tried again then.
		_, _ = m.open()
		err = p.serveFront(ctx, in, s)
	} else if work := p.instead(); work != nil {
		err = work(ctx, &s, out)
	} else {
		err = p.serveStdio(ctx, in, out, s)
	}
	return errors.Join(err, m.close())
}

func (p Program) instead() func(context.Context, *Session, io.Writer) error {
	if p.Instead == nil {
		return nil
	}
	return p.Instead()
}

// serveStdio serves one session on standard input and output.
func (p Program) serveStdio(ctx context.Context, in, out *os.File, s Session) error {
	conn, err := NewStdio(in, out)
	if err != nil {
		return err
	}
	s.Conn = conn
	return errors.Join(p.Serve(ctx, &s), conn.Close())
}
