package lmtpfront

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"fantail/internal/deliver/lmtp"
	"fantail/internal/login/broker"
	"fantail/internal/login/userdb"
)

// finder finds whose mail an address is. The names of accounts are whatever the sources
// of accounts say, so it asks for, in this order,
//
//	ann+lists@example.org   the address as it is
//	ann@example.org         without its detail
//	ann+lists, ann          its local part, if the domain is one of Domains, or there is none
//
// and for each of them in small letters, if that makes a difference. The first that is an
// account is it. A domain that is not among Domains never leads to an account of its local
// part: another domain's ann is another person.
type finder struct {
	deliveries broker.Deliveries
	domains    []string
	delimiters string
	clock      func() time.Time

	mu    sync.Mutex // guards known
	known map[string]found
}

// found is an account that was found lately.
type found struct {
	account string
	uid     uint32
	until   time.Time
}

const (
	// foundLife is how long an account is taken to be there that was there. That there is
	// none is not kept: who makes an account wants to use it.
	foundLife = 5 * time.Second
	mostFound = 10_000
)

func newFinder(o Options) *finder {
	f := &finder{deliveries: o.Deliveries, delimiters: o.Delimiters, clock: o.Clock, known: make(map[string]found)}
	for _, d := range o.Domains {
		f.domains = append(f.domains, strings.ToLower(d))
	}
	return f
}

// candidate is a name that may be that of the account.
type candidate struct{ name, detail string }

// candidates are those of an address.
func (f *finder) candidates(p lmtp.Path) []candidate {
	domain := strings.ToLower(p.Domain)
	locals := []candidate{{p.Local, ""}}
	if i := strings.IndexAny(p.Local, f.delimiters); i > 0 && f.delimiters != "" {
		locals = append(locals, candidate{p.Local[:i], p.Local[i+1:]})
	}
	var list []candidate
	add := func(name, detail string) {
		for _, n := range []string{name, strings.ToLower(name)} {
			c := candidate{n, detail}
			if !slices.Contains(list, c) && userdb.CheckName(n) == nil {
				list = append(list, c)
			}
		}
	}
	if domain != "" {
		for _, l := range locals {
			add(l.name+"@"+domain, l.detail)
		}
	}
	if domain == "" || slices.Contains(f.domains, "*") || slices.Contains(f.domains, domain) {
		for _, l := range locals {
			add(l.name, l.detail)
		}
	}
	return list
}

// find finds the account of an address. The error wraps those of broker.Deliveries.
func (f *finder) find(ctx context.Context, p lmtp.Path) (recipient, error) {
	for _, c := range f.candidates(p) {
		a, err := f.locate(ctx, c.name)
		switch {
		case err == nil:
			return recipient{path: p, account: a.account, uid: a.uid, detail: c.detail}, nil
		case !errors.Is(err, userdb.ErrUnknown):
			return recipient{}, err
		}
	}
	return recipient{}, userdb.ErrUnknown
}

func (f *finder) locate(ctx context.Context, name string) (found, error) {
	now := f.clock()
	f.mu.Lock()
	a, ok := f.known[name]
	f.mu.Unlock()
	if ok && now.Before(a.until) {
		return a, nil
	}
	l, err := f.deliveries.Locate(ctx, name)
	if err != nil {
		return found{}, err
	}
	a = found{l.Account, l.UID, now.Add(foundLife)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.known) >= mostFound {
		clear(f.known)
	}
	f.known[name] = a
	return a, nil
}
