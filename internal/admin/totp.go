package admin

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/userdb"
)

// secondFactors are those that authd looks at.
func secondFactors(cfg *conf.Config) *factor.Store {
	return factor.Open(filepath.Join(cfg.Auth.Directory, "totp"))
}

// mostTries is how often somebody at a terminal is asked for a code that confirms.
const mostTries = 3

// totpAdd is the verb totp add. The secret is in force when a code of it has shown that
// somebody else has it, too.
type totpAdd struct {
	issuer      string
	stdin, json bool
}

func (a *totpAdd) flags(fs *flag.FlagSet) {
	fs.StringVar(&a.issuer, "issuer", "", "what the app shows beside the `name` of the account, such as that of the house; else the name of this machine")
	fs.BoolVar(&a.json, "j", false, "for scripts: a line of JSON with the secret, and one with the recovery codes")
	fs.BoolVar(&a.stdin, "stdin", false, "read the code that confirms from a line of standard input")
}

// shownKey is a secret as scripts see it.
type shownKey struct {
	Name   string `json:"name"`
	Secret string `json:"secret"`
	URI    string `json:"uri"`
}

func (a *totpAdd) run(ctx context.Context, t *tool, args []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	if a.issuer == "" {
		if a.issuer, err = os.Hostname(); err != nil {
			return fmt.Errorf("find out the name of this machine: %w", err)
		}
	}
	if strings.Contains(a.issuer, ":") || printable(a.issuer) != a.issuer {
		return &failure{exitUsage, fmt.Errorf("%q cannot be an issuer: it has a colon, or is no line of text", a.issuer), ""}
	}
	who, err := account(ctx, cfg, args[0])
	if err != nil { // one that cannot be asked for now may have any name
		return unknown(cfg, args[0], err)
	}
	ask, err := a.asker(t)
	if err != nil {
		return err
	}
	defer ask.Close()
	store := secondFactors(cfg)
	key, err := store.Begin(who.Name)
	if errors.Is(err, factor.ErrActive) {
		return &failure{exitData, fmt.Errorf("%s has an authenticator app already", printable(who.Name)), "end it first: fantail totp del " + argumentOf(who.Name)}
	}
	if err != nil {
		return err
	}
	if err := a.show(t, who.Name, key); err != nil {
		return err
	}
	codes, err := a.confirm(ask, func(code string) ([]userdb.Secret, error) { return store.Confirm(who.Name, code) })
	if err != nil {
		return err
	}
	if err := t.recovery(who.Name, codes, a.json); err != nil {
		return err
	}
	t.warn("%s logs in to webmail with a code from now on, and with app passwords elsewhere; sessions that it has go on", printable(who.Name))
	t.warn("    %s", t.typed("for each mail program: fantail apppw add "+argumentOf(who.Name)+" LABEL"))
	return nil
}

// show shows a secret, for the only time.
func (a *totpAdd) show(t *tool, name string, key factor.Secret) error {
	shown := shownKey{name, string(key.Typed()), string(key.URI(a.issuer))}
	if a.json {
		return t.object(shown)
	}
	t.say("%s\n%s", shown.Secret, shown.URI)
	t.warn("that is the secret of %s for an authenticator app, twice: as it is typed, and as it is in a QR code", printable(name))
	return nil
}

// asker is where codes come from.
type asker struct {
	io.ReadWriteCloser
	tries int
}

// noQuestions is a reader as something that is asked.
type noQuestions struct{ io.Reader }

func (noQuestions) Write(p []byte) (int, error) { return len(p), nil }
func (noQuestions) Close() error                { return nil }

// asker returns the terminal, or standard input.
func (a *totpAdd) asker(t *tool) (asker, error) {
	if a.stdin {
		return asker{noQuestions{t.in}, 1}, nil
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return asker{}, &failure{exitUsage, errors.New("there is no terminal to ask for a code"),
			"give it on standard input, in one line, with -stdin"}
	}
	return asker{tty, mostTries}, nil
}

// confirm asks for a code until one is right.
func (*totpAdd) confirm(ask asker, try func(code string) ([]userdb.Secret, error)) ([]userdb.Secret, error) {
	in := bufio.NewReaderSize(io.LimitReader(ask, maxInput), maxInput)
	for n := 1; ; n++ {
		if _, err := io.WriteString(ask, "The code that the app shows now: "); err != nil {
			return nil, fmt.Errorf("ask for a code: %w", err)
		}
		code, err := in.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read a code: %w", err)
		}
		codes, wrong := try(strings.TrimSpace(code))
		if !errors.Is(wrong, factor.ErrCode) {
			return codes, wrong
		}
		if n >= ask.tries || err != nil {
			return nil, &failure{exitData, errors.New("that is not the code; nothing has changed"), "is the clock of this machine right, and that of the app's? Then once more, with a new secret"}
		}
		if _, err := io.WriteString(ask, "That is not the code.\n"); err != nil {
			return nil, fmt.Errorf("ask for a code: %w", err)
		}
	}
}

