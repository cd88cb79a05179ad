package imapd

import (
	"context"
	"slices"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// store is STORE (RFC 9051 section 6.4.6).
func (s *Session) store(ctx context.Context) error { return s.change(ctx, false) }

// uidStore is UID STORE (RFC 9051 section 6.4.9).
func (s *Session) uidStore(ctx context.Context) error { return s.change(ctx, true) }

func (s *Session) change(ctx context.Context, byUID bool) error {
	args, err := imap.ScanStore(s.in)
	if err != nil {
		return err
	}
	if s.box.readOnly {
		return errReadOnly()
	}
	ts, err := s.resolve(args.Set, byUID)
	if err != nil {
		return err
	}
	c := store.FlagChange{Op: args.Op, FlagSet: store.FlagSet{Flags: args.Flags.System, Keywords: args.Flags.Keywords}}
	uids := ts.uids()
	if err := s.trusted(); err != nil {
		return err
	}
	missing, err := s.box.mbox.SetFlags(ctx, uids, c)
	if err != nil {
		return err
	}
	if err := s.sync(ctx); err != nil {
		return err
	}
	s.byUID = byUID
	if !args.Silent {
		s.tellKeywords()
		for m := range ts.messages(true) {
			if err := s.writeFlags(m); err != nil {
				return err
			}
		}
	}
	// What the client asked for it knows. With .SILENT it still hears of flags
	// that came out otherwise, since somebody else changed them too.
	v := s.box.view
	settled := func(uid mail.UID, now seen) bool {
		if !ts.has(v.seq(uid)) {
			return false
		}
		return !args.Silent || result(c, v.last(uid)).equal(now)
	}
	if err := s.tell(byUID, settled); err != nil {
		return err
	}
	// RFC 2180 section 4.2.1: the rest was changed. A client that names UIDs knows
	// that some may be gone, and only wants them so.
	if len(missing) > 0 && !byUID && !args.Silent {
		return no(wire.CodeExpungeIssued, "Some of the messages no longer exist.")
	}
	return s.done("STORE completed.")
}

// errReadOnly is the answer to a change of a mailbox that EXAMINE opened.
func errReadOnly() error { return no("", "The mailbox is open read-only.") }

// flagState is a set of flags and keywords.
type flagState struct {
	flags    mail.Flags
	keywords []mail.Keyword
}

// result returns what the change makes of a state.
func result(c store.FlagChange, was seen) flagState {
	f, kws := was.flags(), was.keywords()
	named := func(k mail.Keyword) bool { return slices.ContainsFunc(c.Keywords, k.Equal) }
	switch c.Op {
	case mail.Add:
		kws = append(slices.DeleteFunc(slices.Clone(kws), named), c.Keywords...)
		return flagState{f | c.Flags, kws}
	case mail.Remove:
		return flagState{f &^ c.Flags, slices.DeleteFunc(slices.Clone(kws), named)}
	default:
		return flagState{c.Flags, c.Keywords}
	}
}

// equal reports whether a message is in this state.
func (f flagState) equal(now seen) bool {
	kws := now.keywords()
	if f.flags != now.flags() || len(f.keywords) != len(kws) {
		return false
	}
	for _, k := range f.keywords {
		if !slices.ContainsFunc(kws, k.Equal) {
			return false
		}
	}
	return true
}
