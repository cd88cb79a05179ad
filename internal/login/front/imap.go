package front

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"fantail/internal/imap/wire"
	"fantail/internal/login/broker"
	"fantail/internal/login/handover"
)

// imapLimits are the budgets before login; a session has larger ones.
var imapLimits = wire.Limits{
	Line:     18 << 10, // for a bearer token in base64; RFC 2683 section 3.2.1.5 wants 8000 octets
	Literal:  1 << 10,  // a name, a password
	Literals: 4,
	Depth:    2,
	Skip:     32 << 10,
}

// imapFront is the dialogue of one IMAP client.
type imapFront struct {
	*client
	buf *bufio.Reader
	in  *wire.Scanner
	out *wire.Encoder
	tag string // of the command in progress
	ses *session
	end bool // the client said LOGOUT
}

// imapCommand is a row: what RFC 9051 section 6.1 and 6.2 permit in the not
// authenticated state.
type imapCommand struct {
	run func(*imapFront) error // reads its arguments with CRLF, and answers
	rfc string
}

var imapCommands = map[string]imapCommand{
	"CAPABILITY":   {(*imapFront).capability, "RFC 9051 section 6.1.1"},
	"NOOP":         {(*imapFront).noop, "RFC 9051 section 6.1.2"},
	"LOGOUT":       {(*imapFront).logout, "RFC 9051 section 6.1.3"},
	"STARTTLS":     {(*imapFront).startTLSCommand, "RFC 9051 section 6.2.1"},
	"AUTHENTICATE": {(*imapFront).authenticate, "RFC 9051 section 6.2.2"},
	"LOGIN":        {(*imapFront).login, "RFC 9051 section 6.2.3"},
	"ID":           {(*imapFront).id, "RFC 2971 section 3.1"},
}

// imapLater are commands that exist, but only after login.
var imapLater = func() map[string]bool {
	m := make(map[string]bool)
	for name := range strings.FieldsSeq(`APPEND CHECK CLOSE COMPRESS COPY CREATE DELETE ENABLE EXAMINE EXPUNGE FETCH IDLE LIST
		LSUB MOVE NAMESPACE RENAME SEARCH SELECT STATUS STORE SUBSCRIBE UID UNSELECT UNSUBSCRIBE`) {
		m[name] = true
	}
	return m
}()

// status is the answer to a command that is not done: an error for the
// handlers, a line for the client.
type status struct {
	kind string // NO or BAD
	code string
	text string
}

func (s *status) Error() string { return s.kind + " " + s.text }

func imapDialogue(c *client) (*session, error) {
	f := &imapFront{client: c}
	f.reset()
	f.out.Untagged("OK").SP()
	f.capabilityCode()
	if err := f.out.Text("Fantail ready.").CRLF().Flush(); err != nil {
		return nil, err
	}
	for f.ses == nil && !f.end {
		if err := f.command(); err != nil {
			return nil, f.ended(err)
		}
	}
	return f.ses, nil
}

// reset makes a new scanner and encoder, that know nothing of what was said
// before.
func (f *imapFront) reset() {
	out := bufio.NewWriterSize(f.client, 1<<10)
	f.out = wire.NewEncoder(out)
	f.buf = bufio.NewReaderSize(f.client, 4<<10)
	f.in = wire.NewScanner(f.buf, imapLimits, func() error { return f.out.Continue("OK").Flush() })
}

// ended translates the errors of a scanner that cannot go on.
func (f *imapFront) ended(err error) error {
	var limit *wire.LimitError
	switch {
	case errors.As(err, &limit):
		return errTooMuch
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errBroken
	}
	return err
}

// command serves one command. An error ends the dialogue.
func (f *imapFront) command() error {
	if err := f.in.Next(); err != nil {
		return err
	}
	if err := f.count(); err != nil {
		return err
	}
	f.tag = f.in.Tag()
	f.in.SP()
	name := f.in.Name()
	err := f.in.Err()
	if err == nil {
		err = f.dispatch(name)
	}
	var st *status
	switch scanErr := f.in.Err(); {
	case scanErr != nil:
		st, err = f.refused(scanErr)
	case errors.As(err, &st):
		err = nil
	}
	if err != nil {
		return err
	}
	if st != nil {
		if err := f.answer(st); err != nil {
			return err
		}
	}
	return f.out.Flush()
}

func (f *imapFront) dispatch(name string) error {
	row, ok := imapCommands[name]
	switch {
	case len(f.tag) > handover.MaxTag:
		return &status{"BAD", wire.CodeLimit, "The tag is too long."}
	case ok:
		return row.run(f)
	case imapLater[name]:
		return &status{"BAD", "", "Log in first."}
	}
	return &status{"BAD", "", "Unknown command."}
}

// refused makes an answer of the scanner's error, or the end of the dialogue.
func (f *imapFront) refused(err error) (*status, error) {
	if wire.IsFatal(err) {
		return nil, err
	}
	var limit *wire.LimitError
	if errors.As(err, &limit) {
		return &status{"BAD", wire.CodeLimit, "The " + limit.Budget + " is over the limit before login."}, nil
	}
	return &status{"BAD", "", "Syntax: " + err.Error() + "."}, nil
}

// answer refuses the command in progress and skips what is left of it. A client
// that makes nothing but mistakes speaks another protocol.
func (f *imapFront) answer(st *status) error {
	if f.tag == "" || len(f.tag) > handover.MaxTag {
		f.out.Untagged("BAD").SP() // RFC 9051 section 7.1.3
	} else {
		f.out.Tagged(f.tag, st.kind).SP()
	}
	if st.code != "" {
		f.out.CodeStart(st.code).CodeEnd()
	}
	if err := f.out.Text(st.text).CRLF().Flush(); err != nil {
		return err
	}
	if err := f.in.Skip(); err != nil {
		return err
	}
	return f.mistake()
}

func (f *imapFront) ok(text string) error {
	return f.out.Tagged(f.tag, "OK").SP().Text(text).CRLF().Err()
}

// capabilities are what a client can do now.
func (f *imapFront) capabilities() []string {
	list := []string{wire.CapIMAP4rev1}
	for _, c := range []string{wire.CapIMAP4rev2, wire.CapLiteralPlus, wire.CapSASLIR, wire.CapID} {
		if !f.front.without[strings.ToUpper(c)] {
			list = append(list, c)
		}
	}
	if !f.secure() {
		list = append(list, wire.CapStartTLS)
	}
	for _, m := range f.mechanisms() {
		list = append(list, "AUTH="+m)
	}
	if !f.mayLogIn() {
		list = append(list, wire.CapLoginDisabled)
	}
	return list
}

func (f *imapFront) capabilityCode() {
	f.out.CodeStart(wire.CodeCapability)
	for _, c := range f.capabilities() {
		f.out.SP().Atom(c)
	}
	f.out.CodeEnd()
}

// imapBye is the line that takes leave of a client that did not ask for it.
func imapBye(text string, temporary bool) []byte {
	if temporary {
		text = "[" + wire.CodeUnavailable + "] " + text
	}
	return []byte("* BYE " + text + "\r\n")
}

// imapIntroduce tells a session which capabilities the account is not offered.
func imapIntroduce(_ *client, grant *broker.Grant, hello *handover.Hello) {
	hello.Without = grant.IMAPWithout
}