// recoveryCodes are those of an account as scripts see them.
type recoveryCodes struct {
	Name     string   `json:"name"`
	Recovery []string `json:"recovery"`
}

// recovery shows recovery codes, for the only time.
func (t *tool) recovery(name string, codes []userdb.Secret, json bool) error {
	if codes == nil {
		t.warn("the recovery codes of %s stay as they are", printable(name))
		return nil
	}
	shown := recoveryCodes{Name: name}
	for _, c := range codes {
		shown.Recovery = append(shown.Recovery, string(c))
	}
	if json {
		return t.object(shown)
	}
	t.say("%s", strings.Join(shown.Recovery, "\n"))
	t.warn("those are the recovery codes of %s, for when the app is lost, each good once; they are not shown again", printable(name))
	return nil
}

// totpCodes is the verb totp codes.
type totpCodes struct{ json bool }

func (c *totpCodes) flags(fs *flag.FlagSet) {
	fs.BoolVar(&c.json, "j", false, "for scripts: a line of JSON")
}

func (c *totpCodes) run(ctx context.Context, t *tool, args []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	name, err := t.ownName(ctx, cfg, args[0])
	if err != nil {
		return err
	}
	codes, err := secondFactors(cfg).Renew(name)
	if errors.Is(err, factor.ErrNone) {
		return noSecondFactor(name)
	}
	if err != nil {
		return err
	}
	return t.recovery(name, codes, c.json)
}

func noSecondFactor(name string) error {
	return &failure{exitData, fmt.Errorf("%s has no second factor", printable(name)), "give it one: fantail totp add " + argumentOf(name)}
}

// totpDel is the verb totp del. As with app passwords there need not be the account any
// more.
type totpDel struct{}

func (*totpDel) flags(*flag.FlagSet) {}

func (*totpDel) run(ctx context.Context, t *tool, args []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	name, err := t.ownName(ctx, cfg, args[0])
	if err != nil {
		return err
	}
	store := secondFactors(cfg)
	err = store.RemoveApp(name)
	if errors.Is(err, factor.ErrNone) {
		return noSecondFactor(name)
	}
	if err != nil {
		return err
	}
	if wanted, err := store.Wanted(name); err == nil && wanted.Any() {
		t.say("the authenticator app of %s is no more; its security keys and recovery codes stay: fantail seckey list %s", printable(name), argumentOf(name))
		return nil
	}
	t.say("the second factor of %s is no more: its password is enough for everything, and its app passwords stay", printable(name))
	return nil
}

// totpShow is the verb totp show.
type totpShow struct{ json bool }

func (s *totpShow) flags(fs *flag.FlagSet) {
	fs.BoolVar(&s.json, "j", false, "for scripts: a line of JSON")
}

// shownFactor is a second factor as scripts see it. The day is of UTC.
type shownFactor struct {
	Name     string `json:"name"`
	State    string `json:"state"` // none, pending, active
	Created  string `json:"created,omitempty"`
	Recovery int    `json:"recovery"` // codes that are left
}

func (s *totpShow) run(ctx context.Context, t *tool, args []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	name, err := t.ownName(ctx, cfg, args[0])
	if err != nil {
		return err
	}
	shown := shownFactor{Name: name, State: "none"}
	status, err := secondFactors(cfg).Status(name)
	switch {
	case errors.Is(err, factor.ErrNone):
	case err != nil:
		return err
	case status.App:
		shown.State = "active"
	case status.Pending:
		shown.State = "pending"
	}
	shown.Recovery = status.Recovery
	if shown.State != "none" {
		shown.Created = dateOf(status.Created)
	}
	if s.json {
		return t.object(shown)
	}
	t.columns([]string{"NAME", "STATE", "CREATED", "RECOVERY CODES"}, [][]string{{shown.Name, shown.State, shown.Created, fmt.Sprint(shown.Recovery)}})
	return nil
}

// ownName returns the name of an account at its source, under which authd keeps what it
// has for it. Of one that has gone, and of one that cannot be asked for, it is the name
// that was given.
func (t *tool) ownName(ctx context.Context, cfg *conf.Config, name string) (string, error) {
	if err := userdb.CheckName(name); err != nil {
		return "", &failure{exitNoUser, fmt.Errorf("%q cannot be the name of an account", name), ""}
	}
	a, err := account(ctx, cfg, name)
	switch {
	case err == nil:
		return a.Name, nil
	case !errors.Is(err, userdb.ErrUnknown):
		t.warn("whether that is the own name of %s cannot be found out: %v", printable(name), err)
	}
	return name, nil
}
