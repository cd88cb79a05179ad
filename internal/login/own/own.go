// Package own is a front's way to daemons of its own, where everything runs under one
// uid and there is no authd and no sessiond to ask: in a container, for one user, in a
// build tree. Password sources are nevertheless in another process, an authd that the
// front starts.
package own

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/loglines"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
	"fantail/internal/login/launch"
	"fantail/internal/login/roster"
	"fantail/internal/login/submitd"
)

// Daemons implement broker.Daemons: an authd, which is started when it is needed and
// again if it has ended, and the session programs.
type Daemons struct {
	*broker.Authd
	launch *launch.Options
	roster *roster.Roster
	submit *submitd.Client
	// submitArgs are further arguments of submitd.
	submitArgs []string
	log        *slog.Logger
}

// New returns the way to daemons that work by this configuration. It starts nothing yet.
func New(cfg *conf.Config, log *slog.Logger) (*Daemons, error) {
	programs, err := launch.Programs(cfg.Programs.Directory, "authd")
	if err != nil {
		return nil, err
	}
	fence, err := cfg.Fence()
	if err != nil {
		return nil, err
	}
	if err := launch.SmallPages(); err != nil {
		return nil, err
	}
	o := &Daemons{
		launch: &launch.Options{
			Programs:    programs,
			ConfigFile:  cfg.File,
			ConfigStamp: func() string { return conf.Stamp(cfg.File) },
			Fence:       fence,
			OwnUID:      uint32(os.Geteuid()),
		},
		roster: roster.New(launch.RosterOptions(log)),
		log:    log,
	}
	o.submit = submitd.NewClient(func(context.Context) (*fdpass.Conn, error) { return o.start("submitd", o.submitArgs...) }, log)
	o.Authd = broker.NewAuthd(func(context.Context) (*fdpass.Conn, error) { return o.start("authd") })
	return o, nil
}

// Keys is the way to a keyd, which is started when it is needed and again if it has
// ended. It ends when the way to it is closed.
func (o *Daemons) Keys() *broker.Keys {
	return broker.NewKeys(func(context.Context) (*fdpass.Conn, error) { return o.start("keyd") }, o.log)
}

// Submits starts submitd, for what is due since an earlier one, and before this front of a
// service gives up what sendmail needs, and other programs. It ends with the front. Only
// that of webmail keeps a file of what is due.
func (o *Daemons) Submits(ctx context.Context, s wire.Service) error {
	if s != wire.Webmail {
		o.submitArgs = []string{"-f"}
	}
	return o.submit.Begin(ctx)
}

// command returns the command that runs a daemon with further arguments.
func (o *Daemons) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(o.launch.Programs, name), args...)
	if o.launch.ConfigFile != "" {
		cmd.Args = append(cmd.Args, "-c", o.launch.ConfigFile)
	}
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	// A process group of its own: Ctrl-C on a terminal is for the front. It ends with
	// its connection.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// start starts a daemon for this front alone.
func (o *Daemons) start(name string, args ...string) (*fdpass.Conn, error) {
	ours, theirs, err := fdpass.Pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := o.command(name, append([]string{"-i"}, args...)...)
	cmd.Stdin = theirs
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), ours.Close())
	}
	go o.attend(name, cmd, stderr)
	return ours, nil
}

// attend logs what a daemon says and how it ends, and reaps it.
func (o *Daemons) attend(name string, cmd *exec.Cmd, stderr io.Reader) {
	log := o.log.With("pid", cmd.Process.Pid)
	loglines.Program{Log: log, Message: name + " says"}.Copy(stderr)
	if err := cmd.Wait(); err != nil {
		log.Error(name+" ended", "err", err)
	}
}

// Check reports why nobody can log in to the service, if nobody can.
func (o *Daemons) Check(s wire.Service) error {
	cmd := o.command("authd", "-n")
	var says strings.Builder
	cmd.Stderr = &says
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("check authd: %w: %s", err, strings.TrimSpace(says.String()))
	}
	return errors.Join(err, o.launch.Check(s))
}

// Delivery is the way for who delivers mail.
func (o *Daemons) Delivery() *broker.Delivery { return broker.NewDelivery(o.Link(), o) }

// Start implements broker.Starter.
func (o *Daemons) Start(ctx context.Context, g *broker.Grant, in handover.Introduction) (handover.Channel, error) {
	return o.begin(ctx, in, g.Start(handover.Passage{}))
}

// Together implements broker.Gatherer.
func (o *Daemons) Together(ctx context.Context, m *wire.Together, in handover.Introduction) (handover.Channel, error) {
	return o.begin(ctx, in, m.Starts()...)
}

func (o *Daemons) begin(ctx context.Context, in handover.Introduction, list ...*wire.Start) (handover.Channel, error) {
	channel, closed, err := o.session(ctx, in, list)
	if err != nil {
		return nil, fmt.Errorf("%w: start %s session: %w", broker.ErrUnavailable, list[0].Service, err)
	}
	return &own{channel, sync.OnceFunc(closed)}, nil
}

func (o *Daemons) session(ctx context.Context, in handover.Introduction, list []*wire.Start) (handover.Channel, func(), error) {
	accounts, err := broker.RedeemAll(ctx, o.Link(), list, fdpass.Peer{PID: int32(os.Getpid()), UID: uint32(os.Getuid())})
	if err != nil {
		return nil, nil, err
	}
	w, err := o.launch.Wanted(list[0].Service, accounts[0], accounts[1:]...)
	if err != nil {
		return nil, nil, err
	}
	w.Crossed = submitd.Among(accounts, o.submit.Crossed)
	if list[0].Service == wire.Webmail {
		w.Due = func() { o.submit.Due(*accounts[0]) }
	}
	channel, p, err := in.Open()
	if err != nil {
		return nil, nil, err
	}
	defer p.Sent() // the program has its own
	closed, err := o.roster.Give(ctx, w, p)
	if err != nil {
		return nil, nil, errors.Join(err, channel.Close())
	}
	return channel, closed, nil
}

// own is a channel to a session of ours, whose program must see when it is closed.
type own struct {
	handover.Channel
	closed func()
}

func (c *own) Close() error {
	err := c.Channel.Close()
	c.closed()
	return err
}

// Interrupt asks every session that was started to take leave of its client and end.
// It does not wait.
func (o *Daemons) Interrupt() { o.roster.Interrupt() }

// Shutdown starts no session any more, and returns when every session program has
// ended, which they do when their connections are closed, or with ctx's error. authd
// ends then.
func (o *Daemons) Shutdown(ctx context.Context) error {
	return errors.Join(o.roster.Shutdown(ctx), o.Authd.Close())
}
