package session

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"fantail/internal/daemon/conf"
	"fantail/internal/store"
)

// serveTogether serves the sessions of several accounts at once, with the sandbox around
// the Maildirs of all of them. One that cannot be opened now is left outside: the process
// will not have it.
func (p Program) serveTogether(ctx context.Context, control *os.File, s Session, all conf.MailSettings, others []other) error {
	s.others = make(map[string]*mail)
	mails := map[string]*mail{s.User: s.mail}
	for _, o := range others {
		settings, err := all.ForAccount(o.quota)
		if err != nil {
			return err
		}
		m := &mail{name: o.name, maildir: o.maildir, settings: settings, fence: s.mail.fence, cross: s.cross, log: s.Log.With("user", o.name)}
		s.others[o.name], mails[o.name] = m, m
	}
	s.mail.own = false // the fence is entered once all are open
	if err := encloseAll(mails, s.mail.fence, s.Log); err != nil {
		return err
	}
	err := p.serveFront(ctx, control, s)
	for _, m := range mails {
		err = errors.Join(err, m.close())
	}
	return err
}

// encloseAll opens accounts and enters the fence around them.
func encloseAll(all map[string]*mail, f *fence, log *slog.Logger) error {
	var places store.Places
	for name, m := range all {
		account, err := m.open()
		var p store.Places
		if err == nil {
			p, err = account.Places()
		}
		if err != nil {
			log.Error("account is not served", "user", name, "err", err)
			continue
		}
		places.Trees = append(places.Trees, p.Trees...)
		places.Files = append(places.Files, p.Files...)
	}
	if f.entered {
		return nil
	}
	return f.enter(places)
}
