package imapd

import (
	"context"
	"slices"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/store"
)

// create is CREATE (RFC 9051 section 6.3.4, RFC 6154 section 3).
func (s *Session) create(ctx context.Context) error {
	args, err := imap.ScanCreate(s.in)
	if err != nil {
		return err
	}
	for _, use := range args.Uses {
		if !slices.Contains(store.SpecialUses, use) {
			return no(wire.CodeUseAttr, "No mailbox can have that use.")
		}
	}
	name, err := s.acct.Canonical(args.Mailbox)
	if err != nil {
		return err
	}
	if err := s.acct.Create(ctx, name, args.Uses...); err != nil {
		return err
	}
	st, err := s.acct.Status(ctx, name, store.StatusNeeds{})
	if err != nil {
		return err
	}
	s.caused(ctx, change{name: name, to: made})
	if err := s.tellNormalized(ctx, args.Mailbox); err != nil {
		return err
	}
	return s.ok(ctx, "CREATE completed.", mailboxID(st.GUID))
}

// delete is DELETE (RFC 9051 section 6.3.5).
func (s *Session) delete(ctx context.Context) error {
	name, err := imap.ScanOneMailbox(s.in)
	if err != nil {
		return err
	}
	if err := s.acct.Delete(ctx, name); err != nil {
		return s.whyNotDeleted(ctx, name, err)
	}
	s.caused(ctx, change{name: name, to: unmade})
	if err := s.tellNormalized(ctx, name); err != nil {
		return err
	}
	return s.movedAway(ctx, "DELETE completed.")
}

// whyNotDeleted says of a name that is only the parent of others that it is (RFC
// 9051 section 6.3.5).
func (s *Session) whyNotDeleted(ctx context.Context, name string, err error) error {
	if store.KindOf(err) != store.Invalid {
		return err
	}
	infos, failed := s.acct.List(ctx)
	if failed != nil {
		return failed
	}
	if slices.ContainsFunc(infos, func(i store.Info) bool { return i.Name == name && i.NoSelect && i.HasChildren }) {
		return no(wire.CodeHasChildren, "There are mailboxes below it.")
	}
	return err
}

// rename is RENAME (RFC 9051 section 6.3.6).
func (s *Session) rename(ctx context.Context) error {
	args, err := imap.ScanRename(s.in)
	if err != nil {
		return err
	}
	if err := s.acct.Rename(ctx, args.From, args.To); err != nil {
		return err
	}
	s.causedRename(ctx, args.From, args.To)
	if err := s.tellNormalized(ctx, args.From, args.To); err != nil {
		return err
	}
	return s.movedAway(ctx, "RENAME completed.")
}

// movedAway completes a command that may have taken the selected mailbox away: to
// the client that asked for it this is no reason for a BYE.
func (s *Session) movedAway(ctx context.Context, text string) error {
	if s.box != nil && !s.box.mbox.Current() {
		if err := s.unselect(); err != nil {
			return err
		}
	}
	return s.ok(ctx, text)
}

// subscribe is SUBSCRIBE (RFC 9051 section 6.3.7).
func (s *Session) subscribe(ctx context.Context) error {
	return s.setSubscribed(ctx, true, "SUBSCRIBE completed.")
}

// unsubscribe is UNSUBSCRIBE (RFC 9051 section 6.3.8).
func (s *Session) unsubscribe(ctx context.Context) error {
	return s.setSubscribed(ctx, false, "UNSUBSCRIBE completed.")
}

func (s *Session) setSubscribed(ctx context.Context, on bool, text string) error {
	name, err := imap.ScanOneMailbox(s.in)
	if err != nil {
		return err
	}
	if err := s.acct.Subscribe(ctx, name, on); err != nil {
		return err
	}
	s.caused(ctx, change{name: name, to: subscribed(on)})
	return s.ok(ctx, text)
}
