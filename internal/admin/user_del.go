package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/userdb"
)

// userDel is the verb user del. It says where the mail is, which it leaves there.
type userDel struct{}

func (*userDel) flags(*flag.FlagSet) {}

func (*userDel) run(ctx context.Context, t *tool, args []string) error {
	cfg, err := t.load()
	if err != nil {
		return err
	}
	name := args[0]
	there, err := hasAccount(cfg, name)
	if err != nil {
		return err
	}
	if !there {
		return elsewhereDel(ctx, cfg, name)
	}
	before, beforeErr := account(ctx, cfg, name) // while it is there
	var spelled string
	err = t.changePasswdFile(cfg, func(p *passwdFile) error {
		var there bool
		if spelled, _, there = p.find(name); !there {
			return fmt.Errorf("somebody has just deleted %s from %s", name, p.path)
		}
		p.remove(spelled)
		return nil
	})
	if err != nil {
		return err
	}
	t.say("deleted %s from %s", printable(spelled), cfg.Auth.PasswdFile)
	if beforeErr == nil {
		t.say("its mail stays in %s", printable(before.Mail))
	} else {
		t.say("where its mail is, and stays, cannot be found out: %v", beforeErr)
	}
	if err := t.revokeAll(cfg, spelled); err != nil {
		return err
	}
	after, err := account(ctx, cfg, spelled)
	switch {
	case err == nil:
		t.say("it can still log in: the source %s knows it too", after.Source)
	case errors.Is(err, userdb.ErrUnknown):
		if err := t.endSecondFactor(cfg, spelled); err != nil {
			return err
		}
	default:
		t.say("whether another source knows it cannot be found out: %v", err)
	}
	t.say("sessions that it has go on; to end them: fantail kick %s", argumentOf(spelled))
	return nil
}

// revokeAll revokes the app passwords of an account: another one of that name shall not
// have them.
func (t *tool) revokeAll(cfg *conf.Config, name string) error {
	store := appPasswords(cfg, t)
	list, err := store.List(name)
	if err != nil || len(list) == 0 {
		return err
	}
	for _, p := range list {
		if err := store.Revoke(name, p.ID); err != nil {
			return err
		}
	}
	t.say("revoked its app passwords: %d", len(list))
	return nil
}

// endSecondFactor ends that of an account that has gone: another one of that name could
// not log in to webmail.
func (t *tool) endSecondFactor(cfg *conf.Config, name string) error {
	err := secondFactors(cfg).Remove(name)
	if err == nil {
		t.say("ended its second factor")
	}
	if errors.Is(err, factor.ErrNone) {
		return nil
	}
	return err
}

func elsewhereDel(ctx context.Context, cfg *conf.Config, name string) error {
	a, err := account(ctx, cfg, name)
	if err != nil {
		return unknown(cfg, name, err)
	}
	return &failure{exitNoUser, fmt.Errorf("%s is not in %s: it is an account of the source %s", a.Name, cfg.Auth.PasswdFile, a.Source), "delete it there"}
}
