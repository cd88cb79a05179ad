// Package checkpassword checks passwords with a program of the administrator's, by the
// interface of D. J. Bernstein's checkpassword, as Dovecot uses and extends it too.
//
//	authd ─ descriptor 3: name NUL password NUL time NUL ─► program
//	                                                          │ lets in: execs its argument
//	      ◄──── descriptor 4: the account ──────── checkpassword-reply
//
// The program is told what is asked by its environment (SERVICE, TCPREMOTEIP), and tells
// of the account by that of what it runs: USER and HOME; EXTRA has the names of further
// variables, such as userdb_uid, userdb_gid, userdb_home and userdb_mail. One that
// changes to the account's user need not say uid and gid. Its exit status says why
// nobody is let in:
//
//	1    the password is wrong, or there is no such account
//	3    there is no such account: the next source is asked
//	else it could not be found out: 2 by checkpassword's word for misuse, 111 for trouble
//
// A check is a process, bounded in time, in number and in what it may say. A program
// whose process cannot be killed, because it runs as somebody else by then, keeps its
// place until it ends; nobody waits for it.
//
// # Accounts without a password
//
// The interface has no question whether an account exists. A program of which the
// configuration says that it knows Dovecot's extension is asked with AUTHORIZED=1 in its
// environment and an empty password, and answers with AUTHORIZED=2, or 3 as its status.
// Of another one the accounts are those users of the system that may have mail; whether
// there is any other is unavailable, never unknown: it may well be, and its mail must
// not come back to the sender.
package checkpassword

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/checkpassword/wire"
	"fantail/internal/login/userdb"
)

const (
	deadline   = 20 * time.Second // for one check
	atOnce     = 16               // checks; others wait
	maxSaid    = 512              // octets of what a program says on standard error
	maxRequest = 512              // octets of what it is asked, by the interface
)

// The exit status of programs.
const (
	statusWrong   = 1
	statusUnknown = 3
)

// Users are the system's accounts (nss.Accounts).
type Users interface {
	Lookup(ctx context.Context, name string) (userdb.User, error)
}

// Options say how a Source works.
type Options struct {
	Command []string // the program with its arguments
	Reply   string   // the path of checkpassword-reply
	Lookup  bool     // the program knows AUTHORIZED
	Users   Users
}

// Source is a program as a passdb.Source. It is safe for many goroutines.
type Source struct {
	o        Options
	deadline time.Duration
	turns    chan struct{} // one element for each program that runs
}

// New returns the Source that runs a program.
func New(o Options) (*Source, error) {
	if len(o.Command) == 0 {
		return nil, errors.New("auth.checkpassword names no program")
	}
	// Not all that this process was started with need be closed when it starts others.
	err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) { // before Linux 5.11
		return nil, fmt.Errorf("keep descriptors from programs: %w", err)
	}
	return &Source{o, deadline, make(chan struct{}, atOnce)}, nil
}

// Name implements passdb.Source.
func (*Source) Name() string { return "checkpassword" }

// Check implements passdb.Source.
func (s *Source) Check(context.Context) error {
	var errs []error
	for _, path := range []string{s.o.Command[0], s.o.Reply} {
		if err := unix.Access(path, unix.X_OK); err != nil {
			errs = append(errs, fmt.Errorf("run %s: %w", path, err))
		}
	}
	return errors.Join(errs...)
}

// Password implements passdb.Source.
func (s *Source) Password(ctx context.Context, q passdb.Query, password userdb.Secret) (userdb.User, error) {
	if userdb.CheckName(q.Name) != nil || password == "" || strings.ContainsRune(string(password), 0) {
		return userdb.User{}, passdb.ErrWrong
	}
	b := request(q.Name, password)
	if len(b) > maxRequest { // it is nobody's
		return userdb.User{}, passdb.ErrWrong
	}
	reply, status, err := s.run(ctx, b, environment(q))
	switch {
	case err != nil:
	case status == statusWrong:
		return userdb.User{}, passdb.ErrWrong
	case status == statusUnknown:
		return userdb.User{}, userdb.ErrUnknown
	default:
		var user userdb.User
		if user, err = account(reply, q.Name); err == nil {
			return user, nil
		}
	}
	return userdb.User{}, s.unavailable(q.Name, err)
}

// Lookup implements passdb.Source.
func (s *Source) Lookup(ctx context.Context, name string) (userdb.User, error) {
	if err := userdb.CheckName(name); err != nil {
		return userdb.User{}, fmt.Errorf("%w: %w", userdb.ErrUnknown, err)
	}
	if s.o.Lookup {
		return s.ask(ctx, name)
	}
	user, err := s.o.Users.Lookup(ctx, name)
	if errors.Is(err, userdb.ErrUnknown) {
		err = s.unavailable(name, errors.New("without the password it cannot be asked"))
	}
	return user, err
}

