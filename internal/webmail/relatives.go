package webmail

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"fantail/internal/mail"
	"fantail/internal/search"
	"fantail/internal/store"
)

// relatives are the messages of a conversation, wherever they are: those that have a
// Message-ID in common with each other, as their own or in what they refer to.
//
// The links of a mailbox are kept by package search for as long as the process lives, and
// on disk for the next: to look through 100,000 messages costs some milliseconds, and
// nothing is read but what has come since. A mailbox whose links nobody has wanted yet is
// read once, which may take longer than somebody waits for a page; then the page does
// without it (patience), and the next one finds more.
type relatives struct {
	views []view
	list  []*found // the oldest first
}

// The limits of a conversation.
const (
	patience      = 300 * time.Millisecond // for mailboxes other than the message's own
	maxRelatives  = 100                    // messages, the newest ones
	maxSearched   = 60                     // mailboxes
	relativeTurns = 2                      // the second one finds answers to what the first one found
)

// Close closes the mailboxes, but that of the message that was asked for.
func (c *relatives) Close() error {
	var err error
	for _, v := range c.views {
		err = errors.Join(err, v.Close())
	}
	return err
}

// relatives finds the conversation of a message, which is among them. The caller closes it.
func (s *Site) relatives(ctx context.Context, f *found) (*relatives, error) {
	c := &relatives{list: []*found{f}}
	names := make(search.Names)
	own := search.Search{Mailbox: f.Mailbox, Snapshot: f.snap}
	if err := own.Names(ctx, []int{f.at}, names); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return c, nil
	}
	others, err := s.boxes.elsewhere(ctx, f.Name())
	if err != nil {
		return nil, err
	}
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for range relativeTurns {
		known := len(names)
		if err := c.add(ctx, f.view, names); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		for _, name := range others {
			if err := s.boxes.addRelatives(soon, c, name, names); err != nil && soon.Err() == nil && !missing(err) {
				return nil, errors.Join(err, c.Close())
			}
		}
		if len(names) == known {
			break
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// add adds the messages of a mailbox that have one of the names, and their names.
func (c *relatives) add(ctx context.Context, v view, names search.Names) error {
	in := search.Search{Mailbox: v.Mailbox, Snapshot: v.snap}
	list, err := in.Related(ctx, names)
	if err != nil || len(list) == 0 {
		return err
	}
	list = list[max(0, len(list)-maxRelatives):]
	for _, i := range list {
		if !slices.ContainsFunc(c.list, func(x *found) bool { return x.Name() == v.Name() && x.uid() == v.snap.UID(i) }) {
			c.list = append(c.list, &found{v, i})
		}
	}
	return errors.Join(in.Names(ctx, list, names), v.snap.Err())
}

// addRelatives does the same for a mailbox by its name, and keeps it open if there are any.
func (m *mailboxes) addRelatives(ctx context.Context, c *relatives, name string, names search.Names) error {
	if i := slices.IndexFunc(c.views, func(v view) bool { return v.Name() == name }); i >= 0 {
		return c.add(ctx, c.views[i], names)
	}
	v, err := m.open(ctx, name)
	if err != nil {
		return err
	}
	n := len(c.list)
	err = c.add(ctx, v, names)
	if len(c.list) > n {
		c.views = append(c.views, v)
		return err
	}
	return errors.Join(err, v.Close())
}

// elsewhere lists the mailboxes where other messages of a conversation may be, those first
// where they mostly are. What was thrown away, is not wanted or not sent yet is no part of it.
func (m *mailboxes) elsewhere(ctx context.Context, here string) ([]string, error) {
	all, err := m.account.List(ctx)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(info store.Info) bool {
		return info.NoSelect || info.Name == here || slices.ContainsFunc(info.SpecialUse, func(u string) bool { return u == `\Trash` || u == `\Junk` || u == `\Drafts` || u == `\All` })
	})
	slices.SortStableFunc(all, func(a, b store.Info) int { return cmp.Compare(likelihood(a), likelihood(b)) })
	names := make([]string, 0, maxSearched)
	for _, info := range all[:min(len(all), maxSearched)] {
		names = append(names, info.Name)
	}
	return names, nil
}

// likelihood orders mailboxes by how often the rest of a conversation is there.
func likelihood(info store.Info) int {
	switch {
	case slices.Contains(info.SpecialUse, `\Sent`):
		return 0
	case info.Name == mail.Inbox:
		return 1
	case slices.Contains(info.SpecialUse, `\Archive`):
		return 2
	}
	return 3
}
