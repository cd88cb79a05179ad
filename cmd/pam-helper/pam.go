//go:build pam && cgo

package main

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/msteinert/pam/v2"

	"fantail/internal/login/passdb/pam/wire"
)

// service is the name under which PAM is configured: /etc/pam.d/fantail.
const service = "fantail"

// available reports why PAM cannot be asked.
func available() error { return nil }

// mostPrompts is how many questions of modules are answered.
const mostPrompts = 16

// errPrompts ends a conversation.
var errPrompts = errors.New("too many questions")

// prompts answers the questions of modules: with the name where they show what is typed,
// with the password where they do not.
func prompts(r *wire.Request) pam.ConversationFunc {
	asked := 0
	return func(style pam.Style, _ string) (string, error) {
		if asked++; asked > mostPrompts {
			return "", errPrompts
		}
		switch style {
		case pam.PromptEchoOn:
			return r.Name, nil
		case pam.PromptEchoOff:
			if r.Account {
				return "", errPrompts
			}
			return string(r.Password), nil
		}
		return "", nil // a message for somebody at a terminal
	}
}

// answers are what errors of PAM mean, of the check of the password and of that of the
// account; what is not there is Unavailable.
var (
	authAnswers = map[pam.Error]wire.Answer{
		pam.ErrAuth:           wire.Wrong,
		pam.ErrPermDenied:     wire.Wrong,
		pam.ErrMaxtries:       wire.Wrong,
		pam.ErrAcctExpired:    wire.Wrong, // of the password it says nothing
		pam.ErrAuthtokExpired: wire.Wrong,
		pam.ErrCredExpired:    wire.Wrong,
		pam.ErrNewAuthtokReqd: wire.Expired, // PAM says so after a right one
		pam.ErrUserUnknown:    wire.Unknown,
	}
	accountAnswers = map[pam.Error]wire.Answer{
		pam.ErrNewAuthtokReqd: wire.Expired,
		pam.ErrAuthtokExpired: wire.Expired,
		pam.ErrAcctExpired:    wire.Expired,
		pam.ErrCredExpired:    wire.Expired,
		pam.ErrPermDenied:     wire.Denied,
		pam.ErrAuth:           wire.Denied,
		pam.ErrUserUnknown:    wire.Denied,
	}
)

// ask asks PAM. The error says why the answer is Unavailable.
func ask(directory string, r *wire.Request) (wire.Answer, error) {
	runtime.LockOSThread() // for modules that keep something there
	start := func() (*pam.Transaction, error) { return pam.Start(service, r.Name, prompts(r)) }
	if directory != "" {
		start = func() (*pam.Transaction, error) { return pam.StartConfDir(service, r.Name, prompts(r), directory) }
	}
	t, err := start()
	if err != nil {
		return wire.Unavailable, fmt.Errorf("start PAM: %w", err)
	}
	answer, err := converse(t, r)
	if err := t.End(); err != nil {
		return wire.Unavailable, fmt.Errorf("end PAM: %w", err)
	}
	return answer, err
}

func converse(t *pam.Transaction, r *wire.Request) (wire.Answer, error) {
	if r.Remote != "" {
		if err := t.SetItem(pam.Rhost, r.Remote); err != nil {
			return wire.Unavailable, fmt.Errorf("tell PAM the client's address: %w", err)
		}
	}
	if !r.Account {
		if err := t.Authenticate(pam.Silent | pam.DisallowNullAuthtok); err != nil {
			return answer(authAnswers, "check the password", err)
		}
	}
	if err := t.AcctMgmt(pam.Silent | pam.DisallowNullAuthtok); err != nil {
		return answer(accountAnswers, "check the account", err)
	}
	name, err := t.GetItem(pam.User)
	if err != nil {
		return wire.Unavailable, fmt.Errorf("ask PAM for the name: %w", err)
	}
	if name != r.Name {
		return wire.Denied, errors.New("a module of PAM has changed the name")
	}
	return wire.Accepted, nil
}

func answer(answers map[pam.Error]wire.Answer, doing string, err error) (wire.Answer, error) {
	var status pam.Error
	if errors.As(err, &status) {
		if a, ok := answers[status]; ok {
			return a, nil
		}
	}
	return wire.Unavailable, fmt.Errorf("%s: %w", doing, err)
}
