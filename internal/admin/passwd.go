package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"fantail/internal/daemon/conf"
)

// passwd is the verb passwd.
type passwd struct{ hash hashing }

func (p *passwd) flags(fs *flag.FlagSet) { p.hash.flags(fs) }

func (p *passwd) run(ctx context.Context, t *tool, args []string) error {
	name := args[0]
	cfg, err := t.load()
	if err != nil {
		return err
	}
	there, err := hasAccount(cfg, name)
	if err != nil {
		return err
	}
	if !there {
		return elsewhere(ctx, cfg, name)
	}
	field, err := p.hash.field(t, cfg, name)
	if err != nil {
		return err
	}
	return t.changePasswdFile(cfg, func(p *passwdFile) error {
		spelled, i, there := p.find(name)
		if !there {
			return fmt.Errorf("somebody has just deleted %s from %s", name, p.path)
		}
		p.setPassword(i, field)
		r, err := p.record(spelled)
		if err == nil && string(r.Password) != field {
			err = errors.New("the file would say something else")
		}
		if err != nil {
			return &failure{exitData, fmt.Errorf("%s:%d: %w", p.path, i+1, err), "mend that line first"}
		}
		if broken := errors.Join(r.Broken(), r.Refused); broken != nil {
			t.warn("%s:%d: nevertheless nobody can log in: %v", p.path, i+1, broken)
		}
		return nil
	})
}

// elsewhere says where the password of an account is that is not in the passwd-file.
func elsewhere(ctx context.Context, cfg *conf.Config, name string) error {
	a, err := account(ctx, cfg, name)
	if err != nil {
		return unknown(cfg, name, err)
	}
	f := &failure{exitNoUser, fmt.Errorf("%s is not in %s: its password is where the source %s has it", a.Name, cfg.Auth.PasswdFile, a.Source),
		"change it there"}
	if a.Source == "pam" || a.Source == "shadow" {
		f.err = fmt.Errorf("%s is a user of the system", a.Name)
		f.next = "use passwd(1): passwd " + argumentOf(a.Name)
	}
	return f
}
