package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb/apppw"
)

// appPasswords are those that authd looks at.
func appPasswords(cfg *conf.Config, t *tool) *apppw.Store {
	return apppw.Open(filepath.Join(cfg.Auth.Directory, "apppw"), slog.New(slog.NewTextHandler(t.stderr, nil)))
}

// apppwAdd is the verb apppw add.
type apppwAdd struct{ services string }

func (a *apppwAdd) flags(fs *flag.FlagSet) {
	fs.StringVar(&a.services, "for", "imap,pop3,smtp", "the `services` that it is good for, of imap, pop3, smtp, webmail")
}

func (a *apppwAdd) run(ctx context.Context, t *tool, args []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	var services []wire.Service
	for name := range strings.SplitSeq(a.services, ",") {
		s, ok := wire.ServiceOf(name)
		if !ok {
			return &failure{exitUsage, fmt.Errorf("there is no service %q", name), "of imap, pop3, smtp, webmail, with commas between them"}
		}
		services = append(services, s)
	}
	who, err := account(ctx, cfg, args[0])
	if err != nil { // one that cannot be asked for now may have any name
		return unknown(cfg, args[0], err)
	}
	label := "mail program"
	if len(args) > 1 {
		label = args[1]
	}
	_, secret, err := appPasswords(cfg, t).Add(who.Name, label, services...)
	switch {
	case errors.Is(err, apppw.ErrScope), errors.Is(err, apppw.ErrLabel):
		return &failure{exitData, err, ""}
	case errors.Is(err, apppw.ErrMost):
		return &failure{exitData, err, "revoke one: fantail apppw del " + argumentOf(who.Name) + " LABEL"}
	case err != nil:
		return err
	}
	t.say("%s", string(secret))
	t.warn("that is the new password of %s for %s; it is not shown again", printable(who.Name), a.services)
	return nil
}

// apppwDel is the verb apppw del. It does not ask whether there is the account: what is
// left of one that has gone can be revoked, too.
type apppwDel struct{}

func (*apppwDel) flags(*flag.FlagSet) {}

func (*apppwDel) run(ctx context.Context, t *tool, args []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	name, err := t.ownName(ctx, cfg, args[0])
	if err != nil {
		return err
	}
	label := args[1]
	store := appPasswords(cfg, t)
	list, err := store.List(name)
	if err != nil {
		return err
	}
	var found []apppw.Password
	for _, p := range list {
		if p.ID == label || p.Label == label {
			found = append(found, p)
		}
	}
	show := "which there are: fantail apppw list " + argumentOf(name)
	switch len(found) {
	case 0:
		return &failure{exitData, fmt.Errorf("%s has no app password %q", name, label), show}
	case 1:
	default:
		return &failure{exitData, fmt.Errorf("%s has %d app passwords %q; say the number of one", name, len(found), label), show}
	}
	if err := store.Revoke(name, found[0].ID); err != nil {
		return err
	}
	t.say("revoked %s, %s of %s; sessions that it has begun go on: fantail kick %s", found[0].ID, printable(found[0].Label), printable(name), argumentOf(name))
	return nil
}

// apppwList is the verb apppw list.
type apppwList struct{ json bool }

func (a *apppwList) flags(fs *flag.FlagSet) {
	fs.BoolVar(&a.json, "j", false, "for scripts: a line of JSON for each password")
}

// listedApppw is an app password as scripts see it. Days are of UTC.
type listedApppw struct {
	ID       string   `json:"id"`
	Label    string   `json:"label"`
	Services []string `json:"services"`
	Created  string   `json:"created"`
	Used     string   `json:"used,omitempty"` // "": never
}

func (a *apppwList) run(ctx context.Context, t *tool, args []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	name, err := t.ownName(ctx, cfg, args[0])
	if err != nil {
		return err
	}
	list, err := appPasswords(cfg, t).List(name)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, p := range list {
		l := listedApppw{ID: p.ID, Label: p.Label, Created: day(p.Created), Used: day(p.Used)}
		for _, s := range p.Services {
			l.Services = append(l.Services, s.String())
		}
		if a.json {
			if err := t.object(l); err != nil {
				return err
			}
			continue
		}
		used := l.Used
		if used == "" {
			used = "never"
		}
		rows = append(rows, []string{l.ID, l.Created, used, strings.Join(l.Services, ","), l.Label})
	}
	if !a.json {
		t.columns([]string{"ID", "CREATED", "USED", "FOR", "LABEL"}, rows)
	}
	return nil
}

func day(d apppw.Day) string {
	if d == 0 {
		return ""
	}
	return d.Time().Format("2006-01-02")
}
