package imapd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/deflate"
	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// Options are what a Session takes from its surroundings.
type Options struct {
	Log     *slog.Logger
	Version string // told by ID

	// Tag is that of the LOGIN or AUTHENTICATE command which the front has left
	// for the session to complete. Without one the session greets the client.
	Tag string

	// AppendLimit is how many octets a message may have that a client sends; 0 is
	// DefaultAppendLimit.
	AppendLimit int64

	// Without are capabilities that the session does not offer.
	Without []string
	// Clients are further ones for clients of certain names, and Client the name and
	// version that this one has said before it logged in, or "".
	Clients []conf.ClientRule
	Client  string
}

// DefaultAppendLimit is how many octets a message may have that a client sends, unless
// Options say otherwise.
const DefaultAppendLimit = 256 << 20

// Session serves one connection of one account.
type Session struct {
	acct     *store.Account
	opt      Options
	log      *slog.Logger
	stream   *stream
	r        *bufio.Reader
	in       *wire.Scanner
	out      *wire.Encoder
	limits   wire.Limits // of each command
	table    map[string]*command
	tag      string    // of the command in progress, or ""
	box      *selected // nil: no mailbox is selected
	byUID    bool      // the command in progress has usesUIDs
	numbers  bool      // it has usesNumbers, or turned out to
	expunges bool      // it has removes
	enabled  enabled   // what the client has turned on
	notify   *notify   // what it has asked to be told, or nil: as without NOTIFY
	watched  int       // how many mailboxes NOTIFY may watch
	off      switches  // and what the administrator has turned off
	client   string    // what the client says of itself
	closing  bool      // the client has been told good-bye

	progressEvery time.Duration // see there
}

// selected is the mailbox that the session has open.
type selected struct {
	mbox     *store.Mailbox
	readOnly bool
	view     *view
	saved    imap.SeqSet       // UIDs that "$" means
	watch    *store.Watch      // nil: nobody waits for changes
	muted    map[mail.UID]bool // messages of whose flags NOTIFY keeps the client from hearing
	own      map[mail.UID]bool // new messages that this client has put there itself

	keywords  []mail.Keyword // those that the client knows of by FLAGS
	flagsTold bool           // the client had a FLAGS
	flags     flagTexts
}

// New returns a session that serves conn from the account's mail.
func New(acct *store.Account, conn Conn, o Options) *Session {
	st := &stream{conn: conn, box: outbox{to: sender{conn}}}
	out := bufio.NewWriterSize(&st.box, smallOut)
	st.out = out
	s := &Session{
		acct:    acct,
		opt:     o,
		log:     o.Log,
		stream:  st,
		r:       bufio.NewReaderSize(st, smallIn),
		out:     wire.NewEncoder(out),
		table:   commandTable(),
		watched: maxOthers,

		progressEvery: progressEvery,
	}
	s.out.FlushAlso(st.flushBelow)
	s.limits = limits
	if s.limits.StreamLiteral = o.AppendLimit; o.AppendLimit == 0 {
		s.limits.StreamLiteral = DefaultAppendLimit
	}
	s.in = wire.NewScanner(s.r, s.limits, s.proceed)
	s.off.without(o.Without...)
	s.identify(o.Client)
	return s
}

// Refuse tells the client that the account's mail cannot be opened.
func Refuse(conn Conn, o Options) error {
	s := New(nil, conn, o)
	const text = "The mailbox cannot be opened now."
	if o.Tag != "" {
		no(wire.CodeUnavailable, text).write(s.out, o.Tag) // RFC 5530 section 3
	}
	s.bye(wire.CodeUnavailable, text)
	return s.out.Err()
}

// proceed asks for a literal (RFC 9051 section 7.6). The read that follows sends
// it.
func (s *Session) proceed() error { return s.out.Continue("OK").Err() }

// Serve runs the session until the client leaves or ctx ends. The connection is
// the caller's to close then. The error is nil if the session ended as the
// protocol has it, or because it was told to.
func (s *Session) Serve(ctx context.Context) (err error) {
	stop := context.AfterFunc(ctx, s.stream.interrupt)
	defer stop()
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("panic", "err", r, "stack", string(debug.Stack()))
			s.bye(wire.CodeServerBug, "Internal error, please reconnect.")
			err = fmt.Errorf("panic: %v", r)
		}
		err = errors.Join(err, s.notify.close(), s.unselect())
	}()
	s.greet()
	for !s.closing {
		err := s.betweenCommands(ctx)
		if err == nil {
			err = s.command(ctx)
		}
		if err != nil {
			return s.ended(ctx, err)
		}
	}
	return s.out.Flush()
}

// ended decides how a session that cannot go on takes its leave.
func (s *Session) ended(ctx context.Context, err error) error {
	var limit *wire.LimitError
	switch {
	case ctx.Err() != nil:
		// RFC 9051 section 7.1.5: one of the reasons for an unasked BYE.
		s.bye(wire.CodeUnavailable, "The server is shutting down.")
		return nil
	case errors.Is(err, errBye):
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.bye("", "Autologout; idle for too long.")
		return nil
	case isGone(err):
		if err := s.out.Flush(); !isGone(err) {
			return err // it may still read
		}
		return nil
	case errors.Is(err, deflate.ErrCorrupt):
		s.bye("", "What arrives is not compressed, or damaged.")
		return nil
	case errors.As(err, &limit):
		s.bye("", "Too much input that is not a command.")
		return nil
	}
	return err
}

