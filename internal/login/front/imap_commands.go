package front

import (
	"encoding/base64"
	"errors"
	"slices"
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
	switch {
	case f.in.Err() != nil:
		return f.in.Err()
	case !f.mayLogIn():
		return errPrivacy
	}
	grant, err := f.password(name, userdb.Secret(password), "LOGIN")
	return f.enter(grant, err, "LOGIN")
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
	if err := f.in.Err(); err != nil {
		return err
	}
	if !slices.Contains(f.mechanisms(), mechanism) {
		if !f.secure() && !f.mayLogIn() {
			return errPrivacy
		}
		return errMechanism
	}
	var response []byte
	if given {
		var err error
		if response, err = decodeInitial(initial); err != nil {
			return errBase64
		}
	}
	grant, err := f.client.authenticate(mechanism, response, f.converse)
	return f.enter(grant, err, mechanism)
}

// converse sends a challenge and returns the client's response.
func (f *imapFront) converse(challenge []byte) ([]byte, error) {
	if err := f.out.Continue(base64.StdEncoding.EncodeToString(challenge)).Flush(); err != nil {
		return nil, err
	}
	line, err := f.in.Line()
	if err != nil {
		return nil, err
	}
	if string(line) == "*" {
		return nil, &status{"BAD", "", "AUTHENTICATE was cancelled."} // RFC 9051 section 6.2.2
	}
	response := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
	n, err := base64.StdEncoding.Strict().Decode(response, line)
	if err != nil {
		return nil, errBase64
	}
	return response[:n], nil
}

// decodeInitial reads an initial response of AUTHENTICATE (RFC 4959 section 3):
// base64, or "=" for one that is empty.
func decodeInitial(text string) ([]byte, error) {
	if text == "=" {
		return []byte{}, nil
	}
	return base64.StdEncoding.Strict().DecodeString(text)
}

var (
	errPrivacy   = &status{"NO", wire.CodePrivacyRequired, "Passwords are accepted under TLS only."}
	errMechanism = &status{"NO", "", "That mechanism is not offered."}
	errBase64    = &status{"BAD", "", "The response is not base64."}
)

// enter begins the session of a client that has won its grant. The session answers
// the command: here only failures are answered.
func (f *imapFront) enter(grant *broker.Grant, err error, mechanism string) error {
	if err == nil {
		var ahead []byte
		if ahead, err = f.buf.Peek(f.buf.Buffered()); err != nil {
			return err
		}
		f.ses, err = f.admit(grant, mechanism, f.tag, ahead)
	}
	var lost *loginError
	if !errors.As(err, &lost) {
		return err
	}
	st := &status{"NO", lost.imap, lost.text}
	if lost.bad {
		st.kind = "BAD"
	}
	if lost.last {
		return errors.Join(f.answer(st), errAttempts)
	}
	return st
}
