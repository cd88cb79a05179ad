package store

import (
	"context"
	"errors"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store/quota"
	"fantail/internal/store/warning"
)

// warnTime is how long a warning may take, which comes between a message and the answer
// to who brought it.
const warnTime = 20 * time.Second

// warn tells the owner of the account if it is as full as the settings say, and who runs
// the administrator's program. It is called
// after every change of the mail that counts, whoever makes it. What goes wrong does not
// undo the change, and the next one tries again.
func (a *Account) warn() {
	if len(a.opt.Warnings.Percents) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), warnTime)
	defer cancel()
	keep := len(a.opt.Warnings.Command) > 0
	kept, err := a.quota.Tell(ctx, a.opt.Warnings.Percents, keep, func(c quota.Crossing) error { return a.crossed(ctx, c) })
	if err != nil {
		a.opt.Log.Warn("owner not told that the account is full", "err", err)
	}
	if kept && a.opt.Crossed != nil {
		a.opt.Crossed()
	}
}

// crossed is what happens when the account has reached a percentage of its limits, or is
// below it again.
func (a *Account) crossed(ctx context.Context, c quota.Crossing) error {
	log := a.opt.Log.With("percent", c.Percent, "size", c.Usage.Octets, "messages", c.Usage.Messages)
	if c.Below {
		log.Info("quota is below a percentage again")
		return nil
	}
	if !a.opt.Warnings.Message {
		log.Info("quota has reached a percentage")
		return nil
	}
	text, err := warning.Warning{
		User: a.opt.Owner, Host: a.opt.Host, Usage: c.Usage, Limits: c.Limits, Now: a.opt.Clock(),
	}.Message(a.opt.Warnings)
	if err == nil {
		err = a.deliverOwn(ctx, text)
	}
	if err == nil {
		log.Info("quota has reached a percentage")
	}
	return err
}

// deliverOwn puts a message of the store's own into INBOX, where there is always room
// for it.
func (a *Account) deliverOwn(ctx context.Context, text []byte) (err error) {
	m, err := a.Open(ctx, mail.Inbox)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	d, err := m.NewDelivery()
	if err != nil {
		return err
	}
	d.own = true
	if _, err := d.Write(text); err != nil {
		return errors.Join(err, d.Abort())
	}
	return d.Commit(ctx)
}
