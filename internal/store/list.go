package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store/uidlist"
)

// Info is one mailbox as LIST shows it.
type Info struct {
	Name        string
	NoSelect    bool // holds no mail
	NonExistent bool // NoSelect, and not even a directory: only the parent of others
	HasChildren bool
	Subscribed  bool
	SpecialUse  []string // attributes of RFC 6154 section 2 such as `\Sent`, sorted
}

// List returns every mailbox, INBOX first and the rest sorted by name, with the
// parents that exist only as part of their children's names.
func (a *Account) List(ctx context.Context) ([]Info, error) {
	byName, err := a.names(ctx)
	if err != nil {
		return nil, err
	}
	subscribed, err := a.Subscriptions(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range subscribed {
		if i := byName[s]; i != nil {
			i.Subscribed = true
		}
	}
	a.markSpecialUse(byName)
	infos := make([]Info, 1, len(byName))
	for name, i := range byName {
		if name == mail.Inbox {
			infos[0] = *i
		} else {
			infos = append(infos, *i)
		}
	}
	slices.SortFunc(infos[1:], func(x, y Info) int { return strings.Compare(x.Name, y.Name) })
	return infos, nil
}

// names returns what List does, without what does not follow from the tree.
func (a *Account) names(ctx context.Context) (map[string]*Info, error) {
	a.furnish(ctx)
	return a.scanNames(ctx)
}

func (a *Account) scanNames(ctx context.Context) (map[string]*Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, fail("list", "", err)
	}
	folders, err := a.tree.Folders()
	if err != nil {
		return nil, fail("list", "", err)
	}
	infos := make([]Info, len(folders)) // one piece of memory
	byName := make(map[string]*Info, len(folders)+1)
	byName[mail.Inbox] = &Info{Name: mail.Inbox}
	for n, f := range folders {
		name, ok := a.reachable(f.Name)
		if !ok {
			continue
		}
		// A name may be there in two spellings, of which one has mail.
		if i := byName[name]; i == nil || i.NoSelect {
			infos[n] = Info{Name: name, NoSelect: f.NoSelect}
			byName[name] = &infos[n]
		}
	}
	for n := range infos {
		for up := a.parent(infos[n].Name); up != ""; up = a.parent(up) {
			i := byName[up]
			if i == nil {
				i = &Info{Name: up, NoSelect: true, NonExistent: true}
				byName[up] = i
			}
			if i.HasChildren {
				break // and so have all above
			}
			i.HasChildren = true
		}
	}
	return byName, nil
}

// Subscriptions returns the subscribed names, sorted. They may name mailboxes
// that do not exist (RFC 9051 section 6.3.7).
func (a *Account) Subscriptions(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fail("read subscriptions", "", err)
	}
	a.furnish(ctx)
	stored, err := a.subscriptions()
	if err != nil {
		return nil, fail("read subscriptions", "", err)
	}
	names := make([]string, 0, len(stored))
	for _, s := range stored {
		if name, ok := a.mailbox(s); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// subscriptions returns them as they are stored.
func (a *Account) subscriptions() ([]string, error) {
	stored, err := a.subs.List()
	var damaged *uidlist.DamagedError
	if errors.As(err, &damaged) {
		a.subsDamage.Do(func() { a.opt.Log.Warn("part of Courier's subscriptions not read", "err", err) })
		err = nil
	}
	return stored, err
}

// Subscribe adds name to the subscriptions, or takes it away. The mailbox need
// not exist.
func (a *Account) Subscribe(ctx context.Context, name string, on bool) error {
	const op = "subscribe"
	c, err := a.canonical(name)
	if err != nil {
		return &Error{Op: op, Mailbox: name, Kind: Invalid, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return fail(op, c, err)
	}
	a.furnish(ctx)
	stored, err := a.subscriptions()
	if err != nil {
		return fail(op, c, err)
	}
	there := slices.DeleteFunc(stored, func(s string) bool {
		n, ok := a.mailbox(s)
		return !ok || n != c
	})
	switch {
	case on && len(there) > 0:
		return nil
	case on && c == mail.Inbox:
		return fail(op, c, a.subs.Set(c, true))
	case on:
		return fail(op, c, a.subs.Set(a.folder(c), true))
	}
	for _, s := range there { // in whatever spelling
		if err := a.subs.Set(s, false); err != nil {
			return fail(op, c, err)
		}
	}
	return nil
}
