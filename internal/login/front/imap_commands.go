package front

import (
	"encoding/base64"
	"errors"
	"strings"

	"fantail/internal/imap/ident"
	"fantail/internal/imap/wire"
	"fantail/internal/login/broker"
	"fantail/internal/login/userdb"
)

func (f *imapFront) capability() error {
	f.in.CRLF()
	if err := f.in.Err(); err != nil {
		return err
	}
	f.out.Untagged("CAPABILITY")
	for _, c := range f.capabilities() {
		f.out.SP().Atom(c)
	}
	f.out.CRLF()
	return f.ok("CAPABILITY completed.")
}

func (f *imapFront) noop() error {
	f.in.CRLF()
	if err := f.in.Err(); err != nil {
		return err
	}
	return f.ok("NOOP completed.")
}

func (f *imapFront) logout() error {
	f.in.CRLF()
	if err := f.in.Err(); err != nil {
		return err
	}
	f.end = true
	f.out.Untagged("BYE").SP().Text("Good-bye.").CRLF()
	return f.ok("LOGOUT completed.")
}

// startTLSCommand is STARTTLS. Everything known about the client is forgotten
// with the scanner (RFC 9051 section 6.2.1).
func (f *imapFront) startTLSCommand() error {
	f.in.CRLF()
	if err := f.in.Err(); err != nil {
		return err
	}
	if f.secure() {
		return &status{"BAD", "", "TLS is on already."}
	}
	err := f.startTLS(f.in.Buffered(), func() error {
		if err := f.ok("Begin TLS."); err != nil {
			return err
		}
		return f.out.Flush()
	})
	switch {
	case errors.Is(err, errBufferedTLS):
		f.out.Tagged(f.tag, "BAD").SP().Text("There is input behind STARTTLS.").CRLF().Flush()
		return err
	case err != nil:
		return err
	}
	f.reset()
	f.named = ""
	return nil
}

// id is ID. What the client tells of itself goes to the session with the login.
func (f *imapFront) id() error {
	fields, err := ident.Scan(f.in)
	if err != nil {
		return err
	}
	f.named = ident.Client(fields)
	f.out.Untagged("ID").SP().List(func() { f.out.Quoted("name").SP().Quoted("Fantail") }).CRLF()
	return f.ok("ID completed.")
}

func (f *imapFront) login() error {
	f.in.SP()
	name := f.in.AString()
	f.in.SP()
	password := f.in.AString()
	f.in.CRLF()
	if err := f.in.Err(); err != nil {
		return err
	}
	return f.enter(broker.Credentials{Name: name, Password: userdb.Secret(password)}, "LOGIN")
}

func (f *imapFront) authenticate() error {
	f.in.SP()
	mechanism := strings.ToUpper(f.in.Atom())
	var initial string
	given := f.in.Try(' ')
	if given {
		initial = f.in.Atom() // has all the characters of base64, and "="
	}
	f.in.CRLF()
	switch {
	case f.in.Err() != nil:
		return f.in.Err()
	case mechanism != mechanismPlain:
		return &status{"NO", "", "That mechanism is not offered."}
	case !f.mayLogIn():
		return errPrivacy
	}
	var message []byte
	var err error
	if given {
		message, err = decodeInitial(initial)
	} else {
		message, err = f.response()
	}
	if err != nil {
		if errors.As(err, new(*status)) || wire.IsFatal(err) {
			return err
		}
		return &status{"BAD", "", "The response is not base64."}
	}
	credentials, err := parsePlain(message)
	switch {
	case errors.Is(err, errAuthzid):
		return &status{"NO", wire.CodeAuthorizationFailed, "Nobody may act as another here."}
	case err != nil:
		return &status{"BAD", "", "That is not a PLAIN response."}
	}
	return f.enter(credentials, mechanism)
}

// response asks for the client's response to an empty challenge.
func (f *imapFront) response() ([]byte, error) {
	if err := f.out.Continue("").Flush(); err != nil {
		return nil, err
	}
	line, err := f.in.Line()
	if err != nil {
		return nil, err
	}
	if string(line) == "*" {
		return nil, &status{"BAD", "", "AUTHENTICATE was cancelled."} // RFC 9051 section 6.2.2
	}
	message := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
	n, err := base64.StdEncoding.Strict().Decode(message, line)
	return message[:n], err
}

var errPrivacy = &status{"NO", wire.CodePrivacyRequired, "Passwords are accepted under TLS only."}

// enter logs the client in. The session answers the command: here only
// failures are answered.
func (f *imapFront) enter(credentials broker.Credentials, mechanism string) error {
	if !f.mayLogIn() {
		return errPrivacy
	}
	ahead, err := f.buf.Peek(f.buf.Buffered())
	if err != nil {
		return err
	}
	ses, err := f.logIn(credentials, mechanism, f.tag, ahead)
	switch {
	case errors.Is(err, errAttempts):
		return errors.Join(f.answer(&status{"NO", wire.CodeAuthenticationFailed, "Wrong name or password."}), errAttempts)
	case errors.Is(err, broker.ErrWrong):
		return &status{"NO", wire.CodeAuthenticationFailed, "Wrong name or password."}
	case err != nil:
		return &status{"NO", wire.CodeUnavailable, "Login is not possible now, please try again later."}
	}
	f.ses = ses
	return nil
}