// bye says good-bye (RFC 9051 section 7.1.5). Whether the client hears it makes no
// difference any more.
func (s *Session) bye(code, text string) {
	s.out.Untagged(wire.BYE).SP()
	if code != "" {
		s.out.CodeStart(code).CodeEnd()
	}
	s.out.Text(text).CRLF().Flush()
	s.closing = true
}

// greet opens the session: it completes the login command, or greets a client
// that needs none (RFC 9051 section 7.1.4).
func (s *Session) greet() {
	if s.opt.Tag != "" {
		s.out.Tagged(s.opt.Tag, wire.OK).SP()
	} else {
		s.out.Untagged(wire.PREAUTH).SP()
	}
	s.capabilityCode()
	s.out.Text("Fantail ready.").CRLF()
}

// command serves one command. An error ends the session.
func (s *Session) command(ctx context.Context) error {
	if err := s.in.Next(); err != nil {
		return err
	}
	s.tag = s.in.Tag()
	s.in.SP()
	name := s.in.Name()
	if name == "UID" {
		s.in.SP()
		name += " " + s.in.Name()
	}
	if err := s.in.Err(); err != nil {
		return s.badSyntax(err)
	}
	cmd := s.table[name]
	if cmd == nil || s.off.hasCommand(name) {
		return s.finish(bad("Unknown command."))
	}
	if refusal := s.refuses(cmd); refusal != nil {
		return s.finish(refusal)
	}
	s.byUID, s.numbers, s.expunges = cmd.law&usesUIDs != 0, cmd.law&usesNumbers != 0, cmd.law&removes != 0
	err := cmd.run(s, ctx)
	if err == nil {
		return s.out.Err()
	}
	if inErr := s.in.Err(); inErr != nil {
		return s.badSyntax(inErr)
	}
	return s.finish(err)
}

// refuses says why the law does not permit the command now, or nil.
func (s *Session) refuses(cmd *command) error {
	switch {
	case s.box == nil && cmd.in&authenticated == 0, s.box != nil && cmd.in&selectedState == 0:
		return bad(cmd.wrongState())
	case s.box != nil && s.box.readOnly && cmd.law&writes != 0:
		return no("", "The mailbox is open read-only.")
	}
	return nil
}

// badSyntax answers a command that the scanner refused, and skips what is left of
// it.
func (s *Session) badSyntax(err error) error {
	if wire.IsFatal(err) {
		return err
	}
	var limit *wire.LimitError
	var charset *imap.BadCharset
	var st *status
	switch {
	case errors.As(err, &limit) && limit.Budget == wire.BudgetStreamLiteral:
		st = no(wire.CodeTooBig, "The message is too large.") // RFC 4469 section 4.2
	case errors.As(err, &limit):
		st = &status{kind: wire.BAD, code: wire.CodeLimit, text: "The " + limit.Budget + " of this command is over the limit."}
	case errors.Is(err, imap.ErrMailboxName):
		// RFC 5530 section 3: no mailbox can ever have it.
		st = no(wire.CodeCannot, "The mailbox name is not modified UTF-7.")
	case errors.As(err, &charset):
		// RFC 9051 section 6.4.4.
		st = &status{kind: wire.NO, code: wire.CodeBadCharset, args: badCharsetArgs(), text: "Unknown charset."}
	default:
		st = bad("Syntax: " + err.Error() + ".")
	}
	if s.tag == "" {
		// RFC 9051 section 7.1.3: without a tag to answer to, BAD is untagged.
		s.out.Untagged(wire.BAD).SP().Text(st.text).CRLF()
	} else {
		st.write(s.out, s.tag)
	}
	if err := s.in.Skip(); err != nil {
		return err
	}
	return s.out.Err()
}

// badCharsetArgs is the list of charsets that BADCHARSET names.
func badCharsetArgs() []string {
	return []string{"(" + imap.Charsets[0], imap.Charsets[1] + ")"}
}

// finish answers a command that did not succeed.
func (s *Session) finish(err error) error {
	st := s.statusOf(err)
	if st == nil {
		return err // the connection, or the end of the session
	}
	st.write(s.out, s.tag) // first: what is left of the command may be too much
	if err := s.in.Skip(); err != nil {
		return err
	}
	return s.out.Err()
}

// ok completes the command in progress: it tells what has happened in the mailbox
// and writes the tagged OK with an optional response code.
func (s *Session) ok(ctx context.Context, text string, code ...func(*wire.Encoder)) error {
	if err := s.poll(ctx); err != nil {
		return err
	}
	return s.done(text, code...)
}

// done writes the tagged OK alone.
func (s *Session) done(text string, code ...func(*wire.Encoder)) error {
	if s.box != nil {
		if err := s.trusted(); err != nil {
			return err
		}
	}
	s.out.Tagged(s.tag, wire.OK).SP()
	for _, c := range code {
		c(s.out)
	}
	s.out.Text(text).CRLF()
	return s.out.Err()
}
