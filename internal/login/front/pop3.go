package front

import (
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"fantail/internal/crlf"
	"fantail/internal/login/broker"
	"fantail/internal/login/handover"
	"fantail/internal/login/userdb"
	"fantail/internal/pop3"
)

// pop3Front is the dialogue of one POP3 client, in the AUTHORIZATION state of
// RFC 1939 section 4.
type pop3Front struct {
	*client
	in   *crlf.Reader
	out  []byte // the answer in progress
	user string // named by USER, for PASS
	ses  *session
	end  bool // the client said QUIT
}

// pop3Command is a row.
type pop3Command struct {
	run func(*pop3Front, *pop3.Args) error // an error that is no *refusal ends the dialogue
	rfc string
}

var pop3Commands = map[string]pop3Command{
	pop3.CAPA: {(*pop3Front).capa, "RFC 2449 section 5"},
	pop3.STLS: {(*pop3Front).stls, "RFC 2595 section 4"},
	pop3.USER: {(*pop3Front).userCommand, "RFC 1939 section 7"},
	pop3.PASS: {(*pop3Front).pass, "RFC 1939 section 7"},
	pop3.AUTH: {(*pop3Front).auth, "RFC 5034 section 4"},
	pop3.UTF8: {(*pop3Front).utf8Command, "RFC 6856 section 2.1"},
	pop3.LANG: {(*pop3Front).lang, "RFC 6856 section 3"},
	pop3.QUIT: {(*pop3Front).quit, "RFC 1939 section 4"},
}

// refusal is the answer -ERR.
type refusal struct {
	code pop3.Code
	text string
}

func (r *refusal) Error() string { return r.text }

func pop3Dialogue(c *client) (*session, error) {
	f := &pop3Front{client: c}
	f.reset()
	f.ok("Fantail ready.")
	if err := f.flush(); err != nil {
		return nil, err
	}
	for f.ses == nil && !f.end {
		if err := f.command(); err != nil {
			return nil, err
		}
	}
	return f.ses, nil
}

// reset makes a new reader, which knows nothing of what was said before.
func (f *pop3Front) reset() {
	f.in = crlf.NewReader(f.client, pop3.MaxLine)
	f.user, f.client.utf8 = "", false
}

// command serves one command. An error ends the dialogue.
func (f *pop3Front) command() error {
	if err := f.count(); err != nil {
		return err
	}
	line, err := f.in.ReadLine()
	switch {
	case errors.Is(err, crlf.ErrLineTooLong):
		err = &refusal{text: "The line is too long."}
	case err != nil:
		return pop3Ended(err)
	default:
		err = f.dispatch(line)
	}
	var r *refusal
	var syntax pop3.SyntaxError
	switch {
	case errors.As(err, &syntax):
		r = &refusal{text: "Syntax: " + syntax.Error() + "."}
	case errors.As(err, &r):
	case err != nil:
		return err
	}
	if r != nil {
		f.out = pop3.AppendErr(f.out, r.code, r.text)
	}
	if err := f.flush(); err != nil {
		return err
	}
	if r != nil {
		return f.mistake()
	}
	return nil
}

// pop3Ended translates the errors of a reader that cannot go on.
func pop3Ended(err error) error {
	switch {
	case errors.Is(err, crlf.ErrEndlessLine):
		return errTooMuch
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errBroken
	}
	return err
}

func (f *pop3Front) dispatch(line []byte) error {
	cmd, err := pop3.ParseCommand(line)
	if err != nil {
		return err
	}
	row, ok := pop3Commands[cmd.Keyword]
	switch {
	case ok:
		return row.run(f, &cmd.Args)
	case pop3.StatesOf(cmd.Keyword) != 0:
		return &refusal{text: "Log in first."}
	}
	return &refusal{text: "Unknown command."}
}

func (f *pop3Front) ok(text string) { f.out = pop3.AppendOK(f.out, pop3.NoCode, text) }

func (f *pop3Front) flush() error {
	if len(f.out) == 0 {
		return nil
	}
	_, err := f.client.Write(f.out)
	f.out = f.out[:0]
	return err
}

func (f *pop3Front) capa(args *pop3.Args) error {
	if err := args.End(); err != nil {
		return err
	}
	set := &f.front.o.POP3
	days, differ := set.ExpireSoonest()
	mechanisms := f.mechanisms()
	offer := pop3.Offer{
		STLS:       !f.secure(),
		User:       f.mayUser(),
		Mechanisms: mechanisms,
		Expire:     days,
		ByUser:     differ,
		LoginDelay: set.LoginDelay,
		UTF8:       true,
	}
	f.out = offer.Append(f.out)
	return nil
}

// pop3Introduce tells a session what the client was told, and what the account says.
func pop3Introduce(c *client, grant *broker.Grant, hello *handover.Hello) {
	hello.Mechanisms = strings.Join(c.mechanisms(), ",")
	hello.Expire, hello.UTF8 = grant.POP3Expire, c.utf8
}

