package passdb

import (
	"context"
	"crypto"
	"errors"
	"slices"
	"strings"
	"testing"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
	"fantail/internal/login/webauthn"
)

// listed is a source of names with their passwords.
type listed struct {
	name      string
	passwords map[string]userdb.Secret
	err       error     // for every question
	asked     *[]string // by all sources
}

func (l listed) Name() string                { return l.name }
func (l listed) Check(context.Context) error { return l.err }

func (l listed) Lookup(_ context.Context, name string) (userdb.User, error) {
	*l.asked = append(*l.asked, l.name)
	if l.err != nil {
		return userdb.User{}, l.err
	}
	if _, ok := l.passwords[name]; !ok {
		return userdb.User{}, userdb.ErrUnknown
	}
	return userdb.User{Name: name, Home: "/" + l.name}, nil
}

func (l listed) Password(ctx context.Context, q Query, password userdb.Secret) (userdb.User, error) {
	u, err := l.Lookup(ctx, q.Name)
	if err == nil && l.passwords[q.Name] != password {
		err = ErrWrong
	}
	return u, err
}

// keyed is a source with keys.
type keyed struct{ listed }

func (k keyed) Keys(ctx context.Context, q Query, _ crypto.Hash) (sasl.Keys, userdb.User, error) {
	u, err := k.Lookup(ctx, q.Name)
	return sasl.Keys{Account: u.Name, Iterations: 1}, u, err
}

func (k keyed) Decoy(context.Context, Query, userdb.Secret) { *k.asked = append(*k.asked, "decoy") }

func (k keyed) Token(ctx context.Context, _ Query, token userdb.Secret) (userdb.User, error) {
	if token == "of ann" {
		return k.Lookup(ctx, "ann")
	}
	return userdb.User{}, userdb.ErrUnknown
}

func TestChain(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name          string
		ann, eve      error // errors of the sources that know her
		who, password string
		want          error // nil: a success
		home          string
		asked         []string
	}{
		{"the first", nil, nil, "ann", "a", nil, "/one", []string{"one"}},
		{"the second", nil, nil, "eve", "e", nil, "/two", []string{"one", "two"}},
		{"the first decides", nil, nil, "both", "second", ErrWrong, "", []string{"one"}},
		{"nobody", nil, nil, "bob", "b", ErrWrong, "", []string{"one", "two", "decoy"}},
		{"wrong", nil, nil, "eve", "x", ErrWrong, "", []string{"one", "two"}},
		{"first broken, known to the second", broken, nil, "eve", "e", nil, "/two", []string{"one", "two"}},
		{"first broken, wrong at the second", broken, nil, "eve", "x", ErrUnavailable, "", []string{"one", "two"}},
		{"first broken, nobody", broken, nil, "bob", "b", ErrUnavailable, "", []string{"one", "two"}},
		{"second broken, known to the first", nil, broken, "ann", "a", nil, "/one", []string{"one"}},
		{"second broken, wrong at the first", nil, broken, "ann", "x", ErrWrong, "", []string{"one"}},
		{"second broken, nobody", nil, broken, "bob", "b", ErrUnavailable, "", []string{"one", "two"}},
		{"expired", ErrExpired, nil, "ann", "a", ErrExpired, "", []string{"one"}},
		{"disabled there", ErrDisabled, nil, "eve", "e", ErrDisabled, "", []string{"one"}},
	} {
		var asked []string
		one := keyed{listed{"one", map[string]userdb.Secret{"ann": "a", "both": "first"}, c.ann, &asked}}
		two := listed{"two", map[string]userdb.Secret{"eve": "e", "both": "second"}, c.eve, &asked}
		chain := NewChain(nil, one, two)
		u, err := chain.Password(t.Context(), Query{Name: c.who}, userdb.Secret(c.password))
		if !errors.Is(err, c.want) || u.Home != c.home || !slices.Equal(asked, c.asked) {
			t.Errorf("%s: %+v, %v, asked %q", c.name, u, err, asked)
		}
		if errors.Is(err, ErrUnavailable) && errors.Is(err, ErrWrong) {
			t.Errorf("%s: both wrong and unavailable: %v", c.name, err)
		}
	}
}

