package pop3d

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"fantail/internal/crlf"
	"fantail/internal/daemon/conf"
	"fantail/internal/pop3"
	"fantail/internal/store"
	"fantail/internal/store/maildrop"
)

// Options are what a session is told about itself.
type Options struct {
	Greeting string     // the text after the first +OK
	Offer    pop3.Offer // the one that the client was given before login, but for this account
	UTF8     bool       // the client has said UTF8 (RFC 6856 section 2)
	Settings conf.POP3Settings
	Expire   int // days after which mail may be removed that the client has retrieved and left; 0: never
	Log      *slog.Logger
}

// maxBadCommands is how many commands in a row may make no sense before the
// connection is closed. A wrong message number is not one of them.
const maxBadCommands = 20

// Serve runs a session on conn until the client quits or is gone, and returns
// nil then. An error means that the session ended for a reason of ours; it has
// been told to the client where that was possible. Serve closes neither conn
// nor the mailbox that open returned.
//
// When ctx ends, so does the session, as if the client were gone; an UPDATE
// that has begun is finished.
func Serve(ctx context.Context, conn Conn, open func(context.Context) (Mailbox, error), o Options) (err error) {
	s := &session{wire: newWire(conn), Options: &o, log: o.Log}
	o.Offer.STLS = false // RFC 2595 section 4: not permitted any more
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			s.out.Write(pop3.AppendErr(nil, pop3.SysPerm, "Internal error."))
			err = errors.Join(err, s.out.Flush(), s.leave())
		}
	}()
	defer context.AfterFunc(ctx, func() {
		if err := s.interrupt(); err != nil {
			o.Log.Warn("cannot interrupt", "err", err)
		}
	})()

	if err := s.login(ctx, open); err != nil {
		s.out.Write(appendRefusal(nil, err))
		if isRefused(err) {
			s.log.Info("session refused", "err", err)
			err = nil
		}
		return errors.Join(err, s.lastWords())
	}
	s.out.Write(pop3.AppendOK(nil, pop3.NoCode, o.Greeting))
	reason, err := s.transaction(ctx)
	s.end(context.WithoutCancel(ctx), reason)
	return err
}

// session is one login. One goroutine owns it.
type session struct {
	*wire
	*Options
	drop    *drop
	entered *maildrop.Session
	log     *slog.Logger

	expander *crlf.Expander // all three for RETR and TOP, from the first one on
	chunk    []byte
	ahead    []byte // what source has read

	bad    int // commands in a row that made no sense
	quit   bool
	counts counts
}

type counts struct{ retr, top, removed int }

func (s *session) login(ctx context.Context, open func(context.Context) (Mailbox, error)) error {
	box, err := open(ctx)
	if err != nil {
		return fmt.Errorf("open maildrop: %w", err)
	}
	err = s.enter(box)
	if err == nil {
		s.drop, err = openDrop(ctx, box, s.Options)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("open maildrop: %w", err), s.leave(), box.Close())
	}
	if s.entered != nil {
		if err := s.entered.Welcome(time.Now()); err != nil {
			s.log.Error("cannot note the login", "err", err)
		}
	}
	return nil
}

// enter finds out whether the account may log in now. It may if that cannot be found
// out: a full disk is a reason to let somebody remove mail.
func (s *session) enter(box Mailbox) error {
	set := &s.Settings
	if set.LoginDelay == 0 && !set.LockSession {
		return nil
	}
	entered, err := box.Maildrop().Enter(time.Now(), set.LoginDelay, set.LockSession)
	switch {
	case err == nil:
		s.entered = entered
	case errors.Is(err, maildrop.ErrInUse), errors.Is(err, maildrop.ErrDelay):
		return err
	default:
		s.log.Error("cannot find out when the last login was", "err", err)
	}
	return nil
}

// leave lets the next session in.
func (s *session) leave() error {
	if s.entered == nil {
		return nil
	}
	return s.entered.Leave()
}

// transaction answers commands until there are no more, and returns why.
func (s *session) transaction(ctx context.Context) (reason string, err error) {
	for !s.quit {
		line, err := s.readLine(ctx)
		if ctx.Err() != nil {
			return "shutdown", nil
		}
		if err == nil {
			err = s.command(ctx, line)
		}
		switch {
		case err == nil:
		case errors.Is(err, crlf.ErrLineTooLong):
			s.refuse("", refusal("Line too long."))
			s.bad++
		case errors.Is(err, crlf.ErrEndlessLine):
			s.refuse("", refusal("Line without end."))
			return "bad commands", s.lastWords()
		case errors.Is(err, os.ErrDeadlineExceeded):
			return "autologout", nil
		case errors.Is(err, errBroken):
			return "error", errors.Join(err, s.lastWords())
		default:
			return "disconnected", disconnected(err)
		}
		if s.bad >= maxBadCommands {
			s.refuse("", refusal("Too many bad commands."))
			return "bad commands", s.lastWords()
		}
	}
	return "quit", s.lastWords()
}

// lastWords sends what is still to be sent. The client may be gone already.
func (s *session) lastWords() error {
	if err := s.out.Flush(); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return disconnected(err)
	}
	return nil
}

// command answers one command. An error means that the connection is of no use
// any more; all else has been answered.
func (s *session) command(ctx context.Context, line []byte) error {
	cmd, err := pop3.ParseCommand(line)
	row, known := commands[cmd.Keyword]
	if err == nil && !known {
		err = unknown(cmd.Keyword)
	}
	nonsense := err != nil
	if err == nil {
		err = row.run(s, ctx, &cmd.Args)
		_, nonsense = errors.AsType[pop3.SyntaxError](err)
	}
	if isLost(err) {
		return err
	}
	s.bad++
	if !nonsense {
		s.bad = 0
	}
	if err != nil {
		s.refuse(cmd.Keyword, err)
	}
	return nil
}

// unknown tells a command of the wrong state from one that does not exist.
func unknown(keyword string) error {
	if pop3.StatesOf(keyword) == pop3.Authorization {
		return refusal("You are logged in already.")
	}
	return refusal("Unknown command.")
}

// refuse answers -ERR and logs what is not the client's fault.
func (s *session) refuse(keyword string, err error) {
	s.out.Write(appendRefusal(nil, err))
	if !isClients(err) && store.KindOf(err) != store.Gone {
		s.log.Error("command failed", "cmd", keyword, "err", err)
	}
}

// mark marks what was retrieved.
func (s *session) mark(ctx context.Context) {
	if err := s.drop.mark(ctx); err != nil && store.KindOf(err) != store.Gone {
		s.log.Error("cannot mark what was retrieved", "err", err)
	}
}

// end marks what was retrieved, and writes the one line about the session.
func (s *session) end(ctx context.Context, reason string) {
	s.mark(ctx)
	if err := s.leave(); err != nil {
		s.log.Error("cannot let the next session in", "err", err)
	}
	if err := s.drop.box.Close(); err != nil {
		s.log.Error("cannot close the mailbox", "err", err)
	}
	s.log.Info("session ended", "reason", reason,
		"retr", s.counts.retr, "top", s.counts.top, "removed", s.counts.removed)
}