// utf8Command is UTF8: the session will send messages as they are. What was said before
// STLS is forgotten by that, so it may follow.
func (f *pop3Front) utf8Command(args *pop3.Args) error {
	if err := args.End(); err != nil {
		return err
	}
	f.client.utf8 = true
	f.ok("UTF-8 it is.")
	return nil
}

func (f *pop3Front) lang(args *pop3.Args) (err error) {
	f.out, err = pop3.AppendLang(f.out, args)
	return err
}

func (f *pop3Front) quit(args *pop3.Args) error {
	if err := args.End(); err != nil {
		return err
	}
	f.end = true
	f.ok("Good-bye.")
	return nil
}

// stls is STLS. Everything known about the client is forgotten with the reader
// (RFC 2595 section 4).
func (f *pop3Front) stls(args *pop3.Args) error {
	if err := args.End(); err != nil {
		return err
	}
	if f.secure() {
		return &refusal{text: "TLS is on already."}
	}
	err := f.startTLS(f.in.Buffered(), func() error {
		f.ok("Begin TLS.")
		return f.flush()
	})
	if err != nil {
		return err
	}
	f.reset()
	return nil
}

// mayUser reports whether USER and PASS are of use, which say PLAIN in two commands.
func (f *pop3Front) mayUser() bool { return slices.Contains(f.mechanisms(), pop3.PLAIN) }

func (f *pop3Front) refuseUser() error {
	switch {
	case f.mayUser():
		return nil
	case !f.mayLogIn():
		return errPop3Privacy
	}
	return &refusal{text: "Log in with AUTH."}
}

// userCommand is USER. It says nothing about whether there is such an account.
func (f *pop3Front) userCommand(args *pop3.Args) error {
	name := args.Name()
	if err := args.End(); err != nil {
		return err
	}
	if err := f.refuseUser(); err != nil {
		return err
	}
	f.user = name
	f.ok("Send PASS.")
	return nil
}

func (f *pop3Front) pass(args *pop3.Args) error {
	password := args.Secret()
	if err := args.End(); err != nil {
		return err
	}
	if !utf8.ValidString(password) { // RFC 6856 section 2.2
		f.user = ""
		return &refusal{pop3.AuthFailed, "A password is UTF-8."}
	}
	if f.user == "" {
		return &refusal{text: "Send USER first."}
	}
	name := f.user
	f.user = "" // RFC 1939 section 7: after a failed PASS, USER comes again
	if err := f.refuseUser(); err != nil {
		return err
	}
	grant, err := f.password(name, userdb.Secret(password), "USER")
	return f.enter(grant, err, "USER")
}

// auth is AUTH (RFC 5034 section 4).
func (f *pop3Front) auth(args *pop3.Args) error {
	mechanism := strings.ToUpper(args.Word())
	initial, given := args.Initial()
	if err := args.End(); err != nil {
		return err
	}
	if !slices.Contains(f.mechanisms(), mechanism) {
		if !f.secure() && !f.mayLogIn() {
			return errPop3Privacy
		}
		return &refusal{text: "That mechanism is not offered."}
	}
	if given && initial == nil {
		initial = []byte{}
	}
	grant, err := f.authenticate(mechanism, initial, f.converse)
	return f.enter(grant, err, mechanism)
}

// converse sends a challenge and returns the client's response.
func (f *pop3Front) converse(challenge []byte) ([]byte, error) {
	f.out = pop3.AppendContinue(f.out, challenge)
	if err := f.flush(); err != nil {
		return nil, err
	}
	f.in.SetLimit(pop3.MaxResponse)
	line, err := f.in.ReadLine()
	f.in.SetLimit(pop3.MaxLine)
	switch {
	case errors.Is(err, crlf.ErrLineTooLong):
		return nil, &refusal{text: "The line is too long."}
	case err != nil:
		return nil, pop3Ended(err)
	}
	return pop3.DecodeResponse(line)
}

var errPop3Privacy = &refusal{text: "Passwords are accepted under TLS only: send STLS first."}

// enter begins the session of a client that has won its grant. The session answers
// the command: here only failures are answered.
func (f *pop3Front) enter(grant *broker.Grant, err error, mechanism string) error {
	if err == nil {
		f.ses, err = f.admit(grant, mechanism, "", f.in.Ahead())
	}
	var lost *loginError
	if !errors.As(err, &lost) {
		return err
	}
	f.end = lost.last // then this answer is the last one
	return &refusal{lost.pop3, lost.text}
}

// pop3Bye is the line that takes leave of a client. POP3 has no line that is
// not an answer, so this one answers the command in progress, or the connection.
func pop3Bye(text string, temporary bool) []byte {
	code := pop3.NoCode
	if temporary {
		code = pop3.SysTemp
	}
	return pop3.AppendErr(nil, code, text)
}
