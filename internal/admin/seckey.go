package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"fantail/internal/login/passdb/factor"
)

// Security keys are added by who has them, on webmail's page of security: a browser is
// needed for it. Here they are listed and removed.

// dateOf writes a day of UTC; "" if it is zero.
func dateOf(day time.Time) string {
	if day.IsZero() {
		return ""
	}
	return day.Format(time.DateOnly)
}

// seckeyList is the verb seckey list.
type seckeyList struct{ json bool }

func (l *seckeyList) flags(fs *flag.FlagSet) {
	fs.BoolVar(&l.json, "j", false, "for scripts: a line of JSON for each key")
}

// listedKey is a security key as scripts see it.
type listedKey struct {
	ID      string `json:"id"`
	Label   string `json:"label"`
	Origin  string `json:"origin"`
	Created string `json:"created"`
	Used    string `json:"used,omitempty"` // "": never
}

func (l *seckeyList) run(ctx context.Context, t *tool, args []string) error {
	_, status, err := t.factors(ctx, args[0])
	if err != nil {
		return err
	}
	var rows [][]string
	for _, k := range status.Keys {
		one := listedKey{k.ID, k.Label, k.Credential.Origin, dateOf(k.Created), dateOf(k.Used)}
		if l.json {
			if err := t.object(one); err != nil {
				return err
			}
			continue
		}
		used := one.Used
		if used == "" {
			used = "never"
		}
		rows = append(rows, []string{one.ID, one.Created, used, one.Origin, printable(one.Label)})
	}
	if !l.json {
		t.columns([]string{"ID", "CREATED", "USED", "FOR", "NAME"}, rows)
	}
	return nil
}

// factors returns the own name of an account and its factors.
func (t *tool) factors(ctx context.Context, account string) (name string, s factor.Status, err error) {
	cfg, err := t.load()
	if err != nil {
		return "", s, err
	}
	if name, err = t.ownName(ctx, cfg, account); err != nil {
		return "", s, err
	}
	s, err = secondFactors(cfg).Status(name)
	if errors.Is(err, factor.ErrNone) {
		err = nil
	}
	return name, s, err
}

// seckeyDel is the verb seckey del. As with app passwords there need not be the account any
// more.
type seckeyDel struct{}

func (*seckeyDel) flags(*flag.FlagSet) {}

func (*seckeyDel) run(ctx context.Context, t *tool, args []string) error {
	name, status, err := t.factors(ctx, args[0])
	if err != nil {
		return err
	}
	var found []factor.Key
	for _, k := range status.Keys {
		if k.Label == args[1] || k.ID == args[1] {
			found = append(found, k)
		}
	}
	list := "what there is: fantail seckey list " + argumentOf(name)
	switch len(found) {
	case 0:
		return &failure{exitData, fmt.Errorf("%s has no security key %q", printable(name), args[1]), list}
	case 1:
	default:
		return &failure{exitData, fmt.Errorf("%s has %d security keys %q: say the number of one", printable(name), len(found), args[1]), list}
	}
	cfg, err := t.load()
	if err != nil {
		return err
	}
	store := secondFactors(cfg)
	if err := store.RemoveKey(name, found[0].ID); err != nil {
		return err
	}
	t.say("removed %s, %s of %s", found[0].ID, printable(found[0].Label), printable(name))
	if wanted, err := store.Wanted(name); err == nil && !wanted.Any() {
		t.say("it was its last second factor: its password is enough for everything, and its app passwords stay")
	}
	return nil
}