// ask asks the program about an account, without a password.
func (s *Source) ask(ctx context.Context, name string) (userdb.User, error) {
	reply, status, err := s.run(ctx, request(name, ""), append(environment(passdb.Query{}), "AUTHORIZED=1"))
	switch {
	case err != nil:
	case status == statusUnknown:
		return userdb.User{}, userdb.ErrUnknown
	case status == statusWrong, reply["AUTHORIZED"] != "2":
		err = errors.New("it does not know AUTHORIZED")
	default:
		var user userdb.User
		if user, err = account(reply, name); err == nil {
			return user, nil
		}
	}
	return userdb.User{}, s.unavailable(name, err)
}

func (s *Source) unavailable(name string, err error) error {
	return fmt.Errorf("%w: ask %s about %s: %w", userdb.ErrUnavailable, s.o.Command[0], name, err)
}

// request is what a program reads. The time is there for protocols that have one in
// their proofs.
func request(name string, password userdb.Secret) []byte {
	return []byte(name + "\x00" + string(password) + "\x00" + strconv.FormatInt(time.Now().Unix(), 10) + "\x00")
}

// environment is all that a program finds in its environment.
func environment(q passdb.Query) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	if q.Service != 0 {
		env = append(env, "SERVICE="+q.Service.String())
	}
	if q.Remote.IsValid() {
		env = append(env, "PROTO=TCP", "TCPREMOTEIP="+q.Remote.WithZone("").String())
	}
	return env
}

// run runs the program. status is 0, and then there is a reply, statusWrong or
// statusUnknown.
func (s *Source) run(ctx context.Context, request []byte, env []string) (reply wire.Reply, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	select {
	case s.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, 0, fmt.Errorf("wait for a turn: %w", context.Cause(ctx))
	}
	p := &process{said: head{most: wire.MaxReply + 1}, complaints: head{most: maxSaid}}
	ended := make(chan error, 1)
	go func() {
		err := p.run(ctx, request, env, append(s.o.Command[1:len(s.o.Command):len(s.o.Command)], s.o.Reply), s.o.Command[0])
		<-s.turns
		ended <- err
	}()
	select {
	case err = <-ended:
	case <-ctx.Done(): // it may run as a user whom we cannot kill
		return nil, 0, context.Cause(ctx)
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, 0, context.Cause(ctx)
	case errors.As(err, &exit) && (exit.ExitCode() == statusWrong || exit.ExitCode() == statusUnknown):
		return nil, exit.ExitCode(), nil
	case err != nil && !errors.Is(err, exec.ErrWaitDelay): // something that it started still runs
		return nil, 0, fmt.Errorf("%w: %q", err, p.complaints.text)
	}
	if reply, err = wire.Parse(p.said.text); err != nil {
		return nil, 0, fmt.Errorf("it has let somebody in and not run its argument: %w", err)
	}
	return reply, 0, nil
}

// process is a program that runs.
type process struct {
	said       head // on the descriptor of the reply
	complaints head
}

// run runs it, and returns when it has ended and has nothing more to say.
func (p *process) run(ctx context.Context, request []byte, env, args []string, program string) error {
	ask, asked, err := os.Pipe() // that it reads, that we write
	if err != nil {
		return err
	}
	told, tell, err := os.Pipe()
	if err != nil {
		return errors.Join(err, ask.Close(), asked.Close())
	}
	defer told.Close()
	_, err = asked.Write(request) // a pipe takes more than that, whoever reads it or not
	err = errors.Join(err, asked.Close())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = &p.complaints
	cmd.ExtraFiles = []*os.File{ask, tell} // 3 and wire.FD
	cmd.Dir, cmd.Env = "/", env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // what it started, too
	cmd.WaitDelay = time.Second
	if err == nil {
		err = cmd.Start()
	}
	err = errors.Join(err, ask.Close(), tell.Close())
	if err != nil {
		return err
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		// The end is a deadline or that of the pipe. What there is by then is the reply.
		_, _ = io.Copy(&p.said, told)
	})
	err = cmd.Wait()
	// What it has left running may keep the pipe open.
	err = errors.Join(err, told.SetReadDeadline(time.Now().Add(replyTime)))
	reading.Wait()
	return err
}

// replyTime is how long the end of a reply is waited for.
const replyTime = 100 * time.Millisecond

// head keeps the beginning of what is written to it.
type head struct {
	text []byte
	most int
}

func (h *head) Write(p []byte) (int, error) {
	h.text = append(h.text, p[:min(len(p), h.most-len(h.text))]...)
	return len(p), nil
}
