// Package pam checks passwords of the system's users with PAM.
//
// PAM is C, and its modules are other people's programs: they may hang, crash, leak and
// fork. So each check has a process of its own, pam-helper, the one program that is
// linked with the C library:
//
//	authd ──name, password: a pipe──► pam-helper ──► libpam, service "fantail"
//	      ◄──────one octet───────────
//
// Name and password are in no argument and no environment. The helper has a deadline,
// after which it is killed with its process group. What it says is one octet (package
// pam/wire) and then the end, with status 0; anything else means that the answer could
// not be found out. Modules may have changed whom they think they have checked: the
// helper sees to it that it is still the same name.
//
// Who the account is, the name service says (package userdb/nss) before PAM is asked, so
// that no password of root can be guessed here. A name that nobody knows is checked too,
// as one that cannot be a user's.
package pam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/pam/wire"
	"fantail/internal/login/userdb"
)

const (
	deadline = 20 * time.Second // for one check; modules may delay the answer to a wrong password
	atOnce   = 32               // checks; others wait
	maxSaid  = 512              // octets of what a helper says of itself
)

// decoy is a name that no user has: useradd makes no such.
const decoy = "no such account"

// Users are the system's accounts (nss.Accounts).
type Users interface {
	Lookup(ctx context.Context, name string) (userdb.User, error)
	// Look is Lookup, and says whether the answer was one that is kept. Ask takes the
	// time of one that is not.
	Look(ctx context.Context, name string) (user userdb.User, kept bool, err error)
	Ask(ctx context.Context)
}

// Source is PAM as a passdb.Source. It is safe for many goroutines.
type Source struct {
	helper   []string // the program, with arguments
	users    Users
	deadline time.Duration
	turns    chan struct{} // one element for each helper that runs
}

// New returns the Source that starts the program helper.
func New(helper string, users Users) *Source {
	return &Source{[]string{helper}, users, deadline, make(chan struct{}, atOnce)}
}

// Name implements passdb.Source.
func (*Source) Name() string { return "pam" }

// Password implements passdb.Source.
func (s *Source) Password(ctx context.Context, q passdb.Query, password userdb.Secret) (userdb.User, error) {
	user, kept, err := s.users.Look(ctx, q.Name)
	if err != nil {
		return userdb.User{}, err
	}
	if password == "" || len(password) > passdb.MaxPassword || strings.ContainsRune(string(password), 0) {
		return userdb.User{}, passdb.ErrWrong
	}
	user, err = s.ask(ctx, user, q, wire.Request{Name: user.Name, Password: password})
	if errors.Is(err, userdb.ErrWrong) && kept {
		s.users.Ask(ctx) // a name that nobody has is never kept
	}
	return user, err
}

// Certificate implements passdb.Certified: PAM says whether the account may log in.
func (s *Source) Certificate(ctx context.Context, q passdb.Query) (userdb.User, error) {
	user, err := s.users.Lookup(ctx, q.Name)
	if err != nil {
		return userdb.User{}, err
	}
	return s.ask(ctx, user, q, wire.Request{Name: user.Name, Account: true})
}

// Lookup implements passdb.Source.
func (s *Source) Lookup(ctx context.Context, name string) (userdb.User, error) {
	return s.users.Lookup(ctx, name)
}

// Decoy implements passdb.Decoy.
func (s *Source) Decoy(ctx context.Context, q passdb.Query, password userdb.Secret) {
	// It is known to be wrong.
	_, _ = s.ask(ctx, userdb.User{}, q, wire.Request{Name: decoy, Password: password})
}

// Check implements passdb.Source.
func (s *Source) Check(ctx context.Context) error {
	_, err := s.run(ctx, nil, "-n")
	return err
}

// results are what the answers mean.
var results = map[wire.Answer]error{
	wire.Accepted:    nil,
	wire.Wrong:       passdb.ErrWrong,
	wire.Unknown:     userdb.ErrUnknown,
	wire.Expired:     passdb.ErrExpired,
	wire.Denied:      passdb.ErrDisabled,
	wire.Unavailable: userdb.ErrUnavailable,
}

// ask asks a helper and returns user if PAM accepts.
func (s *Source) ask(ctx context.Context, user userdb.User, q passdb.Query, r wire.Request) (userdb.User, error) {
	if q.Remote.IsValid() {
		r.Remote = q.Remote.WithZone("").String()
	}
	request, err := r.Append(nil)
	if err == nil {
		var said []byte
		if said, err = s.run(ctx, request); err == nil {
			result, ok := results[wire.Answer(said[0])]
			if !ok || len(said) != 1 {
				err = errors.New("pam-helper does not give an answer")
			} else if result == nil {
				return user, nil
			} else {
				return userdb.User{}, fmt.Errorf("PAM, user %s: %w", r.Name, result)
			}
		}
	}
	return userdb.User{}, fmt.Errorf("%w: check user %s with PAM: %w", userdb.ErrUnavailable, r.Name, err)
}

// run runs a helper that reads request and returns what it says, of which there is at
// least one octet and at most two if there is a request.
func (s *Source) run(ctx context.Context, request []byte, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a turn: %w", context.Cause(ctx))
	}
	said, complaints := &head{most: 2}, &head{most: maxSaid}
	cmd := exec.CommandContext(ctx, s.helper[0], append(s.helper[1:len(s.helper):len(s.helper)], args...)...)
	cmd.Stdin = bytes.NewReader(request)
	cmd.Stdout, cmd.Stderr = said, complaints
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // what modules started, too
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("pam-helper: %w", context.Cause(ctx))
	case err != nil:
		return nil, fmt.Errorf("pam-helper: %w: %q", err, complaints.text)
	case len(said.text) == 0 && request != nil:
		return nil, errors.New("pam-helper says nothing")
	}
	return said.text, nil
}

// head keeps the beginning of what is written to it.
type head struct {
	text []byte
	most int
}

func (h *head) Write(p []byte) (int, error) {
	h.text = append(h.text, p[:min(len(p), h.most-len(h.text))]...)
	return len(p), nil
}
