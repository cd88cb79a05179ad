package deliver

import (
	"context"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// target opens the mailbox that a message goes to: the one that somebody named, or that
// of the address's detail. What is not there, and is not made, is INBOX, as a message in
// the wrong mailbox is better than none.
func (a *Agent) target(ctx context.Context, r *Recipient, name string) (*store.Mailbox, error) {
	if name == "" {
		if m, err := a.ofDetail(ctx, r); m != nil || err != nil {
			return m, err
		}
		name = mail.Inbox
	}
	m, err := r.Account.Open(ctx, name)
	if err == nil || name == mail.Inbox {
		return m, err
	}
	if a.Settings.MailboxAutocreate && store.KindOf(err) == store.NotFound {
		m, err = a.make(ctx, r, name)
	}
	if err == nil {
		return m, nil
	}
	switch store.KindOf(err) {
	case store.NotFound, store.Invalid:
		r.Log.Warn("mailbox does not exist, delivering to INBOX", "mailbox", name, "err", err)
		return r.Account.Open(ctx, mail.Inbox)
	}
	return nil, err
}

// make makes the mailbox. Somebody else may have, meanwhile.
func (a *Agent) make(ctx context.Context, r *Recipient, name string) (*store.Mailbox, error) {
	if err := r.Account.Create(ctx, name); err != nil && store.KindOf(err) != store.Exists {
		return nil, err
	}
	if a.Settings.MailboxAutosubscribe {
		if err := r.Account.Subscribe(ctx, name, true); err != nil {
			r.Log.Warn("mailbox is made and not subscribed to", "mailbox", name, "err", err)
		}
	}
	return r.Account.Open(ctx, name)
}

// ofDetail opens the mailbox that the detail names, nil if there is none. Letters count,
// and, if no mailbox has the name, whether they are small does not, since MTAs and people
// change that in addresses. None is made: whoever writes to the account chooses the name.
func (a *Agent) ofDetail(ctx context.Context, r *Recipient) (*store.Mailbox, error) {
	if !a.Settings.DetailMailbox || r.Detail == "" {
		return nil, nil
	}
	m, err := r.Account.Open(ctx, r.Detail)
	if kind := store.KindOf(err); err == nil || kind != store.NotFound && kind != store.Invalid {
		return m, err
	}
	list, err := r.Account.List(ctx)
	if err != nil {
		return nil, err
	}
	var found string
	for _, i := range list {
		if i.NoSelect || !strings.EqualFold(i.Name, r.Detail) {
			continue
		}
		if found != "" {
			return nil, nil // nobody knows which
		}
		found = i.Name
	}
	if found == "" {
		return nil, nil
	}
	if m, err = r.Account.Open(ctx, found); store.KindOf(err) == store.NotFound {
		return nil, nil
	}
	return m, err
}