func TestChainKeys(t *testing.T) {
	var asked []string
	one := listed{"one", map[string]userdb.Secret{"ann": "a"}, nil, &asked}
	two := keyed{listed{"two", map[string]userdb.Secret{"ann": "a", "eve": "e"}, nil, &asked}}
	chain := NewChain(nil, one, two)
	if k, _, err := chain.Keys(t.Context(), Query{Name: "ann"}, crypto.SHA256); !errors.Is(err, ErrWrong) || k.Account != "ann" || k.Iterations != 0 {
		t.Errorf("keys of a source that is not asked: %+v, %v", k, err)
	}
	if k, u, err := chain.Keys(t.Context(), Query{Name: "eve"}, crypto.SHA256); err != nil || k.Account != "eve" || u.Name != "eve" {
		t.Errorf("%+v, %+v, %v", k, u, err)
	}
	if k, _, err := chain.Keys(t.Context(), Query{Name: "bob"}, crypto.SHA256); !errors.Is(err, ErrWrong) || k.Account != "" {
		t.Errorf("%+v, %v", k, err)
	}
	if u, err := chain.Token(t.Context(), Query{}, "of ann"); err != nil || u.Home != "/two" {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := chain.Token(t.Context(), Query{}, "of nobody"); !errors.Is(err, ErrWrong) {
		t.Error(err)
	}
	if u, err := chain.Certificate(t.Context(), Query{Name: "eve"}); err != nil || u.Name != "eve" {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := chain.Certificate(t.Context(), Query{Name: "bob"}); !errors.Is(err, ErrWrong) || errors.Is(err, userdb.ErrUnknown) {
		t.Error(err)
	}
	if err := chain.Check(t.Context()); err != nil {
		t.Error(err)
	}
	one.err = errors.New("gone")
	if err := NewChain(nil, one, two).Check(t.Context()); err == nil || err.Error() != "one: gone" {
		t.Error(err)
	}
}

// apps are app passwords, of ann and of somebody who is not there any more.
type apps struct{ err error }

func (a apps) Owner(_ Query, password userdb.Secret) (string, error) {
	return map[userdb.Secret]string{"app": "ann", "of gone": "gone", "of eve": "eve"}[password], a.err
}

// strict is a source of which nobody may log in without the password.
type strict struct{ listed }

func (strict) Certificate(context.Context, Query) (userdb.User, error) {
	return userdb.User{}, ErrExpired
}

func TestChainPreferred(t *testing.T) {
	var asked []string
	people := listed{"one", map[string]userdb.Secret{"ann": "a", "eve": "e"}, nil, &asked}
	broken := errors.New("broken")
	for _, c := range []struct {
		name          string
		source        Source
		apps          error
		who, password string
		want          error
	}{
		{"app password", people, nil, "ann", "app", nil},
		{"own password", people, nil, "ann", "a", nil},
		{"another's", people, nil, "eve", "app", ErrWrong},
		{"wrong", people, nil, "ann", "x", ErrWrong},
		{"nobody any more", people, nil, "gone", "of gone", ErrWrong},
		{"expired", strict{people}, nil, "ann", "app", ErrExpired},
		{"another's, expired", strict{people}, nil, "eve", "app", ErrWrong},
		{"not known, wrong", people, broken, "eve", "x", ErrUnavailable},
		{"not known, right", people, broken, "eve", "e", nil},
	} {
		chain := NewChain(nil, c.source)
		chain.Prefer(apps{c.apps})
		u, err := chain.Password(t.Context(), Query{Name: c.who}, userdb.Secret(c.password))
		if !errors.Is(err, c.want) || (err == nil) != (u.Name == c.who) || errors.Is(err, ErrUnavailable) && errors.Is(err, ErrWrong) {
			t.Errorf("%s: %+v, %v", c.name, u, err)
		}
	}
}

// codes are a second factor of ann's.
type codes struct{ err error }

func (c codes) Wanted(account string) (Wanted, error) { return Wanted{App: account == "ann"}, c.err }

func (c codes) VerifyKey(_ context.Context, account string, _ webauthn.Challenge, response []byte) (bool, error) {
	if string(response) == "{" {
		return false, webauthn.ErrRefused
	}
	return account == "ann" && string(response) == "{}", c.err
}

func (c codes) Verify(_ context.Context, account, code string) (bool, error) {
	return account == "ann" && code == "1", c.err
}

// app is a Preferred with one password.
type app struct{}

func (app) Owner(_ Query, password userdb.Secret) (string, error) {
	if password == "app" {
		return "ann", nil
	}
	return "", nil
}

// TestSecond wants the own password of an account with a second factor to be enough for
// nothing but the first step to webmail.
func TestSecond(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name, who, password string
		service             wire.Service
		err                 error // of the second factor
		want                error
	}{
		{"webmail", "ann", "a", wire.Webmail, nil, nil},
		{"IMAP", "ann", "a", wire.IMAP, nil, ErrDisabled},
		{"POP3", "ann", "a", wire.POP3, nil, ErrDisabled},
		{"SMTP", "ann", "a", wire.SMTP, nil, ErrDisabled},
		{"IMAP, wrong", "ann", "x", wire.IMAP, nil, ErrWrong},
		{"IMAP by an app password", "ann", "app", wire.IMAP, nil, nil},
		{"another's", "bob", "b", wire.IMAP, nil, nil},
		{"nobody can tell", "ann", "a", wire.IMAP, broken, ErrUnavailable},
		{"nobody can tell, wrong", "ann", "x", wire.IMAP, broken, ErrWrong},
	} {
		for _, preferred := range []Preferred{nil, app{}} {
			if preferred == nil && c.password == "app" {
				continue
			}
			var asked []string
			chain := NewChain(nil, keyed{listed{"one", map[string]userdb.Secret{"ann": "a", "bob": "b"}, nil, &asked}})
			if preferred != nil {
				chain.Prefer(preferred)
			}
			chain.Guard(codes{c.err})
			u, err := chain.Password(t.Context(), Query{Name: c.who, Service: c.service}, userdb.Secret(c.password))
			if !errors.Is(err, c.want) || (err == nil) != (u.Name == c.who) {
				t.Errorf("%s: %+v, %v", c.name, u, err)
			}
			// SCRAM knows no app passwords.
			if c.password == "app" || c.password == "x" {
				continue
			}
			want := c.want
			if errors.Is(want, ErrDisabled) {
				want = ErrWrong
			}
			keys, _, err := chain.Keys(t.Context(), Query{Name: c.who, Service: c.service}, crypto.SHA256)
			if !errors.Is(err, want) || (err == nil) != (keys.Iterations > 0) || err == ErrWrong && keys.Account != c.who {
				t.Errorf("%s: %+v, %v", c.name, keys, err)
			}
		}
	}
	chain := NewChain(nil)
	if yes, err := chain.Factors(userdb.User{Name: "ann"}); yes.Any() || err != nil {
		t.Errorf("%+v, %v", yes, err)
	}
	if err := chain.Code(t.Context(), userdb.User{Name: "ann"}, "1"); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	chain.Guard(codes{})
	if err := errors.Join(chain.Code(t.Context(), userdb.User{Name: "ann"}, "1")); err != nil {
		t.Error(err)
	}
	if err := chain.Code(t.Context(), userdb.User{Name: "ann"}, "2"); !errors.Is(err, ErrWrong) {
		t.Error(err)
	}
	for response, want := range map[string]error{"{}": nil, "{": ErrWrong, "{ }": ErrWrong} {
		if err := chain.Key(t.Context(), userdb.User{Name: "ann"}, webauthn.Challenge{}, []byte(response)); !errors.Is(err, want) {
			t.Errorf("%s: %v", response, err)
		}
	}
	chain.Guard(codes{ErrLater})
	if err := chain.Code(t.Context(), userdb.User{Name: "ann"}, "1"); !errors.Is(err, ErrLater) || errors.Is(err, ErrWrong) {
		t.Error(err)
	}
}

// spelled is a source that knows accounts under other names than their own.
type spelled struct {
	listed
	accounts map[string]userdb.User
}

func (s spelled) Lookup(ctx context.Context, name string) (userdb.User, error) {
	if u, ok := s.accounts[name]; ok {
		return u, nil
	}
	return s.listed.Lookup(ctx, name)
}

func (s spelled) Password(ctx context.Context, q Query, password userdb.Secret) (userdb.User, error) {
	u, err := s.Lookup(ctx, q.Name)
	if err == nil && !slices.ContainsFunc(u.Names(), func(n string) bool { return s.passwords[n] == password }) {
		err = ErrWrong
	}
	return u, err
}

// TestSpelled wants app passwords and codes to be an account's, however its name was typed:
// nobody gets round them by another name of his, or to another account by a name of its.
func TestSpelled(t *testing.T) {
	var asked []string
	source := spelled{
		listed{"one", map[string]userdb.Secret{"ann": "a", "bob": "b"}, nil, &asked},
		map[string]userdb.User{
			"ANN":             {Name: "ann"},
			"ann@example.org": {Name: "ann"},
			"eve":             {Name: "bob"}, // who has left, and her name is one of bob's
			"Anne":            {Name: "Anne", Also: "a.lee:Ann"},
		},
	}
	chain := NewChain(nil, source)
	chain.Prefer(apps{})
	chain.Guard(lowered{})
	for _, c := range []struct {
		who, password string
		service       wire.Service
		want          error
		code          bool
	}{
		{"ann", "app", wire.IMAP, nil, true},
		{"ANN", "app", wire.IMAP, nil, true},
		{"ann@example.org", "app", wire.IMAP, nil, true},
		{"Anne", "app", wire.IMAP, nil, true},
		{"bob", "app", wire.IMAP, ErrWrong, false},
		{"eve", "of eve", wire.IMAP, ErrWrong, false},
		{"ann", "a", wire.IMAP, ErrDisabled, false},
		{"ANN", "a", wire.IMAP, ErrDisabled, false},
		{"ann@example.org", "a", wire.IMAP, ErrDisabled, false},
		{"ann@example.org", "a", wire.Webmail, nil, true},
		{"eve", "b", wire.IMAP, nil, false},
	} {
		u, err := chain.Password(t.Context(), Query{Name: c.who, Service: c.service}, userdb.Secret(c.password))
		factors, unknown := chain.Factors(u)
		wanted := factors.Any()
		if !errors.Is(err, c.want) || (err == nil) != (u.Name != "") || wanted != c.code || unknown != nil {
			t.Errorf("%s with %q: %+v, %v; a code is wanted: %t, %v", c.who, c.password, u, err, wanted, unknown)
		}
		if !wanted {
			continue
		}
		if err := errors.Join(chain.Code(t.Context(), u, "1")); err != nil {
			t.Errorf("%s: %v", c.who, err)
		}
		if err := chain.Code(t.Context(), u, "2"); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", c.who, err)
		}
	}
	// What nobody has as an app password costs the sources no question.
	asked = nil
	if _, err := chain.Password(t.Context(), Query{Name: "bob"}, "b"); err != nil || len(asked) != 1 {
		t.Errorf("asked %q, %v", asked, err)
	}
}

// lowered are codes as they are kept, without capital letters.
type lowered struct{}

func (lowered) Wanted(account string) (Wanted, error) {
	return codes{}.Wanted(strings.ToLower(account))
}

func (lowered) VerifyKey(ctx context.Context, account string, c webauthn.Challenge, response []byte) (bool, error) {
	return codes{}.VerifyKey(ctx, strings.ToLower(account), c, response)
}

func (lowered) Verify(ctx context.Context, account, code string) (bool, error) {
	return codes{}.Verify(ctx, strings.ToLower(account), code)
}
